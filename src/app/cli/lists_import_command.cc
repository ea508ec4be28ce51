#include <algorithm>
#include <filesystem>
#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/import_file.h"
#include "app/cli/output.h"
#include "app/cli/session.h"
#include "base/utf8.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/json.h"

namespace hashgate::cli {
namespace {

// A message is parsed on a thread of gRPC's that serves scans too: few enough for them not to notice.
constexpr std::size_t kBatchRecords = 500;
// Well below gRPC's limit of 4 MiB for what a server takes.
constexpr std::size_t kBatchBytes = 2 << 20;
constexpr std::size_t kMaxProblemBytes = 512;
constexpr std::size_t kMaxFileNameBytes = 256;
constexpr std::chrono::seconds kLeastPatience{120};

// The name that stands in quarantine messages: UTF-8 and bounded, as the wire wants it.
std::string FileName(const std::string& path) {
  std::string name =
      path == "-" ? "standard input" : Printable(std::filesystem::path(path).filename().string());
  while (name.size() > kMaxFileNameBytes || Utf8SequenceLength(name) == 0) {
    name.erase(0, std::max<std::size_t>(Utf8SequenceLength(name), 1));
    if (name.empty()) break;
  }
  return name;
}

/// Feeds batches of the file to the call and remembers what it could not read.
class Feeder {
 public:
  Feeder(exchange::Importer& importer, Environment& environment, std::uint64_t size)
      : importer_(importer), environment_(environment), size_(size), progress_(environment) {}

  Result<bool> Fill(v1::ImportRecords& message) {
    if (environment_.stop.requested()) return Fail(Reason::kCancelled, "stopped");
    std::size_t bytes = 0;
    while (more_ && next_ == batch_.size()) {
      batch_.clear();
      next_ = 0;
      HASHGATE_ASSIGN_OR_RETURN(more_, importer_.Next(kBatchRecords, batch_));
    }
    for (; next_ < batch_.size() && bytes < kBatchBytes; ++next_) {
      const lists::ImportRecord& record = batch_[next_];
      v1::ImportRecord& out = *message.add_records();
      out.set_line(static_cast<std::int64_t>(record.line));
      if (record.record) {
        *out.mutable_entry() = rpc::ToProto(*record.record);
      } else {
        out.set_problem(record.problem.substr(0, kMaxProblemBytes));
        ++problem_count_;
        if (problems_.size() < kShownProblems) problems_.emplace(record.line, record.problem);
      }
      bytes += out.ByteSizeLong();
    }
    return more_ || next_ < batch_.size();
  }

  void Acknowledged(const v1::ImportEntriesResponse& response) {
    last_ = response;
    progress_.Show(importer_.bytes_read(), size_,
                   Count(static_cast<std::uint64_t>(response.committed_count() + response.staged_count()),
                         "record", "records"));
  }
  void EndProgress() { progress_.Clear(); }

  /// The newest acknowledgement.
  [[nodiscard]] const v1::ImportEntriesResponse& last() const { return last_; }
  [[nodiscard]] std::uint64_t problem_count() const { return problem_count_; }
  /// By line; at most ten.
  [[nodiscard]] Problems& problems() { return problems_; }

