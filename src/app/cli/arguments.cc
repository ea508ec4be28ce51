#include "app/cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "app/cli/output.h"
#include "hashgate/version.h"

namespace hashgate::cli {
namespace {

/// Adds the commands to the parser; what is chosen lands in `command`.
class Parser {
 public:
  explicit Parser(ParsedArguments& parsed) : parsed_(parsed) {
    app_.set_version_flag("--version", "hashgate " + std::string(EngineVersion()));
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.add_option("--server", parsed_.global.server, "Address of the server")
        ->envname("HASHGATE_SERVER")
        ->capture_default_str();
    app_.add_flag("--json", parsed_.global.json, "One JSON object a line");
    app_.add_option("--timeout", timeout_seconds_, "Seconds that one request may take")
        ->check(CLI::Range(0.001, 86400.0))
        ->capture_default_str();
    AddHash();
    AddScan();
    AddMatch();
    AddLists();
    AddPolicy();
    AddExchanges();
    AddOpinions();
    AddEvents();
    CLI::App& status =
        Add<StatusArguments>(app_, "status", "What the server protects with, and whether it is well");
    static_cast<void>(status);
    auto [testkit, arguments] =
        AddWith<TestkitArguments>(app_, "testkit", "Write harmless files with known answers");
    testkit.add_option("DIR", arguments.folder, "Folder to write to")->required();
    for (const char* const name : {"reviews", "reports", "audit", "transparency", "backup"}) {
      Reserve(app_, name, name);
    }
  }

  void Parse(std::vector<std::string> arguments) {
    // CLI11 takes them from the back.
    std::ranges::reverse(arguments);
    try {
      app_.parse(arguments);
      parsed_.global.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(timeout_seconds_ * 1000));
      if (!reserved_.empty()) Refuse("'" + reserved_ + "' is not in this version");
    } catch (const CLI::ParseError& error) {
      if (const std::string unknown = UnknownCommand(); !unknown.empty()) return Refuse(unknown);
      std::ostringstream out;
      std::ostringstream err;
      parsed_.command.reset();
      parsed_.usage_error = app_.exit(error, out, err) != 0;
      parsed_.text = out.str() + err.str();
    }
  }

 private:
  // The arguments of a command live as long as the parser; they are copied out when the command is chosen.
  template <typename T>
  std::pair<CLI::App&, T&> AddWith(CLI::App& parent, const std::string& name, const std::string& about) {
    CLI::App* const command = parent.add_subcommand(name, about);
    auto arguments = std::make_shared<T>();
    T& reference = *arguments;
    command->final_callback([this, arguments] { parsed_.command = *arguments; });
    return {*command, reference};
  }
  template <typename T>
  CLI::App& Add(CLI::App& parent, const std::string& name, const std::string& about) {
    return AddWith<T>(parent, name, about).first;
  }

  /// Takes the name of a command that a later version has, with whatever follows it. Help does not show it.
  void Reserve(CLI::App& parent, const std::string& name, const std::string& shown) {
    CLI::App* const command = parent.add_subcommand(name)->group("");
    command->set_help_flag();
    command->fallthrough(false);
    command->prefix_command();
    command->final_callback([this, shown] { reserved_ = shown; });
  }

  void Refuse(const std::string& sentence) {
    parsed_.command.reset();
    parsed_.usage_error = true;
    parsed_.text = "hashgate: " + sentence + "\nRun with --help for more information.\n";
  }

  /// A sentence where a word stands in the place of a command and is none; else empty. The parser itself
  /// only says that there is no command.
  std::string UnknownCommand() {
    const CLI::App* last = &app_;
    while (!last->get_subcommands().empty()) last = last->get_subcommands().front();
    if (last->get_require_subcommand_min() == 0) return {};
    for (const std::string& word : app_.remaining(true)) {
      if (word.starts_with('-')) continue;
      const std::string named = "no command '" + Printable(word) + "'";
      return last == &app_ ? "there is " + named : "'" + last->get_name() + "' has " + named;
    }
    return {};
  }

  void AddHash() {
    auto [command, a] = AddWith<HashArguments>(app_, "hash", "Hash files here, without a server");
    command.add_option("FILE", a.files, "Files")->required();
    command
        .add_option("--algorithms", a.algorithms,
                    "pdq, md5, sha1, sha256, marr_hildreth, phash, block_mean, average, photodna (with "
                    "--plugin) or all")
        ->delimiter(',')
        ->allow_extra_args(false);
    command.add_flag("--views", a.views, "Also the further views of a picture");
    command.add_flag("--dihedral", a.dihedral, "Also the turned and mirrored forms");
    command.add_option("--plugin", a.plugin, "Hash plug-in to load, by its absolute path");
    command.add_option("--plugin-config", a.plugin_config, "File whose text is handed to it");
  }

