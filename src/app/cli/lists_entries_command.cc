// What lists hold: entries, export, quarantine.
#include <algorithm>
#include <optional>
#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/cli/output_file.h"
#include "app/cli/session.h"
#include "exchange/exporter.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/json.h"

namespace hashgate::cli {
namespace {

constexpr std::chrono::seconds kLeastPatience{120};

std::string AlgorithmList(const v1::Entry& entry) {
  std::string text;
  for (const v1::HashValue& hash : entry.hashes()) {
    if (!text.empty()) text += ' ';
    text += AlgorithmName(rpc::FromProto(hash.algorithm()));
  }
  return text;
}

}  // namespace

int RunListsEntries(const ListsEntriesArguments& arguments, const GlobalOptions& options,
                    Environment& environment) {
  constexpr int kPage = 1'000;
  Session session(options, environment);
  v1::ListEntriesRequest request;
  request.set_list(arguments.name);
  Table table;
  table.AddRow({"ENTRY", "SOURCE ID", "CLASSIFICATION", "HASHES"});
  std::int64_t left = arguments.limit > 0 ? arguments.limit : INT64_MAX;
  do {
    request.set_page_size(static_cast<std::int32_t>(std::min<std::int64_t>(left, kPage)));
    const auto page = session->ListEntries(request, options.timeout);
    if (!page) return ReportError(environment, options, page.error());
    for (const v1::Entry& entry : page->entries()) {
      --left;
      if (options.json) {
        environment.out << rpc::ToJson(entry) << '\n';
      } else {
        table.AddRow({std::to_string(entry.entry_id()), Printable(entry.source_id()),
                      Printable(entry.classification()), AlgorithmList(entry)});
      }
    }
    if (!options.json && page->next_page_token().empty() && request.page_token().empty() &&
        page->entries().empty()) {
      environment.out << "No entries.\n";
      return kDone;
    }
    request.set_page_token(page->next_page_token());
    // Page by page, so that memory does not grow with the list.
    if (!options.json) table.Print(environment.out);
  } while (!request.page_token().empty() && left > 0);
  if (!options.json && !request.page_token().empty()) {
    environment.out << "There are more: --limit 0 shows all.\n";
  }
  return kDone;
}

int RunListsQuarantine(const ListsQuarantineArguments& arguments, const GlobalOptions& options,
                       Environment& environment) {
  Session session(options, environment);
  v1::ListQuarantinedRequest request;
  request.set_list(arguments.name);
  request.set_page_size(arguments.limit);
  const auto response = session->ListQuarantined(request, options.timeout);
  if (!response) return ReportError(environment, options, response.error());
  for (const auto& item : response->items()) {
    if (options.json) {
      environment.out << rpc::ToJson(item) << '\n';
    } else {
      environment.out << Printable(item.file()) << ':' << item.line() << ": " << Printable(item.reason())
                      << '\n';
    }
  }
  if (!options.json && response->items().empty()) environment.out << "Nothing is quarantined.\n";
  return kDone;
}

int RunListsExport(const ListsExportArguments& arguments, const GlobalOptions& options,
                   Environment& environment) {
  const auto format = exchange::ParseFileFormat(arguments.format);
  auto exporter = format ? exchange::Exporter::Create(*format) : std::unexpected(format.error());
  if (!exporter) return ReportUsage(environment, exporter.error().message);
  std::optional<OutputFile> file;
  if (!arguments.output.empty()) {
    auto created = OutputFile::Create(arguments.output);
    if (!created) return ReportError(environment, options, created.error());
    file.emplace(*std::move(created));
  }
  const auto write = [&](std::string_view text) -> Status {
    if (file) return file->Write(text);
    environment.out << text;
    if (!environment.out) return Fail(Reason::kFileUnreadable, "standard output could not be written");
    return {};
  };

  Session session(options, environment);
  Progress progress(environment);
  std::uint64_t count = 0;
  v1::ExportEntriesRequest request;
  request.set_list(arguments.name);
  bool header_written = false;
  const auto write_header = [&]() -> Status {
    if (header_written) return {};
    header_written = true;
    return write(exporter->Header());
  };
  Status status = session->ExportEntries(
      request,
      [&](const v1::ExportEntriesResponse& response) -> Status {
        // Only once the server has answered: a list that does not exist leaves no line behind.
        HASHGATE_RETURN_IF_ERROR(write_header());
        std::string text;
        for (const v1::Entry& entry : response.entries()) {
          HASHGATE_ASSIGN_OR_RETURN(const lists::EntryRecord record, rpc::FromProto(entry, "entry"));
          exporter->Append(record, text);
          ++count;
        }
        if (file) progress.Show(0, 0, Count(count, "entry", "entries"));
        return write(text);
      },
      std::max<std::chrono::milliseconds>(options.timeout, kLeastPatience));
  progress.Clear();
  if (status) status = write_header();
  if (status && file) status = file->Commit();
  if (!status) return ReportError(environment, options, status.error());
  if (exporter->values_left_out() > 0) {
    environment.err << "hashgate: " << Count(exporter->values_left_out(), "value has", "values have")
                    << " no place in this format: --format jsonl holds all.\n";
  }
  if (file && options.json) {
    environment.out << JsonObject()
                           .Text("list", arguments.name)
                           .File(arguments.output)
                           .Number("entries", static_cast<std::int64_t>(count))
                           .Number("valuesLeftOut", static_cast<std::int64_t>(exporter->values_left_out()))
                           .Line()
                    << '\n';
  } else if (file) {
    environment.out << Count(count, "entry", "entries") << " written to " << Printable(arguments.output)
                    << ".\n";
  }
  return exporter->values_left_out() > 0 ? kFindings : kDone;
}

}  // namespace hashgate::cli
