// What lists hold: entries and quarantine.
#include <algorithm>
#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/cli/session.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/json.h"

namespace hashgate::cli {
namespace {

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

}  // namespace hashgate::cli