  void AddScan() {
    auto [command, a] = AddWith<ScanArguments>(app_, "scan", "Have the server scan files and folders");
    command.add_option("PATH", a.paths, "Files and folders, searched to the bottom")->required();
    command.add_option("--jobs", a.jobs, "Files in flight at once")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    command.add_option("--state", a.state_file, "Remember finished files here and pass them over next time");
    command.add_option("--fail-policy", a.fail_policy_file,
                       "Keep the server's fail policy here for when it cannot be reached");
    command.add_option("--surface", a.surface, "Surface of the server's configuration");
    command.add_option("--lists", a.lists, "Only these lists")->delimiter(',')->allow_extra_args(false);
    command.add_flag("--include-hashes", a.include_hashes, "Also print the files' hashes");
    command.add_flag("--exact", a.exact, "Digests only: do not decode pictures");
    command.add_flag("--background", a.background, "Never before uploads of others");
  }

  void AddMatch() {
    auto [command, a] = AddWith<MatchArguments>(app_, "match", "Match hashes that were made elsewhere");
    for (const Algorithm algorithm :
         {Algorithm::kPdq, Algorithm::kMd5, Algorithm::kSha1, Algorithm::kSha256, Algorithm::kPhotoDna,
          Algorithm::kMarrHildreth, Algorithm::kPHash, Algorithm::kBlockMean, Algorithm::kAverage}) {
      const std::string name(AlgorithmName(algorithm));
      command
          .add_option_function<std::vector<std::string>>(
              OptionOf(algorithm),
              [&a, algorithm](const std::vector<std::string>& values) {
                for (const std::string& value : values) a.hashes.emplace_back(algorithm, value);
              },
              "A value of " + name + " of the file; may be given again")
          ->type_name(algorithm == Algorithm::kPhotoDna ? "VECTOR" : "HEX")
          ->expected(1, 64);
    }
    command.add_option("--pipeline", a.pipeline, "How the PDQ hashes were made")
        ->check(CLI::IsMember({"full", "nn512", "unknown"}));
    command.add_option("--surface", a.surface, "Surface of the server's configuration");
    command.add_option("--lists", a.lists, "Only these lists")->delimiter(',')->allow_extra_args(false);
  }

  static void AddListFields(CLI::App& command, ListFields& a, bool create) {
    command.add_option("NAME", a.name, "Name of the list")->required();
    CLI::Option* const purpose =
        command.add_option("--purpose", a.purpose, "CSAM, EXPLOITATIVE, NCII_ADULT, OWN_RULES or TEST");
    CLI::Option* const trust = command.add_option("--trust", a.trust, "TRUSTED, LOCAL or UNVERIFIED");
    CLI::Option* const source = command.add_option("--source", a.source, "Who supplied it");
    CLI::Option* const basis =
        command.add_option("--legal-basis", a.legal_basis, "Agreement or law under which it is held");
    command.add_option("--scheme", a.scheme,
                       "How its classifications are meant: industry, iwf, interpol-baseline, vics, ncii or a "
                       "name of your own");
    command.add_option("--max-distance", a.max_distance, "Bits at which PDQ still matches, 0 to 63");
    command.add_option("--max-photodna-distance", a.max_photodna_distance,
                       "Squared distance at which PhotoDNA still matches, 0 to 50000");
    command
        .add_option("--max-img-hash-distance", a.max_img_hash_distances,
                    "ALGORITHM=BITS at which a hash of img_hash still matches: marr_hildreth=57")
        ->allow_extra_args(false);
    command.add_option("--pipeline", a.pipeline, "How its PDQ hashes were made: full, nn512 or unknown");
    command.add_option("--ceiling", a.ceiling, "No match leads to more than this verdict");
    command.add_option("--tenant", a.tenant, "Tenant that owns it; nobody: shared by all");
    command.add_option("--description", a.description, "For people");
    if (create) {
      command.add_flag_callback("--disabled", [&a] { a.enabled = false; }, "Do not match it yet");
      for (CLI::Option* const option : {purpose, trust, source, basis}) option->required();
    }
  }

