#include "app/cli/scan_line.h"

#include "app/cli/output.h"
#include "hashgate/verdict.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/json.h"

namespace hashgate::cli {
namespace {

void Pad(std::string& text, std::size_t width) {
  text.append(text.size() < width ? width - text.size() : 0, ' ');
  text += "  ";
}

std::string_view AlgorithmWord(v1::Algorithm algorithm) {
  switch (algorithm) {
    case v1::ALGORITHM_MD5: return "MD5";
    case v1::ALGORITHM_SHA1: return "SHA-1";
    case v1::ALGORITHM_SHA256: return "SHA-256";
    case v1::ALGORITHM_PDQ: return "PDQ";
    case v1::ALGORITHM_PHOTODNA: return "PhotoDNA";
    default: return AlgorithmName(rpc::FromProto(algorithm));
  }
}

std::string MatchText(const v1::Match& match) {
  std::string text = Printable(match.list()) + " (";
  bool first = true;
  for (const int algorithm : match.algorithms()) {
    if (!first) text += " + ";
    first = false;
    text += AlgorithmWord(static_cast<v1::Algorithm>(algorithm));
  }
  if (match.has_distance_bits()) text += ", " + std::to_string(match.distance_bits()) + " bits";
  for (const v1::MatchDistance& row : match.distances()) {
    text += ", distance " + std::to_string(row.distance());
  }
  if (match.digest_conflict()) text += ", conflict";
  if (match.hidden_only()) text += ", where nobody looks";
  return text + ")";
}

std::string Finding(const v1::ScanResult& result, const std::string& error) {
  const std::string cause(Name(rpc::FromProto(result.cause())));
  switch (result.outcome()) {
    case v1::OUTCOME_MATCHED:
      if (result.matches().empty()) return "matched";
      return MatchText(result.matches(0)) +
             (result.matches_size() > 1 ? " and " + std::to_string(result.matches_size() - 1) + " more" : "");
    case v1::OUTCOME_NOT_MATCHED: return cause == "NOT_AN_IMAGE" ? "no match (not a picture)" : "no match";
    case v1::OUTCOME_UNSCANNABLE: return "not scannable: " + cause;
    default: return "not scanned: " + cause + (error.empty() ? "" : " (" + Printable(error) + ")");
  }
}

}  // namespace

v1::Verdict KnownVerdict(v1::Verdict verdict) {
  return verdict != v1::VERDICT_UNSPECIFIED && v1::Verdict_IsValid(verdict) ? verdict : v1::VERDICT_HOLD;
}

std::string ScanJson(const std::string& file, const v1::ScanResult& result, const std::string& error,
                     bool remembered) {
  JsonObject object;
  object.File(file).Members(rpc::ToJson(result));
  if (!error.empty()) object.Text("error", error);
  if (remembered) object.Bool("remembered", true);
  return object.Line();
}

std::string ScanText(const std::string& file, const v1::ScanResult& result, const std::string& error,
                     bool remembered) {
  std::string line(Name(rpc::FromProto(KnownVerdict(result.verdict()))));
  Pad(line, 16);
  std::string finding = Finding(result, error) + (remembered ? ", remembered" : "");
  Pad(finding, 38);
  return line + finding + Printable(file);
}

}  // namespace hashgate::cli
