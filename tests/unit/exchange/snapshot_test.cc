#include "exchange/signed/snapshot.h"

#include <unistd.h>

#include <functional>

#include "exchange/stable_source.h"
#include "testing/list_files.h"
#include "testing/list_records.h"
#include "testing/signing_keys.h"
#include "unit/exchange/read_all.h"

namespace hashgate::exchange {
namespace {

using testing::MakeRecord;

SnapshotHeader Header() {
  return {.list = "demo",
          .source = "somebody",
          .purpose = Purpose::kTest,
          .sequence = 42,
          .created = FromUnixMillis(1'700'000'000'000),
          .expires = WallTime{}};
}

std::string Write(int entries, const SnapshotHeader& header = Header()) {
  SnapshotWriter writer(header, *SigningKey::FromPem(testing::PrivateKeyPem()));
  std::string out = writer.Header();
  for (int i = 0; i < entries; ++i) writer.Append(MakeRecord(static_cast<std::uint64_t>(i)), out);
  return out + writer.Footer();
}

ImporterOptions Options(const std::string& pem = testing::PublicKeyPem()) {
  ImporterOptions options;
  options.public_key = *VerifyingKey::FromPem(pem);
  return options;
}

/// Why the file was refused; empty where it was not.
std::string Refusal(const Read& read) {
  return read.error ? read.error->message : std::string();
}

TEST(Snapshot, ReadsBackAsItWas) {
  for (const int entries : {0, 1, 300}) {
    const Read read = ReadAll(Write(entries), Options());
    ASSERT_FALSE(read.error.has_value()) << read.error->message;
    EXPECT_EQ(read.format, FileFormat::kSnapshot);
    ASSERT_EQ(read.records.size(), static_cast<std::size_t>(entries));
    for (std::size_t i = 0; i < read.records.size(); ++i) {
      const lists::EntryRecord expected = MakeRecord(i);
      EXPECT_EQ(read.records[i].line, i + 1);
      EXPECT_EQ(read.records[i].record->source_id, expected.source_id);
      EXPECT_EQ(read.records[i].record->hashes, expected.hashes);
    }
    EXPECT_EQ(read.notes.snapshot, Header());
  }
}

TEST(Snapshot, WithoutAKeyOrWithAnotherItIsRefused) {
  const Read without = ReadAll(Write(3));
  ASSERT_TRUE(without.error.has_value());
  EXPECT_EQ(without.error->field, "public_key");
  EXPECT_NE(Refusal(without).find("--public-key"), std::string::npos);
  EXPECT_NE(Refusal(ReadAll(Write(3), Options(testing::OtherPublicKeyPem()))).find("signature"),
            std::string::npos);
  const std::string plain = "md5\n" + Hex(32, '1') + "\n";
  EXPECT_NE(Refusal(ReadAll(plain, Options())).find("not a signed snapshot"), std::string::npos);
  ImporterOptions mapped = Options();
  mapped.mapping.emplace().hashes.push_back({.algorithm = Algorithm::kMd5, .at = "md5"});
  EXPECT_NE(Refusal(ReadAll(plain, mapped)).find("not a signed snapshot"), std::string::npos);
}

// Every bit of the file is under the signature, and nothing is handed out where one differs.
TEST(Snapshot, EveryChangedByteIsSeen) {
  const std::string good = Write(2);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string changed = good;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    ImporterOptions options = Options();
    options.format = FileFormat::kSnapshot;
    const Read read = ReadOnce(changed, options, 1 << 16, 10);
    EXPECT_TRUE(read.error.has_value()) << at;
    EXPECT_TRUE(read.records.empty()) << at;
  }
}

TEST(Snapshot, CutsAndAdditionsAreSeen) {
  const std::string good = Write(2);
  ImporterOptions options = Options();
  options.format = FileFormat::kSnapshot;
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_TRUE(ReadOnce(good.substr(0, length), options, 1 << 16, 10).error.has_value()) << length;
  }
  EXPECT_NE(Refusal(ReadOnce(good + "x", options, 1 << 16, 10)).find("follows"), std::string::npos);
}

TEST(Snapshot, AnExpiredOneIsRefused) {
  SnapshotHeader header = Header();
  header.expires = FromUnixMillis(1'700'000'060'000);
  class FixedClock final : public Clock {
   public:
    [[nodiscard]] SteadyTime Steady() const override { return {}; }
    [[nodiscard]] WallTime Wall() const override { return now; }
    WallTime now;
  } clock;
  ImporterOptions options = Options();
  options.clock = &clock;
  clock.now = FromUnixMillis(1'700'000'059'999);
  EXPECT_FALSE(ReadAll(Write(1, header), options).error.has_value());
  clock.now = header.expires;
  EXPECT_NE(Refusal(ReadAll(Write(1, header), options)).find("expired on 2023-11-14T22:14:20.000Z"),
            std::string::npos);
}

/// A writer of ours that lies: the key signs whatever it is told.
std::string Lying(const std::function<void(ListState&, std::uint64_t& count, Sha256& content)>& lie) {
  SnapshotWriter honest(Header(), *SigningKey::FromPem(testing::PrivateKeyPem()));
  std::string out = honest.Header();
  const std::string header = out.substr(12);
  honest.Append(MakeRecord(1), out);
  out += std::string(4, '\0');
  ListState state;
  std::string entry;
  AppendEntryBytes(MakeRecord(1), entry);
  state.Add(entry);
  std::uint64_t count = 1;
  Sha256 content = Sha256Of(AsBytes(out));
  lie(state, count, content);
  std::string trailer(reinterpret_cast<const char*>(&count), 8);
  const ListDigest digest = state.digest();
  trailer.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  trailer.append(reinterpret_cast<const char*>(content.data()), content.size());
  const Signature signature = SigningKey::FromPem(testing::PrivateKeyPem())
                                  ->Sign(AsBytes("hashgate signed list 1\n" + header + trailer));
  return out + trailer + std::string(reinterpret_cast<const char*>(signature.data()), signature.size());
}

