// The commands. Each prints to the environment's streams and returns an exit code.
#pragma once

#include "app/cli/arguments.h"
#include "app/cli/environment.h"

namespace hashgate::cli {

int RunHash(const HashArguments& arguments, const GlobalOptions& options, Environment& environment);
int RunScan(const ScanArguments& arguments, const GlobalOptions& options, Environment& environment);
int RunMatch(const MatchArguments& arguments, const GlobalOptions& options, Environment& environment);
int RunListsLs(const ListsLsArguments& arguments, const GlobalOptions& options, Environment& environment);
int RunListsShow(const ListsShowArguments& arguments, const GlobalOptions& options, Environment& environment);
int RunListsCreate(const ListsCreateArguments& arguments, const GlobalOptions& options,
                   Environment& environment);
int RunListsUpdate(const ListsUpdateArguments& arguments, const GlobalOptions& options,
                   Environment& environment);
int RunListsImport(const ListsImportArguments& arguments, const GlobalOptions& options,
                   Environment& environment);
/// What RunListsImport does with --dry-run.
int RunListsDryRun(const ListsImportArguments& arguments, const GlobalOptions& options,
                   Environment& environment);
int RunListsExport(const ListsExportArguments& arguments, const GlobalOptions& options,
                   Environment& environment);
int RunListsEntries(const ListsEntriesArguments& arguments, const GlobalOptions& options,
                    Environment& environment);
int RunListsQuarantine(const ListsQuarantineArguments& arguments, const GlobalOptions& options,
                       Environment& environment);
int RunListsEnable(const ListsEnableArguments& arguments, const GlobalOptions& options,
                   Environment& environment);
int RunListsRemove(const ListsRemoveArguments& arguments, const GlobalOptions& options,
                   Environment& environment);
int RunListsUndo(const ListsUndoArguments& arguments, const GlobalOptions& options, Environment& environment);
int RunPolicyCheck(const PolicyCheckArguments& arguments, const GlobalOptions& options,
                   Environment& environment);
int RunPolicyExplain(const PolicyExplainArguments& arguments, const GlobalOptions& options,
                     Environment& environment);
int RunOpinionsSet(const OpinionsSetArguments& arguments, const GlobalOptions& options,
                   Environment& environment);
int RunOpinionsAgree(const OpinionsAgreeArguments& arguments, const GlobalOptions& options,
                     Environment& environment);
int RunOpinionsRemove(const OpinionsRemoveArguments& arguments, const GlobalOptions& options,
                      Environment& environment);
int RunOpinionsLs(const OpinionsLsArguments& arguments, const GlobalOptions& options,
                  Environment& environment);
int RunBrake(const BrakeArguments& arguments, const GlobalOptions& options, Environment& environment);
int RunExchangesLs(const GlobalOptions& options, Environment& environment);
int RunExchangesStatus(const ExchangesStatusArguments& arguments, const GlobalOptions& options,
                       Environment& environment);
int RunExchangesSync(const ExchangesSyncArguments& arguments, const GlobalOptions& options,
                     Environment& environment);
int RunExchangesTest(const ExchangesTestArguments& arguments, const GlobalOptions& options,
                     Environment& environment);
int RunExchangesOverride(const ExchangesOverrideArguments& arguments, const GlobalOptions& options,
                         Environment& environment);
int RunEventsLs(const EventsLsArguments& arguments, const GlobalOptions& options, Environment& environment);
int RunEventsWatch(const EventsWatchArguments& arguments, const GlobalOptions& options,
                   Environment& environment);
int RunStatus(const GlobalOptions& options, Environment& environment);
int RunTestkit(const TestkitArguments& arguments, const GlobalOptions& options, Environment& environment);

}  // namespace hashgate::cli
