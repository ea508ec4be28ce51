// The command line as plain data. Only arguments.cc knows the parser.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "exchange/importer.h"
#include "hashgate/hash.h"
#include "hashgate/verdict.h"

namespace hashgate::cli {

struct GlobalOptions {
  std::string server = "127.0.0.1:8461";
  bool json = false;
  std::chrono::milliseconds timeout{30'000};
};

/// How a command names a value of the algorithm: "--marr-hildreth".
std::string OptionOf(Algorithm algorithm);

struct HashArguments {
  std::vector<std::string> files;
  std::vector<std::string> algorithms = {"pdq", "md5", "sha1", "sha256"};
  bool views = false;
  bool dihedral = false;
  std::string plugin;
  std::string plugin_config;
};

struct ScanArguments {
  std::vector<std::string> paths;
  int jobs = 4;
  std::string state_file;
  std::string fail_policy_file;
  std::string surface;
  std::vector<std::string> lists;
  bool include_hashes = false;
  bool exact = false;
  bool background = false;
};

struct MatchArguments {
  std::vector<std::pair<Algorithm, std::string>> hashes;
  std::string pipeline;
  std::string surface;
  std::vector<std::string> lists;
};

struct ListsLsArguments {
  bool all = false;
};
struct ListsShowArguments {
  std::string name;
};
/// Fields that were given; for `create` and `update`.
struct ListFields {
  std::string name;
  std::optional<std::string> purpose, trust, source, legal_basis, scheme, tenant, description, pipeline,
      ceiling;
  std::optional<int> max_distance;
  std::optional<int> max_photodna_distance;
  std::vector<std::string> max_img_hash_distances;  ///< "marr_hildreth=57"
  std::optional<bool> enabled;
};
struct ListsCreateArguments : ListFields {};
struct ListsUpdateArguments : ListFields {};
struct ListsImportArguments {
  std::string name;
  std::string file;
  std::string format = "auto";
  std::string algorithm;
  std::vector<std::string> map;
  std::string separator;
  std::string mapping_file;
  std::string public_key_file;
  std::string from_list;  ///< that a signed snapshot must be of; empty: of the list's own name
  bool replace = false;
  bool allow_empty = false;
  bool progress = false;
  bool dry_run = false;
};
struct ListsExportArguments {
  std::string name;
  std::string format = "csv";
  std::string output;
  std::string key_file;
  std::optional<std::uint64_t> sequence;
  std::optional<int> expires_days;  ///< 0: for ever; empty: as the kind of export has it
  std::string feed;                 ///< folder; empty: no feed is published
};
struct ListsEntriesArguments {
  std::string name;
  int limit = 100;
};
struct ListsQuarantineArguments {
  std::string name;
  int limit = 100;
};
struct ListsEnableArguments {
  std::string name;
  bool enable = true;
};
struct ListsRemoveArguments {
  std::string name;
  bool yes = false;
};
struct ListsUndoArguments {
  std::string list;
  std::optional<std::int64_t> list_id;
  std::int64_t entry = 0;
  bool dry_run = false;
  std::string author;
  std::string reason;
  std::int64_t max = 0;
};
struct PolicyCheckArguments {
  std::string policy;
};
struct PolicyExplainArguments {
  std::string policy;
  std::vector<std::string> matches;
  std::string answer_file;
  std::string outcome;
  std::string cause;
  std::string surface = "default";
  std::string surface_kind = "PUBLIC";
};
struct ExchangesLsArguments {};
struct ExchangesStatusArguments {
  std::vector<std::string> names;  ///< none: all
};
struct ExchangesSyncArguments {
  std::vector<std::string> names;
  bool from_the_beginning = false;
  bool no_wait = false;
};
struct ExchangesTestArguments {
  std::string name;
};
struct ExchangesOverrideArguments {
  std::string name;
  std::string gate;
  std::string author;
  std::string reason;
};
/// An opinion of an entry; for `set`, `agree` and `rm`.
struct OpinionArguments {
  std::string kind;
  std::string list;
  std::int64_t entry = 0;
  std::string author;
};
struct OpinionsSetArguments : OpinionArguments {
  std::string reason;
  std::string lasts;  ///< "30d"; empty: until it is taken back
  std::int64_t version = 0;
  bool two_people = false;
  bool no_feedback = false;
};
struct OpinionsAgreeArguments : OpinionArguments {};
struct OpinionsRemoveArguments : OpinionArguments {
  std::string reason;
};
struct OpinionsLsArguments {
  std::string list;
};
struct BrakeArguments {
  std::string list;
  std::string max_verdict = "review";
  std::string lasts = "1h";
  std::string author;
  std::string reason = "emergency stop";
  bool release = false;
};
struct EventsLsArguments {
  std::int64_t from = 0;
  std::int64_t limit = 100;
};
struct EventsWatchArguments {
  std::int64_t from = 0;
  std::int64_t limit = 0;
};
struct StatusArguments {};
struct TestkitArguments {
  std::string folder;
};

using Command =
    std::variant<HashArguments, ScanArguments, MatchArguments, ListsLsArguments, ListsShowArguments,
                 ListsCreateArguments, ListsUpdateArguments, ListsImportArguments, ListsExportArguments,
                 ListsEntriesArguments, ListsQuarantineArguments, ListsEnableArguments, ListsRemoveArguments,
                 ListsUndoArguments, PolicyCheckArguments, PolicyExplainArguments, ExchangesLsArguments,
                 ExchangesStatusArguments, ExchangesSyncArguments, ExchangesTestArguments,
                 ExchangesOverrideArguments, OpinionsSetArguments, OpinionsAgreeArguments,
                 OpinionsRemoveArguments, OpinionsLsArguments, BrakeArguments, EventsLsArguments,
                 EventsWatchArguments, StatusArguments, TestkitArguments>;

struct ParsedArguments {
  GlobalOptions global;
  std::optional<Command> command;
  /// Where there is no command: what to print, and whether that is an error.
  std::string text;
  bool usage_error = false;
};

/// Parses one command line without the program's name. HASHGATE_SERVER is the default of --server.
ParsedArguments ParseArguments(std::vector<std::string> arguments);

}  // namespace hashgate::cli
