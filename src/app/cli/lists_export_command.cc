// `lists export`: all entries as text, as a signed snapshot, or as a feed.
#include <algorithm>
#include <optional>
#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/feed_directory.h"
#include "app/cli/output.h"
#include "app/cli/output_file.h"
#include "app/cli/session.h"
#include "app/cli/text_file.h"
#include "exchange/exporter.h"
#include "exchange/signed/feed_writer.h"
#include "exchange/signed/snapshot.h"
#include "rpc/wire/convert.h"

namespace hashgate::cli {
namespace {

constexpr std::chrono::seconds kLeastPatience{120};
/// A feed that nobody publishes any more must not be believed for ever.
constexpr int kFeedExpiresDays = 30;

/// Where an export goes: a file that is there whole or not at all, or standard output.
class Target {
 public:
  static Result<Target> Open(const std::string& path, std::ostream& out) {
    Target target(out);
    if (!path.empty()) {
      HASHGATE_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Create(path));
      target.file_.emplace(std::move(file));
    }
    return target;
  }
  Status Write(std::string_view text) {
    if (file_) return file_->Write(text);
    out_ << text;
    if (!out_) return Fail(Reason::kFileUnreadable, "standard output could not be written");
    return {};
  }
  Status Commit() { return file_ ? file_->Commit() : Status(); }
  [[nodiscard]] bool is_file() const { return file_.has_value(); }

 private:
  explicit Target(std::ostream& out) : out_(out) {}

