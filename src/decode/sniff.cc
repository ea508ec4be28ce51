#include "decode/sniff.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "decode/byte_order.h"

namespace hashgate::decode {
namespace {

// Each format's own specification gives its magic; the media types are also listed at
// mimesniff.spec.whatwg.org.

using namespace std::string_view_literals;

bool At(ByteSpan bytes, std::size_t offset, std::string_view magic) {
  return bytes.size() >= offset + magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

struct Magic {
  std::string_view bytes;
  Format format;
};

// Magic at the very front that is enough alone.
constexpr std::array kFrontMagic = {
    Magic{"\xff\xd8\xff"sv, Format::kJpeg},
    Magic{"\x89PNG\r\n\x1a\n"sv, Format::kPng},
    Magic{"GIF87a"sv, Format::kGif},
    Magic{"GIF89a"sv, Format::kGif},
    Magic{"II*\0"sv, Format::kTiff},
    Magic{"MM\0*"sv, Format::kTiff},
    Magic{"II+\0"sv, Format::kTiff},
    Magic{"MM\0+"sv, Format::kTiff},
    Magic{"\x1a\x45\xdf\xa3"sv, Format::kVideo},  // Matroska, WebM
    Magic{"FLV\x01"sv, Format::kVideo},
    Magic{"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"sv, Format::kVideo},  // ASF, WMV
    Magic{"\0\0\x01\xba"sv, Format::kVideo},  // MPEG program stream
    Magic{"\0\0\x01\xb3"sv, Format::kVideo},  // MPEG video
    Magic{".RMF\0\0"sv, Format::kVideo},
    Magic{"OggS\0"sv, Format::kAudio},  // Theora inside is told apart below
    Magic{"fLaC\0"sv, Format::kAudio},
    Magic{"MThd\0\0\0\x06"sv, Format::kAudio},
    Magic{"#!AMR\n"sv, Format::kAudio},
    Magic{"#!AMR-WB\n"sv, Format::kAudio},
    Magic{".snd\0\0\0"sv, Format::kAudio},
    Magic{"\x1f\x8b\x08"sv, Format::kArchive},
    Magic{"7z\xbc\xaf\x27\x1c"sv, Format::kArchive},
    Magic{"Rar!\x1a\x07"sv, Format::kArchive},
    Magic{"\xfd\x37zXZ\0"sv, Format::kArchive},
    Magic{"\x28\xb5\x2f\xfd"sv, Format::kArchive},  // Zstandard
    Magic{"\x04\x22\x4d\x18"sv, Format::kArchive},  // LZ4
    Magic{"%PDF-"sv, Format::kDocument},
    Magic{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv, Format::kDocument},  // OLE2: older office files
    Magic{"{\\rtf"sv, Format::kDocument},
};

// ISO base media brands (source: mp4ra.org/registered-types/brands; HEIF: ISO/IEC 23008-12; AVIF: AV1 Image
// File Format). Any picture brand, major or compatible, makes the file a picture.
constexpr std::array kAvifBrands = {"avif"sv, "avis"sv, "avio"sv};
constexpr std::array kHeifBrands = {
    "heic"sv, "heix"sv, "heim"sv, "heis"sv, "hevc"sv, "hevx"sv, "hevm"sv, "hevs"sv, "mif1"sv, "mif2"sv,
    "mif3"sv, "msf1"sv, "miaf"sv, "MiHE"sv, "MiHB"sv, "MiHA"sv, "jpeg"sv, "jpgs"sv, "j2ki"sv, "j2is"sv,
    "vvic"sv, "vvis"sv, "evbi"sv, "evmi"sv, "avci"sv, "avcs"sv, "jxsi"sv, "jxss"sv, "evbs"sv, "evms"sv};
constexpr std::array kAudioBrands = {"M4A "sv, "M4B "sv, "M4P "sv, "F4A "sv, "F4B "sv};
constexpr std::array kVideoBrands = {
    "isom"sv, "iso2"sv, "iso3"sv, "iso4"sv, "iso5"sv, "iso6"sv, "iso7"sv, "iso8"sv, "iso9"sv, "isoa"sv,
    "isob"sv, "isoc"sv, "mp41"sv, "mp42"sv, "mp71"sv, "avc1"sv, "av01"sv, "qt  "sv, "M4V "sv, "M4VH"sv,
    "M4VP"sv, "F4V "sv, "f4v "sv, "mmp4"sv, "dash"sv, "msdh"sv, "MSNV"sv, "cmfc"sv, "XAVC"sv, "3gp4"sv,
    "3gp5"sv, "3gp6"sv, "3gp7"sv, "3ge6"sv, "3ge7"sv, "3gg6"sv, "3g2a"sv, "3g2b"sv, "3g2c"sv};

template <std::size_t kCount>
bool HasBrand(const std::array<std::string_view, kCount>& brands, ByteSpan bytes, std::size_t at) {
  return std::any_of(brands.begin(), brands.end(), [&](std::string_view b) { return At(bytes, at, b); });
}

// A file type box lists the major brand and, from byte 16, compatible brands.
Format SniffFileTypeBox(ByteSpan front) {
  if (front.size() < 16) return Format::kUnknown;
  const std::size_t box = Be32(front, 0);
  const std::size_t end = std::min(front.size(), box < 16 ? front.size() : box);
  bool heif = false;
  bool video = false;
  bool audio = HasBrand(kAudioBrands, front, 8);
  for (std::size_t at = 8; at + 4 <= end; at += at == 8 ? 8 : 4) {
    if (HasBrand(kAvifBrands, front, at)) return Format::kAvif;
    heif = heif || HasBrand(kHeifBrands, front, at);
    video = video || HasBrand(kVideoBrands, front, at);
  }
  if (heif) return Format::kHeif;
  // A box that does not end within what we see may list a picture brand further on; raw photographs have a
  // major brand of their own before common video brands.
  if (box < 16 || box > front.size() || box % 4 != 0) return Format::kUnknown;
  if (audio) return Format::kAudio;
  if (At(front, 8, "crx "sv)) return Format::kUnknown;
  return video ? Format::kVideo : Format::kUnknown;
}

Format SniffZip(ByteSpan front) {
  // The first entry of an office file, a book or an OpenDocument file has a name that tells (source: ECMA-376
  // part 2; OpenDocument 1.3 part 2).
  constexpr std::array kDocumentNames = {
      "[Content_Types].xml"sv, "mimetype"sv, "_rels/"sv, "word/"sv, "xl/"sv, "ppt/"sv, "docProps/"sv};
  for (const std::string_view name : kDocumentNames) {
    if (At(front, 30, name)) return Format::kDocument;
  }
  return Format::kArchive;
}

bool IsBmp(ByteSpan front) {
  // "BM" alone begins many texts; the size of the second header says more. Viewers take every size that OS/2
  // allowed, 16 to 64, besides those of Windows.
  if (!At(front, 0, "BM"sv) || front.size() < 18) return false;
  const std::uint32_t size = Le32(front, 14);
  return size == 12 || (size >= 16 && size <= 64) || size == 108 || size == 124;
}

bool IsIcon(ByteSpan front) {
  return At(front, 0, "\0\0\x01\0"sv) || At(front, 0, "\0\0\x02\0"sv);  // and cursors
}

// Markup may begin with a byte order mark and white space; in UTF-16 anything may follow the mark.
bool BeginsLikeMarkup(ByteSpan front) {
  if (At(front, 0, "\xff\xfe"sv) || At(front, 0, "\xfe\xff"sv)) return true;
  const std::size_t mark = At(front, 0, "\xef\xbb\xbf"sv) ? 3 : 0;
  if (At(front, 0, "\0<"sv)) return true;
  const auto first =
      std::find_if(front.begin() + static_cast<std::ptrdiff_t>(mark), front.end(),
                   [](std::uint8_t byte) { return byte != ' ' && (byte < '\t' || byte > '\r'); });
  return first != front.end() && *first == '<';
}

// Pictures without a codec here, among them those that nothing else on this page names. No guess from bytes
// further on may overrule such a beginning.
constexpr std::array kOtherPictures = {"8BPS"sv,
                                       "\0\0\0\x0cjP  "sv,
                                       "\0\0\0\x0cJXL "sv,
                                       "\xff\x0a"sv,
                                       "\xff\x4f\xff\x51"sv,
                                       "\x8aMNG"sv,
                                       "\x8bJNG"sv,
                                       "qoif"sv,
                                       "farbfeld"sv,
                                       "FLIF"sv,
                                       "BPG\xfb"sv,
                                       "II\xbc\x01"sv,
                                       "\x76\x2f\x31\x01"sv,
                                       "#?RADIANCE"sv,
                                       "DDS "sv,
                                       "gimp xcf"sv,
                                       "icns"sv,
                                       "AT&TFORM"sv,
                                       "SIMPLE  ="sv,
                                       "\x59\xa6\x6a\x95"sv,
                                       "\xd7\xcd\xc6\x9a"sv,
                                       "\xc5\xd0\xd3\xc6"sv,
                                       "%!PS"sv,
                                       "/* XPM"sv,
                                       "\x01\0\0\0"sv};

bool BeginsLikePicture(ByteSpan front) {
  if (IsIcon(front) || BeginsLikeMarkup(front)) return true;
  if (At(front, 0, "BA"sv) && At(front, 14, "BM"sv)) return true;  // OS/2's array of bitmaps
  // Netpbm: a digit and white space.
  if (front.size() >= 3 && front[0] == 'P' && front[1] >= '1' && front[1] <= '7' && front[2] <= ' ')
    return true;
  return std::any_of(kOtherPictures.begin(), kOtherPictures.end(),
                     [&](std::string_view magic) { return At(front, 0, magic); });
}

// Length in bytes of the MPEG audio frame whose header is at `at`, 0 where there is none. Source: ISO/IEC
// 11172-3 and 13818-3.
std::size_t MpegAudioFrame(ByteSpan bytes, std::size_t at) {
  if (bytes.size() < at + 4 || bytes[at] != 0xff || (bytes[at + 1] & 0xe0) != 0xe0) return 0;
  const unsigned version = (bytes[at + 1] >> 3) & 3;  // 0: 2.5, 2: 2, 3: 1
  const unsigned layer = (bytes[at + 1] >> 1) & 3;    // 1: III, 2: II, 3: I
  const unsigned bitrate_index = bytes[at + 2] >> 4;
  const unsigned rate_index = (bytes[at + 2] >> 2) & 3;
  if (version == 1 || layer == 0 || bitrate_index == 0 || bitrate_index == 15 || rate_index == 3) return 0;
  constexpr std::array<std::array<unsigned, 14>, 5> kKilobits = {{
      {32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},  // 1, layer I
      {32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},     // 1, layer II
      {32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},      // 1, layer III
      {32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},     // 2 and 2.5, layer I
      {8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},          // 2 and 2.5, layers II and III
  }};
  constexpr std::array<unsigned, 3> kRates = {44'100, 48'000, 32'000};
  const bool first = version == 3;
  const std::size_t table = first ? 3 - layer : (layer == 3 ? 3 : 4);
  const unsigned bits = kKilobits[table][bitrate_index - 1] * 1000;
  const unsigned rate = kRates[rate_index] >> (first ? 0 : version == 2 ? 1 : 2);
  const unsigned padding = (bytes[at + 2] >> 1) & 1;
  if (layer == 3) return std::size_t{12 * bits / rate + padding} * 4;
  return (layer == 1 && !first ? 72 : 144) * bits / rate + padding;
}

// Length of the ADTS (AAC) frame at `at`, 0 where there is none. Source: ISO/IEC 13818-7.
std::size_t AdtsFrame(ByteSpan bytes, std::size_t at) {
  if (bytes.size() < at + 6 || bytes[at] != 0xff || (bytes[at + 1] & 0xf6) != 0xf0) return 0;
  if (((bytes[at + 2] >> 2) & 0xf) > 12) return 0;
  const std::size_t length = (bytes[at + 3] & 3U) << 11 | bytes[at + 4] << 3 | bytes[at + 5] >> 5;
  return length > 7 ? length : 0;
}

// Twelve bits of sync are too few to go by: two more frames must follow where the first ones say.
template <typename FrameLength>
bool IsFrameStream(ByteSpan front, FrameLength frame_length) {
  std::size_t at = 0;
  for (int frames = 0; frames < 3; ++frames) {
    const std::size_t length = frame_length(front, at);
    if (length == 0) return false;
    if (frames > 0 && ((front[at + 1] ^ front[1]) & 0xfe) != 0) return false;
    at += length;
  }
  return true;
}

// Packets of 188 bytes, with 4 bytes of time before each in BDAV files. The sync byte alone is easily
// planted: the fields behind it must make sense too. Source: ISO/IEC 13818-1, 2.4.3.
bool IsTransportStream(ByteSpan front, std::size_t first, std::size_t step) {
  struct Last {
    unsigned pid = 0x1fff;
    unsigned counter = 0;
  };
  constexpr unsigned kPadding = 0x1fff;
  std::array<Last, kSniffBytes / 188 + 1> seen{};
  std::size_t streams = 0;
  std::size_t packets = 0;
  for (std::size_t at = first; at + 6 <= front.size(); at += step, ++packets) {
    const unsigned pid = (front[at + 1] & 0x1fU) << 8 | front[at + 2];
    const unsigned control = front[at + 3] >> 4 & 3U;
    const bool has_adaptation = (control & 2) != 0;
    const bool has_payload = (control & 1) != 0;
    const unsigned adaptation = has_adaptation ? front[at + 4] : 0;
    const bool error = (front[at + 1] & 0x80) != 0;
    const bool reserved = control == 0 || (pid >= 4 && pid < 16);
    if (front[at] != 0x47 || error || reserved) return false;
    if (has_adaptation && (has_payload ? adaptation > 182 : adaptation != 183)) return false;
    if (pid == kPadding) continue;
    // Each stream counts its packets that carry something; a repeated packet repeats its number.
    const unsigned counter = front[at + 3] & 0xfU;
    const bool may_jump = adaptation > 0 && (front[at + 5] & 0x80) != 0;
    Last* const last = std::find_if(seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(streams),
                                    [pid](const Last& other) { return other.pid == pid; });
    if (last == seen.begin() + static_cast<std::ptrdiff_t>(streams)) {
      ++streams;
    } else if (!may_jump && counter != last->counter &&
               (!has_payload || counter != ((last->counter + 1) & 0xfU))) {
      return false;
    }
    *last = {.pid = pid, .counter = counter};
  }
  return packets >= 5 && streams > 0;
}

// A number of a tape archive's header: octal digits, or binary where the first bit is set.
bool IsTarNumber(ByteSpan field) {
  if ((field[0] & 0x80) != 0) return true;
  return std::all_of(field.begin(), field.end(),
                     [](std::uint8_t b) { return b == 0 || b == ' ' || (b >= '0' && b <= '7'); });
}

// Source: POSIX.1-2017, pax, "ustar Interchange Format".
bool IsTar(ByteSpan front) {
  if (!At(front, 257, "ustar\0"sv) && !At(front, 257, "ustar  \0"sv)) return false;
  if (front.size() < 512) return false;
  // A name and nothing but zeros behind it: other formats have binary headers here.
  const ByteSpan name = front.first(100);
  const auto end =
      std::find_if(name.begin(), name.end(), [](std::uint8_t b) { return b < ' ' || b == 0x7f; });
  if (end == name.begin() || front[0] >= 0x7f) return false;
  if (!std::all_of(end, name.end(), [](std::uint8_t b) { return b == 0; })) return false;
  for (const auto& [at, size] : {std::pair{100, 8}, {108, 8}, {116, 8}, {124, 12}, {136, 12}, {148, 8}}) {
    if (!IsTarNumber(front.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(size))))
      return false;
  }
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < 512; ++i) sum += i >= 148 && i < 156 ? ' ' : front[i];
  std::uint32_t declared = 0;
  for (std::size_t i = 148; i < 156 && front[i] != 0; ++i) {
    if (front[i] >= '0' && front[i] <= '7') declared = declared * 8 + (front[i] - '0');
  }
  return sum == declared;
}

bool IsId3(ByteSpan front) {
  // Source: id3.org/id3v2.4.0-structure: version bytes below 0xff, a size of four 7-bit bytes.
  return At(front, 0, "ID3"sv) && front.size() >= 10 && front[3] < 0xff && front[4] < 0xff &&
         ((front[6] | front[7] | front[8] | front[9]) & 0x80) == 0;
}

Format SniffRiff(ByteSpan front) {
  if (At(front, 8, "WEBP"sv)) return Format::kWebp;
  if (At(front, 8, "AVI "sv)) return Format::kVideo;
  if (At(front, 8, "WAVE"sv)) return Format::kAudio;
  return Format::kUnknown;
}

}  // namespace

std::string_view FormatName(Format format) {
  switch (format) {
    case Format::kUnknown: return "unknown";
    case Format::kJpeg: return "jpeg";
    case Format::kPng: return "png";
    case Format::kWebp: return "webp";
    case Format::kGif: return "gif";
    case Format::kBmp: return "bmp";
    case Format::kTiff: return "tiff";
    case Format::kHeif: return "heif";
    case Format::kAvif: return "avif";
    case Format::kVideo: return "video";
    case Format::kAudio: return "audio";
    case Format::kArchive: return "archive";
    case Format::kDocument: return "document";
    case Format::kText: return "text";
  }
  return "unknown";
}

Format Sniff(ByteSpan front) {
  front = front.first(std::min(front.size(), kSniffBytes));
  for (const Magic& magic : kFrontMagic) {
    if (!At(front, 0, magic.bytes)) continue;
    const bool theora = At(front, 0, "OggS"sv) && At(front, 28, "\x80theora"sv);
    return theora ? Format::kVideo : magic.format;
  }
  if (At(front, 0, "RIFF"sv) || At(front, 0, "RF64"sv)) return SniffRiff(front);
  if (At(front, 0, "FORM"sv)) {
    return At(front, 8, "AIFF"sv) || At(front, 8, "AIFC"sv) ? Format::kAudio : Format::kUnknown;
  }
  if (IsBmp(front)) return Format::kBmp;
  // An icon's first bytes are also the size of a box of 256 or 512 bytes, and what follows is not strong
  // enough to overrule any picture's beginning.
  if (BeginsLikePicture(front)) return Format::kUnknown;
  if (At(front, 4, "ftyp"sv)) return SniffFileTypeBox(front);
  // QuickTime files from before the file type box.
  if (At(front, 4, "moov"sv) || At(front, 4, "mdat"sv) || At(front, 4, "wide"sv)) {
    return front[0] == 0 ? Format::kVideo : Format::kUnknown;
  }
  if (At(front, 0, "PK\x03\x04"sv)) return SniffZip(front);
  if (At(front, 0, "PK\x05\x06"sv) || At(front, 0, "PK\x07\x08"sv)) return Format::kArchive;
  if (At(front, 0, "BZh"sv) && front.size() >= 10 && front[3] >= '1' && front[3] <= '9' &&
      (At(front, 4, "1AY&SY"sv) || At(front, 4, "\x17\x72\x45\x38\x50\x90"sv))) {
    return Format::kArchive;
  }
  if (IsId3(front)) return Format::kAudio;
  if (IsFrameStream(front, MpegAudioFrame) || IsFrameStream(front, AdtsFrame)) return Format::kAudio;
  if (IsTransportStream(front, 0, 188) || IsTransportStream(front, 4, 192)) return Format::kVideo;
  if (IsTar(front)) return Format::kArchive;
  return Format::kUnknown;
}

bool IsDecodable(Format format) {
  return format == Format::kJpeg || format == Format::kPng || format == Format::kWebp ||
         format == Format::kGif || format == Format::kBmp || format == Format::kTiff ||
         format == Format::kHeif || format == Format::kAvif;
}

bool IsImage(Format format) {
  return IsDecodable(format);
}

}  // namespace hashgate::decode
