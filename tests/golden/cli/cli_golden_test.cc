// The exact output of commands, for scripts rely on it. Where a change is meant, HASHGATE_UPDATE_GOLDEN=1
// writes the files anew; the difference is then for a person to read.
#include <cstdlib>

#include "unit/cli/fake_server.h"

namespace hashgate::cli {
namespace {

class CliGolden : public CliTest {
 protected:
  /// Compares the output with tests/golden/cli/`name`; paths of this run are written as DIR.
  void Expect(const std::string& name, const std::vector<std::string>& arguments) {
    const Run run = Cli(arguments);
    std::string text = "exit " + std::to_string(run.code) + "\n" + run.out;
    if (!run.err.empty()) text += "--- standard error\n" + run.err;
    for (std::size_t at = text.find(folder_.string()); at != std::string::npos;
         at = text.find(folder_.string())) {
      text.replace(at, folder_.string().size(), "DIR");
    }
    const char* const root = std::getenv("HASHGATE_SOURCE_DIR");
    ASSERT_NE(root, nullptr);
    const std::filesystem::path golden = std::filesystem::path(root) / "tests" / "golden" / "cli" / name;
    if (std::getenv("HASHGATE_UPDATE_GOLDEN") != nullptr) std::ofstream(golden, std::ios::binary) << text;
    EXPECT_EQ(text, Read(golden)) << name;
  }

