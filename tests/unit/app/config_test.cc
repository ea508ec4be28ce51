// Configuration: docker/hashgated.yaml documents every key with its true default, and mistakes are named.
#include "app/server/config.h"
#include "app/server/exchanges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

namespace hashgate::app {
namespace {

using ::testing::HasSubstr;

std::string ExampleFile() {
  const char* root = std::getenv("HASHGATE_SOURCE_DIR");
  return std::string(root == nullptr ? "." : root) + "/docker/hashgated.yaml";
}

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "scan.threads" -> "0". Reads the two-space layout that both texts have, not YAML at large.
std::map<std::string, std::string> Flatten(const std::string& yaml) {
  std::map<std::string, std::string> keys;
  std::vector<std::string> path;
  std::istringstream lines(yaml);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t indent = line.find_first_not_of(' ');
    if (indent == std::string::npos || line[indent] == '#') continue;
    const std::size_t colon = line.find(':', indent);
    if (colon == std::string::npos) {
      ADD_FAILURE() << "not a key: " << line;
      continue;
    }
    path.resize(indent / 2);
    path.push_back(line.substr(indent, colon - indent));
    std::string name;
    for (const std::string& part : path) name += (name.empty() ? "" : ".") + part;
    if (colon + 1 < line.size()) {
      EXPECT_TRUE(keys.emplace(name, line.substr(colon + 2)).second) << name << " stands twice";
    }
  }
  return keys;
}

Error ParseError(const std::string& yaml) {
  const auto config = ParseConfig(yaml, "hashgated.yaml");
  EXPECT_FALSE(config) << yaml;
  return config ? Error{} : config.error();
}

TEST(ConfigTest, TheExampleFileHasEveryKeyWithItsDefault) {
  const auto printed = Flatten(PrintConfig(Config{}));
  const auto documented = Flatten(ReadText(ExampleFile()));
  EXPECT_GT(printed.size(), 35U);
  for (const auto& [key, value] : printed) {
    const auto found = documented.find(key);
    ASSERT_NE(found, documented.end()) << key << " is not documented";
    EXPECT_EQ(found->second, value) << key;
  }
  for (const auto& [key, value] : documented) EXPECT_TRUE(printed.contains(key)) << key << " does not exist";
}

TEST(ConfigTest, EveryKeyOfTheExampleFileHasAComment) {
  std::istringstream lines(ReadText(ExampleFile()));
  std::string before;
  for (std::string line; std::getline(lines, line); before = line) {
    const std::size_t at = line.find_first_not_of(' ');
    if (at == std::string::npos || line[at] == '#') continue;
    // The name of a surface is an example, not a key.
    if (line[at] == '"') continue;
    EXPECT_NE(before.find('#'), std::string::npos) << line;
  }
}

TEST(ConfigTest, TheExampleFileIsTheDefault) {
  const auto config = LoadConfig(ExampleFile());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(PrintConfig(*config), PrintConfig(Config{}));
}

// The block of comments above `section` that shows one of it, as YAML.
std::string ExampleOf(const std::string& section) {
  std::istringstream lines(ReadText(ExampleFile()));
  std::string yaml;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#   ")) yaml += line.substr(2) + "\n";
    if (line.starts_with('#')) continue;
    if (line.starts_with(section + ":")) return section + ":\n" + yaml;
    yaml.clear();
  }
  return {};
}

TEST(ConfigTest, TheExampleExchangeHasEveryKeyWithItsDefaultAndAComment) {
  const std::string yaml = ExampleOf("exchanges");
  const auto config = ParseConfig(yaml, "example");
  ASSERT_TRUE(config) << config.error().message << yaml;
  Config defaults;
  Config::Exchange& exchange = defaults.exchanges["ncmec-npo"];
  exchange.kind = "ncmec";
  exchange.base_url = "https://hashsharing-test.ncmec.org/npo";
  EXPECT_EQ(PrintConfig(*config), PrintConfig(defaults));
  const auto documented = Flatten(yaml);
  for (const auto& [key, value] : Flatten(PrintConfig(defaults))) {
    EXPECT_TRUE(!key.starts_with("exchanges.") || documented.contains(key)) << key << " is not documented";
  }
}

