#include "store/rocks_log.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>

#include "base/log.h"

namespace hashgate::store {
namespace {

class RocksLog final : public rocksdb::Logger {
 public:
  RocksLog() : rocksdb::Logger(rocksdb::InfoLogLevel::ERROR_LEVEL) {}

  // The options, at each start.
  void LogHeader(const char* /*format*/, std::va_list /*arguments*/) override {}
  void Logv(const char* format, std::va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::ERROR_LEVEL, format, arguments);
  }
  __attribute__((format(printf, 3, 0))) void Logv(const rocksdb::InfoLogLevel level, const char* format,
                                                  std::va_list arguments) override {
    if (level < GetInfoLogLevel() || level >= rocksdb::InfoLogLevel::HEADER_LEVEL) return;
    std::array<char, 1'024> text{};  // a line's own bound
    std::vsnprintf(text.data(), text.size(), format, arguments);
    std::string_view line(text.data());
    while (line.ends_with('\n')) line.remove_suffix(1);
    log::Error("store_engine", line);
  }
};

}  // namespace

std::shared_ptr<rocksdb::Logger> NewRocksLog() {
  return std::make_shared<RocksLog>();
}

}  // namespace hashgate::store
