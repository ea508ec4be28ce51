#include "decode/sniff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace hashgate::decode {
namespace {

using namespace std::string_literals;

ByteSpan Bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Format SniffText(const std::string& text) {
  return Sniff(Bytes(text));
}

// A file type box with the given brands; the first is the major one.
std::string FileType(const std::vector<std::string>& brands, std::size_t declared_size = 0) {
  std::string box = "\0\0\0\0ftyp"s + brands[0] + "\0\0\0\0"s;
  for (std::size_t i = 1; i < brands.size(); ++i) box += brands[i];
  const std::size_t size = declared_size != 0 ? declared_size : box.size();
  box[2] = static_cast<char>(size >> 8);
  box[3] = static_cast<char>(size);
  return box + std::string(64, '\0');
}

// Writes the checksum of a tape archive's first header.
std::string WithSum(std::string block) {
  block.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char c : block.substr(0, 512)) sum += static_cast<unsigned char>(c);
  char text[8];
  std::snprintf(text, sizeof text, "%06o", sum);
  return block.replace(148, 7, text, 7);
}

std::string Tar(char first = 'a') {
  std::string block(512, '\0');
  block[0] = first;
  block.replace(257, 8, "ustar\0"s + "00");
  return WithSum(block);
}

// Three MPEG 1 layer III frames of 128 kbit/s at 44.1 kHz: 417 bytes each.
std::string Mp3(std::size_t frame = 417) {
  std::string bytes;
  for (int i = 0; i < 3; ++i) bytes += "\xff\xfb\x90\x00"s + std::string(frame - 4, 'a');
  return bytes;
}

// Three AAC frames of 100 bytes.
std::string Adts() {
  std::string bytes;
  for (int i = 0; i < 3; ++i) bytes += "\xff\xf1\x50\x80\x0c\x9f\xfc"s + std::string(93, 'a');
  return bytes;
}

// Packets of two streams, one with an adaptation field now and then; the time before each is `time`.
std::string Transport(const std::string& time) {
  std::string bytes;
  for (int i = 0; i < 24; ++i) {
    std::string packet = "\x47\x41\0\x10"s + std::string(184, 'y');
    if (i % 2 == 1) packet[2] = '\1';
    const bool adaptation = i % 6 == 0;
    packet[3] = static_cast<char>((adaptation ? 0x30 : 0x10) | (i / 2 % 16));
    if (adaptation) packet.replace(4, 2, "\x07\x10"s);
    bytes += time + packet;
  }
  return bytes;
}

struct Case {
  const char* name;
  std::string bytes;
  Format format;
};

