// The documents of a fake NCMEC server, as its public documentation and its clients' fixtures show them; all
// names and values in them are made up. Sources: exttest.cybertip.org/hashsharing (documentation, version 2);
// github.com/facebook/ThreatExchange, python-threatexchange, exchanges/clients/ncmec/tests/data.py.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "testing/fakes/ncmec_rows.h"

namespace hashgate::testing {

struct NcmecReason {
  std::string guid;
  std::string name;
  std::string type;  ///< of fingerprint, as in paths: "MD5", "TMK_PDQF"
};

/// One member's opinion of one fingerprint.
struct NcmecFeedback {
  std::int64_t member = 0;
  std::string type;  ///< as in paths
  bool is_affirmative = false;
  std::vector<std::string> reasons;  ///< guids
  WallTime time;
};

/// Ways in which documents are other than a reader expects. All off: well-behaved ones.
struct NcmecXmlSwitches {
  bool without_images = false;      ///< the element is missing where there are none
  bool without_videos = false;      ///< likewise
  bool empty_feedback = false;      ///< <feedback/> in every entry
  bool unknown_elements = false;    ///< elements that no reader knows, everywhere
  bool odd_feedback_pairs = false;  ///< members before reasons, reasons without members
  bool reason_as_root = false;      ///< feedback reasons: one reason, as the root
  bool prefixed = false;            ///< <x:image xmlns:x="..."> instead of a default namespace
  bool wrong_namespace = false;     ///< another namespace than the documented one
  bool document_type = false;       ///< a DTD
  bool entity_bomb = false;         ///< a DTD with entities that grow without bound, and a use of them
  bool cut_short = false;           ///< the document ends in its middle, the answer is whole
  bool wrong_count = false;         ///< count is one too many
};

/// One entry of a page and what members think of it.
struct NcmecShown {
  std::size_t row = 0;
  NcmecEntry entry;
  std::vector<NcmecFeedback> feedback;
};

/// The answer to `entries`. `next`: empty on the last page.
std::string NcmecEntriesXml(const std::vector<NcmecShown>& page, std::string_view next,
                            const std::vector<NcmecReason>& reasons, const NcmecXmlSwitches& switches);
std::string NcmecStatusXml(const std::string& user, std::int64_t member, const std::string& name,
                           const NcmecXmlSwitches& switches);
std::string NcmecMembersXml(const std::vector<std::pair<std::int64_t, std::string>>& members,
                            const NcmecXmlSwitches& switches);
/// Those of one type of fingerprint.
std::string NcmecReasonsXml(const std::vector<NcmecReason>& reasons, std::string_view type,
                            const NcmecXmlSwitches& switches);
/// What feedback is answered with: the documents do not say, clients judge by the status.
std::string NcmecSubmittedXml(const NcmecXmlSwitches& switches);
std::string NcmecCategorizationsXml(const NcmecXmlSwitches& switches);

/// The key in paths of a fingerprint's element: "tmk-pdqf" is "TMK_PDQF".
std::string NcmecTypeOf(std::string_view element);
/// "2026-02-03T04:05:06Z".
std::string NcmecTime(WallTime time);

}  // namespace hashgate::testing
