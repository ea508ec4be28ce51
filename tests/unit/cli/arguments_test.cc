#include "app/cli/arguments.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace hashgate::cli {
namespace {

TEST(Arguments, GlobalOptionsMayStandAnywhere) {
  for (const auto& line :
       {std::vector<std::string>{"--json", "--server", "h:1", "--timeout", "2.5", "lists", "ls"},
        {"lists", "ls", "--json", "--server", "h:1", "--timeout", "2.5"}}) {
    const ParsedArguments parsed = ParseArguments(line);
    ASSERT_TRUE(parsed.command.has_value()) << parsed.text;
    EXPECT_TRUE(std::holds_alternative<ListsLsArguments>(*parsed.command));
    EXPECT_TRUE(parsed.global.json);
    EXPECT_EQ(parsed.global.server, "h:1");
    EXPECT_EQ(parsed.global.timeout, std::chrono::milliseconds(2500));
  }
}

TEST(Arguments, ServerComesFromTheEnvironmentUnlessGiven) {
  ASSERT_EQ(::setenv("HASHGATE_SERVER", "from-env:9", 1), 0);
  EXPECT_EQ(ParseArguments({"status"}).global.server, "from-env:9");
  EXPECT_EQ(ParseArguments({"status", "--server", "given:1"}).global.server, "given:1");
  ::unsetenv("HASHGATE_SERVER");
  EXPECT_EQ(ParseArguments({"status"}).global.server, "127.0.0.1:8461");
}

TEST(Arguments, HelpAndVersionAreNoErrors) {
  for (const auto& line :
       {std::vector<std::string>{"--help"}, {"lists", "import", "--help"}, {"--version"}}) {
    const ParsedArguments parsed = ParseArguments(line);
    EXPECT_FALSE(parsed.command.has_value());
    EXPECT_FALSE(parsed.usage_error);
    EXPECT_FALSE(parsed.text.empty());
  }
}

TEST(Arguments, MistakesAreUsageErrors) {
  for (const auto& line : {std::vector<std::string>{},
                           {"nonsense"},
                           {"scan"},
                           {"scan", "x", "--jobs", "0"},
                           {"status", "--timeout", "0"},
                           {"lists", "create", "x"},
                           {"lists"},
                           {"hash", "x", "--no-such"},
                           {"lists", "import", "a", "b", "--algorithm", "md5"}}) {
    const ParsedArguments parsed = ParseArguments(line);
    EXPECT_FALSE(parsed.command.has_value());
    EXPECT_TRUE(parsed.usage_error);
    EXPECT_FALSE(parsed.text.empty());
  }
}

// What stands behind a value of an option that may be given again is not another one.
TEST(Arguments, OptionsLeaveFilesAlone) {
  const ParsedArguments scan = ParseArguments({"scan", "--lists", "a,b", "--lists=c", "one.jpg", "two.jpg"});
  ASSERT_TRUE(scan.command.has_value()) << scan.text;
  EXPECT_EQ(std::get<ScanArguments>(*scan.command).lists, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(std::get<ScanArguments>(*scan.command).paths, (std::vector<std::string>{"one.jpg", "two.jpg"}));
  const ParsedArguments hash = ParseArguments({"hash", "--algorithms", "md5", "one.jpg", "two.jpg"});
  ASSERT_TRUE(hash.command.has_value()) << hash.text;
  EXPECT_EQ(std::get<HashArguments>(*hash.command).files.size(), 2U);
  const ParsedArguments import =
      ParseArguments({"lists", "import", "--map", "md5=a", "--map", "sha1=b", "own", "own.csv"});
  ASSERT_TRUE(import.command.has_value()) << import.text;
  EXPECT_EQ(std::get<ListsImportArguments>(*import.command).map.size(), 2U);
  EXPECT_EQ(std::get<ListsImportArguments>(*import.command).file, "own.csv");
  const ParsedArguments explain =
      ParseArguments({"policy", "explain", "--match", "algorithms=pdq", "strict"});
  ASSERT_TRUE(explain.command.has_value()) << explain.text;
}

TEST(Arguments, UnknownCommandsAreNamed) {
  const auto text = [](const std::vector<std::string>& line) {
    const ParsedArguments parsed = ParseArguments(line);
    EXPECT_TRUE(parsed.usage_error);
    EXPECT_FALSE(parsed.command.has_value());
    return parsed.text;
  };
  EXPECT_TRUE(text({"nope"}).starts_with("hashgate: there is no command 'nope'\n")) << text({"nope"});
  EXPECT_TRUE(text({"--json", "no\x1bpe", "--x"}).starts_with("hashgate: there is no command 'no?pe'\n"));
  EXPECT_TRUE(text({"lists", "nope"}).starts_with("hashgate: 'lists' has no command 'nope'\n"))
      << text({"lists", "nope"});
  EXPECT_NE(text({"status", "nope"}).find("nope"), std::string::npos);
  // Where something else is wrong, that is said.
  EXPECT_EQ(text({"lists", "create", "x", "y"}).find("no command"), std::string::npos);
  EXPECT_EQ(text({"lists"}).find("no command"), std::string::npos);
}

TEST(Arguments, CommandsOfLaterVersionsAreSaidToBeSo) {
  for (const auto& line : {std::vector<std::string>{"--json", "reviews", "decide", "--reason", "x"},
                           {"reports", "ls", "--help"},
                           {"audit", "verify"},
                           {"transparency", "--from", "a", "--to", "b", "--format", "html"},
                           {"backup", "create"}}) {
    const ParsedArguments parsed = ParseArguments(line);
    EXPECT_FALSE(parsed.command.has_value());
    EXPECT_TRUE(parsed.usage_error);
    const std::string& name = line[0] == "--json" ? line[1] : line[0];
    EXPECT_TRUE(parsed.text.starts_with("hashgate: '" + name + "' is not in this version\n")) << parsed.text;
  }
  EXPECT_TRUE(ParseArguments({"policy", "dry-run", "x"})
                  .text.starts_with("hashgate: 'policy dry-run' is not in this version\n"));
  EXPECT_EQ(ParseArguments({"--help"}).text.find("reviews"), std::string::npos);
}

TEST(Arguments, ExchangesTakeTheirNames) {
  const auto sync = ParseArguments({"exchanges", "sync", "a", "b", "--from-the-beginning", "--no-wait"});
  ASSERT_TRUE(sync.command) << sync.text;
  const auto& arguments = std::get<ExchangesSyncArguments>(*sync.command);
  EXPECT_EQ(arguments.names, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(arguments.from_the_beginning);
  EXPECT_TRUE(arguments.no_wait);
  EXPECT_TRUE(ParseArguments({"exchanges", "sync"}).usage_error);
  const std::vector<std::string> open = {"exchanges", "override", "a",        "--gate", "shrink",
                                         "--author",  "ada",      "--reason", "because"};
  EXPECT_TRUE(ParseArguments(open).command);
  std::vector<std::string> unknown = open;
  unknown[4] = "door";
  EXPECT_TRUE(ParseArguments(unknown).usage_error);
}

TEST(Arguments, MatchCollectsHashesOfAllKinds) {
  const ParsedArguments parsed = ParseArguments({"match", "--md5", "aa", "--pdq", "bb", "--pdq", "cc"});
  ASSERT_TRUE(parsed.command.has_value()) << parsed.text;
  EXPECT_EQ(std::get<MatchArguments>(*parsed.command).hashes.size(), 3U);
}

TEST(Arguments, ListFieldsThatAreNotGivenAreAbsent) {
  const ParsedArguments parsed = ParseArguments({"lists", "update", "a", "--max-distance", "0"});
  ASSERT_TRUE(parsed.command.has_value()) << parsed.text;
  const auto& update = std::get<ListsUpdateArguments>(*parsed.command);
  EXPECT_EQ(update.max_distance, 0);
  EXPECT_FALSE(update.purpose.has_value());
  EXPECT_FALSE(update.enabled.has_value());
}

}  // namespace
}  // namespace hashgate::cli
