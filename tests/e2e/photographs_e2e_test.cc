// Photographs that people took, out of a Debian package: `hashgate hash` against the textbook over another
// decoder, and their turned copies against a list of the originals. HASHGATE_FULL=1 only, since the package
// is large.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "hash/perceptual/pdq_textbook.h"
#include "testing/gate_client.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolder = "/usr/share/backgrounds/mate/nature";
constexpr int kTolerance = 4;

/// Rows x cols of R, G, B.
struct RgbPicture {
  int rows = 0;
  int cols = 0;
  std::string samples;
};

bool IsFullRun() {
  const char* full = std::getenv("HASHGATE_FULL");
  return full != nullptr && *full != '\0';
}

std::vector<fs::path> Photographs() {
  std::vector<fs::path> found;
  for (const auto& file : fs::directory_iterator(kFolder)) {
    if (file.path().extension() == ".jpg") {
      found.push_back(file.path());
    }
  }
  std::ranges::sort(found);
  return found;
}

/// Decodes with libjpeg-turbo's own program, as the reference's file tools get their pixels.
RgbPicture DecodeElsewhere(const fs::path& file) {
  const RunResult run = RunProgram({"/usr/bin/djpeg", "-rgb", "-pnm", file.string()});
  EXPECT_EQ(run.exit_code, 0) << file << ": " << run.err;
  std::istringstream header(run.out.substr(0, 64));
  std::string magic;
  RgbPicture picture;
  int highest = 0;
  header >> magic >> picture.cols >> picture.rows >> highest;
  EXPECT_EQ(magic, "P6");
  EXPECT_EQ(highest, 255);
  picture.samples = run.out.substr(static_cast<std::size_t>(header.tellg()) + 1);
  EXPECT_EQ(picture.samples.size(), std::size_t{3} * picture.rows * picture.cols);
  return picture;
}

perceptual::LumaPlane LumaOf(const RgbPicture& picture) {
  perceptual::LumaPlane luma{.samples = {}, .rows = picture.rows, .cols = picture.cols};
  const auto at = [&](std::size_t i) {
    return static_cast<float>(static_cast<unsigned char>(picture.samples[i]));
  };
  for (std::size_t i = 0; i + 2 < picture.samples.size(); i += 3) {
    luma.samples.push_back(0.299F * at(i) + 0.587F * at(i + 1) + 0.114F * at(i + 2));
  }
  return luma;
}

/// Turns 1..7: bit 0 mirrors columns, bit 1 mirrors rows, bit 2 transposes.
RgbPicture TurnPicture(const RgbPicture& from, int turn) {
  const bool transposed = (turn & 4) != 0;
  RgbPicture to{.rows = transposed ? from.cols : from.rows,
                .cols = transposed ? from.rows : from.cols,
                .samples = std::string(from.samples.size(), '\0')};
  for (int row = 0; row < to.rows; ++row) {
    for (int col = 0; col < to.cols; ++col) {
      int from_row = transposed ? col : row;
      int from_col = transposed ? row : col;
      from_col = (turn & 1) != 0 ? from.cols - 1 - from_col : from_col;
      from_row = (turn & 2) != 0 ? from.rows - 1 - from_row : from_row;
      std::copy_n(
          from.samples.begin() + std::ptrdiff_t{3} * (std::ptrdiff_t{from_row} * from.cols + from_col), 3,
          to.samples.begin() + std::ptrdiff_t{3} * (std::ptrdiff_t{row} * to.cols + col));
    }
  }
  return to;
}

std::string EncodeElsewhere(const RgbPicture& picture, const fs::path& folder) {
  const fs::path plain = folder / "turned.ppm";
  WriteWholeFile(plain, "P6\n" + std::to_string(picture.cols) + " " + std::to_string(picture.rows) +
                            "\n255\n" + picture.samples);
  const RunResult run = RunProgram({"/usr/bin/cjpeg", "-quality", "90", plain.string()});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  return run.out;
}