  void AddLists() {
    CLI::App& lists = *app_.add_subcommand("lists", "Hash lists and their entries");
    lists.require_subcommand(1);
    lists.fallthrough();
    {
      auto [command, a] = AddWith<ListsLsArguments>(lists, "ls", "All lists");
      command.add_flag("--all", a.all, "Also the built-in ones");
    }
    {
      auto [command, a] = AddWith<ListsShowArguments>(lists, "show", "One list");
      command.add_option("NAME", a.name, "Name of the list")->required();
    }
    {
      auto [command, a] = AddWith<ListsCreateArguments>(lists, "create", "Make an empty list");
      AddListFields(command, a, true);
    }
    {
      auto [command, a] = AddWith<ListsUpdateArguments>(lists, "update", "Change a list's fields");
      AddListFields(command, a, false);
    }
    AddListsTransfer(lists);
    {
      auto [command, a] = AddWith<ListsEntriesArguments>(lists, "entries", "Entries of a list");
      command.add_option("NAME", a.name, "Name of the list")->required();
      command.add_option("--limit", a.limit, "At most this many; 0: all")->capture_default_str();
    }
    {
      auto [command, a] =
          AddWith<ListsQuarantineArguments>(lists, "quarantine", "Records that could not be taken");
      command.add_option("NAME", a.name, "Name of the list")->required();
      command.add_option("--limit", a.limit, "At most this many")
          ->check(CLI::Range(1, 10'000))
          ->capture_default_str();
    }
    for (const bool enable : {true, false}) {
      auto [command, a] = AddWith<ListsEnableArguments>(
          lists, enable ? "enable" : "disable",
          enable ? "Let a list's entries match" : "Keep a list's entries but stop them matching");
      command.add_option("NAME", a.name, "Name of the list")->required();
      a.enable = enable;
    }
    {
      auto [command, a] = AddWith<ListsRemoveArguments>(lists, "rm", "Remove a list and its entries");
      command.add_option("NAME", a.name, "Name of the list")->required();
      command.add_flag("--yes", a.yes, "Do not ask");
    }
    AddListsUndo(lists);
  }

  void AddListsUndo(CLI::App& lists) {
    auto [command, a] = AddWith<ListsUndoArguments>(
        lists, "undo", "List the verdicts that came from an entry, and reverse them");
    CLI::Option* const name =
        command.add_option("--list", a.list, "Name of the list, also of one that is gone");
    command.add_option("--list-id", a.list_id, "Number of the list, where its name does not tell")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{UINT32_MAX}))
        ->excludes(name);
    command.add_option("--entry", a.entry, "Number of the entry")
        ->check(CLI::Range(std::int64_t{1}, INT64_MAX))
        ->required();
    command.add_flag("--dry-run", a.dry_run, "Only tell what would change");
    command.add_option("--author", a.author, "Who undoes it; required without --dry-run");
    command.add_option("--reason", a.reason, "Why; required without --dry-run");
    command.add_option("--max", a.max, "End after so many reversals; 0: all")
        ->check(CLI::Range(std::int64_t{0}, INT64_MAX))
        ->capture_default_str();
  }

  void AddEvents() {
    CLI::App& events = *app_.add_subcommand("events", "What was found out after answers had left");
    events.require_subcommand(1);
    events.fallthrough();
    const auto add_numbers = [](CLI::App& command, std::int64_t& from, std::int64_t& limit) {
      command.add_option("--from", from, "Number of the first event; 0: the oldest that is kept")
          ->check(CLI::Range(std::int64_t{0}, INT64_MAX))
          ->capture_default_str();
      command.add_option("--limit", limit, "At most this many; 0: all")
          ->check(CLI::Range(std::int64_t{0}, INT64_MAX))
          ->capture_default_str();
    };
    {
      auto [command, a] = AddWith<EventsLsArguments>(events, "ls", "Events, oldest first");
      add_numbers(command, a.from, a.limit);
    }
    auto [command, a] =
        AddWith<EventsWatchArguments>(events, "watch", "Events, oldest first, and each new one as it comes");
    add_numbers(command, a.from, a.limit);
  }