  std::ostream& out_;
  std::optional<OutputFile> file_;
};

std::chrono::milliseconds PatienceOf(const GlobalOptions& options) {
  return std::max<std::chrono::milliseconds>(options.timeout, kLeastPatience);
}

/// Writes every entry through `exporter`: an Exporter or a SnapshotWriter.
template <typename E>
Status WriteEntries(const std::string& list, E& exporter, Session& session, const GlobalOptions& options,
                    Environment& environment, Target& target, std::uint64_t& count) {
  Progress progress(environment);
  v1::ExportEntriesRequest request;
  request.set_list(list);
  // Only once the server has answered: a list that does not exist leaves no line behind.
  bool begun = false;
  const auto begin = [&](std::string& text) {
    if (!begun) text += exporter.Header();
    begun = true;
  };
  HASHGATE_RETURN_IF_ERROR(session->ExportEntries(
      request,
      [&](const v1::ExportEntriesResponse& response) -> Status {
        std::string text;
        begin(text);
        for (const v1::Entry& entry : response.entries()) {
          HASHGATE_ASSIGN_OR_RETURN(const lists::EntryRecord record, rpc::FromProto(entry, "entry"));
          exporter.Append(record, text);
          ++count;
        }
        if (target.is_file()) progress.Show(0, 0, Count(count, "entry", "entries"));
        return target.Write(text);
      },
      PatienceOf(options)));
  std::string rest;
  begin(rest);
  rest += exporter.Footer();
  HASHGATE_RETURN_IF_ERROR(target.Write(rest));
  return target.Commit();
}

/// What the snapshot says of the list. The generation is read before the entries, so that none is older.
Result<exchange::SnapshotHeader> MakeHeader(const ListsExportArguments& arguments, Session& session,
                                            const GlobalOptions& options) {
  v1::GetHashListRequest request;
  request.set_name(arguments.name);
  HASHGATE_ASSIGN_OR_RETURN(const v1::GetHashListResponse response,
                            session->GetHashList(request, options.timeout));
  exchange::SnapshotHeader header;
  header.list = response.list().name();
  header.source = response.list().source();
  header.purpose = rpc::FromProto(response.list().purpose());
  if (arguments.sequence) {
    header.sequence = *arguments.sequence;
  } else {
    HASHGATE_ASSIGN_OR_RETURN(const v1::GetStatusResponse status, session->GetStatus(options.timeout));
    header.sequence = static_cast<std::uint64_t>(status.generation());
  }
  header.created = Clock::System().Wall();
  const int days = arguments.expires_days.value_or(arguments.feed.empty() ? 0 : kFeedExpiresDays);
  if (days > 0) header.expires = header.created + std::chrono::days(days);
  return header;
}

struct Exported {
  std::uint64_t entries = 0;
  std::uint64_t values_left_out = 0;
  std::optional<std::uint64_t> sequence;  ///< snapshots only
};

Result<Exported> Export(const ListsExportArguments& arguments, exchange::FileFormat format,
                        const GlobalOptions& options, Environment& environment) {
  Exported exported;
  if (format == exchange::FileFormat::kSnapshot) {
    HASHGATE_ASSIGN_OR_RETURN(SigningKey key, ReadPrivateKey(arguments.key_file));
    HASHGATE_ASSIGN_OR_RETURN(Target target, Target::Open(arguments.output, environment.out));
    Session session(options, environment);
    HASHGATE_ASSIGN_OR_RETURN(const exchange::SnapshotHeader header, MakeHeader(arguments, session, options));
    exchange::SnapshotWriter writer(header, std::move(key));
    HASHGATE_RETURN_IF_ERROR(
        WriteEntries(arguments.name, writer, session, options, environment, target, exported.entries));
    exported.sequence = header.sequence;
    return exported;
  }
  HASHGATE_ASSIGN_OR_RETURN(exchange::Exporter exporter, exchange::Exporter::Create(format));
  HASHGATE_ASSIGN_OR_RETURN(Target target, Target::Open(arguments.output, environment.out));
  Session session(options, environment);
  HASHGATE_RETURN_IF_ERROR(
      WriteEntries(arguments.name, exporter, session, options, environment, target, exported.entries));
  exported.values_left_out = exporter.values_left_out();
  return exported;
}

Result<exchange::FeedPublished> Publish(const ListsExportArguments& arguments, const GlobalOptions& options,
                                        Environment& environment) {
  HASHGATE_ASSIGN_OR_RETURN(SigningKey key, ReadPrivateKey(arguments.key_file));
  HASHGATE_ASSIGN_OR_RETURN(const std::unique_ptr<exchange::FeedFolder> folder,
                            OpenFeedDirectory(arguments.feed));
  Session session(options, environment);
  HASHGATE_ASSIGN_OR_RETURN(exchange::SnapshotHeader header, MakeHeader(arguments, session, options));
  HASHGATE_ASSIGN_OR_RETURN(exchange::FeedWriter writer,
                            exchange::FeedWriter::Begin(*folder, std::move(key), std::move(header)));
  Progress progress(environment);
  std::uint64_t count = 0;
  v1::ExportEntriesRequest request;
  request.set_list(arguments.name);
  const Status read = session->ExportEntries(
      request,
      [&](const v1::ExportEntriesResponse& response) -> Status {
        for (const v1::Entry& entry : response.entries()) {
          HASHGATE_ASSIGN_OR_RETURN(lists::EntryRecord record, rpc::FromProto(entry, "entry"));
          HASHGATE_RETURN_IF_ERROR(
              writer.Add(std::move(record), static_cast<std::uint64_t>(entry.entry_id())));
        }
        count += static_cast<std::uint64_t>(response.entries_size());
        progress.Show(0, 0, Count(count, "entry", "entries"));
        return {};
      },
      PatienceOf(options));
  HASHGATE_RETURN_IF_ERROR(read);
  return writer.Finish();
}

void PrintPublished(const exchange::FeedPublished& published, const ListsExportArguments& arguments,
                    bool json, std::ostream& out) {
  if (json) {
    JsonObject object;
    object.Text("list", arguments.name)
        .File(arguments.feed)
        .Number("entries", static_cast<std::int64_t>(published.entries))
        .Number("sequence", static_cast<std::int64_t>(published.sequence))
        .Bool("leadsOn", published.changes.has_value())
        .Number("changes", static_cast<std::int64_t>(published.changes.value_or(0)));
    out << object.Line() << '\n';
    return;
  }
  out << Count(published.entries, "entry", "entries") << " published in " << Printable(arguments.feed)
      << ", signed, as number " << published.sequence;
  if (published.changes) {
    out << ", " << Count(*published.changes, "change", "changes") << " from the number before";
  }
  out << ".\n";
}

int RunFeedExport(const ListsExportArguments& arguments, const GlobalOptions& options,
                  Environment& environment) {
  if (arguments.key_file.empty()) {
    return ReportUsage(environment, "--feed wants --key, the private key to sign it with");
  }
  if (!arguments.output.empty() || arguments.sequence || arguments.format != ListsExportArguments().format) {
    return ReportUsage(environment, "--feed goes without --format, --output and --sequence");
  }
  const auto published = Publish(arguments, options, environment);
  if (!published) return ReportError(environment, options, published.error());
  PrintPublished(*published, arguments, options.json, environment.out);
  return kDone;
}

void Print(const Exported& exported, const ListsExportArguments& arguments, bool json, std::ostream& out) {
  if (json) {
    JsonObject object;
    object.Text("list", arguments.name)
        .File(arguments.output)
        .Number("entries", static_cast<std::int64_t>(exported.entries))
        .Number("valuesLeftOut", static_cast<std::int64_t>(exported.values_left_out));
    if (exported.sequence) object.Number("sequence", static_cast<std::int64_t>(*exported.sequence));
    out << object.Line() << '\n';
    return;
  }
  out << Count(exported.entries, "entry", "entries") << " written to " << Printable(arguments.output);
  if (exported.sequence) out << ", signed, as number " << *exported.sequence;
  out << ".\n";
}

}  // namespace

int RunListsExport(const ListsExportArguments& arguments, const GlobalOptions& options,
                   Environment& environment) {
  if (!arguments.feed.empty()) return RunFeedExport(arguments, options, environment);
  const auto format = exchange::ParseFileFormat(arguments.format);
  if (!format) return ReportUsage(environment, format.error().message);
  const bool is_signed = *format == exchange::FileFormat::kSnapshot;
  if (is_signed && arguments.key_file.empty()) {
    return ReportUsage(environment, "--format snapshot wants --key, the private key to sign it with");
  }
  if (!is_signed && (!arguments.key_file.empty() || arguments.sequence || arguments.expires_days)) {
    return ReportUsage(environment,
                       "--key, --sequence and --expires-days are for --format snapshot or --feed");
  }
  const auto exported = Export(arguments, *format, options, environment);
  if (!exported) return ReportError(environment, options, exported.error());
  if (exported->values_left_out > 0) {
    environment.err << "hashgate: " << Count(exported->values_left_out, "value has", "values have")
                    << " no place in this format: --format jsonl holds all.\n";
  }
  if (!arguments.output.empty()) Print(*exported, arguments, options.json, environment.out);
  return exported->values_left_out > 0 ? kFindings : kDone;
}

}  // namespace hashgate::cli