TEST(Snapshot, CountAndDigestsAreCheckedForThemselves) {
  EXPECT_FALSE(ReadAll(Lying([](ListState&, std::uint64_t&, Sha256&) {}), Options()).error.has_value());
  EXPECT_NE(Refusal(ReadAll(Lying([](ListState&, std::uint64_t& count, Sha256&) { count = 2; }), Options()))
                .find("holds 1 entries and states 2"),
            std::string::npos);
  EXPECT_NE(
      Refusal(ReadAll(Lying([](ListState& state, std::uint64_t&, Sha256&) { state.Add("x"); }), Options()))
          .find("do not have the digest"),
      std::string::npos);
  EXPECT_NE(
      Refusal(ReadAll(Lying([](ListState&, std::uint64_t&, Sha256& content) { content[0] ^= 1; }), Options()))
          .find("its digest differs"),
      std::string::npos);
}

TEST(Snapshot, APipeIsRefusedInWords) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_GT(::write(ends[1], Write(1).data(), 200), 0);
  ::close(ends[1]);
  const std::string path = "/dev/fd/" + std::to_string(ends[0]);
  auto source = OpenFileSource(path);
  ASSERT_TRUE(source.has_value());
  const auto importer = OpenImporter(*std::move(source), Options());
  ::close(ends[0]);
  ASSERT_FALSE(importer.has_value());
  EXPECT_EQ(importer.error().reason, Reason::kUnsupported);
  EXPECT_NE(importer.error().message.find("save it as a file first"), std::string::npos);
}

/// Bytes that become others once they have been read to the end.
class ChangingSource final : public ByteSource {
 public:
  ChangingSource(std::string first, std::string second)
      : first_(std::move(first)), second_(std::move(second)) {}

  Result<std::size_t> Read(std::span<char> out) override {
    const std::string& bytes = rewinds_ < kChangesAfter ? first_ : second_;
    const std::size_t count = std::min({out.size(), bytes.size() - at_, std::size_t{1000}});
    std::copy_n(bytes.data() + at_, count, out.data());
    at_ += count;
    return count;
  }
  Status Rewind() override {
    at_ = 0;
    ++rewinds_;
    return {};
  }
  [[nodiscard]] std::uint64_t size() const override { return first_.size(); }

 private:
  // The importer goes back before the first whole reading, too.
  static constexpr int kChangesAfter = 2;
  std::string first_;
  std::string second_;
  std::size_t at_ = 0;
  int rewinds_ = 0;
};

TEST(Snapshot, AFileThatChangesAfterItsCheckIsNotUsed) {
  const std::string good = Write(20'000);
  ASSERT_GT(good.size(), std::size_t{2} << 20);
  for (const std::size_t at : {std::size_t{200}, good.size() / 2, good.size() - 200}) {
    std::string changed = good;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    auto importer = OpenImporter(std::make_unique<ChangingSource>(good, changed), Options());
    std::vector<lists::ImportRecord> records;
    Result<bool> more = true;
    if (importer) {
      do {
        more = (*importer)->Next(1000, records);
      } while (more && *more);
    } else {
      more = std::unexpected(importer.error());
    }
    ASSERT_FALSE(more.has_value());
    EXPECT_EQ(more.error().reason, Reason::kFileUnreadable);
    for (std::size_t i = 0; i < records.size(); ++i) {
      ASSERT_EQ(records[i].record->hashes, MakeRecord(i).hashes) << "nothing that was not checked";
    }
  }
  // The same once more, but shorter and longer.
  for (const std::string& other : {good.substr(0, good.size() - 1), good + "x"}) {
    auto importer = OpenImporter(std::make_unique<ChangingSource>(good, other), Options());
    ASSERT_TRUE(importer.has_value());
    std::vector<lists::ImportRecord> records;
    Result<bool> more = true;
    while (more && *more) more = (*importer)->Next(1000, records);
    EXPECT_FALSE(more.has_value());
  }
}

TEST(Snapshot, GoldenFileIsWrittenByteForByte) {
  const std::string golden = testing::ReadListFile("snapshot.hgl");
  ASSERT_FALSE(golden.empty());
  const Read read = ReadAll(golden, Options());
  ASSERT_FALSE(read.error.has_value()) << read.error->message;
  ASSERT_EQ(read.records.size(), 3U);
  EXPECT_EQ(read.records[0].record->labels.at(1), "two; \xc3\xa4");
  SnapshotWriter writer(*read.notes.snapshot, *SigningKey::FromPem(testing::PrivateKeyPem()));
  std::string again = writer.Header();
  for (const lists::ImportRecord& record : read.records) writer.Append(*record.record, again);
  again += writer.Footer();
  EXPECT_EQ(again, golden);
}

TEST(StableSource, GivesTheSameTwice) {
  std::string text(3'000'000, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 / 3);
  const auto source = NewStableSource(MemorySource(text, 1000));
  for (int reading = 0; reading < 3; ++reading) {
    std::string read(text.size() + 10, '\0');
    std::size_t at = 0;
    while (true) {
      const auto count = source->Read(std::span(read).subspan(at));
      ASSERT_TRUE(count.has_value()) << count.error().message;
      if (*count == 0) break;
      at += *count;
    }
    read.resize(at);
    EXPECT_EQ(read, text);
    ASSERT_TRUE(source->Rewind().has_value());
  }
}

}  // namespace
}  // namespace hashgate::exchange