  void AddListsTransfer(CLI::App& lists) {
    {
      auto [command, a] = AddWith<ListsImportArguments>(lists, "import", "Add or update entries from a file");
      command.add_option("NAME", a.name, "Name of the list")->required();
      command.add_option("FILE", a.file, "File to read, or - for standard input")->required();
      command
          .add_option("--format", a.format,
                      "auto, lines, csv, jsonl, json, vics, ncmec, threatexchange or snapshot")
          ->capture_default_str();
      command.add_option("--algorithm", a.algorithm, "What plain lines of 64 or 16 digits are")
          ->check(CLI::IsMember({"pdq", "sha256", "block_mean", "phash", "average"}));
      command.add_option("--map", a.map, "CSV: FIELD=COLUMN; may be given again")->allow_extra_args(false);
      command.add_option("--separator", a.separator, "CSV: the character between fields, or tab");
      command.add_option("--mapping", a.mapping_file,
                         "File that says how a foreign CSV or JSON file is read");
      command.add_option("--public-key", a.public_key_file,
                         "Signed snapshots: the Ed25519 key (PEM) whose signature they must bear");
      command.add_option("--from-list", a.from_list,
                         "Signed snapshots: the list that they must be of, where its name is not NAME");
      command.add_flag("--dry-run", a.dry_run, "Read the whole file and say what is in it, without a server");
      command.add_flag("--replace", a.replace,
                       "Remove entries that are not in the file, all at once at the end");
      command.add_flag("--allow-empty", a.allow_empty,
                       "With --replace: let a file without entries empty the list");
      command.add_flag("--progress", a.progress, "With --json: a line for each acknowledgement");
    }
    {
      auto [command, a] = AddWith<ListsExportArguments>(lists, "export", "Write all entries");
      command.add_option("NAME", a.name, "Name of the list")->required();
      command.add_option("--format", a.format, "csv, jsonl or snapshot")
          ->check(CLI::IsMember({"csv", "jsonl", "snapshot"}))
          ->capture_default_str();
      command.add_option("--output,-o", a.output, "File to write; without it, standard output");
      command.add_option(
          "--feed", a.feed,
          "Publish it in this folder as a feed: entries, changes since the last time, manifest");
      command.add_option("--key", a.key_file,
                         "snapshot, --feed: the Ed25519 private key (PEM) to sign it with");
      command.add_option("--sequence", a.sequence,
                         "snapshot: its number; the server's generation without it");
      command
          .add_option("--expires-days", a.expires_days,
                      "snapshot, --feed: days that it is good for; 0: for ever. Without it, a snapshot is "
                      "for ever and a feed for 30")
          ->check(CLI::Range(0, 36'500));
    }
  }

  void AddPolicy() {
    CLI::App& policy = *app_.add_subcommand("policy", "Policies: check and explain, without a server");
    policy.require_subcommand(1);
    policy.fallthrough();
    {
      auto [command, a] = AddWith<PolicyCheckArguments>(policy, "check", "Whether a policy is valid");
      command.add_option("POLICY", a.policy, "File, or name of a built-in profile")->required();
    }
    Reserve(policy, "dry-run", "policy dry-run");
    auto [command, a] = AddWith<PolicyExplainArguments>(policy, "explain", "Why a policy says what it says");
    command.add_option("POLICY", a.policy, "File, or name of a built-in profile")->required();
    command
        .add_option("--match", a.matches,
                    "A match as key=value,...: algorithms (a+b), list, purpose, trust, ceiling, scheme, "
                    "classification, "
                    "identity, distance, photodnaDistance, imgHashDistances (marr_hildreth:12), quality, "
                    "entryQuality, "
                    "view, conflict, degenerate, entryDegenerate, nn512Only, hiddenOnly, confirmed, "
                    "disputed, flooded")
        ->allow_extra_args(false);
    command.add_option("--answer", a.answer_file, "Answer of scan --json to explain; - for standard input");
    command.add_option("--outcome", a.outcome, "Outcome, where it is not told by matches and cause");
    command.add_option("--cause", a.cause, "Cause, such as TRUNCATED");
    command.add_option("--surface", a.surface, "Name of the surface")->capture_default_str();
    command.add_option("--surface-kind", a.surface_kind, "PUBLIC, GROUP, PRIVATE_MESSAGE, AVATAR or OTHER")
        ->capture_default_str();
  }

  void AddExchanges() {
    CLI::App& exchanges = *app_.add_subcommand("exchanges", "Outside programmes that feed lists");
    exchanges.require_subcommand(1);
    exchanges.fallthrough();
    Add<ExchangesLsArguments>(exchanges, "ls", "All configured exchanges");
    {
      auto [command, a] =
          AddWith<ExchangesStatusArguments>(exchanges, "status", "How exchanges do, and what is wrong");
      command.add_option("NAME", a.names, "Exchanges; none: all");
    }
    {
      auto [command, a] = AddWith<ExchangesSyncArguments>(exchanges, "sync", "Sync now and wait for the end");
      command.add_option("NAME", a.names, "Exchanges")->required();
      command.add_flag("--from-the-beginning", a.from_the_beginning,
                       "Read all of the source's list again instead of what is new");
      command.add_flag("--no-wait", a.no_wait, "Do not wait");
    }
    {
      auto [command, a] = AddWith<ExchangesTestArguments>(
          exchanges, "test", "Ask the exchange's server who we are; changes nothing");
      command.add_option("NAME", a.name, "Exchange")->required();
    }
    auto [command, a] = AddWith<ExchangesOverrideArguments>(
        exchanges, "override", "Let the next sync pass a gate that would hold it");
    command.add_option("NAME", a.name, "Exchange")->required();
    command.add_option("--gate", a.gate, "growth, shrink, malformed, benign or degenerate")
        ->check(CLI::IsMember({"growth", "shrink", "malformed", "benign", "degenerate"}))
        ->required();
    command.add_option("--author", a.author, "Who says so")->required();
    command.add_option("--reason", a.reason, "Why")->required();
  }

  template <typename T>
  std::pair<CLI::App&, T&> AddOpinion(CLI::App& parent, const std::string& name, const std::string& about) {
    auto [command, a] = AddWith<T>(parent, name, about);
    command.add_option("KIND", a.kind, "confirm, dispute or suppress; for rm also flood and conflict")
        ->check(CLI::IsMember({"confirm", "dispute", "suppress", "flood", "conflict"}))
        ->required();
    command.add_option("--list", a.list, "List of the entry")->required();
    command.add_option("--entry", a.entry, "Number of the entry")->check(CLI::PositiveNumber)->required();
    command.add_option("--author", a.author, "Who says so")->required();
    return {command, a};
  }

  void AddOpinions() {
    CLI::App& opinions = *app_.add_subcommand("opinions", "What is said of single entries");
    opinions.require_subcommand(1);
    opinions.fallthrough();
    {
      auto [command, a] = AddOpinion<OpinionsSetArguments>(
          opinions, "set", "Confirm, dispute or suppress an entry: scans see it at once");
      command.add_option("--reason", a.reason, "Why")->required();
      command.add_option("--for", a.lasts,
                         "How long, such as 12h or 30d; until it is taken back where not given");
      command.add_option("--version", a.version, "Version of the entry that was looked at");
      command.add_flag("--two-people", a.two_people, "It counts only once another person agrees");
      command.add_flag("--no-feedback", a.no_feedback, "Do not tell the entry's source");
    }
    AddOpinion<OpinionsAgreeArguments>(opinions, "agree", "Agree to an opinion as the second person");
    {
      auto [command, a] = AddOpinion<OpinionsRemoveArguments>(opinions, "rm", "Take an opinion back");
      command.add_option("--reason", a.reason, "Why")->required();
    }
    {
      auto [command, a] = AddWith<OpinionsLsArguments>(opinions, "ls", "All opinions");
      command.add_option("--list", a.list, "Of this list only");
    }
    auto [command, a] =
        AddWith<BrakeArguments>(app_, "brake", "Emergency stop: limit what matches of a list lead to");
    command.add_option("--list", a.list, "The list")->required();
    command.add_option("--max-verdict", a.max_verdict, "review or block")
        ->check(CLI::IsMember({"review", "block"}))
        ->capture_default_str();
    command.add_option("--for", a.lasts, "How long, such as 30m, 1h or 7d")->capture_default_str();
    command.add_option("--author", a.author, "Who says so; the user's name where not given")->envname("USER");
    command.add_option("--reason", a.reason, "Why")->capture_default_str();
    command.add_flag("--release", a.release, "End the brake instead");
  }

  ParsedArguments& parsed_;
  double timeout_seconds_ = 30;
  std::string reserved_;
  CLI::App app_{"Hashgate: recognises known child sexual abuse material by hash", "hashgate"};
};

}  // namespace

std::string OptionOf(Algorithm algorithm) {
  std::string option = "--" + std::string(AlgorithmName(algorithm));
  std::ranges::replace(option, '_', '-');
  return option;
}

ParsedArguments ParseArguments(std::vector<std::string> arguments) {
  ParsedArguments parsed;
  Parser(parsed).Parse(std::move(arguments));
  return parsed;
}

}  // namespace hashgate::cli
