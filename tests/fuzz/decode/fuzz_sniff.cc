// Sniffing never reads past its input, and never lets a picture's or markup's beginning pass as something
// else.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "decode/sniff.h"

namespace {

bool MustNotPass(hashgate::ByteSpan bytes) {
  using namespace std::string_view_literals;
  for (const std::string_view magic :
       {"\xff\xd8\xff"sv, "\x89PNG\r\n\x1a\n"sv, "GIF87a"sv, "GIF89a"sv, "\0\0\x01\0"sv, "\0\0\x02\0"sv,
        "8BPS"sv, "<"sv, " <"sv, "\xef\xbb\xbf<"sv, "\xff\xfe"sv, "\xfe\xff"sv}) {
    if (bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0)
      return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using hashgate::decode::Format;
  const hashgate::ByteSpan bytes(data, size);
  const Format format = hashgate::decode::Sniff(bytes);
  if (hashgate::decode::FormatName(format) == "unknown" && format != Format::kUnknown) std::abort();
  if (format == Format::kText) std::abort();
  if (size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff && format != Format::kJpeg) {
    std::abort();
  }
  if (MustNotPass(bytes) && format != Format::kUnknown && !hashgate::decode::IsImage(format)) std::abort();
  // What lies beyond the front must not matter.
  if (size > hashgate::decode::kSniffBytes &&
      hashgate::decode::Sniff(bytes.first(hashgate::decode::kSniffBytes)) != format) {
    std::abort();
  }
  return 0;
}
