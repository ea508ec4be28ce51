// From opinions of a list's entries to what its source hears of them.
#pragma once

#include <stop_token>
#include <string>

#include "exchange/sync/client.h"
#include "lists/catalog.h"

namespace hashgate::exchange {

/// Where the next call goes on.
struct FeedbackTurn {
  lists::EntryId after = 0;  ///< entries up to this one had their turn
  bool more = false;         ///< others have not
};

/// Tells the source of a list what people say of its entries, where it does not know yet: of each entry one
/// thing, whatever opinions there are of it. A doubt (DISPUTE, SUPPRESS) outweighs CONFIRM; where nothing
/// stands any more and the source may have heard something, it hears that this is taken back. What is to be
/// sent is noted down before and what became of it after: what is interrupted is sent again, and the same
/// thing twice is the same as once. Opinions that wait for a second person wait here, too; those of an entry
/// that has changed since no longer stand. At most 50 entries a call. Blocks as Delta::Next, for each of
/// them. Errors: the store's and the client's, but for kExchangeProtocol: such an entry is passed over until
/// its next turn.
Status SendQueuedFeedback(lists::Catalog& catalog, const std::string& list, ExchangeClient& client,
                          const std::stop_token& stop, FeedbackTurn& turn);

}  // namespace hashgate::exchange
