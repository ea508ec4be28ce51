#include "app/cli/import_file.h"

#include <ostream>

#include "app/cli/mapping_file.h"
#include "app/cli/text_file.h"

namespace hashgate::cli {
namespace {

constexpr std::size_t kMaxMappingBytes = 256 * 1024;

std::unexpected<Error> Misused(std::string message) {
  return Fail(Reason::kRequestInvalid, std::move(message));
}

Status ReadMapping(const ListsImportArguments& arguments, Environment& environment,
                   exchange::ImporterOptions& options) {
  if (arguments.mapping_file.empty()) return {};
  if (arguments.format != "auto" || !arguments.map.empty() || !arguments.separator.empty() ||
      !arguments.algorithm.empty()) {
    return Misused(
        "--mapping says how the file is read: leave out --format, --map, --separator, --algorithm");
  }
  if (arguments.mapping_file == "-" && arguments.file == "-") {
    return Misused("standard input cannot be both the mapping and the file");
  }
  HASHGATE_ASSIGN_OR_RETURN(const std::string text,
                            ReadTextFile(arguments.mapping_file, environment.in, kMaxMappingBytes));
  auto mapping = ParseMapping(text, arguments.mapping_file);
  if (!mapping) return Misused(std::move(mapping).error().message);
  options.mapping = *std::move(mapping);
  return {};
}

Result<exchange::ImporterOptions> ReadOptions(const ListsImportArguments& arguments,
                                              Environment& environment) {
  exchange::ImporterOptions options;
  const auto format = exchange::ParseFileFormat(arguments.format);
  if (!format) return Misused(format.error().message);
  options.format = *format;
  options.replaces = arguments.replace;
  if (!arguments.algorithm.empty()) {
    HASHGATE_ASSIGN_OR_RETURN(options.algorithm, ParseAlgorithm(arguments.algorithm));
  }
  for (const std::string& pair : arguments.map) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == pair.size()) {
      return Misused("--map wants FIELD=COLUMN, such as --map sourceId=\"Image ID\"");
    }
    options.columns[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  if (!arguments.separator.empty()) {
    const auto separator = ParseSeparator(arguments.separator);
    if (!separator) return Misused("--separator: " + separator.error().message);
    options.separator = *separator;
  }
  HASHGATE_RETURN_IF_ERROR(ReadMapping(arguments, environment, options));
  if (!arguments.public_key_file.empty()) {
    HASHGATE_ASSIGN_OR_RETURN(options.public_key, ReadPublicKey(arguments.public_key_file));
  }
  return options;
}

// Two lists of one purpose and one publisher differ in nothing but their name: which of them a signed file is
// of must not hang on who types the command.
Status CheckSnapshotList(const exchange::ImportNotes& notes, const ListsImportArguments& arguments) {
  const auto refuse = [&](std::string message) {
    return Prefix(Error{Reason::kRequestInvalid, std::move(message), "file", {}}, arguments.file);
  };
  if (!notes.snapshot) {
    if (arguments.from_list.empty()) return {};
    return refuse("--from-list is for signed snapshots, and this is none");
  }
  const std::string& wanted = arguments.from_list.empty() ? arguments.name : arguments.from_list;
  if (notes.snapshot->list == wanted) return {};
  const std::string is_of = Printable(notes.snapshot->list);
  return refuse("the snapshot is of list '" + is_of + "' and not of '" + Printable(wanted) +
                "': where that is meant, say --from-list " + is_of);
}

}  // namespace

Result<ImportFile> OpenImportFile(const ListsImportArguments& arguments, Environment& environment) {
  HASHGATE_ASSIGN_OR_RETURN(const exchange::ImporterOptions options, ReadOptions(arguments, environment));
  HASHGATE_ASSIGN_OR_RETURN(auto source, exchange::OpenFileSource(arguments.file));
  ImportFile file;
  file.size = source->size();
  auto importer = exchange::OpenImporter(std::move(source), options);
  if (!importer) {
    Error error = std::move(importer).error();
    if (error.field.empty()) error.field = "file";
    return Prefix(std::move(error), arguments.file);
  }
  file.importer = *std::move(importer);
  HASHGATE_RETURN_IF_ERROR(CheckSnapshotList(file.importer->notes(), arguments));
  return file;
}

int ReportImportFileError(const Error& error, const GlobalOptions& options, Environment& environment) {
  const bool misused = error.reason == Reason::kRequestInvalid && error.field.empty();
  return misused ? ReportUsage(environment, error.message) : ReportError(environment, options, error);
}

void PrintNotes(const exchange::ImportNotes& notes, std::ostream& out) {
  if (notes.snapshot) {
    out << "Signed snapshot " << notes.snapshot->sequence << " of " << Printable(notes.snapshot->list)
        << " (source: " << Printable(notes.snapshot->source) << "), written "
        << FormatTime(notes.snapshot->created) << ".\n";
  }
  if (notes.skipped_harmless > 0) {
    out << Count(notes.skipped_harmless, "item is", "items are")
        << " known to be harmless and passed over.\n";
  }
  if (notes.removals_left_out > 0) {
    out << Count(notes.removals_left_out, "item is", "items are") << " withdrawn and left out.\n";
  }
  if (notes.values_left_out > 0) {
    out << Count(notes.values_left_out, "value", "values") << " of kinds that are not matched left out.\n";
  }
  if (!notes.ignored_names.empty()) {
    out << "Not used:";
    for (const std::string& name : notes.ignored_names) out << ' ' << Printable(name);
    out << '\n';
  }
}

JsonObject& AddNotes(const exchange::ImportNotes& notes, JsonObject& object) {
  object.Number("skippedHarmlessCount", static_cast<std::int64_t>(notes.skipped_harmless))
      .Number("removalsLeftOutCount", static_cast<std::int64_t>(notes.removals_left_out))
      .Number("valuesLeftOutCount", static_cast<std::int64_t>(notes.values_left_out))
      .Raw("ignoredNames", JsonTexts({notes.ignored_names.begin(), notes.ignored_names.end()}));
  if (notes.snapshot) {
    object.Raw("snapshot", JsonObject()
                               .Text("list", notes.snapshot->list)
                               .Text("source", notes.snapshot->source)
                               .Text("purpose", Name(notes.snapshot->purpose))
                               .Number("sequence", static_cast<std::int64_t>(notes.snapshot->sequence))
                               .Text("createTime", FormatTime(notes.snapshot->created))
                               .Line());
  }
  return object;
}

void PrintProblems(const std::string& file, const Problems& problems, std::ostream& out) {
  for (const auto& [line, reason] : problems) {
    out << Printable(file) << ':' << line << ": " << Printable(reason) << '\n';
  }
}

std::string ProblemsJson(const Problems& problems) {
  std::string json = "[";
  for (const auto& [line, reason] : problems) {
    if (json.size() > 1) json += ',';
    json += JsonObject().Number("line", static_cast<std::int64_t>(line)).Text("reason", reason).Line();
  }
  return json + "]";
}

}  // namespace hashgate::cli
