// events: ls, watch.
#include <algorithm>
#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/cli/session.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/json.h"

namespace hashgate::cli {
namespace {

constexpr std::int64_t kPage = 1'000;
/// Between two attempts to go on with a stream that broke off.
constexpr std::chrono::seconds kRetry{1};

std::string VerdictName(v1::Verdict verdict) {
  return std::string(Name(rpc::FromProto(verdict)));
}

// "entry 7 of demo"; "list demo".
std::string Where(std::int64_t entry, const std::string& list) {
  return entry == 0 ? "list " + Printable(list) : "entry " + std::to_string(entry) + " of " + Printable(list);
}

std::string Words(const v1::Event& event) {
  if (event.has_verdict_reversed()) {
    const v1::VerdictReversed& reversed = event.verdict_reversed();
    return "VERDICT_REVERSED  " + VerdictName(reversed.old_verdict()) + " -> " +
           VerdictName(reversed.new_verdict()) + "  content " +
           (reversed.content_id().empty() ? "-" : Printable(reversed.content_id())) + "  scan " +
           Printable(reversed.scan_id()) + "  " + Where(reversed.entry_id(), reversed.list()) + "  by " +
           Printable(reversed.author()) + ": " + Printable(reversed.reason());
  }
  if (event.has_list_alarm()) {
    const v1::ListAlarm& alarm = event.list_alarm();
    return "LIST_ALARM  " + Printable(alarm.alarm()) + "  " + Where(alarm.entry_id(), alarm.list()) + "  " +
           Printable(alarm.detail());
  }
  return "an event that this version does not know";
}

void Print(const v1::Event& event, const GlobalOptions& options, std::ostream& out) {
  if (options.json) {
    out << rpc::ToJson(event) << '\n';
  } else {
    out << event.sequence() << "  " << FormatTime(rpc::FromProto(event.create_time())) << "  "
        << Printable(event.tenant().empty() ? "-" : event.tenant()) << "  " << Words(event) << '\n';
  }
}

Result<v1::ListEventsResponse> List(Session& session, std::int64_t from, std::int64_t count,
                                    const GlobalOptions& options) {
  v1::ListEventsRequest request;
  request.set_from_sequence(from);
  request.set_page_size(static_cast<std::int32_t>(std::min(count, kPage)));
  return session->ListEvents(request, options.timeout);
}

// Whether going on where the stream broke off can help.
bool IsPassing(const Error& error) {
  switch (error.reason) {
    case Reason::kDraining:
    case Reason::kServerUnreachable:
    case Reason::kIndexNotReady:
    case Reason::kOverloaded:
    case Reason::kDeadlineExceeded:
    case Reason::kCancelled: return true;
    default: return false;
  }
}

}  // namespace

int RunEventsLs(const EventsLsArguments& arguments, const GlobalOptions& options, Environment& environment) {
  Session session(options, environment);
  std::int64_t left = arguments.limit > 0 ? arguments.limit : INT64_MAX;
  std::int64_t from = arguments.from;
  bool any = false;
  bool more = true;
  while (more && left > 0) {
    const auto page = List(session, from, left, options);
    if (!page) return ReportError(environment, options, page.error());
    for (const v1::Event& event : page->events()) Print(event, options, environment.out);
    any = any || page->events_size() > 0;
    left -= page->events_size();
    from = page->next_sequence();
    more = page->more();
  }
  if (options.json) return kDone;
  if (!any) environment.out << "No events.\n";
  if (more) environment.out << "There are more: --from " << from << " goes on, --limit 0 shows all.\n";
  return kDone;
}

int RunEventsWatch(const EventsWatchArguments& arguments, const GlobalOptions& options,
                   Environment& environment) {
  Session session(options, environment);
  // Whether the server is there and has that event is told at once; only later breaks are waited out.
  const auto there = List(session, arguments.from, 1, options);
  if (!there) return ReportError(environment, options, there.error());
  std::int64_t next = there->events_size() > 0 ? there->events(0).sequence() : there->next_sequence();
  std::int64_t left = arguments.limit > 0 ? arguments.limit : INT64_MAX;
  bool broken = false;
  for (;;) {
    v1::WatchEventsRequest request;
    request.set_from_sequence(next);
    const Status ended =
        session->WatchEvents(request, [&](const v1::WatchEventsResponse& response) -> Status {
          broken = false;
          for (const v1::Event& event : response.events()) {
            if (left == 0) break;
            Print(event, options, environment.out);
            next = event.sequence() + 1;
            --left;
          }
          environment.out.flush();
          if (!environment.out) return Fail(Reason::kFileUnreadable, "standard output could not be written");
          return left > 0 ? Status() : Fail(Reason::kCancelled, "enough were read");
        });
    if (left == 0) return kDone;
    const bool stopped = environment.stop.requested();
    if (!stopped && (ended || IsPassing(ended.error()))) {
      if (!broken) environment.err << "The stream broke off; going on from event " << next << ".\n";
      broken = true;
      if (!environment.stop.SleepFor(kRetry)) continue;
    } else if (!stopped) {
      return ReportError(environment, options, ended.error());
    }
    environment.err << "Stopped. To go on: --from " << next << '\n';
    return kFailed;
  }
}

}  // namespace hashgate::cli