 private:
  exchange::Importer& importer_;
  Environment& environment_;
  std::uint64_t size_;
  Progress progress_;
  std::vector<lists::ImportRecord> batch_;
  std::size_t next_ = 0;
  bool more_ = true;
  v1::ImportEntriesResponse last_;
  std::uint64_t problem_count_ = 0;
  Problems problems_;
};

// What the server itself could not take is known to the server only.
void AddServerProblems(const ListsImportArguments& arguments, const GlobalOptions& options, Client& client,
                       std::uint64_t quarantined, Feeder& feeder) {
  if (quarantined <= feeder.problem_count()) return;
  v1::ListQuarantinedRequest request;
  request.set_list(arguments.name);
  request.set_page_size(static_cast<std::int32_t>(std::min<std::uint64_t>(quarantined, 10'000)));
  const auto response = client.ListQuarantined(request, options.timeout);
  // Without it the counts still say everything; only the examples are fewer.
  if (!response) return;
  const std::string name = FileName(arguments.file);
  for (const auto& item : response->items()) {
    if (item.file() == name)
      feeder.problems().emplace(static_cast<std::uint64_t>(item.line()), item.reason());
  }
  while (feeder.problems().size() > kShownProblems)
    feeder.problems().erase(std::prev(feeder.problems().end()));
}

void PrintJson(const v1::ImportEntriesResponse& response, const exchange::Importer& importer, Feeder& feeder,
               const ListsImportArguments& arguments, std::ostream& out) {
  JsonObject object;
  object.File(arguments.file)
      .Text("list", arguments.name)
      .Text("format", exchange::FileFormatName(importer.format()))
      .Members(rpc::ToJson(response));
  out << AddNotes(importer.notes(), object).Raw("quarantined", ProblemsJson(feeder.problems())).Line()
      << '\n';
}

void PrintText(const v1::ImportEntriesResponse& response, const exchange::Importer& importer, Feeder& feeder,
               const ListsImportArguments& arguments, std::ostream& out) {
  out << Count(static_cast<std::uint64_t>(response.received_count()), "record", "records") << " of "
      << Printable(arguments.file) << " (" << exchange::FileFormatName(importer.format())
      << "): " << response.added_count() << " added, " << response.updated_count() << " updated, "
      << response.unchanged_count() << " unchanged, "
      << (response.removed_count() > 0 ? std::to_string(response.removed_count()) + " removed, " : "")
      << response.quarantined_count() << " quarantined. Generation " << response.generation() << ".\n";
  PrintNotes(importer.notes(), out);
  PrintProblems(arguments.file, feeder.problems(), out);
  const auto shown = static_cast<std::int64_t>(feeder.problems().size());
  if (response.quarantined_count() > shown) {
    out << "and " << response.quarantined_count() - shown << " more: hashgate lists quarantine "
        << Printable(arguments.name) << '\n';
  }
}

// A snapshot says what its list was for, and what matches may do hangs on that: entries of one purpose do not
// become entries of another because somebody chose the wrong list.
Status CheckPurpose(const exchange::ImportNotes& notes, const std::string& list, Client& client,
                    std::chrono::milliseconds timeout) {
  if (!notes.snapshot) return {};
  v1::GetHashListRequest request;
  request.set_name(list);
  HASHGATE_ASSIGN_OR_RETURN(const v1::GetHashListResponse response, client.GetHashList(request, timeout));
  const Purpose purpose = rpc::FromProto(response.list().purpose());
  if (purpose == notes.snapshot->purpose) return {};
  return Fail(Reason::kRequestInvalid,
              "the snapshot's purpose is " + std::string(Name(notes.snapshot->purpose)) + ", that of list '" +
                  list + "' is " + std::string(Name(purpose)),
              "list.purpose");
}

}  // namespace

int RunListsImport(const ListsImportArguments& arguments, const GlobalOptions& options,
                   Environment& environment) {
  if (arguments.dry_run) return RunListsDryRun(arguments, options, environment);
  const auto file = OpenImportFile(arguments, environment);
  if (!file) return ReportImportFileError(file.error(), options, environment);
  exchange::Importer& importer = *file->importer;

  Session session(options, environment);
  if (Status fits = CheckPurpose(importer.notes(), arguments.name, *session, options.timeout); !fits) {
    return ReportError(environment, options, fits.error());
  }
  Feeder feeder(importer, environment, file->size);
  v1::ImportHeader header;
  header.set_list(arguments.name);
  header.set_file(FileName(arguments.file));
  header.set_replace(arguments.replace);
  header.set_allow_empty(arguments.allow_empty);
  const auto response = session->ImportEntries(
      header, [&feeder](v1::ImportRecords& message) { return feeder.Fill(message); },
      [&](const v1::ImportEntriesResponse& acknowledged) {
        feeder.Acknowledged(acknowledged);
        if (options.json && arguments.progress && !acknowledged.done()) {
          environment.out << rpc::ToJson(acknowledged) << '\n' << std::flush;
        }
      },
      std::max<std::chrono::milliseconds>(options.timeout, kLeastPatience));
  feeder.EndProgress();
  if (!response) {
    Error error = response.error();
    if (environment.stop.requested()) error = {Reason::kCancelled, "stopped", {}, {}};
    error.message = arguments.file + ": " + error.message;
    if (arguments.replace) {
      // What was refused for what it holds would be refused again.
      const bool again = error.reason != Reason::kRequestInvalid;
      error.message += again ? "; the list is as it was before: run the same command again" : "";
    } else if (feeder.last().committed_count() > 0) {
      const std::string kept =
          Count(static_cast<std::uint64_t>(feeder.last().committed_count()), "record is", "records are") +
          " in the list: run the same command again to go on, what is there is not changed";
      error.message += "; " + kept;
      // Of a server that is gone the rest of the message is not shown.
      if (error.reason == Reason::kServerUnreachable) environment.err << "hashgate: " << kept << '\n';
    }
    return ReportError(environment, options, error);
  }
  AddServerProblems(arguments, options, *session, static_cast<std::uint64_t>(response->quarantined_count()),
                    feeder);
  if (options.json) {
    PrintJson(*response, importer, feeder, arguments, environment.out);
  } else {
    PrintText(*response, importer, feeder, arguments, environment.out);
  }
  return response->quarantined_count() > 0 ? kFindings : kDone;
}

}  // namespace hashgate::cli
