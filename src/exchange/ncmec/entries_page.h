// One answer to `entries`. Source: as exchange/file/ncmec_element.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exchange/file/ncmec_element.h"
#include "hashgate/error.h"

namespace hashgate::exchange {

struct EntriesPage {
  std::vector<NcmecElement> elements;  ///< lines count from 1
  std::string next;                    ///< link to the next page as the answer has it; empty: the last page
};

/// Errors: kExchangeProtocol where the text is not XML, breaks off, declares a document type or an entity,
/// has another root or namespace, or holds other numbers of elements than it says.
Result<EntriesPage> ParseEntriesPage(std::string_view xml);

/// Who we are to the server, from its answer to `status`: one sentence. Errors: kExchangeProtocol.
Result<std::string> ParseStatusAnswer(std::string_view xml);

/// A reason for which a fingerprint may be disputed.
struct FeedbackReason {
  std::string guid;  ///< hexadecimal digits and "-"
  std::string name;  ///< for people; at most 128 bytes
};

/// The reasons for fingerprints of `type` ("MD5", "SHA1", "PDQ", "PDNA"). Errors: kExchangeProtocol.
Result<std::vector<FeedbackReason>> ParseFeedbackReasons(std::string_view xml, std::string_view type);

}  // namespace hashgate::exchange
