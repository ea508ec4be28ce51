#include "store/stamp.h"

#include "hashgate/version.h"
#include "store/store.h"

namespace hashgate::store {
namespace {

constexpr std::string_view kMagic = "HGST";
constexpr std::size_t kMaxName = 64;

void AppendText(std::string& out, std::string_view text) {
  out.push_back(static_cast<char>(text.size()));
  out.append(text);
}

// Takes a text with a length byte off the front of `bytes`; false where it is not all there.
bool TakeText(std::string_view& bytes, std::string& text) {
  if (bytes.empty()) return false;
  const auto size = static_cast<std::uint8_t>(bytes.front());
  bytes.remove_prefix(1);
  if (size > kMaxName || bytes.size() < size) return false;
  text = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return true;
}

}  // namespace

std::string EncodeStamp(const Stamp& stamp) {
  std::string out(kMagic);
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(stamp.schema >> shift & 0xff));
  AppendText(out, stamp.sealer);
  AppendText(out, stamp.store_id);
  return out;
}

Result<Stamp> DecodeStamp(std::string_view bytes) {
  constexpr std::size_t kHead = kMagic.size() + 4;
  if (bytes.size() < kHead || !bytes.starts_with(kMagic)) {
    return Fail(Reason::kSchemaUnknown, "its schema stamp is not one of Hashgate's");
  }
  Stamp stamp;
  for (std::size_t i = 0; i < 4; ++i) {
    stamp.schema |= std::uint32_t{static_cast<std::uint8_t>(bytes[kMagic.size() + i])} << (8 * i);
  }
  if (stamp.schema > kSchemaVersion) return stamp;
  bytes.remove_prefix(kHead);
  if (!TakeText(bytes, stamp.sealer) || !TakeText(bytes, stamp.store_id) || !bytes.empty()) {
    return Fail(Reason::kSchemaUnknown, "its schema stamp does not decode");
  }
  return stamp;
}

Status CheckStamp(const Stamp& stamp, std::string_view sealer, std::string_view path) {
  const std::string folder = "the data folder " + std::string(path);
  if (stamp.schema > kSchemaVersion) {
    return Fail(Reason::kSchemaTooNew,
                folder + " was written by a newer Hashgate (schema " + std::to_string(stamp.schema) +
                    "; this is " + std::string(EngineVersion()) + ", schema " +
                    std::to_string(kSchemaVersion) +
                    "): start that version again, or restore a backup made by this one; nothing was changed");
  }
  if (stamp.schema == 0) {
    return Fail(Reason::kSchemaUnknown,
                folder + " has schema number 0, which no Hashgate writes: name another folder");
  }
  if (stamp.sealer != sealer) {
    return Fail(Reason::kConfigInvalid,
                folder + " was sealed with '" + stamp.sealer + "', but '" + std::string(sealer) +
                    "' is configured: configure the sealer it was made with, or name another folder");
  }
  return {};
}

}  // namespace hashgate::store
