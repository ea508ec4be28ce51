// From opinions of a list's entries to what its source hears of them.
#pragma once

#include <stop_token>
#include <string>

#include "exchange/sync/client.h"
#include "lists/catalog.h"

namespace hashgate::exchange {

/// Tells the source of a list what people said of its entries and have not told it yet, and notes down what
/// became of it: what is interrupted is sent again, and the same feedback twice is the same as once. Opinions
/// that wait for a second person wait here, too; those of an entry that has changed since are not sent.
/// Blocks as Delta::Next, for each of them. Errors: the client's and the store's; what was sent stays noted.
Status SendQueuedFeedback(lists::Catalog& catalog, const std::string& list, ExchangeClient& client,
                          const std::stop_token& stop);

}  // namespace hashgate::exchange
