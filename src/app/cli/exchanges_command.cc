// exchanges: ls, status, sync, test, override.
#include <chrono>
#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/cli/session.h"
#include "base/clock.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/json.h"

namespace hashgate::cli {
namespace {

/// How often a sync is asked how far it is.
constexpr std::chrono::milliseconds kPoll{250};
/// Syncs shown by `status`.
constexpr int kSyncsShown = 5;

// "EXCHANGE_HEALTH_WELL" without its prefix, and the like.
std::string ShortName(const std::string& name, std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}
std::string HealthName(v1::ExchangeHealth health) {
  return ShortName(v1::ExchangeHealth_Name(health), "EXCHANGE_HEALTH_");
}
std::string OutcomeName(v1::SyncOutcome outcome) {
  return ShortName(v1::SyncOutcome_Name(outcome), "SYNC_OUTCOME_");
}

std::string TimeText(bool present, const google::protobuf::Timestamp& time) {
  return present ? FormatTime(rpc::FromProto(time)) : "-";
}

bool IsWell(const v1::Exchange& exchange) {
  return exchange.health() == v1::EXCHANGE_HEALTH_WELL && !exchange.stale();
}

std::string CountsText(const v1::SyncCounts& counts) {
  std::string text = std::to_string(counts.received()) + " received: " + std::to_string(counts.added()) +
                     " added, " + std::to_string(counts.updated()) + " updated, " +
                     std::to_string(counts.removed()) + " removed, " + std::to_string(counts.unchanged()) +
                     " unchanged, " + std::to_string(counts.quarantined()) + " quarantined";
  if (counts.values_left_out() > 0)
    text += "; " + std::to_string(counts.values_left_out()) + " values left out";
  return text;
}

void PrintSync(const v1::SyncRecord& sync, std::ostream& out) {
  out << "  " << TimeText(true, sync.begin_time()) << "  " << OutcomeName(sync.outcome()) << "  "
      << CountsText(sync.counts()) << "\n";
  if (!sync.detail().empty()) out << "    " << Printable(sync.detail()) << "\n";
  if (!sync.overridden().empty()) out << "    let pass: " << Printable(sync.overridden()) << "\n";
}

void PrintExchange(const v1::Exchange& exchange, std::ostream& out) {
  out << Printable(exchange.name()) << ": " << HealthName(exchange.health())
      << (exchange.stale() ? ", STALE" : "") << ". " << Printable(exchange.sentence()) << "\n";
  Table table;
  table.AddRow({"  kind", Printable(exchange.kind()) + (exchange.production() ? ", PRODUCTION" : ", test")});
  table.AddRow({"  server", Printable(exchange.base_url())});
  table.AddRow({"  list", Printable(exchange.list())});
  table.AddRow({"  last success", TimeText(exchange.has_last_success_time(), exchange.last_success_time())});
  table.AddRow({"  last change", TimeText(exchange.has_last_change_time(), exchange.last_change_time())});
  table.AddRow({"  next sync", TimeText(exchange.has_next_sync_time(), exchange.next_sync_time())});
  if (exchange.has_syncing()) {
    table.AddRow({"  syncing now", CountsText(exchange.syncing().counts()) + "; " +
                                       std::to_string(exchange.syncing().fetched_count()) + " fetched"});
  }
  for (const v1::GateOverride& made : exchange.overrides()) {
    table.AddRow({"  gate open", ShortName(v1::Gate_Name(made.gate()), "GATE_") + ", by " +
                                     Printable(made.author()) + " until " +
                                     TimeText(true, made.expire_time()) + ": " + Printable(made.reason())});
  }
  table.Print(out);
  for (int i = std::max(0, exchange.syncs_size() - kSyncsShown); i < exchange.syncs_size(); ++i) {
    PrintSync(exchange.syncs(i), out);
  }
}

Result<v1::Exchange> Get(Session& session, const std::string& name, const GlobalOptions& options) {
  v1::GetExchangeRequest request;
  request.set_name(name);
  HASHGATE_ASSIGN_OR_RETURN(v1::GetExchangeResponse response, session->GetExchange(request, options.timeout));
  return std::move(*response.mutable_exchange());
}

// Waits for the end of the sync; the exchange as it is then.
Result<v1::Exchange> WaitForSync(Session& session, const std::string& name, std::int64_t number,
                                 const GlobalOptions& options, Environment& environment) {
  Progress progress(environment);
  while (true) {
    HASHGATE_ASSIGN_OR_RETURN(v1::Exchange exchange, Get(session, name, options));
    if (exchange.syncs_ended_count() >= number) return exchange;
    const v1::SyncProgress& syncing = exchange.syncing();
    progress.Show(0, 0,
                  Printable(name) + ": " + std::to_string(syncing.counts().received()) + " in force, " +
                      std::to_string(syncing.fetched_count()) + " fetched");
    if (environment.stop.SleepFor(kPoll)) {
      return Fail(Reason::kCancelled, "not waited for any longer; the server goes on with the sync");
    }
  }
}

}  // namespace

int RunExchangesLs(const GlobalOptions& options, Environment& environment) {
  Session session(options, environment);
  const auto response = session->ListExchanges({}, options.timeout);
  if (!response) return ReportError(environment, options, response.error());
  if (options.json) {
    for (const v1::Exchange& exchange : response->exchanges()) {
      environment.out << rpc::ToJson(exchange) << '\n';
    }
  } else if (response->exchanges().empty()) {
    environment.out << "No exchange is configured.\n";
  } else {
    Table table;
    table.AddRow({"NAME", "KIND", "ENVIRONMENT", "LIST", "STATE", "LAST SUCCESS"});
    for (const v1::Exchange& exchange : response->exchanges()) {
      table.AddRow({Printable(exchange.name()), Printable(exchange.kind()),
                    exchange.production() ? "PRODUCTION" : "test", Printable(exchange.list()),
                    HealthName(exchange.health()) + (exchange.stale() ? ", STALE" : ""),
                    TimeText(exchange.has_last_success_time(), exchange.last_success_time())});
    }
    table.Print(environment.out);
  }
  return kDone;
}

int RunExchangesStatus(const ExchangesStatusArguments& arguments, const GlobalOptions& options,
                       Environment& environment) {
  Session session(options, environment);
  std::vector<v1::Exchange> exchanges;
  if (arguments.names.empty()) {
    const auto response = session->ListExchanges({}, options.timeout);
    if (!response) return ReportError(environment, options, response.error());
    exchanges.assign(response->exchanges().begin(), response->exchanges().end());
    if (exchanges.empty() && !options.json) environment.out << "No exchange is configured.\n";
  }
  for (const std::string& name : arguments.names) {
    auto exchange = Get(session, name, options);
    if (!exchange) return ReportError(environment, options, exchange.error());
    exchanges.push_back(*std::move(exchange));
  }
  int code = kDone;
  for (const v1::Exchange& exchange : exchanges) {
    if (options.json) {
      environment.out << rpc::ToJson(exchange) << '\n';
    } else {
      PrintExchange(exchange, environment.out);
    }
    if (!IsWell(exchange)) code = kFindings;
  }
  return code;
}

int RunExchangesSync(const ExchangesSyncArguments& arguments, const GlobalOptions& options,
                     Environment& environment) {
  Session session(options, environment);
  std::vector<std::int64_t> numbers;
  for (const std::string& name : arguments.names) {
    v1::SyncExchangeRequest request;
    request.set_name(name);
    request.set_from_the_beginning(arguments.from_the_beginning);
    const auto response = session->SyncExchange(request, options.timeout);
    if (!response) return ReportError(environment, options, response.error());
    numbers.push_back(response->sync_number());
  }
  if (arguments.no_wait) return kDone;
  int code = kDone;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto exchange = WaitForSync(session, arguments.names[i], numbers[i], options, environment);
    if (!exchange) return ReportError(environment, options, exchange.error());
    if (options.json) {
      environment.out << rpc::ToJson(*exchange) << '\n';
    } else {
      environment.out << Printable(exchange->name()) << ": " << Printable(exchange->sentence()) << '\n';
      if (exchange->syncs_size() > 0) PrintSync(exchange->syncs(exchange->syncs_size() - 1), environment.out);
    }
    if (!IsWell(*exchange)) code = kFindings;
  }
  return code;
}

