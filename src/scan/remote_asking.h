// The remote lists of one request: asked about its pictures while the local ones are searched. Private to
// this module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "exchange/remote/remote_list.h"
#include "scan/look.h"
#include "scan/types.h"

namespace hashgate::scan {

/// Why a remote list is not asked about a view. Of a view with several hashes the first of these that is true
/// of any counts.
enum class RemoteNotAsked : std::uint8_t {
  kNone,    ///< it is
  kPoor,    ///< its hash says too little for the list, or is degenerate
  kFlat,    ///< its hash is degenerate and of low quality
  kNn512,   ///< it has only a hash that no remote list compares
  kSmall,   ///< the picture is too small
  kNoHash,  ///< no hash of it exists
};

/// Asks of each view that people see its PDQ hash as it is, by the full pipeline or from elsewhere, where it
/// says something about which picture it is. What goes wrong is a sentence of the looks' coverage, and so is
/// a view that is not asked about, but for a flat one, or one without a hash, beside another that is.
/// Threads: confined.
class RemoteAsking {
 public:
  /// Those of `lists` that the request wants: all, or those it names; none for the canary, and none where
  /// only digests are asked for.
  RemoteAsking(std::span<exchange::RemoteList* const> lists, const ScanRequest& request);

  /// Whether any list is asked.
  [[nodiscard]] bool empty() const { return asked_.empty(); }
  /// Whether a remote list of that name is configured, be it asked or not.
  [[nodiscard]] bool Knows(std::string_view name) const;

  /// Begins to ask; what was asked before is forgotten. Does not block. The looks are those of Finish.
  void Begin(std::span<const Look> looks, SteadyTime deadline);
  /// Waits, at most until the deadline, and adds matches and coverage to the looks. No match is lost because
  /// another hash had no answer.
  void Finish(std::span<Look> looks);

 private:
  // Which hash of a question is of which look and view.
  struct Place {
    std::size_t look = 0;
    std::size_t view = 0;
    std::size_t forms = 0;
  };
  struct Asked {
    exchange::RemoteList* list = nullptr;
    std::vector<Place> places;
    std::vector<RemoteNotAsked> not_asked;  // by look
    std::unique_ptr<exchange::RemoteQuestion> question;
  };

  static RemoteNotAsked Choose(const Look& look, std::size_t number, Asked& asked,
                               std::vector<PdqHash>& hashes);
  static void AddAnswers(const Asked& asked, const exchange::RemoteAnswers& all, std::span<Look> looks);

  const std::span<exchange::RemoteList* const> lists_;
  const std::function<bool()> cancelled_;
  const bool background_;
  std::vector<Asked> asked_;
};

}  // namespace hashgate::scan
