#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <thread>
#include <vector>

#include "app/cli/commands.h"
#include "app/cli/file_walk.h"
#include "app/cli/output.h"
#include "app/cli/scan_file.h"
#include "app/cli/scan_line.h"
#include "app/cli/scan_state.h"
#include "app/cli/session.h"
#include "hashgate/verdict.h"
#include "rpc/wire/convert.h"

namespace hashgate::cli {
namespace {

constexpr std::chrono::seconds kFirstQuestionsPatience{2};
constexpr std::chrono::seconds kSyncInterval{1};

// What a verdict depends on beside the file and the request, as it is on the server now; empty where it does
// not say.
std::optional<v1::Versions> CurrentVersions(Client& client, std::chrono::milliseconds timeout) {
  const auto status = client.GetStatus(timeout);
  if (!status) return std::nullopt;
  v1::Versions versions;
  versions.set_engine(status->version());
  versions.set_policy_digest(status->policy_digest());
  versions.set_generation(status->generation());
  return versions;
}

// Whether an earlier answer is still what the server would say. One that stops a file stands whatever has
// changed since, so that no change of a list or policy frees a file by the way.
bool StillHolds(const v1::ScanResult& result, const std::optional<v1::Versions>& current) {
  if (result.verdict() == v1::VERDICT_BLOCK || result.verdict() == v1::VERDICT_BLOCK_AND_REPORT) return true;
  const v1::Versions& then = result.versions();
  return current && !then.policy_digest().empty() && then.policy_digest() == current->policy_digest() &&
         then.generation() == current->generation() && then.engine() == current->engine();
}

// Whoever scans a folder waits for no single answer.
bool IsBatch(const ScanArguments& arguments) {
  return arguments.background || std::ranges::any_of(arguments.paths, [](const std::string& path) {
           std::error_code ignored;
           return std::filesystem::is_directory(path, ignored);
         });
}

/// The scan of all files: workers take them in the walk's order, and answers are printed in that order
/// whatever order they come in.
class ScanRun {
 public:
  ScanRun(const ScanArguments& arguments, const GlobalOptions& options, Environment& environment,
          FileScanner& scanner, ScanState* state, std::optional<v1::Versions> current)
      : arguments_(arguments),
        options_(options),
        environment_(environment),
        scanner_(scanner),
        state_(state),
        current_(std::move(current)),
        walk_(arguments.paths),
        progress_(environment),
        window_(static_cast<std::uint64_t>(arguments.jobs) * 8) {}

  void Run() {
    std::vector<std::thread> workers;
    workers.reserve(static_cast<std::size_t>(arguments_.jobs));
    for (int i = 0; i < arguments_.jobs; ++i) workers.emplace_back([this] { Work(); });
    for (std::thread& worker : workers) worker.join();
    progress_.Clear();
    if (state_ != nullptr && !state_error_) Note(state_->Sync());
  }

  int Report();

 private:
  struct Task {
    std::uint64_t number = 0;
    WalkItem item;
  };

  void Work() {
    while (const std::optional<Task> task = Take()) {
      FileAnswer answer = task->item.error.empty() ? scanner_.Scan(task->item.path)
                                                   : scanner_.Unreadable(task->item.path, task->item.error);
      Finish(task->number, std::move(answer));
    }
  }

  /// The next file that is not finished already; empty at the end, on a stop and on a refusal.
  std::optional<Task> Take() {
    std::unique_lock lock(mutex_);
    while (true) {
      // A slow file must not let the answers behind it pile up.
      changed_.wait(lock, [this] { return taken_ - printed_ < window_; });
      if (environment_.stop.requested() || state_error_ || refused_) return std::nullopt;
      std::optional<WalkItem> item = walk_.Next();
      if (!item) return std::nullopt;
      const std::uint64_t number = taken_++;
      std::optional<FileAnswer> earlier = Remembered(*item);
      if (!earlier) return Task{number, *std::move(item)};
      Deliver(number, *std::move(earlier));
    }
  }

  /// The answer of an earlier run, where that still holds.
  std::optional<FileAnswer> Remembered(const WalkItem& item) {
    if (state_ == nullptr || !item.error.empty()) return std::nullopt;
    struct stat info{};
    if (::stat(item.path.c_str(), &info) != 0) return std::nullopt;
    std::optional<v1::ScanResult> result = state_->Find(item.path, StampOf(info));
    if (!result || !StillHolds(*result, current_)) return std::nullopt;
    FileAnswer answer;
    answer.file = item.path;
    answer.result = *std::move(result);
    answer.result.set_verdict(KnownVerdict(answer.result.verdict()));
    answer.remembered = true;
    return answer;
  }

  void Finish(std::uint64_t number, FileAnswer answer) {
    const std::lock_guard lock(mutex_);
    // At once, not when it is this file's turn: no further file is asked for.
    if (answer.refused && !refused_) refused_ = answer.refused;
    Deliver(number, std::move(answer));
  }

