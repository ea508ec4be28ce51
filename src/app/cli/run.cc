#include <exception>
#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/output.h"

namespace hashgate::cli {
namespace {

struct Dispatch {
  const GlobalOptions& options;
  Environment& environment;

  int operator()(const HashArguments& a) { return RunHash(a, options, environment); }
  int operator()(const ScanArguments& a) { return RunScan(a, options, environment); }
  int operator()(const MatchArguments& a) { return RunMatch(a, options, environment); }
  int operator()(const ListsLsArguments& a) { return RunListsLs(a, options, environment); }
  int operator()(const ListsShowArguments& a) { return RunListsShow(a, options, environment); }
  int operator()(const ListsCreateArguments& a) { return RunListsCreate(a, options, environment); }
  int operator()(const ListsUpdateArguments& a) { return RunListsUpdate(a, options, environment); }
  int operator()(const ListsImportArguments& a) { return RunListsImport(a, options, environment); }
  int operator()(const ListsExportArguments& a) { return RunListsExport(a, options, environment); }
  int operator()(const ListsEntriesArguments& a) { return RunListsEntries(a, options, environment); }
  int operator()(const ListsQuarantineArguments& a) { return RunListsQuarantine(a, options, environment); }
  int operator()(const ListsEnableArguments& a) { return RunListsEnable(a, options, environment); }
  int operator()(const ListsRemoveArguments& a) { return RunListsRemove(a, options, environment); }
  int operator()(const ListsUndoArguments& a) { return RunListsUndo(a, options, environment); }
  int operator()(const PolicyCheckArguments& a) { return RunPolicyCheck(a, options, environment); }
  int operator()(const PolicyExplainArguments& a) { return RunPolicyExplain(a, options, environment); }
  int operator()(const OpinionsSetArguments& a) { return RunOpinionsSet(a, options, environment); }
  int operator()(const OpinionsAgreeArguments& a) { return RunOpinionsAgree(a, options, environment); }
  int operator()(const OpinionsRemoveArguments& a) { return RunOpinionsRemove(a, options, environment); }
  int operator()(const OpinionsLsArguments& a) { return RunOpinionsLs(a, options, environment); }
  int operator()(const BrakeArguments& a) { return RunBrake(a, options, environment); }
  int operator()(const ExchangesLsArguments& /*a*/) { return RunExchangesLs(options, environment); }
  int operator()(const ExchangesStatusArguments& a) { return RunExchangesStatus(a, options, environment); }
  int operator()(const ExchangesSyncArguments& a) { return RunExchangesSync(a, options, environment); }
  int operator()(const ExchangesTestArguments& a) { return RunExchangesTest(a, options, environment); }
  int operator()(const ExchangesOverrideArguments& a) {
    return RunExchangesOverride(a, options, environment);
  }
  int operator()(const EventsLsArguments& a) { return RunEventsLs(a, options, environment); }
  int operator()(const EventsWatchArguments& a) { return RunEventsWatch(a, options, environment); }
  int operator()(const StatusArguments& /*a*/) { return RunStatus(options, environment); }
  int operator()(const TestkitArguments& a) { return RunTestkit(a, options, environment); }
};

}  // namespace

int RunCli(std::vector<std::string> arguments, Environment& environment) {
  // Libraries below may throw on exhausted memory or a broken stream; a script still gets its exit code.
  try {
    const ParsedArguments parsed = ParseArguments(std::move(arguments));
    if (!parsed.command) {
      (parsed.usage_error ? environment.err : environment.out) << parsed.text;
      return parsed.usage_error ? kUsage : kDone;
    }
    const int code = std::visit(Dispatch{parsed.global, environment}, *parsed.command);
    environment.out.flush();
    if (!environment.out && code != kFailed) {
      environment.err << "hashgate: standard output could not be written\n";
      return kFailed;
    }
    return code;
  } catch (const std::exception& error) {
    environment.err << "hashgate: " << error.what() << '\n';
    return kFailed;
  }
}

}  // namespace hashgate::cli
