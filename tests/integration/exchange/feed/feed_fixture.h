// A feed in memory that a real HTTP server gives as files, a client of it, and a list.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "exchange/feed/feed_client.h"
#include "exchange/signed/feed_writer.h"
#include "integration/exchange/kind_fixture.h"
#include "testing/fakes/fake_http_server.h"
#include "testing/memory_folder.h"
#include "testing/signing_keys.h"

namespace hashgate::exchange {

class FeedTest : public KindTest {
 protected:
  void MakeClient() override {
    HttpOptions http = HurriedHttp(server_.base_url() + "/feeds/a-list");
    http.max_response_bytes = 1 << 20;
    auto made = HttpClient::Create(std::move(http));
    ASSERT_TRUE(made) << made.error().message;
    client_ = NewFeedClient(*std::move(made),
                            {.key = *VerifyingKey::FromPem(testing::PublicKeyPem()), .clock = &clock_});
  }

  /// Publishes content_.
  FeedPublished Publish() {
    SnapshotHeader header{.list = feed_list_, .source = "generated", .purpose = feed_purpose_};
    header.created = clock_.Wall();
    header.expires = clock_.Wall() + std::chrono::hours(24 * 7);
    header.sequence = ++sequence_;
    auto writer = FeedWriter::Begin(folder_, *SigningKey::FromPem(testing::PrivateKeyPem()), header,
                                    {.part_bytes = part_bytes_});
    EXPECT_TRUE(writer) << writer.error().message;
    for (const auto& [number, variant] : content_) {
      EXPECT_TRUE(writer->Add(testing::MakeRecord(number, variant), number));
    }
    const auto published = writer->Finish();
    EXPECT_TRUE(published) << published.error().message;
    return published.value_or(FeedPublished());
  }
  void Put(std::uint64_t from, std::uint64_t to, int variant = 0) {
    for (std::uint64_t number = from; number < to; ++number) content_[number] = variant;
  }

  /// Whether the list holds what is published, entry by entry.
  void ExpectTheSame() const {
    ListState held;
    std::string token;
    do {
      const auto page = catalog_->ListEntries("fed", token, 1'000);
      ASSERT_TRUE(page);
      for (const lists::Entry& entry : page->entries) {
        std::string bytes;
        AppendEntryBytes(entry.record, bytes);
        held.Add(bytes);
      }
      token = page->next_page_token;
    } while (!token.empty());
    const FeedState state = Manifest().state;
    EXPECT_EQ(held.count(), state.count);
    EXPECT_EQ(held.digest(), state.digest);
  }
  [[nodiscard]] FeedManifest Manifest() const {
    return *ParseFeedManifest(folder_.files.at("manifest.hgf"),
                              *VerifyingKey::FromPem(testing::PublicKeyPem()));
  }
  void Sign(const FeedManifest& manifest) {
    folder_.files["manifest.hgf"] =
        EncodeFeedManifest(manifest, *SigningKey::FromPem(testing::PrivateKeyPem()));
  }
  /// Files that were asked for since the count of calls was `before`.
  [[nodiscard]] std::size_t Asked(std::string_view name, std::size_t before = 0) const {
    const auto calls = server_.calls();
    return static_cast<std::size_t>(
        std::count_if(calls.begin() + static_cast<std::ptrdiff_t>(before), calls.end(),
                      [&](const testing::FakeCall& call) { return call.request.path.contains(name); }));
  }

  testing::MemoryFolder folder_;
  std::map<std::uint64_t, int> content_;
  std::uint64_t sequence_ = 0;
  std::string feed_list_ = "a-list";
  Purpose feed_purpose_ = Purpose::kTest;
  std::size_t part_bytes_ = 4'000;
  testing::FakeHttpServer server_{[this](const testing::FakeRequest& request) {
    const std::string folder = "/feeds/a-list/";
    const auto file = folder_.files.find(request.path.substr(std::min(request.path.size(), folder.size())));
    if (!request.path.starts_with(folder) || file == folder_.files.end()) {
      return testing::FakeReply{.status = 404};
    }
    return testing::FakeReply{.body = file->second};
  }};
};

}  // namespace hashgate::exchange
