#include <algorithm>
#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/list_output.h"
#include "app/cli/output.h"
#include "app/cli/session.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/json.h"

namespace hashgate::cli {
namespace {

std::string_view ProtectionName(v1::Protection protection) {
  switch (protection) {
    case v1::PROTECTION_EXACT: return "EXACT";
    case v1::PROTECTION_PERCEPTUAL: return "PERCEPTUAL";
    default: return "NONE";
  }
}

std::string Megabytes(std::int64_t bytes) {
  return std::to_string((bytes + (1 << 19)) >> 20) + " MiB";
}

}  // namespace

int RunStatus(const GlobalOptions& options, Environment& environment) {
  Session session(options, environment);
  const auto status = session->GetStatus(options.timeout);
  if (!status) return ReportError(environment, options, status.error());
  std::ostream& out = environment.out;
  if (options.json) {
    out << rpc::ToJson(*status) << '\n';
    return status->ready() ? kDone : kFindings;
  }
  std::string_view sentence = status->protection_sentence();
  const std::string start = "PROTECTION: " + std::string(ProtectionName(status->protection()));
  // The server's sentence may start with the same words.
  if (sentence.starts_with(start)) {
    sentence.remove_prefix(start.size());
    sentence.remove_prefix(std::min(sentence.find_first_not_of(".: "), sentence.size()));
  }
  out << start << ". " << Printable(sentence) << "\n\n";
  Table checks;
  checks.AddRow({status->ready() ? "READY" : "NOT READY", ""});
  for (const auto& check : status->checks()) {
    checks.AddRow({"  " + Printable(check.name()), check.ok() ? "ok" : "FAILED", Printable(check.detail())});
  }
  checks.Print(out);
  out << '\n';
  if (status->lists_size() == 0) {
    out << "No lists.\n";
  } else {
    PrintLists(status->lists(), out);
  }
  out << '\n';
  if (status->remote_lists_size() > 0) {
    Table remote;
    remote.AddRow({"REMOTE LISTS", "", "", ""});
    for (const auto& list : status->remote_lists()) {
      remote.AddRow({"  " + Printable(list.name()), Printable(list.kind()), list.ok() ? "ok" : "NOT ASKED",
                     Printable(list.detail())});
    }
    remote.Print(out);
    out << '\n';
  }
  Table facts;
  facts.AddRow({"server", Printable(options.server) + ", version " + Printable(status->version()) + ", up " +
                              std::to_string(status->uptime().seconds()) + " s"});
  facts.AddRow({"policy", Printable(status->policy()) + " " + Printable(status->policy_digest())});
  facts.AddRow({"generation", std::to_string(status->generation())});
  facts.AddRow({"memory", "index " + Megabytes(status->index_bytes()) + ", store on disk " +
                              Megabytes(status->store_bytes())});
  facts.AddRow({"machine", "kernel " + Printable(status->kernel()) + ", decoder lock " +
                               Printable(status->decoder_lock())});
  std::string computed;
  for (const v1::AlgorithmVersion& row : status->computed()) {
    computed += (computed.empty() ? "" : ", ") + std::string(AlgorithmName(rpc::FromProto(row.algorithm()))) +
                " by " + Printable(row.name()) + " " + Printable(row.version());
  }
  if (!computed.empty()) facts.AddRow({"computed", computed});
  facts.Print(out);
  return status->ready() ? kDone : kFindings;
}

}  // namespace hashgate::cli