  void Deliver(std::uint64_t number, FileAnswer answer) {
    waiting_.emplace(number, std::move(answer));
    while (!waiting_.empty() && waiting_.begin()->first == printed_) {
      Print(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      ++printed_;
    }
    changed_.notify_all();
  }

  void Print(const FileAnswer& answer) {
    if (answer.stopped || answer.refused) return;
    progress_.Clear();
    environment_.out << (options_.json
                             ? ScanJson(answer.file, answer.result, answer.error, answer.remembered)
                             : ScanText(answer.file, answer.result, answer.error, answer.remembered))
                     << '\n';
    environment_.out.flush();
    ++verdicts_[answer.result.verdict()];
    if (answer.remembered) {
      ++remembered_;
      return;
    }
    ++answered_;
    // Who may not see the server's status learns from the first answer what is in force.
    if (!current_ && answer.result.has_versions()) current_ = answer.result.versions();
    if (answer.not_reached) ++not_reached_;
    // Only after it was printed: a crash in between repeats an answer and loses none.
    if (state_ != nullptr && answer.final && !state_error_ && environment_.out) {
      Note(state_->Record(answer.file, answer.stamp, answer.result));
      const auto now = std::chrono::steady_clock::now();
      if (now - synced_ >= kSyncInterval) {
        synced_ = now;
        Note(state_->Sync());
      }
    }
    progress_.Show(0, 0, Count(answered_, "file", "files") + " scanned");
  }

  void Note(const Status& status) {
    if (!status && !state_error_) state_error_ = status.error();
  }

  const ScanArguments& arguments_;
  const GlobalOptions& options_;
  Environment& environment_;
  FileScanner& scanner_;
  std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  ScanState* state_;
  std::optional<v1::Versions> current_;
  FileWalk walk_;
  Progress progress_;
  std::uint64_t window_;
  std::uint64_t taken_ = 0;
  std::uint64_t printed_ = 0;
  std::map<std::uint64_t, FileAnswer> waiting_;
  std::map<v1::Verdict, std::uint64_t> verdicts_;
  std::uint64_t answered_ = 0;
  std::uint64_t remembered_ = 0;
  std::uint64_t not_reached_ = 0;
  std::chrono::steady_clock::time_point synced_{};
  std::optional<Error> state_error_;
  std::optional<Error> refused_;
};

int ScanRun::Report() {
  if (!options_.json && (!refused_ || answered_ + remembered_ > 0)) {
    std::string line = "\n" + Count(answered_ + remembered_, "file", "files");
    const char* separator = ": ";
    for (const auto& [verdict, count] : verdicts_) {
      line += separator + std::to_string(count) + " " + std::string(Name(rpc::FromProto(verdict)));
      separator = ", ";
    }
    if (remembered_ > 0) line += " (" + std::to_string(remembered_) + " remembered)";
    environment_.out << line << '\n';
  }
  if (state_error_) return ReportError(environment_, options_, *state_error_);
  if (refused_) return ReportError(environment_, options_, *refused_);
  if (environment_.stop.requested()) {
    environment_.err << "hashgate: stopped after " << Count(answered_, "file", "files")
                     << (state_ != nullptr ? "; run the same command again to go on where it stopped\n"
                                           : "; with --state FILE a scan goes on where it stopped\n");
    return kFailed;
  }
  if (not_reached_ > 0) {
    environment_.err << "hashgate: " << Count(not_reached_, "file was", "files were")
                     << " not scanned: the server could not be reached or refused\n";
    return kFailed;
  }
  const bool clean = std::ranges::all_of(
      verdicts_, [](const auto& row) { return row.first == v1::VERDICT_ALLOW || row.second == 0; });
  return clean ? kDone : kFindings;
}

}  // namespace

int RunScan(const ScanArguments& arguments, const GlobalOptions& options, Environment& environment) {
  std::unique_ptr<ScanState> state;
  if (!arguments.state_file.empty()) {
    std::string request = options.server + " surface=" + arguments.surface + " lists=";
    for (const std::string& list : arguments.lists) request += list + ",";
    request += arguments.exact ? " exact" : " full";
    if (arguments.include_hashes) request += " hashes";
    auto opened = ScanState::Open(arguments.state_file, request);
    if (!opened && opened.error().reason == Reason::kRequestInvalid) {
      return ReportUsage(environment, opened.error().message);
    }
    if (!opened) return ReportError(environment, options, opened.error());
    state = *std::move(opened);
  }
  Session session(options, environment);
  const auto patience = std::min<std::chrono::milliseconds>(options.timeout, kFirstQuestionsPatience);
  const FailPolicy fail_policy =
      FailPolicy::Load(*session, arguments.surface, arguments.fail_policy_file, patience);
  std::optional<v1::Versions> current;
  if (state != nullptr) current = CurrentVersions(*session, patience);
  FileScanner scanner(*session, fail_policy, arguments, options.timeout, IsBatch(arguments),
                      environment.stop);
  ScanRun run(arguments, options, environment, scanner, state.get(), std::move(current));
  run.Run();
  return run.Report();
}

}  // namespace hashgate::cli
