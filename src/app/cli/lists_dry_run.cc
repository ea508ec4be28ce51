// `lists import --dry-run`: what an import would send, counted here.
#include <algorithm>
#include <array>
#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/import_file.h"
#include "lists/validate.h"

namespace hashgate::cli {
namespace {

constexpr std::size_t kBatchRecords = 4'000;

struct Tally {
  std::uint64_t records = 0;
  std::uint64_t quarantined = 0;
  std::array<std::uint64_t, kAlgorithmCount> hashes{};  ///< by algorithm, of records that would be taken
  Problems problems;

  void Add(const lists::ImportRecord& record) {
    ++records;
    std::string problem = record.problem;
    if (record.record) {
      // What the server would say, for the file's own reader does not know every bound.
      if (const Status valid = lists::ValidateRecord(*record.record); !valid) problem = valid.error().message;
    }
    if (!problem.empty() || !record.record) {
      ++quarantined;
      if (problems.size() < kShownProblems) problems.emplace(record.line, std::move(problem));
      return;
    }
    for (const HashValue& hash : record.record->hashes) ++hashes[static_cast<std::size_t>(hash.algorithm)];
  }
};

Status ReadAll(ImportFile& file, Environment& environment, Tally& tally) {
  const SignalWatch signals(environment.stop);
  Progress progress(environment);
  std::vector<lists::ImportRecord> batch;
  for (bool more = true; more;) {
    if (environment.stop.requested()) return Fail(Reason::kCancelled, "stopped");
    batch.clear();
    HASHGATE_ASSIGN_OR_RETURN(more, file.importer->Next(kBatchRecords, batch));
    for (const lists::ImportRecord& record : batch) tally.Add(record);
    progress.Show(file.importer->bytes_read(), file.size, Count(tally.records, "record", "records"));
  }
  return {};
}

void Print(const Tally& tally, const exchange::Importer& importer, const ListsImportArguments& arguments,
           std::ostream& out) {
  out << Count(tally.records, "record", "records") << " of " << Printable(arguments.file) << " ("
      << exchange::FileFormatName(importer.format()) << "): " << tally.records - tally.quarantined
      << " would be taken, " << tally.quarantined << " quarantined. Nothing was sent.\n";
  out << "Hashes:";
  bool any = false;
  for (std::size_t i = 0; i < tally.hashes.size(); ++i) {
    if (tally.hashes[i] == 0) continue;
    out << (any ? ", " : " ") << AlgorithmName(static_cast<Algorithm>(i)) << ' ' << tally.hashes[i];
    any = true;
  }
  out << (any ? ".\n" : " none.\n");
  PrintNotes(importer.notes(), out);
  PrintProblems(arguments.file, tally.problems, out);
  if (tally.quarantined > tally.problems.size()) {
    out << "and " << tally.quarantined - tally.problems.size() << " more\n";
  }
}

void PrintJson(const Tally& tally, const exchange::Importer& importer, const ListsImportArguments& arguments,
               std::ostream& out) {
  JsonObject hashes;
  for (const Algorithm algorithm :
       {Algorithm::kMd5, Algorithm::kSha1, Algorithm::kSha256, Algorithm::kPdq, Algorithm::kPhotoDna,
        Algorithm::kPHash, Algorithm::kBlockMean, Algorithm::kMarrHildreth, Algorithm::kAverage}) {
    hashes.Number(AlgorithmName(algorithm),
                  static_cast<std::int64_t>(tally.hashes[static_cast<std::size_t>(algorithm)]));
  }
  JsonObject object;
  object.File(arguments.file)
      .Text("list", arguments.name)
      .Text("format", exchange::FileFormatName(importer.format()))
      .Bool("dryRun", true)
      .Number("receivedCount", static_cast<std::int64_t>(tally.records))
      .Number("quarantinedCount", static_cast<std::int64_t>(tally.quarantined))
      .Raw("hashCounts", hashes.Line());
  out << AddNotes(importer.notes(), object).Raw("quarantined", ProblemsJson(tally.problems)).Line() << '\n';
}

}  // namespace

int RunListsDryRun(const ListsImportArguments& arguments, const GlobalOptions& options,
                   Environment& environment) {
  auto file = OpenImportFile(arguments, environment);
  if (!file) return ReportImportFileError(file.error(), options, environment);
  Tally tally;
  if (Status read = ReadAll(*file, environment, tally); !read) {
    Error error = std::move(read).error();
    error.message = arguments.file + ": " + error.message;
    return ReportError(environment, options, error);
  }
  if (options.json) {
    PrintJson(tally, *file->importer, arguments, environment.out);
  } else {
    Print(tally, *file->importer, arguments, environment.out);
  }
  if (arguments.replace && tally.quarantined > tally.records / 2) {
    return ReportError(environment, options,
                       {Reason::kRequestInvalid,
                        std::to_string(tally.quarantined) + " of " + std::to_string(tally.records) +
                            " records could not be taken, too many to replace a list with",
                        "records",
                        {}});
  }
  return tally.quarantined > 0 ? kFindings : kDone;
}

}  // namespace hashgate::cli
