#include "exchange/importer.h"

#include <algorithm>

#include "exchange/file/importers.h"
#include "exchange/file/record_builder.h"
#include "exchange/signed/snapshot.h"

namespace hashgate::exchange {
namespace {

constexpr std::string_view kNames[] = {"auto",  "lines",          "csv",     "jsonl", "json", "vics",
                                       "ncmec", "threatexchange", "snapshot"};
static_assert(std::size(kNames) == kFileFormatCount);
constexpr std::size_t kFrontBytes = 64 * 1024;

bool IsHashLine(std::string_view line) {
  constexpr std::size_t kLengths[] = {16, 32, 40, 64, 144, 288};
  const bool length = std::ranges::find(kLengths, line.size()) != std::end(kLengths);
  return length && std::ranges::all_of(line, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

// The first name in the JSON object that begins here, as it is written.
std::string_view FirstName(std::string_view object) {
  const std::size_t quote = object.find('"');
  if (quote == std::string_view::npos) return {};
  const std::string_view rest = object.substr(quote + 1);
  return rest.substr(0, rest.find('"'));
}

// The first line that says something, without its end.
std::string_view FirstLine(std::string_view front) {
  while (!front.empty()) {
    const std::size_t end = front.find('\n');
    std::string_view line = front.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = Trim(line);
    if (!line.empty() && line.front() != '#') return line;
    if (end == std::string_view::npos) break;
    front.remove_prefix(end + 1);
  }
  return {};
}

Result<FileFormat> DetectFormat(std::string_view front) {
  const auto unknown = [](std::string message) {
    return Fail(Reason::kRequestInvalid, std::move(message), "format");
  };
  if (front.starts_with(kSnapshotMagic)) return FileFormat::kSnapshot;
  if (front.starts_with("\xff\xfe") || front.starts_with("\xfe\xff")) {
    return unknown("the file is UTF-16 text: save it as UTF-8");
  }
  const std::size_t start = front.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return FileFormat::kLines;  // empty: nothing to import
  const std::string_view text = front.substr(start);
  if (text.front() == '<') return FileFormat::kNcmec;
  if (text.front() == '[') return FileFormat::kJson;
  if (text.front() == '{') {
    // A VICS file names its model in its first member; an answer of ThreatExchange begins with its data.
    const std::string_view name = FirstName(text);
    if (name.starts_with("odata.") || name.starts_with("@odata.")) return FileFormat::kVics;
    return name == "data" ? FileFormat::kThreatExchange : FileFormat::kJsonl;
  }
  const std::string_view line = FirstLine(front);
  if (line.empty() || IsHashLine(line)) return FileFormat::kLines;
  if (line.find("td_raw_indicator") != std::string_view::npos) return FileFormat::kThreatExchange;
  if (line.find_first_of(",;\t") != std::string_view::npos || FindField(line) >= 0) return FileFormat::kCsv;
  return unknown("the file's format cannot be told from its first line: say it with --format");
}

}  // namespace

std::string_view FileFormatName(FileFormat format) {
  return kNames[static_cast<std::size_t>(format)];
}

Result<FileFormat> ParseFileFormat(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<FileFormat>(i);
  }
  std::string message = "'" + std::string(name.substr(0, 64)) + "' is not a file format: use ";
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (i > 0) message += i + 1 < std::size(kNames) ? ", " : " or ";
    message += kNames[i];
  }
  return Fail(Reason::kRequestInvalid, std::move(message), "format");
}

Result<std::unique_ptr<Importer>> OpenImporter(std::unique_ptr<ByteSource> source,
                                               const ImporterOptions& options) {
  Input input(std::move(source));
  FileFormat format = options.format;
  if (!options.mapping && format == FileFormat::kAuto) {
    HASHGATE_ASSIGN_OR_RETURN(const std::string_view front, input.Peek(kFrontBytes));
    HASHGATE_ASSIGN_OR_RETURN(format, DetectFormat(front));
  }
  // What was asked to be checked must not be taken unchecked.
  if (options.public_key && (options.mapping || format != FileFormat::kSnapshot)) {
    return Fail(Reason::kRequestInvalid,
                "the file is not a signed snapshot, so nothing of it can be checked with --public-key",
                "public_key");
  }
  if (options.mapping) return OpenMapped(std::move(input), *options.mapping, options);
  if (format != FileFormat::kCsv && !options.columns.empty()) {
    return Fail(Reason::kRequestInvalid, "--map is for CSV files", "map");
  }
  switch (format) {
    case FileFormat::kLines: return OpenLines(std::move(input), options);
    case FileFormat::kCsv: return OpenCsv(std::move(input), options);
    case FileFormat::kJsonl: return OpenJsonl(std::move(input), options);
    case FileFormat::kJson: return OpenJson(std::move(input), options);
    case FileFormat::kVics: return OpenVics(std::move(input), options);
    case FileFormat::kNcmec: return OpenNcmec(std::move(input), options);
    case FileFormat::kThreatExchange: return OpenThreatExchange(std::move(input), options);
    case FileFormat::kSnapshot: return OpenSnapshot(std::move(input), options);
    case FileFormat::kAuto: break;
  }
  return Fail(Reason::kInvariantBroken, "no importer for this format");
}

}  // namespace hashgate::exchange
