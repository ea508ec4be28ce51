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
