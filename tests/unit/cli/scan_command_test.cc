#include <sys/stat.h>

#include <array>

#include "base/digest.h"
#include "base/hex.h"
#include "unit/cli/fake_server.h"

namespace hashgate::cli {
namespace {

using std::chrono::milliseconds;

class ScanCommand : public CliTest {
 protected:
  std::size_t Scans() { return scan_.headers().size(); }
};

TEST_F(ScanCommand, AnswersComeInTheOrderOfTheFiles) {
  for (int i = 0; i < 40; ++i) Write("d/" + std::to_string(100 + i), i == 7 ? "block" : "x");
  const Run run = Cli({"scan", "--jobs", "8", (folder_ / "d").string()});
  EXPECT_EQ(run.code, kFindings);
  std::size_t last = 0;
  for (int i = 0; i < 40; ++i) {
    const std::size_t at = run.out.find("/d/" + std::to_string(100 + i) + "\n");
    ASSERT_NE(at, std::string::npos);
    EXPECT_GT(at, last);
    last = at;
  }
  EXPECT_NE(run.out.find("BLOCK             demo (PDQ, 2 bits)"), std::string::npos);
  EXPECT_NE(run.out.find("40 files: 39 ALLOW, 1 BLOCK\n"), std::string::npos);
}

TEST_F(ScanCommand, CleanFilesAreDone) {
  EXPECT_EQ(Cli({"scan", Write("a", "x")}).code, kDone);
}

TEST_F(ScanCommand, LongFilesAreStreamedWhole) {
  const std::string content((3 << 20) + 17, 'q');
  EXPECT_EQ(Cli({"scan", Write("long", content)}).code, kDone);
  EXPECT_EQ(scan_.uploads, 1);
  EXPECT_EQ(scan_.uploaded_bytes, static_cast<std::int64_t>(content.size()));
  EXPECT_EQ(scan_.declared_bytes, static_cast<std::int64_t>(content.size()));
}

TEST_F(ScanCommand, FileOverTheServersInlineLimitIsStreamed) {
  scan_.refuse = [this](const v1::ScanHeader&, int) {
    return scan_.uploads > 0 ? grpc::Status::OK : rpc::ToGrpc({Reason::kMessageTooLarge, "too long", {}, {}});
  };
  EXPECT_EQ(Cli({"scan", Write("a", "x")}).code, kDone);
  EXPECT_EQ(scan_.uploads, 1);
}

TEST_F(ScanCommand, RefusalsAreTriedAgainWithTheSameRequestId) {
  scan_.refuse = [](const v1::ScanHeader&, int number) {
    // What a server has not ended when it stops is cancelled.
    constexpr std::array kReasons = {Reason::kOverloaded, Reason::kDraining, Reason::kCancelled};
    if (number == static_cast<int>(kReasons.size())) return grpc::Status::OK;
    return rpc::ToGrpc({kReasons.at(static_cast<std::size_t>(number)), "busy", {}, milliseconds(1)});
  };
  EXPECT_EQ(Cli({"scan", Write("a", "x")}).code, kDone);
  const auto headers = scan_.headers();
  ASSERT_EQ(headers.size(), 4U);
  EXPECT_FALSE(headers[0].request_id().empty());
  EXPECT_EQ(headers[0].request_id(), headers[3].request_id());
}

TEST_F(ScanCommand, RetriesEndWithTheTimeoutAndTheServersFailVerdictHolds) {
  scan_.refuse = [](const v1::ScanHeader&, int) {
    return rpc::ToGrpc({Reason::kOverloaded, "busy", {}, std::chrono::hours(1)},
                       {{"fail_verdict", "REVIEW"}});
  };
  const Run run = Cli({"scan", "--json", Write("a", "x")});
  EXPECT_EQ(run.code, kFailed);
  EXPECT_EQ(Scans(), 1U) << "an hour does not fit into the timeout";
  EXPECT_NE(run.out.find(R"("verdict":"REVIEW","outcome":"NOT_EVALUATED","cause":"OVERLOADED")"),
            std::string::npos);
  EXPECT_NE(run.out.find(R"("error":"busy"})"), std::string::npos);
}

// A mistake of whoever asks is not a gate out of reach: no file gets the fail policy's verdict for it.
TEST_F(ScanCommand, RefusalOfTheRequestStopsAtTheFirstFile) {
  const std::vector<std::string> files = {Write("a", "x"), Write("b", "x"), Write("c", "x")};
  std::size_t asked = 0;
  for (const Reason reason :
       {Reason::kSurfaceUnknown, Reason::kListNotFound, Reason::kRequestInvalid, Reason::kNotPermitted}) {
    scan_.refuse = [reason](const v1::ScanHeader&, int) {
      return rpc::ToGrpc({reason, "the server's sentence", "header.field", {}});
    };
    Run run = Cli({"scan", "--json", "--jobs", "1", files[0], files[1], files[2]});
    EXPECT_EQ(run.code, kFailed);
    EXPECT_EQ(Scans(), ++asked) << ReasonName(reason);
    EXPECT_EQ(run.out, R"({"error":"the server's sentence","reason":")" + std::string(ReasonName(reason)) +
                           R"(","field":"header.field"})" + "\n");
    run = Cli({"scan", "--jobs", "1", files[0], files[1], files[2]});
    EXPECT_EQ(run.code, kFailed);
    EXPECT_EQ(Scans(), ++asked);
    EXPECT_EQ(run.out, "");
    EXPECT_NE(run.err.find("hashgate: the server's sentence\n"), std::string::npos) << run.err;
  }
}

TEST_F(ScanCommand, RefusalOfTheRequestInTheMiddleKeepsTheAnswersBefore) {
  scan_.refuse = [](const v1::ScanHeader&, int number) {
    return number < 2 ? grpc::Status::OK : rpc::ToGrpc({Reason::kListNotFound, "no such list", {}, {}});
  };
  for (int i = 0; i < 9; ++i) Write("d/" + std::to_string(i), "x");
  const Run run = Cli({"scan", "--jobs", "1", (folder_ / "d").string()});
  EXPECT_EQ(run.code, kFailed);
  EXPECT_EQ(Scans(), 3U);
  EXPECT_NE(run.out.find("2 files: 2 ALLOW\n"), std::string::npos) << run.out;
  EXPECT_NE(run.err.find("no such list"), std::string::npos) << run.err;
}

TEST_F(ScanCommand, NamesThatAreNotUtf8StayTellable) {
  const Run run = Cli({"scan", "--json", Write("\xfe", "x"), Write("\xff", "x"), Write("\xc3\xbc", "x")});
  EXPECT_EQ(run.code, kDone);
  const std::string folder = HexEncode(AsBytes(folder_.string() + "/"));
  EXPECT_NE(run.out.find("/\\ufffd\",\"fileBytes\":\"" + folder + "fe\","), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("/\\ufffd\",\"fileBytes\":\"" + folder + "ff\","), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("/\xc3\xbc\",\"scanId\""), std::string::npos) << run.out;
}

TEST_F(ScanCommand, UnreadableFilesGetTheFailPolicysVerdict) {
  const Run run = Cli({"scan", "--json", "/no/such/file", Write("a", "x")});
  EXPECT_EQ(run.code, kFindings) << "the server was reached";
  EXPECT_NE(
      run.out.find(
          R"({"file":"/no/such/file","scanId":"","verdict":"REVIEW","outcome":"NOT_EVALUATED","cause":"FILE_UNREADABLE")"),
      std::string::npos);
}

TEST_F(ScanCommand, WithoutServerEveryFileIsHeldUnlessAFailPolicyWasKept) {
  const std::string file = Write("a", "x");
  Run run = CliWithoutServer({"scan", "--json", "--timeout", "0.2", file});
  EXPECT_EQ(run.code, kFailed);
  EXPECT_NE(run.out.find(R"("verdict":"HOLD","outcome":"NOT_EVALUATED","cause":"UNREACHABLE")"),
            std::string::npos);

  const std::string kept = (folder_ / "fail-policy").string();
  EXPECT_EQ(Cli({"scan", "--fail-policy", kept, file}).code, kDone);
  run = CliWithoutServer({"scan", "--json", "--timeout", "0.2", "--fail-policy", kept, file});
  EXPECT_NE(run.out.find(R"("verdict":"BLOCK","outcome":"NOT_EVALUATED","cause":"UNREACHABLE")"),
            std::string::npos);
  // Another surface has another table.
  run =
      CliWithoutServer({"scan", "--json", "--timeout", "0.2", "--surface", "s", "--fail-policy", kept, file});
  EXPECT_NE(run.out.find(R"("verdict":"HOLD")"), std::string::npos);
}

TEST_F(ScanCommand, UnknownVerdictsAreHold) {
  scan_.change = [](v1::ScanResult& result) { result.set_verdict(static_cast<v1::Verdict>(42)); };
  const Run run = Cli({"scan", "--json", Write("a", "x")});
  EXPECT_EQ(run.code, kFindings);
  EXPECT_NE(run.out.find(R"("verdict":"HOLD")"), std::string::npos);
}

class ScanWithState : public ScanCommand {
 protected:
  /// Scans the folder "d" with a state file.
  Run Scan(const std::vector<std::string>& options = {"--json"}) {
    std::vector<std::string> line = {"scan", "--state", state_, (folder_ / "d").string()};
    line.insert(line.end(), options.begin(), options.end());
    return Cli(line);
  }
  /// The lines of `out` with the mark of answers that were remembered.
  static std::string Marked(const std::string& out) {
    std::string marked;
    std::istringstream in(out);
    for (std::string line; std::getline(in, line);) {
      line.back() = ',';
      marked += line + "\"remembered\":true}\n";
    }
    return marked;
  }
  void SetUp() override {
    ScanCommand::SetUp();
    state_ = (folder_ / "state").string();
  }

