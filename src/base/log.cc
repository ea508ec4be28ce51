#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cmath>
#include <memory>

#include "base/clock.h"
#include "base/utf8.h"

namespace hashgate::log {
namespace {

constexpr std::size_t kMaxTextBytes = 1024;

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    auto made = std::make_shared<spdlog::logger>("hashgate", std::move(sink));
    made->set_pattern("%v");
    made->set_level(spdlog::level::info);
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum ToSpdlog(Level level) {
  switch (level) {
    case Level::kDebug: return spdlog::level::debug;
    case Level::kInfo: return spdlog::level::info;
    case Level::kWarning: return spdlog::level::warn;
    case Level::kError: break;
  }
  return spdlog::level::err;
}

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarning: return "warning";
    case Level::kError: break;
  }
  return "error";
}

struct AppendValue {
  std::string& line;
  void operator()(std::int64_t value) const { line += std::to_string(value); }
  void operator()(bool value) const { line += value ? "true" : "false"; }
  void operator()(double value) const { line += std::isfinite(value) ? fmt::format("{}", value) : "null"; }
  void operator()(const std::string& value) const {
    line += '"';
    line += EscapeJson(std::string_view(value).substr(0, kMaxTextBytes));
    line += '"';
  }
};

}  // namespace

std::string EscapeJson(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 8);
  std::size_t i = 0;
  while (i < text.size()) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += static_cast<char>(byte);
      ++i;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
      ++i;
    } else if (byte < 0x80) {
      out += static_cast<char>(byte);
      ++i;
    } else if (const std::size_t length = Utf8SequenceLength(text.substr(i)); length > 0) {
      out += text.substr(i, length);
      i += length;
    } else {
      out += "\\ufffd";
      ++i;
    }
  }
  return out;
}

void SetLevel(Level level) {
  Logger().set_level(ToSpdlog(level));
}

void Write(Level level, std::string_view event, std::string_view message,
           std::initializer_list<Field> fields) {
  spdlog::logger& logger = Logger();
  if (!logger.should_log(ToSpdlog(level))) return;
  std::string line = "{\"time\":\"";
  line += FormatTime(Clock::System().Wall());
  line += "\",\"level\":\"";
  line += LevelName(level);
  line += "\",\"event\":\"";
  line += EscapeJson(event);
  line += "\",\"message\":\"";
  line += EscapeJson(message.substr(0, kMaxTextBytes));
  line += '"';
  for (const Field& field : fields) {
    line += ",\"";
    line += EscapeJson(field.key);
    line += "\":";
    std::visit(AppendValue{line}, field.value);
  }
  line += '}';
  logger.log(ToSpdlog(level), "{}", line);
}

}  // namespace hashgate::log
