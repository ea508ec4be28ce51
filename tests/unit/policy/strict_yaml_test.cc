#include "policy/strict_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace hashgate::policy {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string ProblemsOf(std::string_view text, const YamlLimits& limits = {}) {
  YamlProblems problems("t.yaml");
  const std::optional<StrictNode> root = LoadStrictYaml(text, problems, limits);
  EXPECT_TRUE(root.has_value() || !problems.empty()) << "no tree and no problem";
  return problems.empty() ? "" : problems.ToError(Reason::kConfigInvalid).message;
}

StrictNode TreeOf(std::string_view text) {
  YamlProblems problems("t.yaml");
  std::optional<StrictNode> root = LoadStrictYaml(text, problems);
  EXPECT_TRUE(problems.empty()) << problems.ToError(Reason::kConfigInvalid).message;
  return root.value_or(StrictNode{});
}

TEST(LoadStrictYaml, KeepsOrderKindsAndLines) {
  const StrictNode root = TreeOf("a: 1\nb:\n  - x\n  - 'y'\nc: {d: e}\nf:\n");
  ASSERT_THAT(root.members, SizeIs(4));
  EXPECT_EQ(root.members[0].key, "a");
  EXPECT_EQ(root.members[0].value.text, "1");
  EXPECT_FALSE(root.members[0].value.quoted);
  const StrictNode& list = root.members[1].value;
  EXPECT_EQ(root.members[1].line, 2);
  ASSERT_THAT(list.items, SizeIs(2));
  EXPECT_EQ(list.items[0].line, 3);
  EXPECT_EQ(list.items[1].line, 4);
  EXPECT_TRUE(list.items[1].quoted);
  ASSERT_THAT(root.members[2].value.members, SizeIs(1));
  EXPECT_EQ(root.members[2].value.members[0].value.text, "e");
  EXPECT_EQ(root.members[3].value.kind, StrictNode::Kind::kNull);
}

TEST(LoadStrictYaml, RefusesDoubledKeysAtEveryLevel) {
  EXPECT_EQ(ProblemsOf("a: 1\nb: 2\na: 3\n"), "t.yaml:3: key 'a' is given twice (first in line 1)");
  EXPECT_EQ(ProblemsOf("o:\n  - {x: 1}\n  - y: 1\n    z: 2\n    \"y\": 3\n"),
            "t.yaml:5: key 'y' is given twice (first in line 3)");
  EXPECT_EQ(ProblemsOf("o: {a: {b: 1, b: {c: 1, c: 2}}}\n"),
            "t.yaml:1: key 'b' is given twice (first in line 1)\n"
            "t.yaml:1: key 'c' is given twice (first in line 1)");
  EXPECT_THAT(ProblemsOf("a: 1\nb: {a: 1}\nc: [{a: 1}, {a: 1}]\n"), IsEmpty());
}

TEST(LoadStrictYaml, RefusesAnchorsAliasesTagsAndOddKeys) {
  EXPECT_EQ(ProblemsOf("a: &x 1\nb: *x\n"),
            "t.yaml:1: anchors (&name) are not supported: write the value out where it is needed\n"
            "t.yaml:2: aliases (*name) are not supported: write the value out");
  EXPECT_THAT(ProblemsOf("a: &x {b: 1}\n"), HasSubstr("t.yaml:1: anchors"));
  EXPECT_THAT(ProblemsOf("a: &x [b]\n"), HasSubstr("t.yaml:1: anchors"));
  EXPECT_THAT(ProblemsOf("a: 1\nb: !!int 2\n"), HasSubstr("t.yaml:2: tags are not supported"));
  EXPECT_THAT(ProblemsOf("a: !x {b: 1}\n"), HasSubstr("t.yaml:1: tags are not supported"));
  EXPECT_THAT(ProblemsOf("a: 1\n? [b]\n: 2\n"), HasSubstr("t.yaml:2: a key must be plain text"));
  EXPECT_THAT(ProblemsOf("~: 2\n"), HasSubstr("t.yaml:1: a key is missing"));
}

