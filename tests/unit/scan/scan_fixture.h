// A scanner over a real catalog and index, a store in memory and a decoder that answers what a test says.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"
#include "lists/catalog.h"
#include "policy/policy.h"
#include "scan/scanner.h"
#include "testing/fake_clock.h"
#include "testing/fake_store.h"
#include "testing/list_records.h"

namespace hashgate::testing {

/// Adds nn512 hashes, the same as the full ones, where a view has only these.
inline decode::DecodeResult WithNn512(decode::DecodeResult picture) {
  for (decode::ViewHashes& view : picture.views) {
    if (view.pdq.size() != 1) continue;
    view.pdq.push_back(view.pdq[0]);
    view.pdq[1].pipeline = Pipeline::kNn512;
  }
  return picture;
}

/// Answers what the test says; where nn512 is wanted and the test says nothing of it, it is the full hash.
class FakeDecoder final : public decode::Decoder {
 public:
  Result<decode::DecodeResult> Decode(ByteSpan, decode::Format, const decode::Wanted& wanted, SteadyTime,
                                      const std::function<bool()>& cancelled) override {
    ++calls;
    last_wanted = wanted;
    if (on_decode) on_decode();
    if (cancelled && cancelled()) return Fail(Reason::kCancelled, "the caller went away");
    return answer && wanted.pdq_nn512 && knows_nn512 ? WithNn512(*answer) : answer;
  }
  [[nodiscard]] decode::PoolStats Stats() const override { return {}; }
  [[nodiscard]] std::span<const decode::VectorMaker> vector_makers() const override { return makers; }

  Result<decode::DecodeResult> answer = decode::DecodeResult{};
  std::function<void()> on_decode;
  decode::Wanted last_wanted;
  std::vector<decode::VectorMaker> makers;
  bool knows_nn512 = true;
  int calls = 0;
};

/// Bytes that are sniffed as PNG; each `number` has its own digests.
inline std::vector<std::uint8_t> PngBytes(std::uint8_t number) {
  return {0x89, 'P', 'N', 'G', 0x0d, 0x0a, 0x1a, 0x0a, number};
}

inline PdqHash PdqOf(const HashValue& value) {
  return PdqHash::FromBytes(std::span<const std::uint8_t, 32>(value.bytes.data(), 32));
}

/// `hash` with `count` bits changed.
inline PdqHash Flip(PdqHash hash, int count) {
  for (int i = 0; i < count; ++i) {
    const auto bit = static_cast<std::size_t>(i) * 7 % 256;
    hash.words[bit / 64] ^= std::uint64_t{1} << (bit % 64);
  }
  return hash;
}

/// What a decoder says of a good picture whose eight forms are `hash` and seven unrelated ones.
inline decode::DecodeResult PictureWith(const PdqHash& hash, int quality = 100) {
  decode::DecodeResult result;
  result.format = decode::Format::kPng;
  result.width = 640;
  result.height = 480;
  result.frames_total = 1;
  result.frames_seen = 1;
  decode::ViewHashes view;
  view.width = 640;
  view.height = 480;
  view.hashable = true;
  decode::PdqForms forms;
  forms.quality = quality;
  forms.forms[0] = hash;
  for (std::uint64_t form = 1; form < kDihedralCount; ++form) {
    forms.forms[form] = PdqOf(MakeHash(Algorithm::kPdq, 1'000'000 + form));
  }
  view.pdq.push_back(forms);
  result.views.push_back(std::move(view));
  return result;
}

class ScanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto catalog = lists::Catalog::Open(store_, {.clock = &clock_});
    ASSERT_TRUE(catalog) << catalog.error().message;
    catalog_ = *std::move(catalog);
    auto idempotency = scan::IdempotencyTable::Open(store_, catalog_->StoreKey(), clock_, {});
    ASSERT_TRUE(idempotency);
    idempotency_ = *std::move(idempotency);
    auto policy = policy::LoadProfile("standard");
    ASSERT_TRUE(policy);
    scanner_ = std::make_unique<scan::Scanner>(scan::ScannerParts{.catalog = catalog_.get(),
                                                                  .decoder = &decoder_,
                                                                  .idempotency = idempotency_.get(),
                                                                  .clock = &clock_},
                                               scan::ScannerOptions{.max_decode_bytes = 1'000}, *policy);
  }

  lists::HashList AddList(const std::string& name, Purpose purpose = Purpose::kCsam,
                          Trust trust = Trust::kTrusted) {
    lists::ListConfig config = MakeConfig(name);
    config.purpose = purpose;
    config.trust = trust;
    auto list = catalog_->CreateList(config);
    EXPECT_TRUE(list) << list.error().message;
    return *list;
  }

  void AddEntry(const std::string& list, lists::EntryRecord record) {
    auto import = catalog_->StartImport({.list = list, .file = "test"});
    ASSERT_TRUE(import) << import.error().message;
    const lists::ImportRecord line{1, std::move(record), {}};
    const auto progress = (*import)->Add({&line, 1});
    ASSERT_TRUE(progress) << progress.error().message;
    ASSERT_EQ(progress->quarantined, 0U);
    ASSERT_TRUE((*import)->Finish());
  }

  scan::ScanRequest Request(const std::string& request_id = {}) const {
    scan::ScanRequest request;
    request.request_id = request_id;
    request.accepted = clock_.Steady();
    request.deadline = request.accepted + std::chrono::seconds(10);
    return request;
  }

  Result<scan::ScanAnswer> ScanBytes(const std::vector<std::uint8_t>& bytes,
                                     const scan::ScanRequest& request) {
    // As the server does it: what is not wanted here and needed later is the scanner's to compute.
    scan::UploadReader reader(scanner_->options().max_decode_bytes, scanner_->WantedDigests());
    reader.Update(bytes);
    return scanner_->Scan(request, reader.Finish());
  }
  scan::ScanAnswer ScanBytes(const std::vector<std::uint8_t>& bytes) {
    auto answer = ScanBytes(bytes, Request());
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or(scan::ScanAnswer{});
  }

  static Digests DigestsOf(const std::vector<std::uint8_t>& bytes) {
    DigestSet set;
    set.Update(bytes);
    return set.Finish();
  }
  template <typename Digest>
  static HashValue DigestValue(Algorithm algorithm, const Digest& digest) {
    return {algorithm, Pipeline::kUnspecified, kQualityUnknown, {digest.begin(), digest.end()}};
  }
  static HashValue PdqValue(const PdqHash& hash, std::int16_t quality = 100) {
    const auto bytes = hash.bytes();
    return {Algorithm::kPdq, Pipeline::kUnspecified, quality, {bytes.begin(), bytes.end()}};
  }

  FakeClock clock_;
  FakeStore store_;
  FakeDecoder decoder_;
  std::unique_ptr<lists::Catalog> catalog_;
  std::unique_ptr<scan::IdempotencyTable> idempotency_;
  std::unique_ptr<scan::Scanner> scanner_;
};

}  // namespace hashgate::testing
