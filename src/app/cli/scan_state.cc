#include "app/cli/scan_state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <span>
#include <vector>

#include "base/hex.h"

namespace hashgate::cli {
namespace {

constexpr std::string_view kAnyVersion = "hashgate scan state ";
constexpr std::string_view kMagic = "hashgate scan state 2 ";
// An answer has a bounded number of matches and views; what is longer is not from a server of this kind.
constexpr std::size_t kMaxAnswerBytes = 256 << 10;
// Two digits a byte of the answer, a path with every character escaped, and numbers.
constexpr std::size_t kMaxLine = 2 * kMaxAnswerBytes + (1 << 16);

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

std::int64_t Nanos(const timespec& time) {
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

}  // namespace

FileStamp StampOf(const struct stat& info) {
  return {static_cast<std::uint64_t>(info.st_size), Nanos(info.st_mtim), Nanos(info.st_ctim), info.st_ino};
}

std::unexpected<Error> ScanState::Failed(const char* what) const {
  return Fail(Reason::kFileUnreadable,
              "state file '" + name_ + "' cannot be " + what + ": " + std::strerror(errno), "state");
}

std::unexpected<Error> ScanState::Foreign() const {
  return Fail(Reason::kRequestInvalid, "'" + name_ + "' is not a state file of hashgate scan", "state");
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

Status ScanState::CheckHeader(std::string_view line, const std::string& header) const {
  if (line == header) return {};
  if (line.starts_with(kMagic)) {
    return Fail(Reason::kRequestInvalid,
                "state file '" + name_ +
                    "' belongs to a scan with another server, surface, lists, depth or choice of hashes",
                "state");
  }
  if (!line.starts_with(kAnyVersion)) return Foreign();
  return Fail(Reason::kRequestInvalid,
              "state file '" + name_ +
                  "' was written by another version of hashgate: remove it to scan everything again",
              "state");
}

void ScanState::LoadLine(std::string_view line, off_t at) {
  std::array<std::string_view, 6> fields;  // size, modified, changed, inode, path, answer
  std::size_t from = 0;
  for (std::size_t i = 0; i + 1 < fields.size(); ++i) {
    const std::size_t tab = line.find('\t', from);
    // A line that does not read only means that its file is scanned again.
    if (tab == std::string_view::npos) return;
    fields[i] = line.substr(from, tab - from);
    from = tab + 1;
  }
  fields.back() = line.substr(from);
  Done done;
  done.answer_at = at + static_cast<off_t>(from);
  done.answer_length = fields.back().size();
  if (ParseInteger(fields[0], done.stamp.size) && ParseInteger(fields[1], done.stamp.modified_nanos) &&
      ParseInteger(fields[2], done.stamp.changed_nanos) && ParseInteger(fields[3], done.stamp.inode)) {
    done_.insert_or_assign(Unescape(fields[4]), done);
  }
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
      if (first) {
        HASHGATE_RETURN_IF_ERROR(CheckHeader(line, header));
        first = false;
      } else {
        LoadLine(line, whole);
      }
      at = end + 1;
      whole += static_cast<off_t>(line.size()) + 1;
    }
    pending.erase(0, at);
    if (pending.size() > kMaxLine) return Foreign();
  }
  if (first && !pending.empty() && !std::string_view(header).starts_with(pending)) return Foreign();
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

std::optional<v1::ScanResult> ScanState::Find(const std::string& path, const FileStamp& stamp) const {
  const auto found = done_.find(path);
  if (found == done_.end() || found->second.stamp != stamp) return std::nullopt;
  std::string digits(found->second.answer_length, '\0');
  const ssize_t count = ::pread(fd_.get(), digits.data(), digits.size(), found->second.answer_at);
  if (count != static_cast<ssize_t>(digits.size())) return std::nullopt;
  const auto bytes = HexDecode(digits);
  v1::ScanResult result;
  if (!bytes || bytes->empty() || !result.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) {
    return std::nullopt;
  }
  return result;
}

Status ScanState::Record(const std::string& path, const FileStamp& stamp, const v1::ScanResult& result) {
  const std::string answer = result.SerializeAsString();
  if (answer.size() > kMaxAnswerBytes) return {};
  const std::string line =
      std::to_string(stamp.size) + "\t" + std::to_string(stamp.modified_nanos) + "\t" +
      std::to_string(stamp.changed_nanos) + "\t" + std::to_string(stamp.inode) + "\t" + Escape(path) + "\t" +
      HexEncode(std::span(reinterpret_cast<const std::uint8_t*>(answer.data()), answer.size())) + "\n";
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
