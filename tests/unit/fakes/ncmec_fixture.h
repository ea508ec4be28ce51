// A fake NCMEC server and a client that reads its documents strictly, as far as they are documented.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <pugixml.hpp>
#include <string>
#include <utility>
#include <vector>

#include "exchange/http/http_client.h"
#include "exchange/http/url.h"
#include "testing/fake_clock.h"
#include "testing/fakes/ncmec_server.h"

namespace hashgate::testing {

class NcmecFakeTest : public ::testing::Test {
 protected:
  static constexpr WallTime kBegin = std::chrono::sys_days(std::chrono::year(2026) / 2 / 3);

  /// One entry as a page shows it.
  struct Seen {
    std::int64_t member = 0;
    std::string id;
    std::string element;
    std::string timestamp;
    bool operator==(const Seen&) const = default;
    auto operator<=>(const Seen&) const = default;
  };
  struct Read {
    std::vector<Seen> entries;
    std::vector<std::size_t> page_sizes;
  };

  NcmecFakeTest() { UseCredentials("a-user", "a-password"); }

  void UseCredentials(const std::string& user, const std::string& password,
                      const std::string& path = "/npo") {
    exchange::HttpOptions options;
    options.base_url = server_.http().base_url() + path;
    options.username = user;
    options.password = password;
    options.attempts = 1;
    auto client = exchange::HttpClient::Create(options);
    ASSERT_TRUE(client) << client.error().message;
    client_ = *std::move(client);
  }

  Result<exchange::HttpResponse> Get(const std::string& path) { return client_->Send({.url = path}, {}); }
  /// The status of an answer, or that of the error that the client made of it.
  int StatusOf(const std::string& path) {
    const Result<exchange::HttpResponse> answer = Get(path);
    if (answer) return answer->status;
    const std::size_t at = answer.error().message.find("answers ");
    return at == std::string::npos ? 0 : std::stoi(answer.error().message.substr(at + 8, 3));
  }

  static std::string Window(WallTime from, WallTime to) {
    return "/v2/entries?from=" + NcmecTime(from) + "&to=" + NcmecTime(to);
  }

  /// Puts the document at `path` into document_ and gives its root; fails the test where there is none.
  pugi::xml_node Load(const std::string& path) {
    const Result<exchange::HttpResponse> answer = Get(path);
    EXPECT_TRUE(answer) << answer.error().message;
    if (!answer) return {};
    EXPECT_EQ(answer->status, 200) << path;
    const pugi::xml_parse_result parsed = document_.load_buffer(answer->body.data(), answer->body.size());
    EXPECT_TRUE(parsed) << parsed.description() << answer->body.substr(0, 500);
    return document_.document_element();
  }

  /// Follows the pages of a window to their end, at most `most` of them.
  Read ReadWindow(WallTime from, WallTime to, std::size_t most = 1'000) {
    Read read;
    std::string path = Window(from, to);
    while (!path.empty() && read.page_sizes.size() < most) {
      const pugi::xml_node root = Load(path);
      const std::size_t before = read.entries.size();
      for (const char* section : {"images", "videos"}) {
        std::size_t count = 0;
        for (const pugi::xml_node entry : root.child(section).children()) {
          ++count;
          read.entries.push_back({entry.child("member").attribute("id").as_llong(),
                                  entry.child("id").text().get(), entry.name(),
                                  entry.child("timestamp").text().get()});
        }
        EXPECT_EQ(root.child(section).attribute("count").as_ullong(), count);
      }
      read.page_sizes.push_back(read.entries.size() - before);
      path = root.child("paging").child("next").text().get();
    }
    return read;
  }

  /// What a window must hold, by a reading of its own of what the server was given.
  std::vector<Seen> Wanted(WallTime from, WallTime to) {
    std::vector<Seen> wanted;
    for (const NcmecEntry& entry : environment().All()) {
      if (entry.timestamp <= from || entry.timestamp > to) continue;
      const std::string kind = entry.is_video ? "Video" : "Image";
      wanted.push_back({entry.member, entry.id,
                        entry.is_deleted ? "deleted" + kind : (entry.is_video ? "video" : "image"),
                        NcmecTime(entry.timestamp)});
    }
    std::ranges::sort(wanted);
    return wanted;
  }

  NcmecEnvironment& environment() { return server_.environment(); }

  FakeClock clock_;
  NcmecServer server_{{.environments = {"/npo", "/exploitative"}, .clock = &clock_}};
  std::unique_ptr<exchange::HttpClient> client_;
  pugi::xml_document document_;
};

}  // namespace hashgate::testing
