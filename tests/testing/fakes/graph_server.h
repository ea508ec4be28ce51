// A fake of the part of Meta's Graph API that ThreatExchange is: privacy groups with their threat updates,
// descriptors, reactions. Source: developers.facebook.com/docs/threat-exchange, and the client of
// github.com/facebook/ThreatExchange. Synthetic hashes only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "testing/fakes/fake_http_server.h"

namespace hashgate::testing {

struct GraphDescriptor {
  std::string id;
  std::string status = "MALICIOUS";
  std::vector<std::string> tags;
  /// Members' applications by reaction, beside those that are posted.
  std::map<std::string, std::set<std::string>> reactions;
};

struct GraphUpdate {
  std::string id;
  std::string indicator;
  std::string type = "HASH_PDQ";
  std::int64_t last_updated = 0;  ///< seconds since 1970
  bool should_delete = false;
  std::vector<GraphDescriptor> descriptors;
};

/// How answers differ from sound ones.
struct GraphSwitches {
  std::size_t page_size = 500;  ///< at most; a lower limit that is asked for counts
  enum class Next {
    kWhole,  ///< a whole URL with the token, as the real one
    kWithoutToken,
    kOtherHost,
    kOtherScheme,
    kOtherPath,
    kClimbing,
    kPathOnly,
    kNumber,  ///< no text at all
  } next = Next::kWhole;
  bool endless_pages = false;    ///< every page's link leads to itself
  bool repeat_pages = false;     ///< every page comes twice
  std::size_t skipped_page = 0;  ///< the link on this page (from 1) leads past the next one; 0: none
  bool backwards = false;        ///< newest first
  bool tags_in_data = true;      ///< {"data": [{id, text}]}, else a plain list
  bool unknown_members = false;
  bool strict_removal = false;    ///< 400 where a reaction that is to go is not there
  bool updates_disabled = false;  ///< 500, as the real one
  int error_status = 0;           ///< every request is answered with this status; 0: none is
  int error_code = 0;             ///< and this code of the Graph API
  std::string bad_item;           ///< JSON put in front of each page's items
  std::string whole_body;         ///< in place of any page
};

/// Threads: thread-safe.
class GraphServer {
 public:
  /// Knows privacy group 4711, named "Example group", and the token "1001|a-secret" of application 1001.
  GraphServer();

  [[nodiscard]] std::string base_url() const { return http_->base_url() + "/v21.0"; }
  FakeHttpServer& http() { return *http_; }
  void SetToken(const std::string& token);
  void SetSwitches(const GraphSwitches& switches);
  /// What `last_updated` of an update becomes with a reaction, in seconds since 1970; zero: it stays.
  void SetNow(std::int64_t now);
  /// Adds an update, or takes the place of the one with its id.
  void Put(const GraphUpdate& update);
  void Remove(const std::string& id);  ///< as if it had never been
  /// Called before each page, with the count of pages asked for so far.
  void SetOnPage(std::function<void(std::size_t page)> on_page);
  [[nodiscard]] std::vector<GraphUpdate> All() const;

 private:
  FakeReply Answer(const FakeRequest& request);
  FakeReply Updates(const FakeRequest& request);
  FakeReply Descriptors(const FakeRequest& request, const std::string& indicator);
  FakeReply React(const FakeRequest& request, const std::string& descriptor);
  std::string Item(const GraphUpdate& update) const;
  std::string NextLink(const FakeRequest& request, std::size_t after) const;

  mutable std::mutex mutex_;
  std::string token_ = "1001|a-secret";
  GraphSwitches switches_;
  std::vector<GraphUpdate> updates_;
  std::map<std::string, int> seen_;
  std::int64_t now_ = 0;
  std::function<void(std::size_t)> on_page_;
  std::size_t pages_asked_ = 0;
  // Last: it asks the others until it is gone.
  std::unique_ptr<FakeHttpServer> http_;
};

}  // namespace hashgate::testing
