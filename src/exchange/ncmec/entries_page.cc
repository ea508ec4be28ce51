#include "exchange/ncmec/entries_page.h"

#include <algorithm>

#include "exchange/file/record_builder.h"
#include "exchange/file/xml_splitter.h"
#include "lists/validate.h"

namespace hashgate::exchange {
namespace {

constexpr std::size_t kMaxWordsBytes = 128;
constexpr std::size_t kMaxGuidBytes = 64;
constexpr std::size_t kMostReasons = 1'000;
constexpr std::string_view kReasons = "availableFeedbackReasons";
constexpr std::string_view kReason = "reason";
/// Pages hold 1,000; memory has to be bounded whatever comes.
constexpr std::size_t kMostElements = 20'000;
constexpr std::string_view kNamespace = "https://hashsharing.ncmec.org/hashsharing/v2";

std::unexpected<Error> NotAsAgreed(std::string message) {
  return Fail(Reason::kExchangeProtocol, "the server's answer " + std::move(message));
}

// The namespace that a node's prefix stands for where the node itself declares it; empty where it does not.
std::string_view DeclaredNamespace(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  const std::size_t colon = name.find(':');
  const std::string attribute =
      colon == std::string_view::npos ? "xmlns" : "xmlns:" + std::string(name.substr(0, colon));
  return node.attribute(attribute.c_str()).value();
}

// The document's root.
Result<pugi::xml_node> ParseAny(std::string_view xml, pugi::xml_document& document) {
  // pugixml expands no entity but XML's own five; a document type is still refused, since nothing sound has
  // one.
  const auto options = pugi::parse_default | pugi::parse_doctype;
  const pugi::xml_parse_result parsed =
      document.load_buffer(xml.data(), xml.size(), options, pugi::encoding_utf8);
  if (!parsed) {
    return NotAsAgreed("is not well-formed XML: " + std::string(parsed.description()) + " at byte " +
                       std::to_string(parsed.offset));
  }
  for (const pugi::xml_node node : document.children()) {
    if (node.type() == pugi::node_doctype) return NotAsAgreed("declares a document type");
  }
  const pugi::xml_node root = document.document_element();
  const std::string_view space = DeclaredNamespace(root);
  if (!space.empty() && space != kNamespace) return NotAsAgreed("is of another namespace than version 2's");
  return root;
}

// The document's root, which must have that local name.
Result<pugi::xml_node> Parse(std::string_view xml, std::string_view root_name, pugi::xml_document& document) {
  HASHGATE_ASSIGN_OR_RETURN(const pugi::xml_node root, ParseAny(xml, document));
  if (LocalName(root.name()) != root_name) {
    return NotAsAgreed("has another root element than " + std::string(root_name));
  }
  return root;
}

// Types are written in several ways: "SHA1", "Sha1", "TMK_PDQF", "TmkPdqf".
bool IsSameType(std::string_view a, std::string_view b) {
  const auto without_lines = [](std::string_view text) {
    std::string out(text);
    std::erase(out, '_');
    return out;
  };
  return EqualsIgnoringCase(without_lines(a), without_lines(b));
}

// It is put into a document of ours.
bool IsGuid(std::string_view text) {
  return !text.empty() && text.size() <= kMaxGuidBytes && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '-';
  });
}

bool IsElement(std::string_view name) {
  for (const std::string_view known : kNcmecElements) {
    if (name == known) return true;
  }
  return false;
}

// Entries and tombstones of `images` or `videos`, which may be absent.
Status ReadSection(const pugi::xml_node& section, EntriesPage& out) {
  std::uint64_t held = 0;
  for (const pugi::xml_node child : section.children()) {
    if (!IsElement(LocalName(child.name()))) continue;
    ++held;
    if (out.elements.size() == kMostElements) return NotAsAgreed("holds more entries than a page has");
    out.elements.push_back(ReadNcmecElement(child, out.elements.size() + 1));
  }
  const pugi::xml_attribute count = section.attribute("count");
  if (count && count.as_ullong() != held) {
    return NotAsAgreed("says " + std::to_string(count.as_ullong()) + " " +
                       std::string(LocalName(section.name())) + " and holds " + std::to_string(held));
  }
  return {};
}

}  // namespace

Result<EntriesPage> ParseEntriesPage(std::string_view xml) {
  pugi::xml_document document;
  HASHGATE_ASSIGN_OR_RETURN(const pugi::xml_node root, Parse(xml, "queryResult", document));
  EntriesPage page;
  HASHGATE_RETURN_IF_ERROR(ReadSection(ChildNamed(root, "images"), page));
  HASHGATE_RETURN_IF_ERROR(ReadSection(ChildNamed(root, "videos"), page));
  page.next = Trim(ChildNamed(ChildNamed(root, "paging"), "next").text().get());
  return page;
}

Result<std::string> ParseStatusAnswer(std::string_view xml) {
  pugi::xml_document document;
  HASHGATE_ASSIGN_OR_RETURN(const pugi::xml_node root, Parse(xml, "status", document));
  // Shown to people, and sent to them as UTF-8.
  const auto words = [](const char* text) { return lists::Bounded(text, kMaxWordsBytes); };
  const pugi::xml_node member = ChildNamed(root, "member");
  return "we are member " + words(member.attribute("id").value()) + " (" + words(member.text().get()) +
         "), user " + words(ChildNamed(root, "username").text().get()) + ", seen from " +
         words(ChildNamed(root, "ipAddress").text().get());
}

Result<std::vector<FeedbackReason>> ParseFeedbackReasons(std::string_view xml, std::string_view type) {
  pugi::xml_document document;
  HASHGATE_ASSIGN_OR_RETURN(const pugi::xml_node root, ParseAny(xml, document));
  // The list is the root, or below it, or a reason stands alone: public clients and their fixtures differ.
  const std::string_view name = LocalName(root.name());
  pugi::xml_node list = name == kReasons ? root : ChildNamed(root, kReasons);
  if (name == kReason) list = document;
  if (!list) return NotAsAgreed("has no reasons for feedback");
  std::vector<FeedbackReason> reasons;
  for (const pugi::xml_node child : list.children()) {
    if (LocalName(child.name()) != kReason) continue;
    const std::string_view of = child.attribute("type").value();
    if (!of.empty() && !IsSameType(of, type)) continue;
    FeedbackReason reason{child.attribute("guid").value(),
                          lists::Bounded(child.attribute("name").value(), kMaxWordsBytes)};
    if (!IsGuid(reason.guid)) return NotAsAgreed("has a reason without a GUID");
    if (reasons.size() == kMostReasons) return NotAsAgreed("has more reasons than can be");
    reasons.push_back(std::move(reason));
  }
  return reasons;
}

}  // namespace hashgate::exchange