TEST(ConfigTest, TheExampleRemoteListHasEveryKeyWithItsDefault) {
  const std::string yaml = ExampleOf("remote_lists");
  const auto config = ParseConfig(yaml, "example");
  ASSERT_TRUE(config) << config.error().message << yaml;
  Config defaults;
  Config::RemoteList& remote = defaults.remote_lists["arachnid"];
  remote.kind = "arachnid_shield";
  remote.base_url = "https://shield.example.org";
  EXPECT_EQ(PrintConfig(*config), PrintConfig(defaults));
  const auto documented = Flatten(yaml);
  for (const auto& [key, value] : Flatten(PrintConfig(defaults))) {
    EXPECT_TRUE(!key.starts_with("remote_lists.") || documented.contains(key)) << key << " is not documented";
  }
}

TEST(ConfigTest, WhatARemoteListCannotBeIsNamedWithItsLine) {
  const std::string base =
      "remote_lists:\n  r:\n    kind: arachnid_shield\n    base_url: \"https://a.test\"\n";
  const auto sound = ParseConfig(base + "    action_ceiling: BLOCK\n    timeout_ms: 250\n", "x");
  ASSERT_TRUE(sound) << sound.error().message;
  EXPECT_EQ(PrintConfig(ParseConfig(PrintConfig(*sound), "printed").value()), PrintConfig(*sound));
  const std::pair<std::string, const char*> bad[] = {
      {"remote_lists:\n  r:\n    base_url: \"https://a.test\"\n", "kind is required"},
      {"remote_lists:\n  r:\n    kind: ncmec\n    base_url: \"https://a.test\"\n", "kind"},
      {"remote_lists:\n  r:\n    kind: arachnid_shield\n", "remote_lists.r.base_url"},
      {"remote_lists:\n  R!:\n    kind: arachnid_shield\n    base_url: \"https://a.test\"\n",
       "a remote list's name"},
      {"remote_lists:\n  r:\n    kind: arachnid_shield\n    base_url: "
       "\"https://shield.projectarachnid.com\"\n",
       "environment: production"},
      {base + "    credentials_file: \"a\"\n    credentials_env: \"B\"\n", "both credentials_file"},
      {base + "    proxy: \"http://user:word@proxy.test:1\"\n", "proxy must not"},
      {base + "    action_ceiling: BLOCK_AND_REPORT\n", "action_ceiling"},
      {base + "    timeout_ms: 1\n", "timeout_ms"},
      {base + "    password: \"x\"\n", "password"},
      {base + "exchanges:\n  r:\n    kind: ncmec\n    base_url: \"https://b.test\"\n", "exchanges.r feeds"}};
  for (const auto& [yaml, word] : bad) {
    EXPECT_THAT(ParseError(yaml).message, HasSubstr(word)) << yaml;
    EXPECT_THAT(ParseError(yaml).message, HasSubstr("hashgated.yaml:")) << yaml;
  }
}

TEST(ConfigTest, ExchangesAreReadAndPrintedBack) {
  Config config;
  Config::Exchange& exchange = config.exchanges["ncmec-npo"];
  exchange.kind = "ncmec";
  exchange.base_url = "https://report.cybertip.org/hashsharing";
  exchange.environment = "production";
  exchange.credentials_env = "NCMEC_CREDENTIALS";
  exchange.only_members = {"77", "78"};
  exchange.gates.shrink_percent = 7;
  config.exchanges["other"] = {.kind = "ncmec", .list = "x", .base_url = "http://127.0.0.1:8080/npo"};
  config.exchanges["tx"] = {
      .kind = "threatexchange", .base_url = "http://127.0.0.1:8080/v21.0", .privacy_group = "4711"};
  const auto read = ParseConfig(PrintConfig(config), "printed");
  ASSERT_TRUE(read) << read.error().message << PrintConfig(config);
  EXPECT_EQ(PrintConfig(*read), PrintConfig(config));
  EXPECT_EQ(read->exchanges.at("ncmec-npo").gates.shrink_percent, 7);
  EXPECT_EQ(read->exchanges.at("ncmec-npo").only_members.size(), 2U);
  const auto settings = ExchangesOf(*read);
  ASSERT_EQ(settings.size(), 3U);
  EXPECT_THAT(settings[2].source, HasSubstr("4711"));
  EXPECT_TRUE(settings[0].production);
  EXPECT_EQ(settings[0].list, "ncmec-npo");
  EXPECT_EQ(settings[1].list, "x");
  EXPECT_EQ(settings[0].gates.Of(exchange::Gate::kShrink).percent, 7);
}