TEST(LoadStrictYaml, RefusesBytesThatReadersUnderstandDifferently) {
  EXPECT_EQ(ProblemsOf("a: 1\nb: \xff\n"), "t.yaml:2: not valid UTF-8");
  EXPECT_EQ(ProblemsOf(std::string_view("a: 1\n\nb: \0\n", 11)), "t.yaml:3: control character with code 0");
  EXPECT_EQ(ProblemsOf("a: \x1b[31m\n"), "t.yaml:1: control character with code 27");
  EXPECT_THAT(ProblemsOf(std::string_view("\0a\0:\0 \0b", 8)), HasSubstr("control character"));
  EXPECT_THAT(ProblemsOf("a: gr\xc3\xbc\xc3\x9f\n"), IsEmpty());
}

TEST(LoadStrictYaml, RefusesEmptyBrokenAndDoubleDocuments) {
  EXPECT_EQ(ProblemsOf(""), "t.yaml:1: the text is empty");
  EXPECT_EQ(ProblemsOf("# only a comment\n"), "t.yaml:1: the text is empty");
  EXPECT_THAT(ProblemsOf("a: 1\nb: [1, 2\nc: 3\n"), HasSubstr("not YAML"));
  EXPECT_THAT(ProblemsOf("a: 1\n---\nb: 2\n"), HasSubstr("more than one document"));
  EXPECT_THAT(ProblemsOf("---\na: 1\n...\n"), IsEmpty());
}