  std::string state_;
};

TEST_F(ScanWithState, FinishedFilesGetTheirLineWithoutBeingScannedAgain) {
  Write("d/a", "x");
  Write("d/b", "block");
  const Run first = Scan();
  EXPECT_EQ(first.code, kFindings);
  EXPECT_EQ(Scans(), 2U);
  Run run = Scan();
  EXPECT_EQ(run.code, kFindings);
  EXPECT_EQ(run.out, Marked(first.out));
  EXPECT_EQ(Scans(), 2U);
  run = Scan({});
  EXPECT_NE(run.out.find("ALLOW             no match, remembered  "), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("2 files: 1 ALLOW, 1 BLOCK (2 remembered)\n"), std::string::npos) << run.out;
  EXPECT_EQ(Scans(), 2U);
  // Changed content is another file; a new one is new. Lines stay in the order of the files.
  Write("d/b", "now harmless");
  Write("d/0", "x");
  run = Scan();
  EXPECT_EQ(run.code, kDone);
  EXPECT_EQ(Scans(), 4U);
  EXPECT_EQ(std::ranges::count(run.out, '\n'), 3);
  EXPECT_LT(run.out.find("/d/0"), run.out.find("/d/a"));
  EXPECT_LT(run.out.find("/d/a"), run.out.find("/d/b"));
}

// The one that matters: what was clean before a list or the policy changed is not clean for that.
TEST_F(ScanWithState, WhatWasNotBlockedIsScannedAgainOnceListsPolicyOrEngineChange) {
  Write("d/a", "x");
  Write("d/b", "block");
  EXPECT_EQ(Scan().code, kFindings);
  EXPECT_EQ(Scans(), 2U);
  std::size_t scans = 2;
  for (const FakeVersions& versions :
       {FakeVersions{"1.2.3", "sha256:00", 5}, FakeVersions{"1.2.3", "sha256:01", 5},
        FakeVersions{"1.2.4", "sha256:01", 5}}) {
    scan_.versions = versions;
    status_.Tell(versions);
    Run run = Scan();
    EXPECT_EQ(Scans(), ++scans) << "the block stands; only the other is asked for";
    EXPECT_EQ(run.out.find("remembered"), run.out.rfind("remembered")) << run.out;
    EXPECT_LT(run.out.find("/d/b"), run.out.find("remembered")) << run.out;
    run = Scan();
    EXPECT_EQ(Scans(), scans) << "the new answer counts from now on";
  }
  // A list has learned the clean one.
  scan_.change = [](v1::ScanResult& result) { result.set_verdict(v1::VERDICT_REVIEW); };
  std::filesystem::remove(folder_ / "d" / "b");
  status_.Tell({"1.2.4", "sha256:01", 6});
  const Run run = Scan();
  EXPECT_EQ(run.code, kFindings);
  EXPECT_NE(run.out.find(R"("verdict":"REVIEW")"), std::string::npos) << run.out;
}

TEST_F(ScanWithState, WithoutAStatusTheFirstAnswerSaysWhatIsInForce) {
  for (int i = 0; i < 5; ++i) Write("d/" + std::to_string(i), "x");
  EXPECT_EQ(Scan().code, kDone);
  EXPECT_EQ(Scans(), 5U);
  status_.refuse = rpc::ToGrpc({Reason::kNotPermitted, "not for you", {}, {}});
  EXPECT_EQ(Scan({"--jobs", "1"}).code, kDone);
  EXPECT_EQ(Scans(), 6U);
}

TEST_F(ScanWithState, AnswersThatDoNotSayTheirVersionsAreNotTrusted) {
  Write("d/a", "x");
  scan_.change = [](v1::ScanResult& result) { result.clear_versions(); };
  status_.Tell({"", "", 0});
  EXPECT_EQ(Scan().code, kDone);
  EXPECT_EQ(Scan().code, kDone);
  EXPECT_EQ(Scans(), 2U);
}

TEST_F(ScanWithState, OldTimesDoNotHideAChange) {
  const std::string file = Write("d/a", "x");
  EXPECT_EQ(Scan().code, kDone);
  // Same length and time of modification, as a tool that unpacks or copies leaves them; another inode, too.
  const auto modified = std::filesystem::last_write_time(file);
  Write("d/a", "y");
  std::filesystem::last_write_time(file, modified);
  EXPECT_EQ(Scan().code, kDone);
  EXPECT_EQ(Scans(), 2U);
  Write("other", "z");
  std::filesystem::rename(folder_ / "other", file);
  std::filesystem::last_write_time(file, modified);
  EXPECT_EQ(Scan().code, kDone);
  EXPECT_EQ(Scans(), 3U);
}

// Whatever the umask of whoever scans.
TEST_F(ScanWithState, StateIsItsOwnersAlone) {
  Write("d/a", "x");
  const mode_t before = ::umask(0);
  Scan();
  ::umask(before);
  struct stat info{};
  ASSERT_EQ(::stat(state_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(ScanCommand, WhatWasNotEvaluatedIsNotFinished) {
  const std::string state = (folder_ / "state").string();
  scan_.change = [](v1::ScanResult& result) {
    result.set_outcome(v1::OUTCOME_NOT_EVALUATED);
    result.set_cause(v1::CAUSE_NO_LISTS);
    result.set_verdict(v1::VERDICT_HOLD);
  };
  const std::vector<std::string> line = {"scan", "--state", state, Write("a", "x")};
  EXPECT_EQ(Cli(line).code, kFindings);
  EXPECT_EQ(Cli(line).code, kFindings);
  EXPECT_EQ(Scans(), 2U);
}

TEST_F(ScanCommand, StateOfAnotherScanIsAUsageError) {
  const std::string state = (folder_ / "state").string();
  const std::string file = Write("a", "x");
  EXPECT_EQ(Cli({"scan", "--state", state, file}).code, kDone);
  EXPECT_EQ(Cli({"scan", "--state", state, "--lists", "other", file}).code, kUsage);
  EXPECT_EQ(Cli({"scan", "--state", state, "--include-hashes", file}).code, kUsage)
      << "lines would lack them";
  EXPECT_EQ(Cli({"scan", "--state", file, file}).code, kUsage) << "not a state file";
  EXPECT_EQ(Read(file), "x") << "and it is left alone";
}

TEST_F(ScanCommand, StopKeepsWhatIsFinishedAndSaysHowToGoOn) {
  const std::string state = (folder_ / "state").string();
  for (int i = 0; i < 20; ++i) Write("d/" + std::to_string(10 + i), "x");
  scan_.refuse = [this](const v1::ScanHeader&, int number) {
    if (number == 5) stop_->Request();
    return grpc::Status::OK;
  };
  const std::vector<std::string> line = {
      "scan", "--json", "--jobs", "1", "--state", state, (folder_ / "d").string()};
  const Run run = Cli(line);
  EXPECT_EQ(run.code, kFailed);
  EXPECT_NE(run.err.find("run the same command again"), std::string::npos);
  const auto first = std::ranges::count(run.out, '\n');
  EXPECT_GE(first, 5);
  EXPECT_LT(first, 20);
  stop_ = std::make_unique<Stop>();
  scan_.refuse = nullptr;
  const Run rest = Cli(line);
  EXPECT_EQ(rest.code, kDone);
  EXPECT_EQ(std::ranges::count(rest.out, '\n'), 20);
  std::ptrdiff_t remembered = 0;
  for (std::size_t at = 0; (at = rest.out.find("\"remembered\":true", at)) != std::string::npos; ++at) {
    ++remembered;
  }
  EXPECT_EQ(remembered, first);
}

TEST_F(ScanCommand, FoldersGoThroughOneBatch) {
  for (int i = 0; i < 30; ++i) Write("d/" + std::to_string(10 + i), i == 7 ? "block" : "x");
  Write("d/long", std::string(5 << 20, 'x'));
  const Run run = Cli({"scan", "--jobs", "4", (folder_ / "d").string()});
  EXPECT_EQ(run.code, kFindings);
  EXPECT_NE(run.out.find("31 files: 30 ALLOW, 1 BLOCK\n"), std::string::npos) << run.out;
  EXPECT_EQ(scan_.batches, 1);
  EXPECT_EQ(scan_.batched, 30);
  EXPECT_EQ(scan_.uploads, 1) << "what is too long for a message";
  for (const v1::ScanHeader& header : scan_.headers()) {
    EXPECT_EQ(header.options().lane(), v1::LANE_BACKGROUND);
  }
}

TEST_F(ScanCommand, SingleFilesAreUploads) {
  Cli({"scan", Write("a", "x"), Write("b", "x")});
  EXPECT_EQ(scan_.batches, 0);
  EXPECT_EQ(scan_.headers().at(0).options().lane(), v1::LANE_UNSPECIFIED);
}

TEST_F(ScanCommand, ABatchThatBreaksIsOpenedAnewAndNothingIsLost) {
  for (int i = 0; i < 40; ++i) Write("d/" + std::to_string(10 + i), "x");
  scan_.batch_breaks_after = 7;
  // The second is what a server does that stops.
  for (const grpc::StatusCode code : {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::CANCELLED}) {
    scan_.batch_breaks_with = code;
    scan_.batches = 0;
    const Run run = Cli({"scan", "--jobs", "4", (folder_ / "d").string()});
    EXPECT_EQ(run.code, kDone) << run.err;
    EXPECT_NE(run.out.find("40 files: 40 ALLOW\n"), std::string::npos) << run.out;
    EXPECT_GE(scan_.batches, 6);
  }
}

// A folder's files are waited for long, but not for a server that is gone.
TEST_F(ScanCommand, ABatchThatIsAlwaysCancelledEndsSoon) {
  Write("d/a", "x");
  Write("d/b", "x");
  scan_.refuse = [](const v1::ScanHeader&, int) { return rpc::ToGrpc({Reason::kCancelled, "gone", {}, {}}); };
  const Run run = Cli({"scan", "--timeout", "60", (folder_ / "d").string()});
  EXPECT_EQ(run.code, kFailed) << run.err;
  EXPECT_NE(run.out.find("2 files: 2 BLOCK"), std::string::npos) << "the fail policy's verdict: " << run.out;
}

TEST_F(ScanCommand, ARefusedFileOfABatchIsTriedAgainWithTheSameRequestId) {
  for (int i = 0; i < 3; ++i) Write("d/" + std::to_string(i), "x");
  scan_.refuse = [](const v1::ScanHeader&, int number) {
    return number == 1 ? rpc::ToGrpc({Reason::kOverloaded, "busy", {}, std::chrono::milliseconds(1)})
                       : grpc::Status::OK;
  };
  const Run run = Cli({"scan", "--jobs", "1", (folder_ / "d").string()});
  EXPECT_EQ(run.code, kDone) << run.err;
  ASSERT_EQ(scan_.headers().size(), 4U);
  EXPECT_EQ(scan_.headers()[1].request_id(), scan_.headers()[2].request_id());
  EXPECT_EQ(scan_.batches, 1);
}

TEST_F(ScanCommand, OptionsReachTheServer) {
  Cli({"scan", "--surface", "s", "--lists", "a,b", "--exact", "--background", "--include-hashes",
       Write("a", "x")});
  const v1::ScanHeader header = scan_.headers().at(0);
  EXPECT_EQ(header.surface(), "s");
  EXPECT_EQ(header.options().lists_size(), 2);
  EXPECT_EQ(header.options().depth(), v1::DEPTH_EXACT);
  EXPECT_EQ(header.options().lane(), v1::LANE_BACKGROUND);
  EXPECT_TRUE(header.options().include_hashes());
}

class MatchCommand : public CliTest {};

TEST_F(MatchCommand, ExitCodeSaysWhetherItIsAllow) {
  EXPECT_EQ(Cli({"match", "--md5", std::string(32, '1')}).code, kDone);
  EXPECT_EQ(Cli({"match", "--md5", std::string(32, '1'), "--pdq", std::string(64, '2')}).code, kFindings);
  EXPECT_EQ(Cli({"match", "--md5", "12"}).code, kUsage);
  EXPECT_EQ(Cli({"match"}).code, kUsage);
  const Run run = CliWithoutServer({"match", "--md5", std::string(32, '1')});
  EXPECT_EQ(run.code, kFailed);
  EXPECT_NE(run.err.find("no server answers"), std::string::npos);
}

TEST_F(MatchCommand, PhotoDnaInAnyOfItsForms) {
  v1::MatchHashesRequest sent;
  scan_.on_match = [&sent](const v1::MatchHashesRequest& request) { sent = request; };
  scan_.change = [](v1::ScanResult& result) {
    v1::Match& match = *result.add_matches();
    match.set_list("demo");
    match.add_algorithms(v1::ALGORITHM_PHOTODNA);
    v1::MatchDistance& distance = *match.add_distances();
    distance.set_algorithm(v1::ALGORITHM_PHOTODNA);
    distance.set_distance(12'345);
    result.set_outcome(v1::OUTCOME_MATCHED);
  };
  std::string decimal = "1";
  for (int i = 1; i < 144; ++i) decimal += ",1";
  std::string hex;
  for (int i = 0; i < 144; ++i) hex += "01";
  std::string base64;
  for (int i = 0; i < 48; ++i) base64 += "AQEB";
  for (const std::string& text : {decimal, hex, base64}) {
    const Run run = Cli({"match", "--photodna", text});
    EXPECT_NE(run.out.find("demo (PhotoDNA, distance 12345)"), std::string::npos) << run.out;
    ASSERT_EQ(sent.files_size(), 1);
    ASSERT_EQ(sent.files(0).hashes_size(), 1);
    EXPECT_EQ(sent.files(0).hashes(0).algorithm(), v1::ALGORITHM_PHOTODNA);
    EXPECT_EQ(sent.files(0).hashes(0).value(), std::string(144, '\1'));
  }
  const Run json = Cli({"match", "--json", "--photodna", hex, "--photodna", base64});
  EXPECT_EQ(sent.files(0).hashes_size(), 2);
  EXPECT_NE(json.out.find(R"("distances":[{"algorithm":"PHOTODNA","distance":12345,"maxDistance":0}])"),
            std::string::npos)
      << json.out;
  const Run refused = Cli({"match", "--photodna", hex.substr(2)});
  EXPECT_EQ(refused.code, kUsage);
  EXPECT_NE(refused.err.find("144 bytes as 192 base64 characters"), std::string::npos);
  EXPECT_EQ(refused.err.find("0101"), std::string::npos) << "values stay out of messages";
}

TEST_F(MatchCommand, HashesOfImgHash) {
  v1::MatchHashesRequest sent;
  scan_.on_match = [&sent](const v1::MatchHashesRequest& request) { sent = request; };
  const std::pair<const char*, Algorithm> options[] = {{"--marr-hildreth", Algorithm::kMarrHildreth},
                                                       {"--phash", Algorithm::kPHash},
                                                       {"--block-mean", Algorithm::kBlockMean},
                                                       {"--average", Algorithm::kAverage}};
  for (const auto& [option, algorithm] : options) {
    Cli({"match", option, std::string(2 * HashSize(algorithm), '1')});
    ASSERT_EQ(sent.files_size(), 1) << option;
    ASSERT_EQ(sent.files(0).hashes_size(), 1) << option;
    EXPECT_EQ(static_cast<int>(sent.files(0).hashes(0).algorithm()), static_cast<int>(algorithm));
    EXPECT_EQ(sent.files(0).hashes(0).value(), std::string(HashSize(algorithm), '\x11'));
    const Run refused = Cli({"match", option, "12"});
    EXPECT_EQ(refused.code, kUsage);
    EXPECT_NE(refused.err.find(std::string(option) + ": "), std::string::npos) << refused.err;
  }
}

class StatusCommand : public CliTest {};

TEST_F(StatusCommand, SaysProtectionFirst) {
  status_.answer.set_protection(v1::PROTECTION_NONE);
  status_.answer.set_protection_sentence("PROTECTION: NONE. No list is enabled.");
  status_.answer.set_ready(true);
  Run run = Cli({"status"});
  EXPECT_EQ(run.code, kDone);
  EXPECT_TRUE(run.out.starts_with("PROTECTION: NONE. No list is enabled.\n")) << run.out;
  status_.answer.set_ready(false);
  auto& check = *status_.answer.add_checks();
  check.set_name("canary");
  check.set_detail("missed three times");
  run = Cli({"status"});
  EXPECT_EQ(run.code, kFindings);
  EXPECT_NE(run.out.find("FAILED  missed three times"), std::string::npos);
  EXPECT_EQ(CliWithoutServer({"status"}).code, kFailed);
}

class TestkitCommand : public CliTest {};

TEST_F(TestkitCommand, WritesTheKit) {
  const Run run = Cli({"testkit", (folder_ / "kit").string()});
  EXPECT_EQ(run.code, kDone);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "kit" / "expected.json"));
  EXPECT_EQ(Cli({"testkit", Write("file", "x")}).code, kFailed);
}

}  // namespace
}  // namespace hashgate::cli
