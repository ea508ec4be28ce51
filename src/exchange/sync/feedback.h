// From opinions of a list's entries to what its source hears of them.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "exchange/sync/client.h"
#include "lists/catalog.h"

namespace hashgate::exchange {

/// A turn that took so long ends with the entry that it is at.
inline constexpr std::chrono::seconds kLongestFeedbackTurn{10};

/// Where the next call goes on.
struct FeedbackTurn {
  lists::EntryId after = 0;  ///< entries up to this one had their turn
  bool more = false;         ///< others have not, and the next call may come at once
  /// The turn did not begin with the first entry, but behind one that had failed: at the end those before it
  /// have theirs.
  bool began_behind = false;
};

/// Tells the source of a list what people say of its entries, where it does not know yet: of each entry one
/// thing, whatever opinions there are of it. A doubt (DISPUTE, SUPPRESS) outweighs CONFIRM; where nothing
/// stands any more and the source may have heard something, it hears that this is taken back. What is to be
/// sent is noted down before and what became of it after: what is interrupted is sent again, and the same
/// thing twice is the same as once. Opinions that wait for a second person wait here, too; those of an entry
/// that has changed since no longer stand, and where it was told of them, that is taken back. What is taken
/// back or given anew during a turn counts from then on. What a source refuses is kRefused where it cannot
/// have heard of it before; what it has, or may have, stays or becomes kSent, so that its end is told. At
/// most 51 entries a call, and none after kLongestFeedbackTurn, but where the entry before failed. Blocks as
/// Delta::Next, for each of them. Reads, of `list`, all opinions, and the entries of those that were told.
///
/// No entry holds up the others: one that fails with kExchangeProtocol is passed over until its next turn,
/// and so is one that fails with kExchangeUnreachable and no word when to come again, where the next one does
/// not. Errors: the store's and the client's else; `turn` then is where to go on the next time, behind what
/// failed.
Status SendQueuedFeedback(lists::Catalog& catalog, const std::string& list, ExchangeClient& client,
                          const Clock& clock, const std::stop_token& stop, FeedbackTurn& turn);

}  // namespace hashgate::exchange
