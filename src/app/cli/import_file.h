// The file of an import: its options, its name, and what is said of it at the end. For `lists import` with
// and without --dry-run.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <memory>
#include <string>

#include "app/cli/arguments.h"
#include "app/cli/environment.h"
#include "app/cli/output.h"
#include "exchange/importer.h"

namespace hashgate::cli {

/// Records that could not be taken, by line or number, with the reason; the first ones only.
using Problems = std::map<std::uint64_t, std::string>;
inline constexpr std::size_t kShownProblems = 10;

struct ImportFile {
  std::unique_ptr<exchange::Importer> importer;
  std::uint64_t size = 0;  ///< bytes; 0 where unknown
};

/// Opens the file as the command line says. Errors: kRequestInvalid with an empty field where the command
/// line itself is wrong; anything else is about a file.
Result<ImportFile> OpenImportFile(const ListsImportArguments& arguments, Environment& environment);

/// Says what is wrong with opening it and returns the exit code.
int ReportImportFileError(const Error& error, const GlobalOptions& options, Environment& environment);

/// Counts of what was passed over and names that were not used.
void PrintNotes(const exchange::ImportNotes& notes, std::ostream& out);
JsonObject& AddNotes(const exchange::ImportNotes& notes, JsonObject& object);

/// "file:line: reason" of each.
void PrintProblems(const std::string& file, const Problems& problems, std::ostream& out);
/// As a JSON array.
std::string ProblemsJson(const Problems& problems);

}  // namespace hashgate::cli