int RunExchangesTest(const ExchangesTestArguments& arguments, const GlobalOptions& options,
                     Environment& environment) {
  Session session(options, environment);
  v1::TestExchangeRequest request;
  request.set_name(arguments.name);
  const auto response = session->TestExchange(request, options.timeout);
  if (!response) return ReportError(environment, options, response.error());
  if (options.json) {
    environment.out
        << JsonObject().Text("exchange", arguments.name).Text("sentence", response->sentence()).Line()
        << '\n';
  } else {
    environment.out << Printable(arguments.name) << ": " << Printable(response->sentence()) << '\n';
  }
  return kDone;
}

int RunExchangesOverride(const ExchangesOverrideArguments& arguments, const GlobalOptions& options,
                         Environment& environment) {
  v1::OverrideGateRequest request;
  request.set_name(arguments.name);
  request.set_author(arguments.author);
  request.set_reason(arguments.reason);
  std::string gate = "GATE_" + arguments.gate;
  for (char& c : gate) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  v1::Gate value = v1::GATE_UNSPECIFIED;
  if (!v1::Gate_Parse(gate, &value))
    return ReportUsage(environment, "there is no gate '" + arguments.gate + "'");
  request.set_gate(value);
  Session session(options, environment);
  const auto response = session->OverrideGate(request, options.timeout);
  if (!response) return ReportError(environment, options, response.error());
  if (options.json) {
    environment.out << rpc::ToJson(response->exchange()) << '\n';
  } else {
    environment.out << "The next sync of " << Printable(arguments.name) << " that needs it passes gate "
                    << arguments.gate << ". Have it sync now: hashgate exchanges sync "
                    << Printable(arguments.name) << '\n';
  }
  return kDone;
}

}  // namespace hashgate::cli
