// Structured logs: one JSON object a line on standard error. Never pass image bytes, hash values or
// credentials.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace hashgate::log {

enum class Level : std::uint8_t { kDebug, kInfo, kWarning, kError };

/// One member of the line. Text is escaped and cut at 1,024 bytes.
struct Field {
  std::string_view key;
  std::variant<std::int64_t, double, bool, std::string> value;

  Field(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
  template <typename T>
    requires std::is_integral_v<T>
  Field(std::string_view k, T v) : key(k), value(static_cast<std::int64_t>(v)) {}
};

/// Sets the least level that is written; kInfo at start. Threads: call before other threads start.
void SetLevel(Level level);

/// Writes one line: time, level, event, message and the fields. `event` is a stable snake_case name to search
/// for; `message` a sentence for a person. Threads: thread-safe. Never blocks on a full pipe for longer than
/// the kernel does.
void Write(Level level, std::string_view event, std::string_view message,
           std::initializer_list<Field> fields = {});

inline void Debug(std::string_view event, std::string_view message,
                  std::initializer_list<Field> fields = {}) {
  Write(Level::kDebug, event, message, fields);
}
inline void Info(std::string_view event, std::string_view message, std::initializer_list<Field> fields = {}) {
  Write(Level::kInfo, event, message, fields);
}
inline void Warning(std::string_view event, std::string_view message,
                    std::initializer_list<Field> fields = {}) {
  Write(Level::kWarning, event, message, fields);
}
inline void Error(std::string_view event, std::string_view message,
                  std::initializer_list<Field> fields = {}) {
  Write(Level::kError, event, message, fields);
}

/// `text` as the inside of a JSON string: quotes, backslashes and control characters escaped, invalid UTF-8
/// replaced.
std::string EscapeJson(std::string_view text);

}  // namespace hashgate::log
