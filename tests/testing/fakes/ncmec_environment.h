// One environment of a fake NCMEC hash sharing server (version 2): its own entries, members, credentials and
// feedback, and every way in which the real one, or somebody in its place, may misbehave.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "testing/fakes/fake_http_server.h"
#include "testing/fakes/ncmec_rows.h"
#include "testing/fakes/ncmec_xml.h"

namespace hashgate::testing {

struct NcmecSwitches {
  /// What the link to the next page is. All but kPath must be refused.
  enum class Next { kPath, kAbsolute, kOtherHost, kNoScheme, kOtherPath, kClimbing };

  std::size_t page_size = 1'000;
  Next next = Next::kPath;
  /// Links are good for so long after the first page of their window; zero: for ever.
  std::chrono::milliseconds next_lifetime{0};
  int expired_status = 400;
  std::chrono::seconds clock_behind{0};  ///< of the server's clock, against the test's
  bool redirect = false;                 ///< every answer is a redirect to itself
  bool repeat_pages = false;             ///< every page's link leads to the same page once
  bool endless_pages = false;            ///< every page's link leads to the same page for ever
  std::size_t skipped_page = 0;          ///< the link on this page (from 1) leads past the next one; 0: none
  int last_page_failures = 0;            ///< so often the last page of a window of several is a 500
  double failure_share = 0;              ///< of all answers: 429, 500 or 503, drawn with a fixed seed
  bool feedback_moves_entry = false;     ///< feedback moves the entry's own timestamp
  NcmecXmlSwitches xml;
};

/// Feedback as it was sent.
struct NcmecSentFeedback {
  std::int64_t member = 0;  ///< of the entry, as the path names it
  std::string id;
  NcmecFeedback feedback;
};

/// Threads: thread-safe.
class NcmecEnvironment {
 public:
  /// `path`: of its base URL, e.g. "/npo". Has the members 77, 78 and 79; callers are 78, "a-user" with the
  /// password "a-password".
  NcmecEnvironment(std::string path, const Clock& clock);

  [[nodiscard]] const std::string& path() const { return path_; }
  /// As HTTP Basic sends them. New ones make the old ones void.
  void SetCredentials(const std::string& user, const std::string& password);
  void SetSwitches(const NcmecSwitches& switches);
  void AddMember(std::int64_t id, const std::string& name);
  void AddReason(const NcmecReason& reason);

  /// Adds an entry, or takes the place of the one with its member and id.
  void Put(const NcmecEntry& entry);
  /// Leaves a tombstone, also of an entry that never was.
  void Delete(std::int64_t member, const std::string& id, WallTime when, bool is_video = false);
  void Add(const NcmecSynthetic& synthetic);
  /// Called before each page, with the count of pages asked for so far: to change entries while a client
  /// reads them.
  void SetOnPage(std::function<void(std::size_t page)> on_page);

  /// Every row that `entries` could show, in its order.
  [[nodiscard]] std::vector<NcmecEntry> All() const;
  [[nodiscard]] std::vector<NcmecSentFeedback> feedback() const;

  /// The answer to a request below path().
  FakeReply Answer(const FakeRequest& request);

 private:
  struct Window {
    WallTime opened;
    std::size_t pages = 0;
    std::map<std::size_t, int> seen;  // rows at which pages began, and how often
  };
  FakeReply Route(const FakeRequest& request, std::string_view path);
  FakeReply Entries(const FakeRequest& request);
  FakeReply Page(WallTime from, WallTime to, std::size_t start, Window& window);
  std::string NextLink(WallTime from, WallTime to, std::size_t start) const;
  std::size_t NextStart(WallTime from, WallTime to, std::size_t start, std::size_t after,
                        Window& window) const;
  FakeReply Large(std::string_view row_and_type) const;
  FakeReply TakeFeedback(const FakeRequest& request, std::string_view member_id_type);
  [[nodiscard]] bool AreReasonsOf(const NcmecFeedback& feedback) const;
  std::optional<int> RandomFailure();

  const std::string path_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::string user_;
  std::string authorization_;
  NcmecSwitches switches_;
  std::vector<std::pair<std::int64_t, std::string>> members_;
  std::vector<NcmecReason> reasons_;
  NcmecRows rows_;
  std::map<std::size_t, std::vector<NcmecFeedback>> feedback_of_;  // by row
  std::vector<NcmecSentFeedback> sent_;
  std::map<std::pair<std::string, std::string>, Window> windows_;  // by their texts
  std::function<void(std::size_t)> on_page_;
  std::size_t pages_asked_ = 0;
  int last_pages_failed_ = 0;
  std::mt19937_64 random_{20260203};
};

}  // namespace hashgate::testing
