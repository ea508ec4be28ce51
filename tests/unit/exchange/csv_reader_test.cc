// CSV records against a plain reading of the same text, and how much work files take whose quotes do not
// match.
#include "exchange/file/csv_reader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "exchange/file/csv_record.h"
#include "exchange/file/record_builder.h"
#include "testing/seed.h"

namespace hashgate::exchange {
namespace {

constexpr std::size_t kMaxSpanningBytes = 64 * 1024;

struct Row {
  std::uint64_t line = 0;
  bool is_bad = false;
  std::vector<std::string> fields;

  bool operator==(const Row&) const = default;
};

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

/// Every record by joining lines from its first one and splitting what there is anew.
std::vector<Row> Plainly(const std::string& text, char separator) {
  const std::vector<std::string> lines = LinesOf(text);
  std::vector<Row> rows;
  for (std::size_t at = 0; at < lines.size(); ++at) {
    if (Trim(lines[at]).empty()) continue;
    Row row{.line = at + 1};
    std::string joined = lines[at];
    std::size_t last = at;
    CsvState state = SplitCsv(joined, separator, row.fields);
    while (state == CsvState::kOpenQuote && last + 1 < lines.size() &&
           joined.size() + lines[last + 1].size() < kMaxSpanningBytes) {
      joined += '\n' + lines[++last];
      state = SplitCsv(joined, separator, row.fields);
    }
    row.is_bad = state != CsvState::kComplete;
    if (row.is_bad) row.fields.clear();
    if (!row.is_bad) at = last;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Row> ByTheReader(const std::string& text, char separator) {
  Input input(MemorySource(text, 7));
  CsvReader reader(separator, std::size_t{1} << 20, false);
  reader.SetHeader({"a"});
  std::vector<Row> rows;
  CsvRow row;
  while (reader.Next(input, row).value()) {
    const bool is_split = row.problem.empty() || row.problem.starts_with("the line has");
    rows.push_back({row.line, !is_split, is_split ? row.fields : std::vector<std::string>()});
  }
  return rows;
}

TEST(CsvReader, ReadsWhatAPlainReadingReads) {
  const std::uint64_t seed = testing::Seed();
  std::mt19937_64 random(seed);
  const std::string filler(20'000, 'x');
  const std::string_view pieces[] = {"\"", "\"", "\"\"", ",",   ",",    "\n",
                                     "\n", "a",  ",\"",  "\",", "\"\n", filler};
  for (int round = 0; round < 20'000; ++round) {
    // Long fillers lead to the bound on how far a quoted field may go.
    const std::size_t kinds = round % 50 == 0 ? std::size(pieces) : std::size(pieces) - 1;
    std::string text;
    for (std::size_t left = random() % 40; left > 0; --left) text += pieces[random() % kinds];
    const std::vector<Row> wanted = Plainly(text, ',');
    ASSERT_EQ(ByTheReader(text, ','), wanted)
        << "seed " << seed << " round " << round << ": " << text.substr(0, 500);
  }
}

// Before, each line was followed by a look at the next 64 KiB, once for every line in them.
TEST(CsvReader, QuotesThatDoNotMatchCostNoMoreThanOthers) {
  constexpr std::size_t kBytes = 10'000'000;
  const std::string texts[] = {"a\",\"c\n", "\"\n\n",         "a,\"b\n",
                               "\"\"\"\n",  "\"a\"\"\n\"b\n", "\"a,b\nx,y\n"};
  for (const std::string& part : texts) {
    std::string text;
    while (text.size() < kBytes) text += part;
    Input input(MemorySource(text, std::size_t{1} << 16));
    CsvReader reader(',', std::size_t{1} << 20, false);
    reader.SetHeader({"a", "b"});
    CsvRow row;
    // Minutes over minutes more than it takes.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    std::size_t rows = 0;
    while (reader.Next(input, row).value()) {
      if (++rows % 256 != 0) continue;
      ASSERT_LT(std::chrono::steady_clock::now(), end) << rows << " rows of " << part;
    }
    EXPECT_GT(rows, kBytes / 100'000);
  }
}

}  // namespace
}  // namespace hashgate::exchange
