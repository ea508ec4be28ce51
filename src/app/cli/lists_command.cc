// Lists as a whole: ls, show, create, update, enable, disable, rm. Their contents: lists_import_command.cc
// and lists_entries_command.cc.
#include <charconv>
#include <istream>
#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/list_output.h"
#include "app/cli/output.h"
#include "app/cli/session.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/json.h"

namespace hashgate::cli {
namespace {

std::string Upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == '-') c = '_';
  }
  return text;
}

/// The algorithm's row of thresholds, added where there is none.
v1::MaxDistance& RowOf(v1::Algorithm algorithm, v1::HashList& list) {
  for (v1::MaxDistance& row : *list.mutable_max_distances()) {
    if (row.algorithm() == algorithm) return row;
  }
  v1::MaxDistance& row = *list.add_max_distances();
  row.set_algorithm(algorithm);
  return row;
}

/// Takes "marr_hildreth=57". Whether the number is in bounds the server says.
Status ReadImgHashDistance(const std::string& text, v1::HashList& list) {
  const std::size_t sign = text.find('=');
  const auto algorithm = ParseAlgorithm(text.substr(0, sign));
  int bits = -1;
  if (sign != std::string::npos) {
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + sign + 1, end, bits);
    if (error != std::errc() || stop != end) bits = -1;
  }
  if (!algorithm || !IsImgHash(*algorithm) || bits < 0) {
    return Fail(
        Reason::kRequestInvalid,
        "--max-img-hash-distance is ALGORITHM=BITS, with marr_hildreth, phash, block_mean or average");
  }
  RowOf(rpc::ToProto(*algorithm), list).set_max_distance_bits(bits);
  return {};
}

/// Writes the fields that were given into `list`.
Status Apply(const ListFields& fields, v1::HashList& list) {
  list.set_name(fields.name);
  if (fields.purpose) {
    HASHGATE_ASSIGN_OR_RETURN(const Purpose purpose, ParseHarmClass(Upper(*fields.purpose)));
    list.set_purpose(rpc::ToProto(purpose));
  }
  if (fields.trust) {
    HASHGATE_ASSIGN_OR_RETURN(const Trust trust, ParseTrust(Upper(*fields.trust)));
    list.set_trust(rpc::ToProto(trust));
  }
  if (fields.source) list.set_source(*fields.source);
  if (fields.legal_basis) list.set_legal_basis(*fields.legal_basis);
  if (fields.scheme) list.set_scheme(*fields.scheme);
  if (fields.tenant) list.set_tenant(*fields.tenant);
  if (fields.description) list.set_description(*fields.description);
  if (fields.pipeline) {
    HASHGATE_ASSIGN_OR_RETURN(const Pipeline pipeline, ParsePipeline(*fields.pipeline));
    list.set_pdq_pipeline(rpc::ToProto(pipeline));
  }
  if (fields.ceiling) {
    HASHGATE_ASSIGN_OR_RETURN(const Verdict ceiling, ParseVerdict(Upper(*fields.ceiling)));
    list.set_action_ceiling(rpc::ToProto(ceiling));
  }
  if (fields.max_distance) RowOf(v1::ALGORITHM_PDQ, list).set_max_distance_bits(*fields.max_distance);
  if (fields.max_photodna_distance) {
    RowOf(v1::ALGORITHM_PHOTODNA, list).set_max_distance(*fields.max_photodna_distance);
  }
  for (const std::string& text : fields.max_img_hash_distances) {
    HASHGATE_RETURN_IF_ERROR(ReadImgHashDistance(text, list));
  }
  if (fields.enabled) list.set_enabled(*fields.enabled);
  return {};
}

void PrintResult(const v1::HashList& list, std::int64_t generation, std::string_view did,
                 const GlobalOptions& options, std::ostream& out) {
  if (options.json) {
    out << JsonObject().Raw("list", rpc::ToJson(list)).Number("generation", generation).Line() << '\n';
  } else {
    out << "List " << Printable(list.name()) << " " << did << " (generation " << generation << ").\n";
  }
}

}  // namespace

int RunListsLs(const ListsLsArguments& arguments, const GlobalOptions& options, Environment& environment) {
  Session session(options, environment);
  v1::ListHashListsRequest request;
  request.set_include_system(arguments.all);
  const auto response = session->ListHashLists(request, options.timeout);
  if (!response) return ReportError(environment, options, response.error());
  if (options.json) {
    for (const v1::HashList& list : response->lists()) environment.out << rpc::ToJson(list) << '\n';
  } else if (response->lists().empty()) {
    environment.out << "No lists.\n";
  } else {
    PrintLists(response->lists(), environment.out);
  }
  return kDone;
}

