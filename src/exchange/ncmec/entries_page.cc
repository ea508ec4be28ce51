#include "exchange/ncmec/entries_page.h"

#include "exchange/file/record_builder.h"
#include "exchange/file/xml_splitter.h"
#include "lists/validate.h"

namespace hashgate::exchange {
namespace {

constexpr std::size_t kMaxWordsBytes = 128;
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

// The document's root, which must have that local name.
Result<pugi::xml_node> Parse(std::string_view xml, std::string_view root_name, pugi::xml_document& document) {
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
  if (LocalName(root.name()) != root_name) {
    return NotAsAgreed("has another root element than " + std::string(root_name));
  }
  const std::string_view space = DeclaredNamespace(root);
  if (!space.empty() && space != kNamespace) return NotAsAgreed("is of another namespace than version 2's");
  return root;
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

}  // namespace hashgate::exchange
