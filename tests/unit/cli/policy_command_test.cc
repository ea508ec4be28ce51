#include "unit/cli/fake_server.h"

namespace hashgate::cli {
namespace {

class PolicyCommand : public CliTest {};

TEST_F(PolicyCommand, CheckTellsValidFromInvalidFromMissing) {
  EXPECT_EQ(Cli({"policy", "check", "standard"}).code, kDone);
  const Run bad = Cli({"policy", "check", Write("p.yaml", "versoin: \"1\"\n")});
  EXPECT_EQ(bad.code, kFindings);
  EXPECT_NE(bad.out.find("p.yaml:1: unknown key 'versoin'"), std::string::npos) << bad.out;
  EXPECT_EQ(Cli({"policy", "check", "/no/such.yaml"}).code, kFailed);
  EXPECT_NE(Cli({"policy", "check", "strict", "--json"}).out.find(R"("valid":true,"name":"strict")"),
            std::string::npos);
}

TEST_F(PolicyCommand, ExplainFollowsTheFacts) {
  Run run = Cli({"policy", "explain", "standard", "--match", "algorithms=sha256"});
  EXPECT_EQ(run.code, kDone);
  EXPECT_TRUE(run.out.starts_with("BLOCK_AND_REPORT by rule")) << run.out;
  run = Cli({"policy", "explain", "standard", "--match", "algorithms=pdq,distance=3,quality=20", "--json"});
  EXPECT_NE(run.out.find(R"({"verdict":"REVIEW",)"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("low quality"), std::string::npos);
  const std::string policy = Write("p.yaml",
                                   "version: '1'\nname: mine\nrules:\n"
                                   "  - {id: near, when: {max_distances: {photodna: 100}}, verdict: BLOCK}\n"
                                   "  - {id: rest, verdict: REVIEW}\n");
  run = Cli({"policy", "explain", policy, "--match", "algorithms=photodna,photodnaDistance=100"});
  EXPECT_TRUE(run.out.starts_with("BLOCK by rule near")) << run.out << run.err;
  run = Cli({"policy", "explain", policy, "--match", "algorithms=photodna,photodnaDistance=101"});
  EXPECT_TRUE(run.out.starts_with("REVIEW by rule rest")) << run.out;
  EXPECT_EQ(
      Cli({"policy", "explain", policy, "--match", "algorithms=photodna,photodnaDistance=9363601"}).code,
      kUsage);
  const std::string second =
      Write("q.yaml",
            "version: '1'\nname: mine\nrules:\n"
            "  - {id: near, when: {max_distances: {marr_hildreth: 40, phash: 2}}, verdict: BLOCK}\n"
            "  - {id: rest, verdict: REVIEW}\n");
  const auto explain = [&](const std::string& distances) {
    return Cli({"policy", "explain", second, "--match",
                "algorithms=marr_hildreth+phash,imgHashDistances=" + distances});
  };
  EXPECT_TRUE(explain("marr_hildreth:40+phash:2").out.starts_with("BLOCK by rule near"));
  EXPECT_TRUE(explain("marr_hildreth:41+phash:2").out.starts_with("REVIEW by rule rest"));
  EXPECT_TRUE(explain("marr_hildreth:40").out.starts_with("REVIEW by rule rest"));
  for (const char* wrong :
       {"", "marr_hildreth", "marr_hildreth:", "marr_hildreth:116", "pdq:3", "phash:1+"}) {
    EXPECT_EQ(explain(wrong).code, kUsage) << wrong;
  }
  const std::string answer =
      R"({"outcome":"MATCHED","coverage":{"level":"COMPLETE"},"matches":[{"list":"l","harmClass":"CSAM",)"
      R"("identity":"PERCEPTUAL","algorithms":["PHOTODNA"],)"
      R"("distances":[{"algorithm":"PHOTODNA","distance":100,"maxDistance":20000}]}]})";
  run = Cli({"policy", "explain", policy, "--answer", "-"}, answer);
  EXPECT_TRUE(run.out.starts_with("BLOCK by rule near")) << run.out << run.err;
  run = Cli({"policy", "explain", "standard", "--cause", "TRUNCATED"});
  EXPECT_TRUE(run.out.starts_with("HOLD by rule cause/TRUNCATED")) << run.out;
  run = Cli({"policy", "explain", "standard"});
  EXPECT_TRUE(run.out.starts_with("ALLOW")) << run.out;
}

TEST_F(PolicyCommand, ExplainsAnAnswerOfScan) {
  const std::string answer =
      R"({"file":"x","verdict":"BLOCK","outcome":"MATCHED","cause":"UNSPECIFIED","coverage":{"level":"COMPLETE"},)"
      R"("matches":[{"list":"l","harmClass":"CSAM","identity":"WEAK_DIGEST","algorithms":["MD5"],"view":"UNSPECIFIED"}]})";
  const Run run = Cli({"policy", "explain", "standard", "--answer", "-"}, answer);
  EXPECT_EQ(run.code, kDone) << run.err;
  EXPECT_TRUE(run.out.starts_with("BLOCK by rule")) << run.out;
  EXPECT_NE(run.out.find("Note: "), std::string::npos);
  EXPECT_EQ(Cli({"policy", "explain", "standard", "--answer", "-"}, "{not json").code, kUsage);
}

TEST_F(PolicyCommand, ExplainsWhatOpinionsOfAnAnswerDo) {
  const std::string policy = Write("p.yaml",
                                   "version: '1'\nname: mine\nrules:\n"
                                   "  - {id: sure, when: {confirmed: true}, verdict: BLOCK}\n"
                                   "  - {id: rest, verdict: REVIEW}\n");
  const auto explain = [&](const std::string& opinions) {
    return Cli({"policy", "explain", policy, "--answer", "-"},
               R"({"outcome":"MATCHED","coverage":{"level":"COMPLETE"},"matches":[{"list":"l","harmClass":"CSAM",)"
               R"("identity":"PERCEPTUAL","algorithms":["PDQ"],"opinions":[)" +
                   opinions + "]}]}")
        .out;
  };
  EXPECT_TRUE(explain(R"("CONFIRM")").starts_with("BLOCK by rule sure"));
  EXPECT_TRUE(explain(R"("DISPUTE","CONFIRM")").starts_with("REVIEW by rule sure")) << "a dispute limits it";
  EXPECT_TRUE(explain(R"("DISPUTE")").starts_with("REVIEW by rule rest"));
  EXPECT_TRUE(explain("").starts_with("REVIEW by rule rest"));
}

// An answer does not hold everything that it was decided by.
TEST_F(PolicyCommand, AnAnswerThatWasDecidedOtherwiseIsTold) {
  const std::string policy = Write("p.yaml",
                                   "version: '1'\nname: mine\nrules:\n"
                                   "  - {id: odd, when: {confirmed: true}, verdict: BLOCK}\n"
                                   "  - {id: rest, verdict: REVIEW}\n");
  const std::string checked = Cli({"--json", "policy", "check", policy}).out;
  const std::size_t at = checked.find("sha256:");
  ASSERT_NE(at, std::string::npos);
  const std::string digest = checked.substr(at, checked.find('"', at) - at);
  const auto explain = [&](const std::string& verdict, const std::string& by) {
    return Cli({"policy", "explain", policy, "--answer", "-"},
               R"({"verdict":")" + verdict +
                   R"(","outcome":"MATCHED","coverage":{"level":"COMPLETE"},"versions":{"policyDigest":")" +
                   by +
                   R"("},"ruleId":"odd","matches":[{"list":"l","harmClass":"CSAM","identity":"PERCEPTUAL",)"
                   R"("algorithms":["PDQ"]}]})")
        .out;
  };
  EXPECT_NE(explain("BLOCK", digest).find("The answer itself, by the same policy, is BLOCK by rule odd"),
            std::string::npos)
      << explain("BLOCK", digest);
  EXPECT_EQ(explain("BLOCK", "sha256:00").find("The answer itself"), std::string::npos);
}

TEST_F(PolicyCommand, ExplainMistakesAreUsageErrors) {
  for (const char* match :
       {"x", "distance=3", "algorithms=md6", "algorithms=pdq,trust=NO", "algorithms=pdq,distance=-1",
        "algorithms=pdq,colour=red", "algorithms=pdq,conflict=maybe"}) {
    EXPECT_EQ(Cli({"policy", "explain", "standard", "--match", match}).code, kUsage) << match;
  }
  EXPECT_EQ(Cli({"policy", "explain", "standard", "--outcome", "NO"}).code, kUsage);
  EXPECT_EQ(Cli({"policy", "explain", "standard", "--cause", "NO"}).code, kUsage);
  EXPECT_EQ(Cli({"policy", "explain", "standard", "--surface-kind", "NO"}).code, kUsage);
}

}  // namespace
}  // namespace hashgate::cli
