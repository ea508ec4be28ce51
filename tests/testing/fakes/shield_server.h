// A fake of Project Arachnid's Shield: which class a PDQ hash within a radius of a known one has. Source: the
// official clients that src/exchange/shield names. Synthetic hashes only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "testing/fakes/fake_http_server.h"

namespace hashgate::testing {

struct ShieldItem {
  std::string pdq;  ///< 32 bytes
  std::string classification = "csam";
  std::string sha256_hex = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
};

/// How answers differ from the usual ones.
struct ShieldSwitches {
  int radius_bits = 31;
  bool null_for_none = false;    ///< null where nothing is known
  bool leave_out_all = false;    ///< no hash is answered
  bool details_in_list = false;  ///< near_match_details is a list
  int too_many = 0;              ///< so many calls get 429
  std::string rate_limit;        ///< value of the header `ratelimit`, of every answer
  std::string redirect_to;       ///< calls are sent there
  std::string whole_body;        ///< in place of any answer
};

/// Threads: thread-safe.
class ShieldServer {
 public:
  /// Its credentials are "a-user:correct-horse". Port 0: a free one.
  explicit ShieldServer(int port = 0);

  [[nodiscard]] std::string base_url() const { return http_->base_url(); }
  FakeHttpServer& http() { return *http_; }
  void SetSwitches(const ShieldSwitches& switches);
  void Put(const ShieldItem& item);
  /// Hashes asked so far, as 32 bytes each, in their order.
  [[nodiscard]] std::vector<std::string> asked() const;
  /// Other calls than those for PDQ hashes.
  [[nodiscard]] int other_calls() const;

 private:
  FakeReply Answer(const FakeRequest& request);
  FakeReply LookUp(const std::string& body);
  [[nodiscard]] std::string EntryOf(const std::string& pdq) const;

  mutable std::mutex mutex_;
  ShieldSwitches switches_;
  std::vector<ShieldItem> items_;
  std::vector<std::string> asked_;
  int other_calls_ = 0;
  // Last: it asks the others until it is gone.
  std::unique_ptr<FakeHttpServer> http_;
};

}  // namespace hashgate::testing
