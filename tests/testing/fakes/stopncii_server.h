// A fake StopNCII server: hashes by the time of their last change, and feedback. Source: the client of
// github.com/facebook/ThreatExchange. Synthetic hashes only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "testing/fakes/fake_http_server.h"

namespace hashgate::testing {

struct StopNciiHash {
  std::string value;
  std::int64_t modified = 0;  ///< seconds since 1970
  std::string kind = "ImagePDQ";
  std::string status = "Active";
};

/// How answers differ from sound ones.
struct StopNciiSwitches {
  std::size_t page_size = 800;   ///< at most; a lower one that is asked for counts
  bool endless_pages = false;    ///< every page's token leads to the same page
  bool repeat_pages = false;     ///< every page comes twice
  std::size_t skipped_page = 0;  ///< the token on this page (from 1) leads past the next one; 0: none
  bool token_at_end = false;     ///< the last page has one, too
  bool without_feedbacks = false;
  bool wrong_count = false;
  std::int64_t set_back = 0;  ///< so many seconds are taken off the last page's nextSetTimestamp
  std::string bad_record;     ///< JSON put in front of each page's records
  std::string whole_body;     ///< in place of any page
};

/// Threads: thread-safe.
class StopNciiServer {
 public:
  /// Its keys are "a-fetch-key", "a-feedback-key" and "a-subscription-key".
  StopNciiServer();

  [[nodiscard]] std::string base_url() const { return http_->base_url() + "/v1"; }
  FakeHttpServer& http() { return *http_; }
  void SetKeys(const std::string& function, const std::string& subscription);
  void SetSwitches(const StopNciiSwitches& switches);
  /// Adds a hash, or takes the place of that value's.
  void Put(const StopNciiHash& hash);
  void Remove(const std::string& value);  ///< as if it had never been
  /// By hash value, as it was sent last.
  [[nodiscard]] std::map<std::string, std::string> feedback() const;

 private:
  FakeReply Answer(const FakeRequest& request);
  FakeReply Fetch(const FakeRequest& request);
  FakeReply TakeFeedback(const FakeRequest& request);

  mutable std::mutex mutex_;
  std::string function_key_ = "a-fetch-key";
  std::string subscription_key_ = "a-subscription-key";
  StopNciiSwitches switches_;
  std::vector<StopNciiHash> hashes_;
  std::map<std::string, int> seen_;
  std::map<std::string, std::string> feedback_;
  // Last: it asks the others until it is gone.
  std::unique_ptr<FakeHttpServer> http_;
};

}  // namespace hashgate::testing