int Bits(const std::string& hex, const PdqHash& hash) {
  const auto parsed = PdqHash::FromHex(hex);
  EXPECT_TRUE(parsed) << hex;
  return parsed ? Distance(*parsed, hash) : 256;
}

TEST(PhotographsTest, HashLikeTheReferenceDoesOverAnotherDecoder) {
  if (!IsFullRun()) {
    GTEST_SKIP() << "HASHGATE_FULL is not set";
  }
  const auto photographs = Photographs();
  ASSERT_GE(photographs.size(), 8U) << "the package mate-backgrounds is missing";
  std::string distances;
  int good = 0;
  for (const fs::path& file : photographs) {
    SCOPED_TRACE(file.filename());
    const auto expected = perceptual::TextbookPdq(LumaOf(DecodeElsewhere(file)).view());
    const RunResult run = RunProgram({BinaryPath("hashgate"), "hash", "--json", file.string()});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const auto answer = nlohmann::json::parse(run.out);
    const auto pdq = std::ranges::find_if(answer["hashes"], [](const auto& hash) {
      return hash["algorithm"] == "pdq" && hash["pipeline"] == "full";
    });
    ASSERT_NE(pdq, answer["hashes"].end());
    const int distance = Bits((*pdq)["hex"], expected.hash);
    distances += std::to_string(distance) + " ";
    EXPECT_NEAR((*pdq)["quality"].get<int>(), expected.quality, 1);
    if (expected.quality >= 80) {
      ++good;
      EXPECT_LE(distance, kTolerance);
    }
  }
  EXPECT_GE(good, 8) << "too few photographs of quality 80 to say anything";
  std::cout << "bits from the reference: " << distances << '\n';
}

TEST(PhotographsTest, TurnedCopiesOfAListedPhotographMatchWithinFourBits) {
  if (!IsFullRun()) {
    GTEST_SKIP() << "HASHGATE_FULL is not set";
  }
  const fs::path folder = FreshFolder();
  const auto server = StartServer(folder);
  ASSERT_NE(server, nullptr);
  const GateClient client(server->NewChannel());
  ASSERT_TRUE(client.CreateList(SyntheticList("photographs")).ok());

  const auto photographs = Photographs();
  std::vector<v1::ImportRecord> records;
  std::vector<RgbPicture> pictures;
  for (const fs::path& file : photographs) {
    pictures.push_back(DecodeElsewhere(file));
    const auto hashed = perceptual::TextbookPdq(LumaOf(pictures.back()).view());
    const auto& bytes = hashed.hash.bytes();
    records.push_back(RecordOf(static_cast<std::int64_t>(records.size()) + 1, file.stem().string(),
                               v1::ALGORITHM_PDQ,
                               std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())));
    records.back().mutable_entry()->mutable_hashes(0)->set_quality(hashed.quality);
  }
  const ImportReply imported = client.Import("photographs", records);
  ASSERT_TRUE(imported.status.ok()) << imported.status.error_message();

  std::string distances;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    for (int turn = 1; turn < 8; ++turn) {
      SCOPED_TRACE(photographs[i].filename().string() + " turn " + std::to_string(turn));
      const ScanReply reply = client.Scan(EncodeElsewhere(TurnPicture(pictures[i], turn), folder));
      ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
      const auto& matches = reply.result.matches();
      const auto match = std::ranges::find_if(matches, [&](const v1::Match& found) {
        return found.source_id() == photographs[i].stem().string();
      });
      ASSERT_NE(match, matches.end()) << "no match with its original";
      EXPECT_LE(match->distance_bits(), kTolerance);
      EXPECT_EQ(reply.result.verdict(), v1::VERDICT_BLOCK);
      distances += std::to_string(match->distance_bits()) + " ";
    }
  }
  std::cout << "bits between turned copy and original: " << distances << '\n';
}

}  // namespace
}  // namespace hashgate::testing
