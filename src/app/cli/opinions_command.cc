// opinions: set, agree, rm, ls; and brake.
#include <cctype>
#include <limits>
#include <optional>
#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/cli/session.h"
#include "base/clock.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/json.h"

namespace hashgate::cli {
namespace {

constexpr std::int64_t kMostDays = 3'660;

// "90s", "30m", "12h", "7d"; at most ten years.
std::optional<std::chrono::seconds> ParseSpan(const std::string& text) {
  std::size_t digits = 0;
  std::int64_t number = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9' && digits < 9)
    number = 10 * number + (text[digits++] - '0');
  if (digits == 0 || digits + 1 != text.size()) return std::nullopt;
  std::int64_t unit = 0;
  switch (text.back()) {
    case 's': unit = 1; break;
    case 'm': unit = 60; break;
    case 'h': unit = 3'600; break;
    case 'd': unit = 86'400; break;
    default: return std::nullopt;
  }
  if (number == 0 || number > kMostDays * 86'400 / unit) return std::nullopt;
  return std::chrono::seconds(number * unit);
}

int ReportSpan(Environment& environment) {
  return ReportUsage(environment, "--for is a time such as 90s, 30m, 12h or 7d");
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

v1::OpinionKind KindOf(const std::string& kind) {
  std::string name = "OPINION_KIND_" + kind;
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  v1::OpinionKind value = v1::OPINION_KIND_UNSPECIFIED;
  v1::OpinionKind_Parse(name, &value);
  return value;
}

// "OPINION_KIND_SUPPRESS" without its prefix, and the like.
std::string ShortName(const std::string& name, std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}
std::string StateName(const v1::Opinion& opinion) {
  return ShortName(v1::OpinionState_Name(opinion.state()), "OPINION_STATE_");
}
std::string TimeText(bool present, const google::protobuf::Timestamp& time) {
  return present ? FormatTime(rpc::FromProto(time)) : "-";
}

void PrintOpinion(const v1::Opinion& opinion, std::int64_t generation, const GlobalOptions& options,
                  Environment& environment) {
  if (options.json) {
    environment.out << rpc::ToJson(opinion) << '\n';
    return;
  }
  environment.out << ShortName(v1::OpinionKind_Name(opinion.kind()), "OPINION_KIND_") << " of entry "
                  << opinion.entry_id() << " of " << Printable(opinion.list()) << ", version "
                  << opinion.entry_version() << ": " << StateName(opinion) << " since generation "
                  << generation;
  if (opinion.state() == v1::OPINION_STATE_PENDING) environment.out << "; a second person has to agree";
  environment.out << ".\n";
}

void AddRow(const v1::Opinion& opinion, Table& table) {
  table.AddRow({Printable(opinion.list()), std::to_string(opinion.entry_id()),
                std::to_string(opinion.entry_version()),
                ShortName(v1::OpinionKind_Name(opinion.kind()), "OPINION_KIND_"), StateName(opinion),
                TimeText(opinion.has_expire_time(), opinion.expire_time()),
                Printable(opinion.author()) +
                    (opinion.second_author().empty() ? "" : ", " + Printable(opinion.second_author())),
                Lower(ShortName(v1::OpinionFeedback_Name(opinion.feedback()), "OPINION_FEEDBACK_")),
                Printable(opinion.reason())});
}

template <typename Request>
Request RequestOf(const OpinionArguments& arguments) {
  Request request;
  request.set_list(arguments.list);
  request.set_entry_id(arguments.entry);
  request.set_kind(KindOf(arguments.kind));
  return request;
}

}  // namespace

int RunOpinionsSet(const OpinionsSetArguments& arguments, const GlobalOptions& options,
                   Environment& environment) {
  auto request = RequestOf<v1::SetOpinionRequest>(arguments);
  request.set_author(arguments.author);
  request.set_reason(arguments.reason);
  if (arguments.version < 0 || arguments.version > std::numeric_limits<std::int32_t>::max())
    return ReportUsage(environment, "--version is a positive number");
  request.set_entry_version(static_cast<std::int32_t>(arguments.version));
  request.set_needs_second(arguments.two_people);
  request.set_no_feedback(arguments.no_feedback);
  if (!arguments.lasts.empty()) {
    const auto span = ParseSpan(arguments.lasts);
    if (!span) return ReportSpan(environment);
    *request.mutable_expire_time() = rpc::ToProto(Clock::System().Wall() + *span);
  }
  Session session(options, environment);
  const auto response = session->SetOpinion(request, options.timeout);
  if (!response) return ReportError(environment, options, response.error());
  PrintOpinion(response->opinion(), response->generation(), options, environment);
  return kDone;
}

int RunOpinionsAgree(const OpinionsAgreeArguments& arguments, const GlobalOptions& options,
                     Environment& environment) {
  auto request = RequestOf<v1::AgreeToOpinionRequest>(arguments);
  request.set_author(arguments.author);
  Session session(options, environment);
  // It is the opinion that is shown here which is agreed to, and no later one.
  v1::ListOpinionsRequest listing;
  listing.set_list(arguments.list);
  do {
    const auto page = session->ListOpinions(listing, options.timeout);
    if (!page) return ReportError(environment, options, page.error());
    listing.set_page_token(page->next_page_token());
    for (const v1::Opinion& opinion : page->opinions()) {
      if (opinion.entry_id() != request.entry_id() || opinion.kind() != request.kind()) continue;
      *request.mutable_create_time() = opinion.create_time();
      environment.err << "Agreeing to what " << Printable(opinion.author())
                      << " said: " << Printable(opinion.reason()) << '\n';
    }
  } while (!listing.page_token().empty() && !request.has_create_time());
  const auto response = session->AgreeToOpinion(request, options.timeout);
  if (!response) return ReportError(environment, options, response.error());
  PrintOpinion(response->opinion(), response->generation(), options, environment);
  return kDone;
}

int RunOpinionsRemove(const OpinionsRemoveArguments& arguments, const GlobalOptions& options,
                      Environment& environment) {
  Session session(options, environment);
  auto request = RequestOf<v1::DeleteOpinionRequest>(arguments);
  request.set_author(arguments.author);
  request.set_reason(arguments.reason);
  const auto response = session->DeleteOpinion(request, options.timeout);
  if (!response) return ReportError(environment, options, response.error());
  if (options.json) {
    environment.out << JsonObject()
                           .Text("list", arguments.list)
                           .Number("entryId", arguments.entry)
                           .Number("generation", response->generation())
                           .Line()
                    << '\n';
  } else {
    environment.out << "Taken back, since generation " << response->generation() << ".\n";
  }
  return kDone;
}

int RunOpinionsLs(const OpinionsLsArguments& arguments, const GlobalOptions& options,
                  Environment& environment) {
  v1::ListOpinionsRequest request;
  request.set_list(arguments.list);
  Session session(options, environment);
  Table table;
  table.AddRow({"LIST", "ENTRY", "VERSION", "OPINION", "STATE", "UNTIL", "BY", "SOURCE TOLD", "REASON"});
  bool any = false;
  do {
    const auto response = session->ListOpinions(request, options.timeout);
    if (!response) return ReportError(environment, options, response.error());
    request.set_page_token(response->next_page_token());
    any = any || response->opinions_size() > 0;
    for (const v1::Opinion& opinion : response->opinions()) {
      if (options.json) {
        environment.out << rpc::ToJson(opinion) << '\n';
        continue;
      }
      AddRow(opinion, table);
    }
  } while (!request.page_token().empty());
  if (options.json) return kDone;
  if (any) {
    table.Print(environment.out);
  } else {
    environment.out << "No opinions.\n";
  }
  return kDone;
}

int RunBrake(const BrakeArguments& arguments, const GlobalOptions& options, Environment& environment) {
  v1::SetBrakeRequest request;
  request.set_list(arguments.list);
  if (!arguments.release) {
    request.set_max_verdict(arguments.max_verdict == "block" ? v1::VERDICT_BLOCK : v1::VERDICT_REVIEW);
    const auto span = ParseSpan(arguments.lasts);
    if (!span) return ReportSpan(environment);
    request.mutable_duration()->set_seconds(span->count());
    request.set_author(arguments.author.empty() ? "operator" : arguments.author);
    request.set_reason(arguments.reason);
  }
  Session session(options, environment);
  const auto response = session->SetBrake(request, options.timeout);
  if (!response) return ReportError(environment, options, response.error());
  const v1::HashList& list = response->list();
  if (options.json) {
    environment.out << rpc::ToJson(list) << '\n';
  } else if (list.has_brake()) {
    environment.out << "Matches of " << Printable(list.name()) << " lead to "
                    << Name(rpc::FromProto(list.brake().max_verdict())) << " at most until "
                    << TimeText(true, list.brake().expire_time()) << ", since generation "
                    << response->generation() << ". Release: hashgate brake --list " << Printable(list.name())
                    << " --release\n";
  } else {
    environment.out << "No brake is on " << Printable(list.name()) << " any more, since generation "
                    << response->generation() << ".\n";
  }
  return kDone;
}

}  // namespace hashgate::cli
