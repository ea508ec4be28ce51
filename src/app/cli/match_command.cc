#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/cli/scan_line.h"
#include "app/cli/session.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/json.h"

namespace hashgate::cli {

int RunMatch(const MatchArguments& arguments, const GlobalOptions& options, Environment& environment) {
  if (arguments.hashes.empty()) {
    return ReportUsage(
        environment,
        "give at least one of --pdq, --md5, --sha1, --sha256, --photodna, --marr-hildreth, --phash, "
        "--block-mean and --average");
  }
  v1::MatchHashesRequest request;
  request.mutable_header()->set_surface(arguments.surface);
  for (const std::string& list : arguments.lists) {
    request.mutable_header()->mutable_options()->add_lists(list);
  }
  v1::HashSet& file = *request.add_files();
  for (const auto& [algorithm, text] : arguments.hashes) {
    auto hash = ParseHashText(algorithm, text);
    if (!hash) {
      return ReportUsage(environment, OptionOf(algorithm) + ": " + hash.error().message);
    }
    if (algorithm == Algorithm::kPdq && !arguments.pipeline.empty()) {
      hash->pipeline = *ParsePipeline(arguments.pipeline);
    }
    *file.add_hashes() = rpc::ToProto(*hash);
  }
  Session session(options, environment);
  const auto response = session->MatchHashes(request, options.timeout);
  if (!response) return ReportError(environment, options, response.error());
  if (response->results_size() != 1) {
    return ReportError(environment, options,
                       {Reason::kInvariantBroken, "the server did not answer for every file", {}, {}});
  }
  const v1::ScanResult& result = response->results(0);
  if (options.json) {
    environment.out << rpc::ToJson(result) << '\n';
  } else {
    std::string line = ScanText("", result, "", false);
    line.erase(line.find_last_not_of(' ') + 1);
    environment.out << line << '\n';
  }
  return KnownVerdict(result.verdict()) == v1::VERDICT_ALLOW ? kDone : kFindings;
}

}  // namespace hashgate::cli