int RunListsShow(const ListsShowArguments& arguments, const GlobalOptions& options,
                 Environment& environment) {
  Session session(options, environment);
  v1::GetHashListRequest request;
  request.set_name(arguments.name);
  const auto response = session->GetHashList(request, options.timeout);
  if (!response) return ReportError(environment, options, response.error());
  if (options.json) {
    environment.out << rpc::ToJson(response->list()) << '\n';
  } else {
    PrintList(response->list(), environment.out);
  }
  return kDone;
}

int RunListsCreate(const ListsCreateArguments& arguments, const GlobalOptions& options,
                   Environment& environment) {
  v1::CreateHashListRequest request;
  if (const Status applied = Apply(arguments, *request.mutable_list()); !applied) {
    return ReportUsage(environment, applied.error().message);
  }
  Session session(options, environment);
  const auto response = session->CreateHashList(request, options.timeout);
  if (!response) return ReportError(environment, options, response.error());
  PrintResult(response->list(), response->generation(), "created", options, environment.out);
  return kDone;
}

int RunListsUpdate(const ListsUpdateArguments& arguments, const GlobalOptions& options,
                   Environment& environment) {
  // Checked before the server is asked for anything.
  v1::HashList checked;
  if (const Status applied = Apply(arguments, checked); !applied) {
    return ReportUsage(environment, applied.error().message);
  }
  Session session(options, environment);
  v1::GetHashListRequest get;
  get.set_name(arguments.name);
  const auto current = session->GetHashList(get, options.timeout);
  if (!current) return ReportError(environment, options, current.error());
  // The etag as read guards against somebody else's change in between.
  v1::UpdateHashListRequest request;
  *request.mutable_list() = current->list();
  if (const Status applied = Apply(arguments, *request.mutable_list()); !applied) {
    return ReportUsage(environment, applied.error().message);
  }
  const auto response = session->UpdateHashList(request, options.timeout);
  if (!response) return ReportError(environment, options, response.error());
  PrintResult(response->list(), response->generation(), "updated", options, environment.out);
  return kDone;
}

int RunListsEnable(const ListsEnableArguments& arguments, const GlobalOptions& options,
                   Environment& environment) {
  Session session(options, environment);
  if (arguments.enable) {
    v1::EnableHashListRequest request;
    request.set_name(arguments.name);
    const auto response = session->EnableHashList(request, options.timeout);
    if (!response) return ReportError(environment, options, response.error());
    PrintResult(response->list(), response->generation(), "enabled", options, environment.out);
  } else {
    v1::DisableHashListRequest request;
    request.set_name(arguments.name);
    const auto response = session->DisableHashList(request, options.timeout);
    if (!response) return ReportError(environment, options, response.error());
    PrintResult(response->list(), response->generation(), "disabled", options, environment.out);
  }
  return kDone;
}

int RunListsRemove(const ListsRemoveArguments& arguments, const GlobalOptions& options,
                   Environment& environment) {
  Session session(options, environment);
  v1::DeleteHashListRequest request;
  request.set_name(arguments.name);
  if (!arguments.yes) {
    v1::GetHashListRequest get;
    get.set_name(arguments.name);
    const auto current = session->GetHashList(get, options.timeout);
    if (!current) return ReportError(environment, options, current.error());
    environment.err << "This removes the list and its "
                    << Count(static_cast<std::uint64_t>(current->list().entry_count()), "entry", "entries")
                    << ". Type the list's name to go on: " << std::flush;
    std::string answer;
    if (!std::getline(environment.in, answer) || answer != arguments.name) {
      return ReportError(environment, options, {Reason::kCancelled, "nothing was removed", {}, {}});
    }
    // What was confirmed is what is removed.
    request.set_etag(current->list().etag());
  }
  const auto response = session->DeleteHashList(request, options.timeout);
  if (!response) return ReportError(environment, options, response.error());
  if (options.json) {
    environment.out
        << JsonObject().Text("removed", arguments.name).Number("generation", response->generation()).Line()
        << '\n';
  } else {
    environment.out << "List " << Printable(arguments.name) << " removed (generation "
                    << response->generation() << ").\n";
  }
  return kDone;
}

}  // namespace hashgate::cli
