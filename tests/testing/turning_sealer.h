// A sealer that turns every byte and binds values to their context: for tests of what passes one.
#pragma once

#include <string>
#include <string_view>

#include "base/sealer.h"

namespace hashgate::testing {

class TurningSealer final : public Sealer {
 public:
  /// What stands in a file in place of `text`.
  static std::string Turn(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(c ^ 0x5a);
    return out;
  }

  [[nodiscard]] std::string_view Name() const override { return "turning"; }
  [[nodiscard]] std::string Seal(std::string_view plain, std::string_view context) const override {
    return Turn(plain) + Mark(context);
  }
  [[nodiscard]] Result<std::string> Open(std::string_view sealed, std::string_view context) const override {
    const std::string mark = Mark(context);
    if (!sealed.ends_with(mark)) return Fail(Reason::kStoreCorrupt, "sealed for something else");
    return Turn(sealed.substr(0, sealed.size() - mark.size()));
  }

 private:
  static std::string Mark(std::string_view context) {
    unsigned sum = 17;
    for (const char c : context) sum = sum * 31 + static_cast<unsigned char>(c);
    return std::to_string(sum);
  }
};

}  // namespace hashgate::testing
