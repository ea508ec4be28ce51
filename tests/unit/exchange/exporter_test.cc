#include "exchange/exporter.h"

#include <random>

#include "testing/seed.h"
#include "unit/exchange/read_all.h"

namespace hashgate::exchange {
namespace {

lists::EntryRecord Sample() {
  lists::EntryRecord record;
  record.source_id = "a,\"b\"";
  record.classification = "two\nlines";
  record.labels = {"x;y", "back\\slash", "z"};
  record.hashes.push_back(
      {Algorithm::kMd5, Pipeline::kUnspecified, kQualityUnknown, std::vector<std::uint8_t>(16, 0x0a)});
  record.hashes.push_back({Algorithm::kPdq, Pipeline::kUnspecified, 0, std::vector<std::uint8_t>(32, 0xbc)});
  return record;
}

TEST(Exporter, CsvGolden) {
  auto exporter = Exporter::Create(FileFormat::kCsv);
  ASSERT_TRUE(exporter.has_value());
  std::string out = exporter->Header();
  exporter->Append(Sample(), out);
  EXPECT_EQ(out, "sourceId,md5,sha1,sha256,pdq,pdqQuality,photodna,classification,labels\n\"a,\"\"b\"\"\"," +
                     std::string("0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a,,,") +
                     "bcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbc,0,,\"two\nlines\","
                     "x\\;y;back\\\\slash;z\n");
}

TEST(Exporter, JsonlGolden) {
  auto exporter = Exporter::Create(FileFormat::kJsonl);
  std::string out = exporter->Header();
  exporter->Append(Sample(), out);
  EXPECT_EQ(out,
            "{\"sourceId\":\"a,\\\"b\\\"\",\"md5\":\"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a\","
            "\"pdq\":\"bcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbc\",\"pdqQuality\":0,"
            "\"classification\":\"two\\u000alines\",\"labels\":[\"x;y\",\"back\\\\slash\",\"z\"]}\n");
}

TEST(Exporter, OtherFormatsAreRefused) {
  EXPECT_FALSE(Exporter::Create(FileFormat::kVics).has_value());
}

TEST(Exporter, SecondPipelineGoesToJsonlAndIsCountedInCsv) {
  lists::EntryRecord record = Sample();
  record.hashes.push_back({Algorithm::kPdq, Pipeline::kNn512, 9, std::vector<std::uint8_t>(32, 0x11)});
  auto csv = Exporter::Create(FileFormat::kCsv);
  std::string text = csv->Header();
  csv->Append(record, text);
  EXPECT_EQ(csv->values_left_out(), 1U);
  auto jsonl = Exporter::Create(FileFormat::kJsonl);
  text.clear();
  jsonl->Append(record, text);
  EXPECT_EQ(jsonl->values_left_out(), 0U);
  const Read read = ReadAll(text);
  ASSERT_TRUE(read.records.at(0).record.has_value()) << read.Problems();
  EXPECT_EQ(read.records[0].record->hashes, record.hashes);
}

// What is exported reads back as it was, for random records in both formats.
TEST(Exporter, RoundTrip) {
  std::mt19937_64 random(testing::Seed());
  const std::string alphabet = "ab,;\"\\'\n{}\xc3\xa4 ";
  const auto text = [&](std::size_t max) {
    std::string out = "k";
    for (std::size_t i = random() % max; i > 0; --i) {
      // The two-byte character only whole.
      const std::size_t at = random() % alphabet.size();
      if (alphabet[at] == '\xa4') continue;
      out += alphabet[at];
      if (alphabet[at] == '\xc3') out += '\xa4';
    }
    return out + "k";
  };
  for (const FileFormat format : {FileFormat::kCsv, FileFormat::kJsonl}) {
    auto exporter = Exporter::Create(format);
    std::string out = exporter->Header();
    std::vector<lists::EntryRecord> records;
    for (int i = 0; i < 200; ++i) {
      lists::EntryRecord record;
      record.source_id = text(10);
      record.classification = text(20);
      for (std::size_t n = random() % 4; n > 0; --n) record.labels.push_back(text(8));
      for (const Algorithm algorithm :
           {Algorithm::kMd5, Algorithm::kSha1, Algorithm::kSha256, Algorithm::kPdq, Algorithm::kPhotoDna,
            Algorithm::kPHash, Algorithm::kBlockMean, Algorithm::kMarrHildreth, Algorithm::kAverage}) {
        if (random() % 2 == 0 && algorithm != Algorithm::kMd5) continue;
        if (format == FileFormat::kCsv && IsImgHash(algorithm)) continue;
        HashValue hash{.algorithm = algorithm};
        for (std::size_t n = HashSize(algorithm); n > 0; --n) {
          hash.bytes.push_back(static_cast<std::uint8_t>(random()));
        }
        if (algorithm == Algorithm::kPdq) hash.quality = static_cast<std::int16_t>(random() % 101);
        record.hashes.push_back(hash);
      }
      exporter->Append(record, out);
      records.push_back(record);
    }
    const Read read = ReadAll(out);
    ASSERT_EQ(read.Problems(), "");
    ASSERT_EQ(read.records.size(), records.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
      EXPECT_EQ(read.records[i].record->source_id, records[i].source_id);
      EXPECT_EQ(read.records[i].record->classification, records[i].classification);
      EXPECT_EQ(read.records[i].record->labels, records[i].labels);
      EXPECT_EQ(read.records[i].record->hashes, records[i].hashes);
    }
  }
}

// Its columns stay what they are.
TEST(Exporter, CsvLeavesImgHashOutAndCountsIt) {
  lists::EntryRecord record;
  record.source_id = "a";
  record.hashes = {{.algorithm = Algorithm::kMd5, .bytes = std::vector<std::uint8_t>(16, 0x11)}};
  for (const Algorithm algorithm : kImgHashes) {
    record.hashes.push_back(
        {.algorithm = algorithm, .bytes = std::vector<std::uint8_t>(HashSize(algorithm), 0x22)});
  }
  auto csv = Exporter::Create(FileFormat::kCsv);
  std::string out;
  csv->Append(record, out);
  EXPECT_EQ(out, "a," + Hex(32, '1') + ",,,,,,,\n");
  EXPECT_EQ(csv->values_left_out(), 4U);
}

}  // namespace
}  // namespace hashgate::exchange
