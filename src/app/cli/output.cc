#include "app/cli/output.h"

#include <algorithm>
#include <ostream>

#include "base/digest.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/utf8.h"

namespace hashgate::cli {
namespace {

// Characters, as far as UTF-8 tells: enough to align names.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = Utf8SequenceLength(text);
    const auto first = static_cast<unsigned char>(text[0]);
    // C1 control characters are two bytes in UTF-8: C2 80 to C2 9F.
    const bool control = first < 0x20 || first == 0x7f ||
                         (length == 2 && first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0);
    if (length == 0 || control) {
      out += '?';
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

void Table::Print(std::ostream& out) {
  for (const auto& row : rows_) {
    widths_.resize(std::max(widths_.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], Width(row[i]));
  }
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      line.append(widths_[i] - Width(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
  rows_.clear();
}

void JsonObject::Key(std::string_view key) {
  if (!members_.empty()) members_ += ',';
  members_ += '"';
  members_ += key;
  members_ += "\":";
}

JsonObject& JsonObject::Text(std::string_view key, std::string_view value) {
  Key(key);
  members_ += '"' + log::EscapeJson(value) + '"';
  return *this;
}

JsonObject& JsonObject::Number(std::string_view key, std::int64_t value) {
  Key(key);
  members_ += std::to_string(value);
  return *this;
}

JsonObject& JsonObject::Bool(std::string_view key, bool value) {
  Key(key);
  members_ += value ? "true" : "false";
  return *this;
}

JsonObject& JsonObject::Raw(std::string_view key, std::string_view json) {
  Key(key);
  members_ += json;
  return *this;
}

JsonObject& JsonObject::File(std::string_view name) {
  Text("file", name);
  Utf8Validator validator;
  validator.Update(AsBytes(name));
  return validator.Complete() ? *this : Text("fileBytes", HexEncode(AsBytes(name)));
}

JsonObject& JsonObject::Members(std::string_view object) {
  const std::string_view inside = object.substr(1, object.size() - 2);
  if (!members_.empty() && !inside.empty()) members_ += ',';
  members_ += inside;
  return *this;
}

std::string JsonTexts(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) {
    if (out.size() > 1) out += ',';
    out += '"' + log::EscapeJson(text) + '"';
  }
  return out + "]";
}

std::string Count(std::uint64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

void Progress::Show(std::uint64_t done, std::uint64_t total, std::string_view text) {
  if (!environment_.terminal) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  constexpr std::size_t kBar = 24;
  std::string line = "\r\x1b[K";
  if (total > 0) {
    const std::uint64_t share = std::min<std::uint64_t>(done, total);
    const auto filled =
        static_cast<std::size_t>(static_cast<double>(share) / static_cast<double>(total) * kBar);
    line += "[" + std::string(filled, '#') + std::string(kBar - filled, '.') + "] " +
            std::to_string(static_cast<int>(static_cast<double>(share) / static_cast<double>(total) * 100)) +
            "% ";
  }
  environment_.err << line << Printable(text) << std::flush;
  shown_ = true;
}

void Progress::Clear() {
  if (!shown_) return;
  environment_.err << "\r\x1b[K" << std::flush;
  shown_ = false;
}

int ReportError(Environment& environment, const GlobalOptions& options, const Error& error) {
  environment.err << "hashgate: ";
  if (error.reason == Reason::kServerUnreachable) {
    environment.err << "no server answers at " << Printable(options.server)
                    << ": is hashgated running there? --server names another address\n";
  } else {
    // A refused policy has a line for each finding.
    for (std::size_t at = 0; at <= error.message.size();) {
      const std::size_t end = std::min(error.message.find('\n', at), error.message.size());
      environment.err << Printable(std::string_view(error.message).substr(at, end - at)) << '\n';
      at = end + 1;
    }
  }
  if (options.json) {
    environment.out << JsonObject()
                           .Text("error", error.message)
                           .Text("reason", ReasonName(error.reason))
                           .Text("field", error.field)
                           .Line()
                    << '\n';
  }
  return kFailed;
}

int ReportUsage(Environment& environment, std::string_view message) {
  environment.err << "hashgate: " << Printable(message) << '\n';
  return kUsage;
}

}  // namespace hashgate::cli
