#include "testkit/hostile/dictionary.h"

#include <array>

namespace hashgate::testkit::hostile {
namespace {

using namespace std::string_view_literals;

constexpr std::array kPng = {"\x89PNG\r\n\x1a\n"sv,
                             "IHDR"sv,
                             "PLTE"sv,
                             "IDAT"sv,
                             "IEND"sv,
                             "tRNS"sv,
                             "gAMA"sv,
                             "cHRM"sv,
                             "sRGB"sv,
                             "iCCP"sv,
                             "sBIT"sv,
                             "bKGD"sv,
                             "hIST"sv,
                             "pHYs"sv,
                             "sPLT"sv,
                             "tIME"sv,
                             "tEXt"sv,
                             "zTXt"sv,
                             "iTXt"sv,
                             "eXIf"sv,
                             "acTL"sv,
                             "fcTL"sv,
                             "fdAT"sv,
                             "cICP"sv,
                             "\x7f\xff\xff\xff"sv,
                             "\x80\0\0\0"sv,
                             "\0\0\0\1"sv,
                             "\0\0\0\0"sv,
                             "\x78\x01"sv,
                             "\x78\x9c"sv,
                             "\x78\xda"sv,
                             "\0\0\xff\xff"sv};
constexpr std::array kJpeg = {"\xff\xd8"sv,
                              "\xff\xd9"sv,
                              "\xff\xda"sv,
                              "\xff\xdb"sv,
                              "\xff\xdd"sv,
                              "\xff\xc0"sv,
                              "\xff\xc1"sv,
                              "\xff\xc2"sv,
                              "\xff\xc3"sv,
                              "\xff\xc4"sv,
                              "\xff\xc9"sv,
                              "\xff\xcc"sv,
                              "\xff\xd0"sv,
                              "\xff\xd7"sv,
                              "\xff\xdc"sv,
                              "\xff\xe0"sv,
                              "\xff\xe1"sv,
                              "\xff\xe2"sv,
                              "\xff\xee"sv,
                              "\xff\xfe"sv,
                              "\xff\xff"sv,
                              "\xff\0"sv,
                              "\xff\xc0\0\x11\x08"sv,
                              "\xff\xc2\0\x11\x08"sv,
                              "\xff\xda\0\x0c\3"sv,
                              "\xff\xdd\0\4\0\1"sv,
                              "\xff\xdc\0\4\xff\xff"sv,
                              "JFIF\0"sv,
                              "Exif\0\0"sv,
                              "ICC_PROFILE\0"sv,
                              "MPF\0"sv,
                              "Adobe\0"sv,
                              "http://ns.adobe.com/xap/1.0/\0"sv,
                              "II*\0"sv,
                              "MM\0*"sv};
constexpr std::array kRiff = {"RIFF"sv,
                              "WEBP"sv,
                              "VP8 "sv,
                              "VP8L"sv,
                              "VP8X"sv,
                              "ALPH"sv,
                              "ANIM"sv,
                              "ANMF"sv,
                              "ICCP"sv,
                              "EXIF"sv,
                              "XMP "sv,
                              "\x2f"sv,
                              "\x9d\x01\x2a"sv,
                              "\xff\xff\xff"sv,
                              "\xff\xff\xff\xff"sv,
                              "\0\0\0\0"sv,
                              "\x0a\0\0\0"sv,
                              "\x10\0\0\0"sv,
                              "\xfe\xff\xff\xff"sv,
                              "\xf7\xff\xff\xff"sv,
                              "WAVE"sv,
                              "AVI "sv};
constexpr std::array kGif = {
    "GIF87a"sv,      "GIF89a"sv,       "\x21\xf9\4"sv, "\x21\xff\x0b"sv, "\x21\xfe"sv,         "\x21\1\x0c"sv,
    "NETSCAPE2.0"sv, "\x2c"sv,         "\x3b"sv,       "\x2c\0\0\0\0"sv, "\xff\xff\xff\xff"sv, "\0"sv,
    "\xff"sv,        "\2\2\x4c\1\0"sv, "\x0c"sv,       "\x0d"sv,         "\1\3\1\0\0\0"sv,     "\x87"sv,
    "\xc7"sv,        "\x47"sv};
constexpr std::array kBmp = {"BM"sv,
                             "\x0c\0\0\0"sv,
                             "\x10\0\0\0"sv,
                             "\x28\0\0\0"sv,
                             "\x34\0\0\0"sv,
                             "\x38\0\0\0"sv,
                             "\x40\0\0\0"sv,
                             "\x6c\0\0\0"sv,
                             "\x7c\0\0\0"sv,
                             "\1\0\1\0"sv,
                             "\1\0\4\0"sv,
                             "\1\0\x08\0"sv,
                             "\1\0\x10\0"sv,
                             "\1\0\x18\0"sv,
                             "\1\0\x20\0"sv,
                             "\1\0\0\0"sv,
                             "\2\0\0\0"sv,
                             "\3\0\0\0"sv,
                             "\4\0\0\0"sv,
                             "\5\0\0\0"sv,
                             "\6\0\0\0"sv,
                             "\0\0\0\x80"sv,
                             "\xff\xff\xff\x7f"sv,
                             "\xff\xff\xff\xff"sv,
                             "BGRs"sv,
                             "DEBM"sv,
                             "LINK"sv,
                             "\0\1"sv,
                             "\0\2\xff\xff"sv};
constexpr std::array kBoxes = {"ftyp"sv,
                               "heic"sv,
                               "heix"sv,
                               "hevc"sv,
                               "mif1"sv,
                               "msf1"sv,
                               "avif"sv,
                               "avis"sv,
                               "meta"sv,
                               "hdlr"sv,
                               "pict"sv,
                               "pitm"sv,
                               "iloc"sv,
                               "iinf"sv,
                               "infe"sv,
                               "iref"sv,
                               "iprp"sv,
                               "ipco"sv,
                               "ipma"sv,
                               "ispe"sv,
                               "hvcC"sv,
                               "av1C"sv,
                               "colr"sv,
                               "nclx"sv,
                               "prof"sv,
                               "pixi"sv,
                               "irot"sv,
                               "imir"sv,
                               "clap"sv,
                               "auxC"sv,
                               "grid"sv,
                               "iovl"sv,
                               "iden"sv,
                               "thmb"sv,
                               "dimg"sv,
                               "auxl"sv,
                               "cdsc"sv,
                               "Exif"sv,
                               "mime"sv,
                               "idat"sv,
                               "mdat"sv,
                               "moov"sv,
                               "trak"sv,
                               "mdia"sv,
                               "minf"sv,
                               "stbl"sv,
                               "stsd"sv,
                               "stsz"sv,
                               "stco"sv,
                               "stsc"sv,
                               "stts"sv,
                               "hvc1"sv,
                               "av01"sv,
                               "\0\0\0\1"sv,
                               "\0\0\0\0"sv,
                               "\x7f\xff\xff\xff"sv,
                               "\xff\xff\xff\xff"sv};
constexpr std::array kTiff = {"II*\0"sv,        "MM\0*"sv,        "II+\0"sv,
                              "\0\1\3\0"sv,     "\1\1\3\0"sv,     "\2\1\3\0"sv,
                              "\3\1\3\0"sv,     "\6\1\3\0"sv,     "\x11\1\4\0"sv,
                              "\x15\1\3\0"sv,   "\x16\1\4\0"sv,   "\x17\1\4\0"sv,
                              "\x1c\1\3\0"sv,   "\x3d\1\3\0"sv,   "\x40\1\3\0"sv,
                              "\x42\1\4\0"sv,   "\x43\1\4\0"sv,   "\x44\1\4\0"sv,
                              "\x45\1\4\0"sv,   "\x4a\1\4\0"sv,   "\x52\1\3\0"sv,
                              "\5\0\0\0"sv,     "\x07\0\0\0"sv,   "\x08\0\0\0"sv,
                              "\xb2\x80\0\0"sv, "\x05\x80\0\0"sv, "\xff\xff\xff\xff"sv,
                              "\0\0\0\x80"sv,   "\x01\0\0\0"sv};

constexpr std::array kAll = {
    Dictionary{"png", Layout::kPng, kPng},    Dictionary{"jpeg", Layout::kJpeg, kJpeg},
    Dictionary{"webp", Layout::kRiff, kRiff}, Dictionary{"gif", Layout::kGif, kGif},
    Dictionary{"bmp", Layout::kBmp, kBmp},    Dictionary{"heif", Layout::kBoxes, kBoxes},
    Dictionary{"tiff", Layout::kOther, kTiff}};

}  // namespace

std::span<const Dictionary> Dictionaries() {
  return kAll;
}

const Dictionary& DictionaryOf(Layout layout) {
  for (const Dictionary& dictionary : kAll) {
    if (dictionary.layout == layout) return dictionary;
  }
  return kAll.back();
}

std::string DictionaryText(const Dictionary& dictionary) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const std::string_view word : dictionary.words) {
    text += '"';
    for (const char c : word) {
      const auto byte = static_cast<std::uint8_t>(c);
      text += "\\x";
      text += kHex[byte >> 4];
      text += kHex[byte & 15];
    }
    text += "\"\n";
  }
  return text;
}

}  // namespace hashgate::testkit::hostile