TEST(ConfigTest, WhatAnExchangeCannotBeIsNamedWithItsLine) {
  const std::string base = "exchanges:\n  npo:\n    kind: ncmec\n    base_url: \"https://a.test/npo\"\n";
  ASSERT_TRUE(ParseConfig(base, "x"));
  const std::pair<std::string, const char*> bad[] = {
      {"exchanges:\n  npo:\n    base_url: \"https://a.test\"\n", "kind is required"},
      {"exchanges:\n  npo:\n    kind: ncmek\n    base_url: \"https://a.test\"\n", "ncmek"},
      {"exchanges:\n  npo:\n    kind: ncmec\n", "base_url"},
      {"exchanges:\n  npo:\n    kind: ncmec\n    base_url: \"ftp://a.test\"\n", "base_url"},
      {"exchanges:\n  npo:\n    kind: ncmec\n    base_url: \"https://report.cybertip.org/hashsharing\"\n",
       "environment: production"},
      {"exchanges:\n  Npo!:\n    kind: ncmec\n    base_url: \"https://a.test\"\n", "an exchange's name"},
      {base + "    credentials_file: \"a\"\n    credentials_env: \"B\"\n", "both credentials_file"},
      {base + "    only_members: [\"1\"]\n    except_members: [\"2\"]\n", "both only_members"},
      {base + "    gates:\n      shrink_percent: 101\n", "shrink_percent"},
      {base + "    gates:\n      shrunk_percent: 1\n", "shrunk_percent"},
      {base + "    password: \"x\"\n", "password"},
      {base + "    proxy: \"http://user:word@proxy.test:1\"\n", "proxy must not"},
      {"exchanges:\n  npo:\n    kind: ncmec\n    base_url: \"https://Report.CyberTip.org./hashsharing\"\n",
       "environment: production"},
      {base + "    public_key_file: \"a\"\n", "public_key_file: exchanges of kind ncmec have no such key"},
      {"exchanges:\n  f:\n    kind: feed\n    base_url: \"https://a.test\"\n", "public_key_file"},
      {base + "    privacy_group: \"1\"\n", "privacy_group: exchanges of kind ncmec have no such key"},
      {"exchanges:\n  tx:\n    kind: threatexchange\n    base_url: \"https://a.test\"\n", "privacy_group"},
      {"exchanges:\n  tx:\n    kind: threatexchange\n    base_url: \"https://a.test\"\n"
       "    privacy_group: \"a/b\"\n",
       "privacy_group"},
      {"exchanges:\n  tx:\n    kind: threatexchange\n    base_url: \"https://graph.facebook.com/v21.0\"\n"
       "    privacy_group: \"1\"\n",
       "environment: production"},
      {"exchanges:\n  s:\n    kind: stopncii\n    base_url: \"https://api.stopncii.org/v1\"\n",
       "environment: production"},
      {base + "  other:\n    kind: ncmec\n    list: npo\n    base_url: \"https://b.test/npo\"\n",
       "a list of its own"}};
  for (const auto& [yaml, word] : bad) {
    EXPECT_THAT(ParseError(yaml).message, HasSubstr(word)) << yaml;
    EXPECT_THAT(ParseError(yaml).message, HasSubstr("hashgated.yaml:")) << yaml;
  }
}

TEST(ConfigTest, NothingGivenMeansTheDefaults) {
  for (const char* text : {"", "\n", "  \n\t\n", "scan: {}\n"}) {
    const auto config = ParseConfig(text, "x");
    ASSERT_TRUE(config) << text << config.error().message;
    EXPECT_EQ(PrintConfig(*config), PrintConfig(Config{}));
  }
}

