#include "testing/fakes/ncmec_xml.h"

#include <algorithm>

namespace hashgate::testing {
namespace {

constexpr std::string_view kNamespace = "https://hashsharing.ncmec.org/hashsharing/v2";
constexpr std::string_view kUnknown = "<futureThing kind=\"1\"><part>text</part></futureThing>";
constexpr std::string_view kDeclaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

template <typename... Parts>
void Append(std::string& out, const Parts&... parts) {
  (out.append(parts), ...);
}

std::string Escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

// "MD5" is "Md5" in feedback.
std::string FeedbackType(std::string_view type) {
  std::string out;
  for (const char c : type) {
    if (c == '_') continue;
    const bool is_upper = c >= 'A' && c <= 'Z';
    out += !out.empty() && is_upper ? static_cast<char>(c + 32) : c;
  }
  return out;
}

std::string MemberXml(std::int64_t member) {
  const std::string id = std::to_string(member);
  return "<member id=\"" + id + "\">Member " + id + "</member>";
}

// Puts a prefix before every name.
std::string Prefixed(std::string_view xml) {
  std::string out;
  out.reserve(xml.size() * 5 / 4);
  for (std::size_t i = 0; i < xml.size(); ++i) {
    out += xml[i];
    if (xml[i] != '<' || i + 1 == xml.size() || xml[i + 1] == '?' || xml[i + 1] == '!') continue;
    if (xml[i + 1] == '/') out += xml[++i];
    out += "x:";
  }
  return out;
}

std::string Document(std::string_view root, std::string_view inside, const NcmecXmlSwitches& switches) {
  std::string out(kDeclaration);
  if (switches.document_type) Append(out, "<!DOCTYPE ", root, " SYSTEM \"file:///etc/hostname\">\n");
  if (switches.entity_bomb) {
    Append(out, "<!DOCTYPE ", root, " [<!ENTITY a \"aaaaaaaaaa\">");
    for (char name = 'b'; name <= 'i'; ++name) {
      Append(out, "<!ENTITY ", std::string(1, name), " \"");
      for (int i = 0; i < 10; ++i) Append(out, "&", std::string(1, static_cast<char>(name - 1)), ";");
      out += "\">";
    }
    out += "]>\n";
  }
  std::string body;
  Append(body, "<", root, switches.prefixed ? " xmlns:x=\"" : " xmlns=\"",
         switches.wrong_namespace ? std::string_view("https://example.test/other") : kNamespace, "\">");
  if (switches.unknown_elements) body += kUnknown;
  if (switches.entity_bomb) body += "<note>&i;</note>";
  Append(body, inside, "</", root, ">");
  out += switches.prefixed ? Prefixed(body) : body;
  if (switches.cut_short) out.resize(out.size() / 2);
  return out;
}

std::string FeedbackMembers(const NcmecFeedback& feedback) {
  return "<members timestamp=\"" + NcmecTime(feedback.time) + "\">" + MemberXml(feedback.member) +
         "</members>";
}

std::string ReasonXml(const NcmecReason& reason) {
  return "<reason guid=\"" + Escaped(reason.guid) + "\" name=\"" + Escaped(reason.name) + "\" type=\"" +
         FeedbackType(reason.type) + "\"/>";
}

void AppendOneFeedback(std::string& out, const NcmecFeedback& feedback,
                       const std::vector<NcmecReason>& reasons, bool is_odd) {
  const std::string_view element = feedback.is_affirmative ? "affirmativeFeedback" : "negativeFeedback";
  Append(out, "<", element, " type=\"", FeedbackType(feedback.type), "\" lastUpdateTimestamp=\"",
         NcmecTime(feedback.time), "\">");
  if (feedback.is_affirmative) {
    out += FeedbackMembers(feedback);
  } else {
    out += "<reasons>";
    if (is_odd) out += FeedbackMembers(feedback);
    for (const std::string& guid : feedback.reasons) {
      const auto found = std::ranges::find(reasons, guid, &NcmecReason::guid);
      if (found != reasons.end()) out += ReasonXml(*found);
      if (!is_odd) out += FeedbackMembers(feedback);
    }
    out += "</reasons>";
  }
  Append(out, "</", element, ">");
}

void AppendFeedback(std::string& out, const NcmecShown& shown, const std::vector<NcmecReason>& reasons,
                    const NcmecXmlSwitches& switches) {
  if (shown.feedback.empty()) {
    if (switches.empty_feedback) out += "<feedback/>";
    return;
  }
  const auto newest = std::ranges::max_element(shown.feedback, {}, &NcmecFeedback::time);
  Append(out, "<feedback lastUpdateTimestamp=\"", NcmecTime(newest->time), "\">");
  for (const NcmecFeedback& one : shown.feedback)
    AppendOneFeedback(out, one, reasons, switches.odd_feedback_pairs);
  out += "</feedback>";
}

void AppendTombstone(std::string& out, const NcmecShown& shown, std::string_view element) {
  const std::string time = "<timestamp>" + NcmecTime(shown.entry.timestamp) + "</timestamp>";
  const std::string id = "<id>" + Escaped(shown.entry.id) + "</id>";
  // Seen in either order.
  const bool id_first = shown.row % 2 == 0;
  Append(out, "<", element, ">", MemberXml(shown.entry.member), id_first ? id : time, id_first ? time : id,
         "</", element, ">");
}

void AppendEntry(std::string& out, const NcmecShown& shown, std::string_view element,
                 const std::vector<NcmecReason>& reasons, const NcmecXmlSwitches& switches) {
  const NcmecEntry& entry = shown.entry;
  Append(out, "<", element, ">", MemberXml(entry.member), "<timestamp>", NcmecTime(entry.timestamp),
         "</timestamp><id>", Escaped(entry.id), "</id>");
  if (!entry.classification.empty()) {
    Append(out, "<classification>", Escaped(entry.classification), "</classification>");
  }
  out += "<fingerprints>";
  for (const NcmecFingerprint& fingerprint : entry.fingerprints) {
    if (fingerprint.is_large) {
      Append(out, "<", fingerprint.element, " rel=\"self\" href=\"/v2/entries/", std::to_string(shown.row),
             "/fingerprints/", NcmecTypeOf(fingerprint.element), "\"/>");
    } else {
      Append(out, "<", fingerprint.element, ">", Escaped(fingerprint.value), "</", fingerprint.element, ">");
    }
  }
  out += "</fingerprints>";
  if (switches.unknown_elements) out += kUnknown;
  AppendFeedback(out, shown, reasons, switches);
  Append(out, "</", element, ">");
}

// Images or videos of a page.
void AppendSection(std::string& out, const std::vector<NcmecShown>& page, bool videos,
                   const std::vector<NcmecReason>& reasons, const NcmecXmlSwitches& switches) {
  const std::string_view section = videos ? "videos" : "images";
  std::string inside;
  std::size_t count = 0;
  WallTime newest;
  for (const NcmecShown& shown : page) {
    if (shown.entry.is_video != videos) continue;
    newest = count == 0 ? shown.entry.timestamp : std::max(newest, shown.entry.timestamp);
    ++count;
    if (shown.entry.is_deleted) {
      AppendTombstone(inside, shown, videos ? "deletedVideo" : "deletedImage");
    } else {
      AppendEntry(inside, shown, videos ? "video" : "image", reasons, switches);
    }
  }
  if (count == 0 && (videos ? switches.without_videos : switches.without_images)) return;
  Append(out, "<", section, " count=\"", std::to_string(count + (switches.wrong_count ? 1 : 0)), "\"");
  if (count == 0) {
    out += "/>";
    return;
  }
  Append(out, " maxTimestamp=\"", NcmecTime(newest), "\">", inside, "</", section, ">");
}

}  // namespace

std::string NcmecEntriesXml(const std::vector<NcmecShown>& page, std::string_view next,
                            const std::vector<NcmecReason>& reasons, const NcmecXmlSwitches& switches) {
  std::string inside;
  inside.reserve(page.size() * 600);
  AppendSection(inside, page, false, reasons, switches);
  AppendSection(inside, page, true, reasons, switches);
  if (!next.empty()) Append(inside, "<paging><next>", Escaped(next), "</next></paging>");
  return Document("queryResult", inside, switches);
}

std::string NcmecStatusXml(const std::string& user, std::int64_t member, const std::string& name,
                           const NcmecXmlSwitches& switches) {
  return Document("status",
                  "<ipAddress>127.0.0.1</ipAddress><username>" + Escaped(user) + "</username><member id=\"" +
                      std::to_string(member) + "\">" + Escaped(name) + "</member>",
                  switches);
}

std::string NcmecMembersXml(const std::vector<std::pair<std::int64_t, std::string>>& members,
                            const NcmecXmlSwitches& switches) {
  std::string inside;
  for (const auto& [id, name] : members) {
    Append(inside, "<member id=\"", std::to_string(id), "\">", Escaped(name), "</member>");
  }
  return Document("members", inside, switches);
}

std::string NcmecReasonsXml(const std::vector<NcmecReason>& reasons, std::string_view type,
                            const NcmecXmlSwitches& switches) {
  std::string inside;
  for (const NcmecReason& reason : reasons) {
    if (reason.type != type) continue;
    if (switches.reason_as_root) return std::string(kDeclaration) + ReasonXml(reason);
    inside += ReasonXml(reason);
  }
  return Document("availableFeedbackReasons", inside, switches);
}

std::string NcmecSubmittedXml(const NcmecXmlSwitches& switches) {
  return Document("submissionResult", "", switches);
}

std::string NcmecCategorizationsXml(const NcmecXmlSwitches& switches) {
  return Document("availableCategorizations",
                  "<group name=\"Content\" allowMultiple=\"false\">"
                  "<categorization guid=\"00000000-0000-4000-8000-000000000001\" name=\"Unconfirmed CSAM\"/>"
                  "</group><group name=\"Context\" allowMultiple=\"true\">"
                  "<categorization guid=\"00000000-0000-4000-8000-000000000002\" name=\"Viral\"/></group>",
                  switches);
}

std::string NcmecTypeOf(std::string_view element) {
  std::string out(element);
  std::ranges::transform(out, out.begin(), [](char c) {
    if (c == '-') return '_';
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  return out;
}

std::string NcmecTime(WallTime time) {
  return FormatTime(time).substr(0, 19) + "Z";
}

}  // namespace hashgate::testing
