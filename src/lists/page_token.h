// Page tokens: where a listing goes on. Opaque to callers; only this store's own are taken.
#pragma once

#include <string>
#include <string_view>

#include "lists/keyed_digests.h"

namespace hashgate::lists {

struct PagePosition {
  ListId list = 0;
  ContentId content = 0;
  EntryId after = 0;  ///< the last entry already given

  bool operator==(const PagePosition&) const = default;
};

std::string EncodePageToken(const PagePosition& position, const KeyedDigests& digests);
/// Errors: kRequestInvalid for anything that EncodePageToken did not make with the same secret.
Result<PagePosition> DecodePageToken(std::string_view token, const KeyedDigests& digests);

}  // namespace hashgate::lists