TEST(ConfigTest, WhatIsPrintedReadsBackTheSame) {
  Config config;
  config.data_dir = "/srv/a \"quoted\" \\ folder: with # everything";
  config.log_level = "warning";
  config.policy.profile = "strict";
  config.surfaces["avatar"] = {.kind = SurfaceKind::kAvatar, .images_only = true};
  config.surfaces["direct message"] = {.kind = SurfaceKind::kPrivateMessage};
  config.grpc.insecure = true;
  config.scan.threads = 7;
  config.drain.notice_ms = 0;
  const auto read = ParseConfig(PrintConfig(config), "printed");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(PrintConfig(*read), PrintConfig(config));
  EXPECT_TRUE(read->surfaces.at("avatar").images_only);
  EXPECT_EQ(read->surfaces.at("direct message").kind, SurfaceKind::kPrivateMessage);
}

TEST(ConfigTest, PluginsAreReadAndPrintedBack) {
  Config config;
  config.decoder.plugins = {
      {.path = "/opt/a.so", .algorithm = "photodna", .config = "key: \"v\"", .config_file = {}},
      {.path = "/opt/b.so", .algorithm = {}, .config = {}, .config_file = "/etc/b"}};
  const auto read = ParseConfig(PrintConfig(config), "printed");
  ASSERT_TRUE(read) << read.error().message << PrintConfig(config);
  EXPECT_EQ(PrintConfig(*read), PrintConfig(config));
  ASSERT_EQ(read->decoder.plugins.size(), 2U);
  EXPECT_EQ(read->decoder.plugins[0].config, "key: \"v\"");
  EXPECT_EQ(read->decoder.plugins[1].config_file, "/etc/b");
  EXPECT_EQ(read->decoder.plugins[1].algorithm, "");
}

TEST(ConfigTest, TheDefaultSurfaceIsAlwaysThere) {
  const auto config = ParseConfig("surfaces:\n  avatar: {kind: avatar}\n", "x");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->surfaces.contains("default"));
  EXPECT_FALSE(config->surfaces.at("avatar").images_only);
}

TEST(ConfigTest, MistakesAreNamedByLineAndKey) {
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"scan:\n  max_qeued: 1\n", {"hashgated.yaml:2", "max_qeued"}},
      {"sacn: {}\n", {"hashgated.yaml:1", "sacn"}},
      {"drain:\n  notice_ms: 1\n  notice_ms: 2\n", {"hashgated.yaml:3", "notice_ms"}},
      {"scan:\n  threads: many\n", {"hashgated.yaml:2", "threads"}},
      {"scan:\n  threads: 1025\n", {"hashgated.yaml:2", "threads"}},
      {"scan:\n  threads: -1\n", {"hashgated.yaml:2", "threads"}},
      {"grpc:\n  insecure: 1\n", {"hashgated.yaml:2", "insecure"}},
      {"log_level: loud\n", {"hashgated.yaml:1", "log_level"}},
      {"decoder:\n  minimum_lock: strong\n", {"hashgated.yaml:2", "minimum_lock"}},
      {"decoder:\n  plugins: {path: /a}\n", {"hashgated.yaml:2", "decoder.plugins is a list"}},
      {"decoder:\n  plugins: [{path: a.so}]\n", {"hashgated.yaml:2", "absolute"}},
      {"decoder:\n  plugins: [{config: a}]\n", {"hashgated.yaml:2", "path"}},
      {"decoder:\n  plugins:\n  - {path: /a, algorithm: pdq}\n", {"hashgated.yaml:3", "algorithm"}},
      {"decoder:\n  plugins:\n  - {path: /a, name: b}\n", {"hashgated.yaml:3", "name"}},
      {"decoder:\n  plugins: [{path: /a, config: b, config_file: /c}]\n",
       {"hashgated.yaml:2", "config_file"}},
      {"surfaces:\n  a: {kind: nowhere}\n", {"hashgated.yaml:2", "kind"}},
      {"surfaces:\n  a: {images_only: true}\n", {"hashgated.yaml:2", "kind"}},
      {"surfaces:\n  a: {kind: other, color: red}\n", {"hashgated.yaml:2", "color"}},
      {"scan: [1, 2]\n", {"hashgated.yaml:1", "scan"}},
      {"scan:\n\tthreads: 1\n", {"hashgated.yaml:2"}},
      {"just text\n", {"hashgated.yaml:1"}},
  };
  for (const auto& [yaml, parts] : cases) {
    const Error error = ParseError(yaml);
    EXPECT_EQ(error.reason, Reason::kConfigInvalid) << yaml;
    for (const std::string& part : parts) EXPECT_THAT(error.message, HasSubstr(part)) << yaml;
  }
}