std::vector<Case> Cases() {
  return {
      {"jpeg", "\xff\xd8\xff\xe0", Format::kJpeg},
      {"jpeg without JFIF", "\xff\xd8\xff\xdb", Format::kJpeg},
      {"png", "\x89PNG\r\n\x1a\n", Format::kPng},
      {"gif 87a", "GIF87a", Format::kGif},
      {"gif 89a", "GIF89a", Format::kGif},
      {"webp", "RIFF\x10\0\0\0WEBPVP8 "s, Format::kWebp},
      {"bmp", "BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"s, Format::kBmp},
      {"bmp of OS/2, short", "BM\x46\0\0\0\0\0\0\0\x1a\0\0\0\x14\0\0\0"s, Format::kBmp},
      {"bmp of OS/2", "BM\x46\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0"s, Format::kBmp},
      {"tiff little-endian", "II*\0"s, Format::kTiff},
      {"tiff big-endian", "MM\0*"s, Format::kTiff},
      {"big tiff", "II+\0\x08\0"s, Format::kTiff},
      {"heic", FileType({"heic", "mif1", "heic"}), Format::kHeif},
      {"heif sequence", FileType({"msf1", "hevc"}), Format::kHeif},
      {"avif", FileType({"avif", "mif1", "miaf"}), Format::kAvif},
      {"avif named by a compatible brand", FileType({"mif1", "avif"}), Format::kAvif},
      {"mp4", FileType({"isom", "iso2", "avc1", "mp41"}), Format::kVideo},
      {"mov", FileType({"qt  "}), Format::kVideo},
      {"3gp", FileType({"3gp4", "isom"}), Format::kVideo},
      {"m4a", FileType({"M4A ", "isom"}), Format::kAudio},
      {"mov from before the file type box", "\0\0\x10\x10moov"s, Format::kVideo},
      {"matroska", "\x1a\x45\xdf\xa3", Format::kVideo},
      {"avi", "RIFF\x10\0\0\0AVI LIST"s, Format::kVideo},
      {"flv", "FLV\x01\x05", Format::kVideo},
      {"asf", "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"s, Format::kVideo},
      {"mpeg program stream", "\0\0\x01\xba"s, Format::kVideo},
      {"mpeg transport stream", Transport(""), Format::kVideo},
      {"blu-ray transport stream", Transport("\x0a\x10\x20\x30"), Format::kVideo},
      {"theora", "OggS\0"s + std::string(23, '\0') + "\x80theora", Format::kVideo},
      {"ogg", "OggS\0"s + std::string(23, '\0') + "\x01vorbis", Format::kAudio},
      {"flac", "fLaC\0\0\0\x22"s, Format::kAudio},
      {"wav", "RIFF\x10\0\0\0WAVEfmt "s, Format::kAudio},
      {"aiff", "FORM\0\0\0\x10"s + "AIFF", Format::kAudio},
      {"midi", "MThd\0\0\0\x06"s, Format::kAudio},
      {"mp3 with a tag", "ID3\x03\0\0\0\0\0\x0a"s, Format::kAudio},
      {"mp3 frames", Mp3(), Format::kAudio},
      {"aac frames", Adts(), Format::kAudio},
      {"zip", "PK\x03\x04"s + std::string(26, '\0') + "photo.jpg", Format::kArchive},
      {"empty zip", "PK\x05\x06", Format::kArchive},
      {"office", "PK\x03\x04"s + std::string(26, '\0') + "[Content_Types].xml", Format::kDocument},
      {"opendocument", "PK\x03\x04"s + std::string(26, '\0') + "mimetypeapplication", Format::kDocument},
      {"gzip", "\x1f\x8b\x08", Format::kArchive},
      {"7z", "7z\xbc\xaf\x27\x1c", Format::kArchive},
      {"rar", "Rar!\x1a\x07\x01", Format::kArchive},
      {"xz", "\xfd\x37zXZ\0"s, Format::kArchive},
      {"zstandard", "\x28\xb5\x2f\xfd", Format::kArchive},
      {"bzip2", "BZh91AY&SY", Format::kArchive},
      {"tar", Tar(), Format::kArchive},
      {"pdf", "%PDF-1.7", Format::kDocument},
      {"older office", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Format::kDocument},
  };
}