TEST(LoadStrictYaml, BoundsBytesDepthAndValues) {
  EXPECT_EQ(ProblemsOf(std::string((std::size_t{1} << 20) + 1, '#')), "t.yaml:1: larger than 1048576 bytes");
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_THAT(ProblemsOf(nested(32)), IsEmpty());
  EXPECT_EQ(ProblemsOf(nested(33)), "t.yaml:1: nested deeper than 32 levels");
  EXPECT_THAT(ProblemsOf(nested(200'000)), HasSubstr("nested deeper than 32 levels"));
  YamlLimits limits;
  limits.max_values = 4;
  EXPECT_THAT(ProblemsOf("[1, 2, 3]", limits), IsEmpty());
  EXPECT_EQ(ProblemsOf("[1, 2,\n3, 4]", limits), "t.yaml:2: more than 4 values");
}

TEST(YamlProblems, ShowsTheFirstTwentyByLine) {
  YamlProblems problems("t.yaml");
  for (int line = 25; line >= 1; --line) problems.Add(line, "bad");
  const Error error = problems.ToError(Reason::kConfigInvalid);
  EXPECT_EQ(error.reason, Reason::kConfigInvalid);
  EXPECT_EQ(error.field, "t.yaml:1");
  EXPECT_TRUE(error.message.starts_with("t.yaml:1: bad\nt.yaml:2: bad\n"));
  EXPECT_TRUE(error.message.ends_with("t.yaml:20: bad\nt.yaml: and 5 more problems")) << error.message;
}

TEST(YamlProblems, MessagesAreBoundedAndPrintable) {
  YamlProblems problems("t.yaml");
  for (int i = 0; i < 5000; ++i) problems.Add(1, std::string(10'000, 'x') + "\x1b\n");
  const Error error = problems.ToError(Reason::kConfigInvalid);
  EXPECT_LT(error.message.size(), 10'000U);
  EXPECT_THAT(error.message, HasSubstr("and 4980 more problems"));
  EXPECT_EQ(QuoteForMessage("a\x1b[0m\n\xff"),
            "'a?[0m?"
            "?'");
}

class YamlMapTest : public ::testing::Test {
 protected:
  std::string Problems() {
    return problems_.empty() ? "" : problems_.ToError(Reason::kConfigInvalid).message;
  }
  YamlMap Map(std::string_view text) {
    root_ = LoadStrictYaml(text, problems_).value_or(StrictNode{});
    return {root_, "", problems_};
  }

  YamlProblems problems_{"t.yaml"};
  StrictNode root_;
};

TEST_F(YamlMapTest, ReadsWhatFits) {
  YamlMap map =
      Map("t: some text\nq: 'yes'\nb: true\ni: 42\nn: -7\nl: [a, b]\none: a\nd: 2026-11-22\nv: 1.2.3\n");
  EXPECT_EQ(map.Text("t"), "some text");
  EXPECT_EQ(map.Text("q"), "yes");
  EXPECT_EQ(map.Bool("b"), true);
  EXPECT_EQ(map.Integer("i", 0, 42), 42);
  EXPECT_EQ(map.Text("i"), "42");
  EXPECT_EQ(map.Integer("n", -7, 0), -7);
  EXPECT_EQ(map.Text("d"), "2026-11-22");
  EXPECT_EQ(map.Text("v"), "1.2.3");
  static constexpr std::string_view kNames[] = {"a", "b"};
  EXPECT_EQ(map.Choices("l", kNames), (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(map.Choices("one", kNames), (std::vector<std::size_t>{0}));
  EXPECT_EQ(map.Choice("one", kNames), 0U);
  EXPECT_EQ(map.Text("absent"), std::nullopt);
  map.RefuseOthers();
  EXPECT_EQ(Problems(), "");
}

TEST_F(YamlMapTest, RefusesWhatYamlOneOneReadsOtherwise) {
  for (const char* word : {"yes", "No",    "on",   "OFF", "y",  "True", "1.0", "010",  "0x1f", "0o17",
                           "0b1", "1_000", "1:30", "1e3", "+1", "-.5",  ".5",  ".inf", ".NaN", "1.5e-3"}) {
    YamlProblems problems("t.yaml");
    const StrictNode root = LoadStrictYaml("k: " + std::string(word), problems).value_or(StrictNode{});
    YamlMap map(root, "", problems);
    EXPECT_EQ(map.Text("k"), std::nullopt) << word;
    EXPECT_THAT(problems.ToError(Reason::kConfigInvalid).message, HasSubstr("put it in quotes")) << word;
  }
  for (const char* word : {"yes", "True", "'true'", "1", "on"}) {
    YamlProblems problems("t.yaml");
    const StrictNode root = LoadStrictYaml("k: " + std::string(word), problems).value_or(StrictNode{});
    EXPECT_EQ(YamlMap(root, "", problems).Bool("k"), std::nullopt) << word;
    EXPECT_FALSE(problems.empty()) << word;
  }
  for (const char* word :
       {"010", "0x1f", "1_000", "1.0", "'5'", "+5", "5 ", "five", "99999999999999999999", "101"}) {
    YamlProblems problems("t.yaml");
    const StrictNode root = LoadStrictYaml("k: " + std::string(word), problems).value_or(StrictNode{});
    const bool taken = YamlMap(root, "", problems).Integer("k", 0, 100).has_value();
    EXPECT_EQ(taken, std::string_view(word) == "5 ") << word;
    EXPECT_EQ(problems.empty(), taken) << word;
  }
}

TEST_F(YamlMapTest, NamesKindPathAndLine) {
  YamlMap map = Map("t: [1]\ni: {}\nb:\nl: []\ntwice: [a,\n  b, a]\nempty: ''\n");
  map.Text("t");
  map.Integer("i", 1, 2);
  map.Bool("b");
  map.Texts("l");
  map.Texts("twice");
  map.Text("empty");
  map.Require("gone");
  EXPECT_EQ(Problems(),
            "t.yaml:1: t: must be text, not a list\n"
            "t.yaml:1: key 'gone' is missing\n"
            "t.yaml:2: i: must be a whole number from 1 to 2, not a map\n"
            "t.yaml:3: b: must be true or false, not nothing\n"
            "t.yaml:4: l: is an empty list: leave the key out for \"any\"\n"
            "t.yaml:6: twice: 'a' is given twice\n"
            "t.yaml:7: empty: must not be empty");
}

TEST_F(YamlMapTest, HintsAtTheNearestKnownKeyAndName) {
  YamlMap map = Map("verdcit: x\nzzz: 1\nVerdict: y\nkind: PUBLLIC\n");
  static constexpr std::string_view kNames[] = {"PUBLIC", "GROUP"};
  map.Text("verdict");
  map.Choice("kind", kNames);
  map.RefuseOthers();
  EXPECT_EQ(Problems(),
            "t.yaml:1: unknown key 'verdcit': did you mean 'verdict'?\n"
            "t.yaml:2: unknown key 'zzz': the keys here are verdict kind\n"
            "t.yaml:3: unknown key 'Verdict': did you mean 'verdict'?\n"
            "t.yaml:4: kind: 'PUBLLIC' is not known here: did you mean 'PUBLIC'?");
}

TEST_F(YamlMapTest, AnythingButAMapIsRefusedOnce) {
  YamlMap map = Map("- a\n");
  map.Require("k");
  map.RefuseOthers();
  EXPECT_EQ(Problems(), "t.yaml:1: the text must be a map of keys, not a list");
}

}  // namespace
}  // namespace hashgate::policy