TEST(ConfigTest, EveryMistakeIsNamedAtOnce) {
  const Error error = ParseError("scan:\n  threads: many\nsurprise: 1\nlog_level: loud\n");
  EXPECT_THAT(error.message, HasSubstr("hashgated.yaml:2"));
  EXPECT_THAT(error.message, HasSubstr("hashgated.yaml:3"));
  EXPECT_THAT(error.message, HasSubstr("hashgated.yaml:4"));
}

TEST(ConfigTest, AFileThatIsNotThereIsNamed) {
  const auto config = LoadConfig("/nonexistent/hashgated.yaml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().reason, Reason::kFileUnreadable);
  EXPECT_THAT(config.error().message, HasSubstr("/nonexistent/hashgated.yaml"));
  // A folder opens like a file, and reads like none.
  EXPECT_FALSE(LoadConfig("/"));
}

TEST(ConfigTest, DecoderLimitsReachTheWorkers) {
  const auto config = ParseConfig(
      "decoder:\n  max_mib: 3\n  max_pixels: 5000\n  max_side: 70\n  workers: 5\n  job_timeout_ms: 700\n"
      "  minimum_lock: landlock\n",
      "x");
  ASSERT_TRUE(config) << config.error().message;
  const decode::PoolOptions options = PoolOptionsOf(*config);
  EXPECT_EQ(options.workers, 5);
  EXPECT_EQ(options.job_timeout, std::chrono::milliseconds(700));
  EXPECT_EQ(options.minimum_lock, decode::LockLevel::kLandlock);
  EXPECT_EQ(options.limits.max_bytes, 3U << 20);
  EXPECT_EQ(options.limits.max_pixels, 5'000U);
  EXPECT_EQ(options.limits.max_side, 70U);
  EXPECT_GE(PoolOptionsOf(Config{}).workers, 1) << "0 means one for each CPU";
  EXPECT_EQ(PoolOptionsOf(Config{}).images_per_worker, 64);
}

TEST(ConfigTest, LogLevels) {
  Config config;
  EXPECT_EQ(LogLevelOf(config), log::Level::kInfo);
  config.log_level = "error";
  EXPECT_EQ(LogLevelOf(config), log::Level::kError);
  config.log_level = "debug";
  EXPECT_EQ(LogLevelOf(config), log::Level::kDebug);
}

TEST(Config, EachClassOfDecoderWorkersHasItsOwnNumber) {
  const auto config = ParseConfig(
      "decoder:\n  workers: 6\n  tiff: true\n  tiff_workers: 2\n  max_side: 70\n  minimum_lock: namespaces\n"
      "  isolation: per_image\n  max_worker_age_s: 5\n",
      "hashgated.yaml");
  ASSERT_TRUE(config) << config.error().message;
  using decode::WorkerClass;
  EXPECT_EQ(WorkerClassesOf(*config), (std::vector{WorkerClass::kHeif, WorkerClass::kTiff}));
  EXPECT_EQ(PoolOptionsOf(*config, WorkerClass::kCore).workers, 6);
  EXPECT_EQ(PoolOptionsOf(*config, WorkerClass::kHeif).workers, 3) << "half unless told";
  EXPECT_EQ(PoolOptionsOf(*config, WorkerClass::kTiff).workers, 2);
  for (const WorkerClass worker_class : decode::kWorkerClasses) {
    const decode::PoolOptions options = PoolOptionsOf(*config, worker_class);
    EXPECT_EQ(options.limits.max_side, 70U);
    EXPECT_EQ(options.minimum_lock, decode::LockLevel::kNamespaces);
    EXPECT_EQ(options.images_per_worker, 1);
    EXPECT_EQ(options.max_worker_age, std::chrono::seconds(5));
  }
  EXPECT_EQ(WorkerClassesOf(Config{}), (std::vector{WorkerClass::kHeif}))
      << "phones send HEIC; TIFF is asked for";
}

}  // namespace
}  // namespace hashgate::app