  static v1::HashList List() {
    v1::HashList list;
    list.set_name("demo");
    list.set_purpose(v1::HARM_CLASS_TEST);
    list.set_source("somebody");
    list.set_legal_basis("none: synthetic");
    list.set_trust(v1::TRUST_LOCAL);
    v1::MaxDistance& distance = *list.add_max_distances();
    distance.set_algorithm(v1::ALGORITHM_PDQ);
    distance.set_max_distance_bits(31);
    list.set_action_ceiling(v1::VERDICT_BLOCK);
    list.set_enabled(true);
    list.set_etag("7-1");
    list.set_entry_count(12);
    list.mutable_create_time()->set_seconds(1'700'000'000);
    list.mutable_update_time()->set_seconds(1'700'000'001);
    return list;
  }
};

TEST_F(CliGolden, Hash) {
  const std::string picture = Write("a.jpg", "\xff\xd8\xff\xe0\x00\x10JFIF");
  const std::string text = Write("b.txt", "plain text");
  Expect("hash.json.txt", {"hash", "--json", picture, text, (folder_ / "missing").string()});
  Expect("hash_views.json.txt", {"hash", "--json", "--views", "--dihedral", "--algorithms", "pdq", picture});
  Expect("hash.txt", {"hash", picture, text, (folder_ / "missing").string()});
}

TEST_F(CliGolden, Scan) {
  scan_.change = [](v1::ScanResult& result) {
    result.mutable_coverage()->set_level(v1::COVERAGE_LEVEL_COMPLETE);
    result.mutable_versions()->set_generation(9'007'199'254'740'993);
    if (result.outcome() != v1::OUTCOME_MATCHED) return;
    v1::HashValue& hash = *result.add_hashes();
    hash.set_algorithm(v1::ALGORITHM_MD5);
    hash.set_value(std::string(16, '\x0f'));
    result.mutable_retain_until()->set_seconds(1'700'000'000);
  };
  const std::string clean = Write("clean", "x");
  const std::string block = Write("known", "block");
  const std::string missing = (folder_ / "missing").string();
  Expect("scan.json.txt", {"scan", "--json", clean, block, missing});
  Expect("scan.txt", {"scan", clean, block, missing});
  const std::string state = (folder_ / "state").string();
  status_.answer.set_generation(9'007'199'254'740'993);
  ASSERT_EQ(Cli({"scan", "--state", state, clean, block}).code, kFindings);
  Expect("scan_remembered.json.txt", {"scan", "--json", "--state", state, clean, block, missing});
  Expect("scan_remembered.txt", {"scan", "--state", state, clean, block, missing});
  scan_.refuse = [](const v1::ScanHeader&, int) {
    return rpc::ToGrpc({Reason::kListNotFound, "there is no list 'x'", "header.options.lists", {}});
  };
  Expect("scan_refused.json.txt", {"scan", "--json", "--lists", "x", clean, block});
  Expect("scan_refused.txt", {"scan", "--lists", "x", clean, block});
}

TEST_F(CliGolden, Exchanges) {
  v1::Exchange& exchange = exchanges_.exchange;
  exchange.set_name("npo");
  exchange.set_kind("ncmec");
  exchange.set_list("csam");
  exchange.set_base_url("https://hashsharing-test.ncmec.org/npo");
  exchange.mutable_interval()->set_seconds(3'600);
  exchange.set_health(v1::EXCHANGE_HEALTH_HELD);
  exchange.set_held_gate(v1::GATE_SHRINK);
  exchange.set_sentence("Held since then: too much. A person has to look.");
  exchange.mutable_last_success_time()->set_seconds(1'700'000'000);
  exchange.mutable_failing_since_time()->set_seconds(1'700'003'600);
  exchange.set_failure_count(1);
  exchange.set_failure_reason("GATE_CLOSED");
  v1::GateOverride& opened = *exchange.add_overrides();
  opened.set_gate(v1::GATE_SHRINK);
  opened.set_author("ada");
  opened.set_reason("announced");
  opened.mutable_expire_time()->set_seconds(1'700'090'000);
  v1::SyncRecord& sync = *exchange.add_syncs();
  sync.mutable_begin_time()->set_seconds(1'700'003'600);
  sync.set_outcome(v1::SYNC_OUTCOME_HELD);
  sync.mutable_counts()->set_received(12);
  sync.mutable_counts()->set_removed(9'007'199'254'740'993);
  sync.mutable_counts()->set_values_left_out(2);
  sync.set_detail("gate 'shrink' is closed");
  Expect("exchanges_ls.txt", {"exchanges", "ls"});
  Expect("exchanges_status.txt", {"exchanges", "status"});
  Expect("exchanges_status.json.txt", {"--json", "exchanges", "status"});
  Expect("exchanges_test.json.txt", {"--json", "exchanges", "test", "npo"});
}

TEST_F(CliGolden, Undo) {
  v1::UndoEntryResponse& answer = lists_.undo_answers.emplace_back();
  v1::UndoneVerdict& reversed = *answer.add_verdicts();
  reversed.set_scan_id("01HF7YAT0000000000000000AA");
  reversed.mutable_verdict_time()->set_seconds(1'700'000'000);
  reversed.set_tenant("default");
  reversed.set_caller("local");
  reversed.set_content_id("post 1");
  reversed.set_request_id("upload 1");
  reversed.set_surface("default");
  reversed.set_given_verdict(v1::VERDICT_BLOCK_AND_REPORT);
  reversed.set_old_verdict(v1::VERDICT_BLOCK_AND_REPORT);
  reversed.set_new_verdict(v1::VERDICT_ALLOW);
  reversed.set_entry_verdict(v1::VERDICT_BLOCK_AND_REPORT);
  reversed.add_algorithms(v1::ALGORITHM_SHA256);
  reversed.set_effect(v1::UNDO_EFFECT_REVERSED);
  reversed.set_rule_id("csam-strong");
  reversed.set_generation(9'007'199'254'740'993);
  v1::UndoneVerdict& standing = *answer.add_verdicts() = reversed;
  standing.set_scan_id("01HF7YAT0000000000000000AB");
  standing.set_content_id("post \x1b[31m2");
  standing.set_file(3);
  standing.set_old_verdict(v1::VERDICT_BLOCK);
  standing.set_new_verdict(v1::VERDICT_BLOCK);
  standing.set_effect(v1::UNDO_EFFECT_STANDS);
  standing.set_stands_by_list("other");
  standing.set_stands_by_entry_id(9);
  v1::UndoneVerdict& held = *answer.add_verdicts() = reversed;
  held.clear_content_id();
  held.set_old_verdict(v1::VERDICT_HOLD);
  held.set_new_verdict(v1::VERDICT_HOLD);
  held.set_effect(v1::UNDO_EFFECT_STANDS);
  v1::UndoneVerdict& before = *answer.add_verdicts() = reversed;
  before.set_old_verdict(v1::VERDICT_ALLOW);
  before.set_effect(v1::UNDO_EFFECT_UNDONE_BEFORE);
  v1::UndoEntryResponse& end = lists_.undo_answers.emplace_back();
  end.set_seen_count(4);
  end.set_reversed_count(1);
  end.set_standing_count(2);
  end.set_undone_before_count(1);
  end.set_done(true);
  end.set_entry_in_force(true);
  end.set_list_id(7);
  Expect("lists_undo_dry_run.txt", {"lists", "undo", "--list", "demo", "--entry", "5", "--dry-run"});
  Expect("lists_undo.json.txt", {"--json", "lists", "undo", "--list", "demo", "--entry", "5", "--author",
                                 "jo", "--reason", "wrong picture"});
  end.set_entry_in_force(false);
  end.set_more(true);
  Expect("lists_undo.txt", {"lists", "undo", "--list-id", "7", "--entry", "5", "--author", "jo", "--reason",
                            "wrong picture", "--max", "1"});
  Expect("lists_undo_usage.txt", {"lists", "undo", "--list", "demo", "--entry", "5"});
}

TEST_F(CliGolden, Events) {
  v1::Event& reversed = events_.events.emplace_back();
  reversed.set_sequence(1);
  reversed.mutable_create_time()->set_seconds(1'700'000'000);
  reversed.set_kind(v1::EVENT_KIND_VERDICT_REVERSED);
  reversed.set_tenant("default");
  v1::VerdictReversed& detail = *reversed.mutable_verdict_reversed();
  detail.set_scan_id("01HF7YAT0000000000000000AA");
  detail.set_content_id("post 1");
  detail.set_request_id("upload 1");
  detail.mutable_verdict_time()->set_seconds(1'600'000'000);
  detail.set_old_verdict(v1::VERDICT_BLOCK);
  detail.set_new_verdict(v1::VERDICT_ALLOW);
  detail.set_list("demo");
  detail.set_entry_id(5);
  detail.set_author("jo");
  detail.set_reason("wrong picture");
  v1::Event& alarm = events_.events.emplace_back();
  alarm.set_sequence(2);
  alarm.mutable_create_time()->set_seconds(1'700'000'001);
  alarm.set_kind(v1::EVENT_KIND_LIST_ALARM);
  alarm.mutable_list_alarm()->set_list("demo");
  alarm.mutable_list_alarm()->set_alarm("FLOOD");
  alarm.mutable_list_alarm()->set_detail("an entry matches many uploads");
  Expect("events_ls.txt", {"events", "ls"});
  Expect("events_ls.json.txt", {"--json", "events", "ls"});
  Expect("events_ls_limit.txt", {"events", "ls", "--limit", "1"});
  Expect("events_watch.json.txt", {"--json", "events", "watch", "--limit", "2"});
  events_.oldest = 3;
  events_.events.clear();
  Expect("events_ls_none.txt", {"events", "ls"});
  Expect("events_ls_gone.json.txt", {"--json", "events", "ls", "--from", "2"});
}

TEST_F(CliGolden, UnknownCommands) {
  Expect("unknown_command.txt", {"nope"});
  Expect("later_command.txt", {"reports", "ls"});
}

TEST_F(CliGolden, Match) {
  Expect("match.json.txt", {"match", "--json", "--md5", std::string(32, '1'), "--pdq", std::string(64, '2')});
  Expect("match.txt", {"match", "--md5", std::string(32, '1'), "--pdq", std::string(64, '2')});
}

TEST_F(CliGolden, Lists) {
  lists_.lists["demo"] = List();
  Expect("lists_ls.json.txt", {"lists", "ls", "--json"});
  Expect("lists_ls.txt", {"lists", "ls"});
  Expect("lists_show.json.txt", {"lists", "show", "demo", "--json"});
  Expect("lists_show.txt", {"lists", "show", "demo"});
  Expect("lists_show_missing.json.txt", {"lists", "show", "missing", "--json"});
  const std::string csv = Write(
      "list.csv", "sourceId,md5,pdq,pdqQuality,labels,other\n1," + std::string(32, 'a') + "," +
                      std::string(64, 'b') + ",80,,x\n2,zz,,,,\n3," + std::string(32, 'c') + ",,,label,\n");
  Expect("lists_import.json.txt", {"lists", "import", "demo", csv, "--json"});
  Expect("lists_entries.json.txt", {"lists", "entries", "demo", "--json"});
  Expect("lists_entries.txt", {"lists", "entries", "demo"});
  Expect("lists_quarantine.json.txt", {"lists", "quarantine", "demo", "--json"});
  Expect("lists_quarantine.txt", {"lists", "quarantine", "demo"});
  Expect("lists_import.txt", {"lists", "import", "demo", csv});
  Expect("lists_enable.json.txt", {"lists", "enable", "demo", "--json"});
  Expect("lists_rm.json.txt", {"lists", "rm", "demo", "--yes", "--json"});
}

TEST_F(CliGolden, Status) {
  v1::GetStatusResponse& status = status_.answer;
  status.set_version("1.2.3");
  status.mutable_uptime()->set_seconds(61);
  status.set_ready(true);
  auto& check = *status.add_checks();
  check.set_name("store");
  check.set_ok(true);
  check.set_detail("writable");
  status.set_protection(v1::PROTECTION_PERCEPTUAL);
  status.set_protection_sentence("Exact and edited copies of 12 entries are found.");
  status.set_generation(4);
  *status.add_lists() = List();
  status.set_policy("standard/1");
  status.set_policy_digest("sha256:0011223344556677");
  status.set_decoder_lock("landlock");
  status.set_index_bytes(5 << 20);
  status.set_store_bytes(7 << 20);
  status.set_kernel("portable");
  Expect("status.json.txt", {"status", "--json"});
  Expect("status.txt", {"status", "--server", "127.0.0.1:8461"});
}

}  // namespace
}  // namespace hashgate::cli
