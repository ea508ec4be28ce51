#include "exchange/file/importers.h"
#include "exchange/file/record_builder.h"

namespace hashgate::exchange {
namespace {

constexpr std::string_view kAmbiguous =
    "64 hex digits can be PDQ or SHA-256: say which with --algorithm pdq or --algorithm sha256";
constexpr std::string_view kAmbiguousShort =
    "16 hex digits can be phash or average: say which with --algorithm phash or --algorithm average";

// What a line is, by its length.
Algorithm AlgorithmOf(std::string_view text, Algorithm chosen) {
  switch (text.size()) {
    case 32: return Algorithm::kMd5;
    case 40: return Algorithm::kSha1;
    case 16:
    case 64: return HashSize(chosen) * 2 == text.size() ? chosen : Algorithm::kUnspecified;
    case 144: return Algorithm::kMarrHildreth;
    case 192:
    case 288: return Algorithm::kPhotoDna;
    default: return Algorithm::kUnspecified;
  }
}

bool IsPassedOver(std::string_view text) {
  return text.empty() || text.front() == '#';
}

class LinesImporter : public FileImporter {
 public:
  LinesImporter(Input input, const ImporterOptions& options)
      : FileImporter(std::move(input), FileFormat::kLines),
        algorithm_(options.algorithm),
        max_bytes_(options.max_record_bytes),
        whole_(options.replaces) {}

  Result<bool> Next(std::size_t limit, std::vector<lists::ImportRecord>& out) override {
    for (std::size_t i = 0; i < limit; ++i) {
      HASHGATE_ASSIGN_OR_RETURN(const bool more, input_.ReadLine(max_bytes_, line_));
      if (!more) return false;
      const std::string_view text = Trim(line_.text);
      if (!line_.overlong && IsPassedOver(text)) continue;
      RecordBuilder record(line_.number);
      if (line_.overlong) {
        record.SetProblem("the line is longer than " + std::to_string(max_bytes_) + " bytes");
      } else if (const Algorithm algorithm = AlgorithmOf(text, algorithm_);
                 algorithm != Algorithm::kUnspecified) {
        record.AddHash(algorithm, text);
      } else if (text.size() == 64) {
        record.SetProblem(std::string(kAmbiguous));
      } else if (text.size() == 16) {
        record.SetProblem(std::string(kAmbiguousShort));
      } else {
        record.SetProblem(
            "no known hash has " + std::to_string(text.size()) +
            " characters: MD5 has 32 hex digits, SHA-1 40, PDQ and SHA-256 64, marr_hildreth 144");
      }
      if (whole_ && !line_.ended && !record.ok()) return BreaksOff("line " + std::to_string(line_.number));
      out.push_back(record.Finish());
    }
    return true;
  }

 private:
  Algorithm algorithm_;
  std::size_t max_bytes_;
  bool whole_;
  Line line_;
};

}  // namespace

Result<std::unique_ptr<Importer>> OpenLines(Input input, const ImporterOptions& options) {
  if (options.algorithm == Algorithm::kUnspecified) {
    // Told at once rather than once for each of a million lines.
    HASHGATE_ASSIGN_OR_RETURN(std::string_view front, input.Peek(Input::kBlock));
    while (!front.empty()) {
      const std::size_t end = front.find('\n');
      std::string_view line = front.substr(0, end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      line = Trim(line);
      if (!IsPassedOver(line)) {
        if (line.size() == 64) return Fail(Reason::kRequestInvalid, std::string(kAmbiguous), "algorithm");
        if (line.size() == 16)
          return Fail(Reason::kRequestInvalid, std::string(kAmbiguousShort), "algorithm");
        break;
      }
      if (end == std::string_view::npos) break;
      front.remove_prefix(end + 1);
    }
  }
  return std::make_unique<LinesImporter>(std::move(input), options);
}

}  // namespace hashgate::exchange
