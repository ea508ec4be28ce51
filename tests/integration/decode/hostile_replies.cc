#include "integration/decode/hostile_replies.h"

#include <array>
#include <bit>
#include <cstring>
#include <limits>

namespace hashgate::testing {
namespace {

using decode::ReplyRecord;
using decode::ViewRecord;

constexpr std::uint32_t kHuge = std::numeric_limits<std::uint32_t>::max();

constexpr std::uint8_t ByteOf(auto value) {
  return static_cast<std::uint8_t>(value);
}

constexpr std::array kFields = {
    ForgedField{"reply-magic", [](ReplyRecord& r, ViewRecord&) { r.magic ^= 1; }},
    ForgedField{"reply-next-job", [](ReplyRecord& r, ViewRecord&) { ++r.job_id; }},
    ForgedField{"reply-no-job", [](ReplyRecord& r, ViewRecord&) { r.job_id = 0; }},
    ForgedField{"reply-servers-cause",
                [](ReplyRecord& r, ViewRecord&) { r.cause = ByteOf(Cause::kNotAnImage); }},
    ForgedField{"reply-unknown-cause", [](ReplyRecord& r, ViewRecord&) { r.cause = 255; }},
    ForgedField{"reply-corrupt-with-view",
                [](ReplyRecord& r, ViewRecord&) { r.cause = ByteOf(Cause::kCorrupt); }},
    ForgedField{"reply-unknown-format", [](ReplyRecord& r, ViewRecord&) { r.format = 200; }},
    ForgedField{"reply-gap-in-formats", [](ReplyRecord& r, ViewRecord&) { r.format = 15; }},
    ForgedField{"reply-decoded-video",
                [](ReplyRecord& r, ViewRecord&) { r.format = ByteOf(decode::Format::kVideo); }},
    ForgedField{"reply-alpha", [](ReplyRecord& r, ViewRecord&) { r.has_alpha = 2; }},
    ForgedField{"reply-warned", [](ReplyRecord& r, ViewRecord&) { r.codec_warned = 255; }},
    ForgedField{"reply-trailing", [](ReplyRecord& r, ViewRecord&) { r.trailing_bytes = 128; }},
    ForgedField{"reply-colour", [](ReplyRecord& r, ViewRecord&) { r.colour_unusual = 3; }},
    ForgedField{"reply-embedded-unseen", [](ReplyRecord& r, ViewRecord&) { r.embedded_unseen = 2; }},
    ForgedField{"reply-unknown-limit", [](ReplyRecord& r, ViewRecord&) { r.limit = 200; }},
    ForgedField{"reply-limit-without-cause", [](ReplyRecord& r, ViewRecord&) { r.limit = 1; }},
    ForgedField{"view-hidden", [](ReplyRecord&, ViewRecord& v) { v.hidden = 2; }},
    ForgedField{"reply-no-views", [](ReplyRecord& r, ViewRecord&) { r.view_count = 0; }},
    ForgedField{"reply-two-views", [](ReplyRecord& r, ViewRecord&) { r.view_count = 2; }},
    ForgedField{"reply-many-views", [](ReplyRecord& r, ViewRecord&) { r.view_count = 1'000'000; }},
    ForgedField{"reply-wrapping-views",
                [](ReplyRecord& r, ViewRecord&) { r.view_count = (kHuge / sizeof(ViewRecord)) + 2; }},
    ForgedField{"reply-negative-views", [](ReplyRecord& r, ViewRecord&) { r.view_count = kHuge; }},
    ForgedField{"reply-no-width", [](ReplyRecord& r, ViewRecord&) { r.width = 0; }},
    ForgedField{"reply-negative-height", [](ReplyRecord& r, ViewRecord&) { r.height = kHuge; }},
    ForgedField{"reply-pixels", [](ReplyRecord& r, ViewRecord&) { r.width = r.height = 16'384; }},
    ForgedField{"reply-more-seen-than-stored",
                [](ReplyRecord& r, ViewRecord&) { r.frames_seen = r.frames_total + 1; }},
    ForgedField{"reply-none-seen", [](ReplyRecord& r, ViewRecord&) { r.frames_seen = 0; }},
    ForgedField{"reply-frames", [](ReplyRecord& r, ViewRecord&) { r.frames_total = kHuge; }},
    ForgedField{"view-no-kind", [](ReplyRecord&, ViewRecord& v) { v.kind = 0; }},
    ForgedField{"view-unknown-kind", [](ReplyRecord&, ViewRecord& v) { v.kind = 255; }},
    ForgedField{"view-hashable", [](ReplyRecord&, ViewRecord& v) { v.hashable = 2; }},
    ForgedField{"view-hash-of-the-unhashable", [](ReplyRecord&, ViewRecord& v) { v.hashable = 0; }},
    ForgedField{"view-pipelines", [](ReplyRecord&, ViewRecord& v) { v.pipelines = 4; }},
    ForgedField{"view-all-pipelines", [](ReplyRecord&, ViewRecord& v) { v.pipelines = 255; }},
    ForgedField{"view-unnamed-hash", [](ReplyRecord&, ViewRecord& v) { v.pipelines = 0; }},
    ForgedField{"view-hidden-hash", [](ReplyRecord&, ViewRecord& v) { v.forms[1][7][31] = 1; }},
    ForgedField{"view-hidden-quality", [](ReplyRecord&, ViewRecord& v) { v.quality[1] = 1; }},
    ForgedField{"view-frame", [](ReplyRecord&, ViewRecord& v) { v.frame = kHuge; }},
    ForgedField{"view-no-width", [](ReplyRecord&, ViewRecord& v) { v.width = 0; }},
    ForgedField{"view-negative-height", [](ReplyRecord&, ViewRecord& v) { v.height = kHuge; }},
    ForgedField{"view-pixels", [](ReplyRecord&, ViewRecord& v) { v.width = v.height = 16'384; }},
    ForgedField{"view-too-small-to-hash", [](ReplyRecord&, ViewRecord& v) { v.width = 4; }},
    ForgedField{"view-quality", [](ReplyRecord&, ViewRecord& v) { v.quality[0] = 101; }},
    ForgedField{"view-negative-quality", [](ReplyRecord&, ViewRecord& v) { v.quality[0] = -1; }},
    ForgedField{"view-least-quality",
                [](ReplyRecord&, ViewRecord& v) { v.quality[0] = std::numeric_limits<std::int32_t>::min(); }},
    ForgedField{
        "view-not-a-number",
        [](ReplyRecord&,
           ViewRecord&
               v) { v.quality[0] = std::bit_cast<std::int32_t>(std::numeric_limits<float>::quiet_NaN()); }},
    ForgedField{"view-all-bits",
                [](ReplyRecord&, ViewRecord& v) { std::memset(v.forms[0][3], 0xff, sizeof v.forms[0][3]); }},
};

}  // namespace

std::span<const ForgedField> ForgedFields() {
  return kFields;
}

}  // namespace hashgate::testing
