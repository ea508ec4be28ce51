#include "app/cli/scan_state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace hashgate::cli {
namespace {

constexpr std::string_view kMagic = "hashgate scan state 1 ";

// Paths may hold anything but NUL; in the file a backslash, a line end or a tab is written with a backslash.
std::string Escape(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
  }
  return out;
}

std::string Unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      const char c = text[++i];
      out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
    } else {
      out += text[i];
    }
  }
  return out;
}

template <typename T>
bool ParseInteger(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::unexpected<Error> ScanState::Failed(const char* what) const {
  return Fail(Reason::kFileUnreadable,
              "state file '" + name_ + "' cannot be " + what + ": " + std::strerror(errno), "state");
}

Result<std::unique_ptr<ScanState>> ScanState::Open(const std::string& path, const std::string& request) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  std::unique_ptr<ScanState> state(new ScanState(std::move(fd), path));
  if (!state->fd_.valid()) return state->Failed("opened");
  if (::flock(state->fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    return Fail(Reason::kStoreInUse, "state file '" + path + "' is in use by another scan", "state");
  }
  HASHGATE_RETURN_IF_ERROR(state->Load(request));
  return state;
}

Status ScanState::Load(const std::string& request) {
  const std::string header = std::string(kMagic) + Escape(request);
  std::string pending;
  std::array<char, 1 << 16> block{};
  off_t whole = 0;  // bytes of complete lines
  bool first = true;
  while (true) {
    const ssize_t count = ::read(fd_.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed("read");
    if (count == 0) break;
    pending.append(block.data(), static_cast<std::size_t>(count));
    std::size_t at = 0;
    for (std::size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n', at)) {
      const std::string_view line = std::string_view(pending).substr(at, end - at);
      at = end + 1;
      whole += static_cast<off_t>(line.size()) + 1;
      if (first) {
        if (!line.starts_with(kMagic)) {
          return Fail(Reason::kRequestInvalid, "'" + name_ + "' is not a state file of hashgate scan",
                      "state");
        }
        if (line != header) {
          return Fail(
              Reason::kRequestInvalid,
              "state file '" + name_ + "' belongs to a scan with another server, surface, lists or depth",
              "state");
        }
        first = false;
        continue;
      }
      std::array<std::string_view, 4> fields;
      std::size_t from = 0;
      bool sound = true;
      for (std::size_t i = 0; i < 3 && sound; ++i) {
        const std::size_t tab = line.find('\t', from);
        sound = tab != std::string_view::npos;
        fields[i] = line.substr(from, tab - from);
        from = tab + 1;
      }
      Done done;
      const auto verdict = sound ? ParseVerdict(fields[0]) : Result<Verdict>(Verdict::kUnspecified);
      sound = sound && verdict && ParseInteger(fields[1], done.stamp.size) &&
              ParseInteger(fields[2], done.stamp.modified_nanos);
      // A line that does not read only means that its file is scanned again.
      if (!sound) continue;
      done.verdict = *verdict;
      done_.insert_or_assign(Unescape(line.substr(from)), done);
    }
    pending.erase(0, at);
    constexpr std::size_t kMaxLine = 1 << 16;
    if (pending.size() > kMaxLine) {
      return Fail(Reason::kRequestInvalid, "'" + name_ + "' is not a state file of hashgate scan", "state");
    }
  }
  if (first && !pending.empty() && !std::string_view(header).starts_with(pending)) {
    return Fail(Reason::kRequestInvalid, "'" + name_ + "' is not a state file of hashgate scan", "state");
  }
  // A half line is what a crash left.
  if (!pending.empty() && ::ftruncate(fd_.get(), whole) != 0) return Failed("repaired");
  if (first) {
    const std::string line = header + "\n";
    if (::write(fd_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      return Failed("written");
    }
    return Sync();
  }
  return {};
}

Verdict ScanState::Find(const std::string& path, const FileStamp& stamp) const {
  const auto found = done_.find(path);
  return found != done_.end() && found->second.stamp == stamp ? found->second.verdict : Verdict::kUnspecified;
}

Status ScanState::Record(const std::string& path, const FileStamp& stamp, Verdict verdict) {
  const std::string line = std::string(Name(verdict)) + "\t" + std::to_string(stamp.size) + "\t" +
                           std::to_string(stamp.modified_nanos) + "\t" + Escape(path) + "\n";
  if (::write(fd_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    return Failed("written");
  }
  return {};
}

Status ScanState::Sync() {
  if (::fdatasync(fd_.get()) != 0) return Failed("synced");
  return {};
}

}  // namespace hashgate::cli