TEST(Sniff, KnowsEachFormatByItsMagic) {
  for (const Case& c : Cases()) {
    EXPECT_EQ(SniffText(c.bytes), c.format) << c.name << ": " << FormatName(SniffText(c.bytes));
    // A transport stream is packets all through.
    if (std::string_view(c.name).ends_with("transport stream")) continue;
    EXPECT_EQ(SniffText(c.bytes + std::string(5'000, 'z')), c.format)
        << c.name << " must not depend on what follows";
  }
}

TEST(Sniff, APartOfTheMagicIsNotEnough) {
  for (const Case& c : Cases()) {
    for (std::size_t length = 0; length < 3; ++length) {
      if (c.bytes.size() <= length) continue;
      EXPECT_EQ(SniffText(c.bytes.substr(0, length)), Format::kUnknown) << c.name << " cut to " << length;
    }
  }
}

TEST(Sniff, GivesUnknownForWhatItDoesNotKnow) {
  for (const std::string& bytes :
       {""s, "BM is how this text begins, and it goes on"s, "\0\0\x01\0\x01\0"s /* icon */, "8BPS"s,
        "\xff\x0a"s, "\0\0\0\x0cJXL \r\n\x87\n"s, "\0\0\0\x0cjP  \r\n\x87\n"s, "hello"s, "<svg/>"s,
        "RIFF....ABCD"s, FileType({"crx ", "isom"}) /* raw photograph */, FileType({"zzzz"}),
        std::string(4096, '\xff')}) {
    EXPECT_EQ(SniffText(bytes), Format::kUnknown) << FormatName(SniffText(bytes));
  }
}

// NOT_AN_IMAGE lets a file pass unlooked at: a picture must not get there by a trick.
TEST(Sniff, APictureBrandAnywhereMakesThePicture) {
  EXPECT_EQ(SniffText(FileType({"isom", "mp41", "heic"})), Format::kHeif);
  EXPECT_EQ(SniffText(FileType({"M4A ", "avif"})), Format::kAvif);
  // The box goes on beyond what is seen, so the list of brands is not complete.
  EXPECT_EQ(SniffText(FileType({"isom"}, 8'000)), Format::kUnknown);
  EXPECT_EQ(SniffText(FileType({"isom"}, 4)), Format::kUnknown);
}

TEST(Sniff, AudioTakesMoreThanTheSyncOfOneFrame) {
  EXPECT_EQ(SniffText(Mp3().substr(0, 420)), Format::kUnknown);
  EXPECT_EQ(SniffText(Mp3(418)), Format::kUnknown) << "the next frame is not where the first says";
  EXPECT_EQ(SniffText("ID3\x03\0\0\xff\0\0\x0a"s), Format::kUnknown) << "a size byte over 127";
}

TEST(Sniff, ATapeArchiveHasAWholeHeader) {
  EXPECT_EQ(SniffText(Tar('<')), Format::kUnknown);
  std::string wrong_sum = Tar();
  wrong_sum[1] = 'b';
  EXPECT_EQ(SniffText(wrong_sum), Format::kUnknown);
  EXPECT_EQ(SniffText(WithSum(Tar().replace(2, 1, "x"))), Format::kUnknown) << "bytes behind the name";
  EXPECT_EQ(SniffText(WithSum(Tar().replace(100, 1, "x"))), Format::kUnknown) << "a number that is none";
  EXPECT_EQ(SniffText(WithSum(Tar().replace(0, 14, "BACKUP/one.jpg"))), Format::kArchive);
}

TEST(Sniff, TransportPacketsMustMakeSense) {
  const std::string good = Transport("");
  struct Change {
    const char* name;
    std::size_t at;
    int value;
  };
  for (const Change& change :
       {Change{"sync", 188, 0}, Change{"error", 189, 0xc1}, Change{"reserved id", 189, 0},
        Change{"no content", 191, 0}, Change{"counter", 188 * 3 + 3, 0x17},
        Change{"adaptation too long", 188 * 6 + 4, 183}}) {
    std::string bytes = good;
    bytes[change.at] = static_cast<char>(change.value);
    if (change.at == 189 && change.value == 0) bytes[190] = 5;
    EXPECT_EQ(SniffText(bytes), Format::kUnknown) << change.name;
  }
  EXPECT_EQ(SniffText(std::string(4096, 'G')), Format::kUnknown) << "sync bytes alone";
}

// What browsers tell by its first bytes (source: mimesniff.spec.whatwg.org, "matching an image type pattern",
// and the brands of HEIF and AVIF), pictures that other viewers know, and beginnings of markup.
std::vector<std::string> Beginnings() {
  std::vector<std::string> all = {
      "GIF87a"s, "GIF89a"s, "\x89PNG\r\n\x1a\n"s, "\xff\xd8\xff"s, "RIFF\x10\0\0\0WEBPVP8 "s,
      "\0\0\x01\0"s /* icon */, "\0\0\x02\0"s /* cursor */, "\0\0\x01\0\x66\x74"s, "II*\0"s, "MM\0*"s,
      "8BPS\0\x01"s, "\xff\x0a"s, "\0\0\0\x0cJXL \r\n\x87\n"s, "\0\0\0\x0cjP  \r\n\x87\n"s,
      "\xff\x4f\xff\x51"s, "qoif"s, "P5 99 99 255 "s, "P6\n"s, "II\xbc\x01"s, "\x76\x2f\x31\x01"s,
      "#?RADIANCE\n"s, "BPG\xfb"s, "FLIF"s, "\x8aMNG"s, "DDS "s, "/* XPM */"s,
      FileType({"avif", "mif1"}).substr(0, 20), FileType({"heic", "mif1"}).substr(0, 20),
      FileType({"isom", "avci"}).substr(0, 20),
      // Markup: SVG and HTML, with what may stand before the root.
      "<"s, "<svg "s, "<!--"s, "<?xml"s, "<html"s, " <"s, "\n\t\r <"s, "\xef\xbb\xbf<"s, "\xef\xbb\xbf \n<"s,
      "\xff\xfe<\0"s, "\xff\xfe \0"s, "\xfe\xff\0<"s, "\0<\0s"s, "<\0s\0"s};
  // Chromium takes every multiple of four from 16 to 64 and these; Firefox all from 12 on.
  std::vector<int> sizes = {12, 42, 46, 108, 124};
  for (int size = 16; size <= 64; size += 4) sizes.push_back(size);
  for (const int size : sizes) {
    all.push_back("BM\x46\0\0\0\0\0\0\0\x1a\x04\0\0"s + static_cast<char>(size) + "\0\0\0\xb0\0\0\0"s);
    all.push_back("BA\x28\0\0\0\0\0\0\0\x20\x03\x58\x02"s + all.back());
  }
  return all;
}

// Bytes that make a file something else, placed so that they keep clear of the file's beginning.
struct Trigger {
  const char* name;
  std::size_t at;
  std::string bytes;
};
std::vector<Trigger> Triggers() {
  return {
      {"tar", 0, Tar()},
      {"transport stream", 0, Transport("")},
      {"transport stream with times", 0, Transport("\x0a\x10\x20\x30")},
      {"mp3", 0, Mp3()},
      {"adts", 0, Adts()},
      {"sync bytes every 188", 0, std::string(4096, 'G')},
      {"mp4", 0, FileType({"isom", "mp41"}, 256) + std::string(256, '\0')},
      {"mp4 of 512", 0, FileType({"isom", "mp41"}, 512) + std::string(512, '\0')},
      {"audio", 0, FileType({"M4A ", "isom"}, 256) + std::string(256, '\0')},
      {"mov", 4, "moov"},
      {"mov data", 4, "mdat"},
      {"mov wide", 4, "wide"},
      {"riff", 8, "WAVE"},
      {"theora", 28, "\x80theora"},
      {"zip name", 30, "[Content_Types].xml"},
  };
}

TEST(Sniff, NothingInsideAPictureMakesItSomethingElse) {
  for (const std::string& beginning : Beginnings()) {
    for (const Trigger& trigger : Triggers()) {
      for (const bool at_end_of_beginning : {false, true}) {
        // Laid under the beginning, as a polyglot has it; or wholly behind it.
        std::string file(5'000, ' ');
        const std::size_t at = trigger.at + (at_end_of_beginning ? beginning.size() : 0);
        file.replace(at, trigger.bytes.size(), trigger.bytes);
        file.replace(0, beginning.size(), beginning);
        if (std::string_view(trigger.name) == "tar") file = WithSum(file);
        const Format format = SniffText(file);
        EXPECT_TRUE(format == Format::kUnknown || IsImage(format))
            << ::testing::PrintToString(beginning) << " with " << trigger.name << ": " << FormatName(format);
      }
    }
  }
}

TEST(Sniff, AUtf16PageIsNoLayerOneAudio) {
  // The mark is also the sync of an audio frame; the frame's 68 bytes recur inside a comment.
  std::string page;
  for (int i = 0; i < 8; ++i) page += "\xff\xfe\x20\0"s + std::string(64, 'x');
  EXPECT_EQ(SniffText(page), Format::kUnknown);
}

TEST(Sniff, FormatsHaveNamesAndClasses) {
  EXPECT_EQ(FormatName(Format::kWebp), "webp");
  EXPECT_EQ(FormatName(static_cast<Format>(99)), "unknown");
  EXPECT_TRUE(IsDecodable(Format::kBmp));
  EXPECT_TRUE(IsDecodable(Format::kTiff));
  EXPECT_FALSE(IsDecodable(Format::kDocument));
  EXPECT_FALSE(IsDecodable(Format::kUnknown));
  EXPECT_TRUE(IsImage(Format::kTiff));
  EXPECT_TRUE(IsImage(Format::kGif));
  EXPECT_FALSE(IsImage(Format::kVideo));
  EXPECT_FALSE(IsImage(Format::kUnknown));
}

}  // namespace
}  // namespace hashgate::decode
