// `lists undo`: the verdicts that came from an entry, and their reversal.
#include <algorithm>
#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/cli/session.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/json.h"

namespace hashgate::cli {
namespace {

constexpr std::chrono::seconds kLeastPatience{120};

std::string VerdictName(v1::Verdict verdict) {
  return std::string(Name(rpc::FromProto(verdict)));
}

// Why the verdict is what it is afterwards.
std::string Why(const v1::UndoneVerdict& verdict) {
  switch (verdict.effect()) {
    case v1::UNDO_EFFECT_REVERSED: return "came from the entry";
    case v1::UNDO_EFFECT_UNDONE_BEFORE: return "undone before";
    default: break;
  }
  if (verdict.stands_by_list().empty()) return "stands by the look itself";
  return "stands by entry " + std::to_string(verdict.stands_by_entry_id()) + " of " +
         Printable(verdict.stands_by_list());
}

void AddRow(const v1::UndoneVerdict& verdict, Table& table) {
  table.AddRow({FormatTime(rpc::FromProto(verdict.verdict_time())), Printable(verdict.tenant()),
                Printable(verdict.content_id().empty() ? "-" : verdict.content_id()),
                Printable(verdict.scan_id()), VerdictName(verdict.old_verdict()),
                VerdictName(verdict.new_verdict()), Why(verdict)});
}

std::string Summary(const v1::UndoEntryResponse& last, bool dry_run) {
  const auto count = [](std::int64_t number) {
    return Count(static_cast<std::uint64_t>(number), "verdict", "verdicts");
  };
  std::string text = count(last.seen_count()) +
                     " came from the entry: " + std::to_string(last.reversed_count()) +
                     (dry_run ? " would be reversed, " : " reversed, ") +
                     std::to_string(last.standing_count()) + (dry_run ? " would stand, " : " stand, ") +
                     std::to_string(last.undone_before_count()) + " undone before.";
  if (last.damaged_count() > 0) {
    text += " " + count(last.damaged_count()) +
            " could not be read and were left alone: the server's log names them, a backup may have them.";
  }
  if (last.more()) text += " There may be more: run it again.";
  return text;
}

std::string JsonSummary(const v1::UndoEntryResponse& last, bool dry_run) {
  return JsonObject()
      .Bool("dryRun", dry_run)
      .Number("listId", last.list_id())
      .Number("seenCount", last.seen_count())
      .Number("reversedCount", last.reversed_count())
      .Number("standingCount", last.standing_count())
      .Number("undoneBeforeCount", last.undone_before_count())
      .Number("damagedCount", last.damaged_count())
      .Bool("more", last.more())
      .Bool("entryInForce", last.entry_in_force())
      .Line();
}

}  // namespace

int RunListsUndo(const ListsUndoArguments& arguments, const GlobalOptions& options,
                 Environment& environment) {
  if (arguments.list.empty() && !arguments.list_id) {
    return ReportUsage(environment, "name the list: --list or --list-id");
  }
  if (!arguments.dry_run && (arguments.author.empty() || arguments.reason.empty())) {
    return ReportUsage(environment, "say who undoes it and why: --author and --reason (or --dry-run)");
  }
  v1::UndoEntryRequest request;
  request.set_list(arguments.list);
  request.set_list_id(arguments.list_id.value_or(0));
  request.set_entry_id(arguments.entry);
  request.set_dry_run(arguments.dry_run);
  request.set_author(arguments.author);
  request.set_reason(arguments.reason);
  request.set_max_reversals(arguments.max);

  Session session(options, environment);
  Progress progress(environment);
  Table table;
  table.AddRow(
      {"TIME", "TENANT", "CONTENT", "SCAN", "VERDICT", arguments.dry_run ? "WOULD BE" : "NOW", "WHY"});
  v1::UndoEntryResponse last;
  bool all_allowed = true;
  const Status ended = session->UndoEntry(
      request,
      [&](const v1::UndoEntryResponse& response) -> Status {
        progress.Clear();
        for (const v1::UndoneVerdict& verdict : response.verdicts()) {
          all_allowed = all_allowed && verdict.new_verdict() == v1::VERDICT_ALLOW;
          if (options.json) {
            environment.out << rpc::ToJson(verdict) << '\n';
          } else {
            AddRow(verdict, table);
          }
        }
        // Some at a time, so that memory does not grow with their number.
        if (!options.json && response.verdicts_size() > 0) table.Print(environment.out);
        last = response;
        last.clear_verdicts();
        progress.Show(0, 0, Count(static_cast<std::uint64_t>(last.seen_count()), "verdict", "verdicts"));
        return {};
      },
      std::max<std::chrono::milliseconds>(options.timeout, kLeastPatience));
  progress.Clear();
  if (!ended) {
    if (!arguments.dry_run && last.reversed_count() > 0) {
      environment.err << "What was told is done (" << last.reversed_count()
                      << " reversed). Run it again for the rest.\n";
    }
    return ReportError(environment, options, ended.error());
  }
  if (options.json) {
    environment.out << JsonSummary(last, arguments.dry_run) << '\n';
  } else if (last.seen_count() == 0) {
    environment.out << "No verdict came from the entry.\n";
  } else {
    environment.out << Summary(last, arguments.dry_run) << '\n';
  }
  if (last.entry_in_force()) {
    environment.err << "The entry is still in force: the same upload would match it again. Suppress it first"
                       " (hashgate opinions set suppress), or disable its list (hashgate lists disable).\n";
  }
  return all_allowed && !last.more() && !last.entry_in_force() ? kDone : kFindings;
}

}  // namespace hashgate::cli
