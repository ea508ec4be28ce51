#include "app/cli/fail_policy.h"

#include <fstream>
#include <iterator>

#include "app/cli/output_file.h"
#include "app/cli/scan_line.h"
#include "base/clock.h"

namespace hashgate::cli {
namespace {

// The file is the server's answer as it came, behind a line that says which table it is and when it came.
constexpr std::string_view kMagic = "hashgate fail policy 1 ";

std::string Header(const std::string& surface, std::int64_t millis) {
  return std::string(kMagic) + std::to_string(millis) + " " + surface + "\n";
}

void Save(const v1::GetFailPolicyResponse& response, const std::string& surface, std::int64_t millis,
          const std::string& file) {
  auto out = OutputFile::Create(file);
  if (!out) return;
  if (out->Write(Header(surface, millis)) && out->Write(response.SerializeAsString())) {
    // The copy is for a later run that cannot reach the server: this one has its answer anyway.
    [[maybe_unused]] const Status kept = out->Commit();
  }
}

}  // namespace

FailPolicy FailPolicy::Load(Client& client, const std::string& surface, const std::string& cache_file,
                            std::chrono::milliseconds timeout) {
  FailPolicy policy;
  v1::GetFailPolicyRequest request;
  request.set_surface(surface);
  const auto now = std::chrono::system_clock::now();
  if (const auto response = client.GetFailPolicy(request, timeout)) {
    policy.Take(*response, now);
    if (!cache_file.empty()) Save(*response, surface, ToUnixMillis(now), cache_file);
    return policy;
  }
  if (cache_file.empty()) return policy;
  std::ifstream in(cache_file, std::ios::binary);
  std::string magic(kMagic.size(), '\0');
  std::int64_t millis = 0;
  std::string rest;
  v1::GetFailPolicyResponse response;
  if (in.read(magic.data(), static_cast<std::streamsize>(magic.size())) && magic == kMagic && in >> millis &&
      in.get() == ' ' && std::getline(in, rest) && rest == surface && response.ParseFromIstream(&in)) {
    policy.Take(response, FromUnixMillis(millis));
  }
  return policy;
}

void FailPolicy::Take(const v1::GetFailPolicyResponse& response,
                      std::chrono::system_clock::time_point fetched) {
  for (const auto& row : response.rows()) rows_[row.cause()] = KnownVerdict(row.verdict());
  until_ = fetched + std::chrono::seconds(response.max_age().seconds());
}

v1::Verdict FailPolicy::For(v1::Cause cause) const {
  const auto row = rows_.find(cause);
  if (row == rows_.end() || std::chrono::system_clock::now() > until_) return v1::VERDICT_HOLD;
  return row->second;
}

}  // namespace hashgate::cli
