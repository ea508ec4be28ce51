// Answers of the Graph API. Sources: as exchange/file/threatexchange_update.h, and
// developers.facebook.com/docs/graph-api/guides/error-handling for the codes of errors.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/file/threatexchange_update.h"
#include "hashgate/error.h"

namespace hashgate::exchange {

/// One answer to `threat_updates`.
struct UpdatesPage {
  struct Item {
    ThreatExchangeUpdate update;
    std::string problem;                 ///< why it is no update; empty where it is one
    std::chrono::sys_seconds changed{};  ///< its last_updated; zero: it has none
  };
  std::vector<Item> items;
  std::string next;  ///< link to the next page as the answer has it; empty: the last page
};

/// Errors: kExchangeProtocol where the text is not JSON, breaks off, nests too deep, holds no items, or more
/// than a page has. No message holds any of the text: links in it hold the access token. `own_application` as
/// in ParseThreatExchangeUpdate.
Result<UpdatesPage> ParseUpdatesPage(std::string_view text, std::string_view own_application = {});

/// A privacy group as its members see it.
struct PrivacyGroup {
  std::string name;
  bool has_updates = true;  ///< its threat updates are not known to be switched off
};

/// Errors: kExchangeProtocol.
Result<PrivacyGroup> ParsePrivacyGroup(std::string_view text);

/// What one member says of an indicator.
struct Descriptor {
  std::string id;
  bool harmful = false;  ///< it says that the indicator is harmful
  bool ours = false;     ///< it has a reaction of `own_application`
};

/// An indicator's descriptors. Errors: kExchangeProtocol.
Result<std::vector<Descriptor>> ParseDescriptors(std::string_view text,
                                                 std::string_view own_application = {});

/// What an answer with a status of 400 or more says: kExchangeRefused where the access token is not good or
/// may not do this, kExchangeUnreachable where it was used too often, else kExchangeProtocol. The server's
/// own words are left out: they may hold the token.
Error GraphError(int status, std::string_view text);

/// Whether an answer with an error's status says that calls are limited for now: to the application, the
/// user, the page or the endpoint. Meta answers so with 400, 403 or 429.
bool GraphAskedTooOften(std::string_view text);

/// Whether an id may be put into a path and shown: digits, as the Graph API's are, or those with a line
/// between.
bool IsGraphId(std::string_view text);

}  // namespace hashgate::exchange
