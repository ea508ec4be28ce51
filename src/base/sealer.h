// The one seam through which every stored value passes, so that encryption at rest can be switched on in one
// place.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "hashgate/error.h"

namespace hashgate {

/// Seals values before they are stored and opens them after. Threads: thread-safe.
class Sealer {
 public:
  virtual ~Sealer() = default;
  /// Short stable name written beside the schema stamp; a store opened with another sealer is refused.
  [[nodiscard]] virtual std::string_view Name() const = 0;
  /// `context` (column family and key) is bound to the value: opening it elsewhere fails.
  [[nodiscard]] virtual std::string Seal(std::string_view plain, std::string_view context) const = 0;
  /// Errors: kStoreCorrupt where the bytes were not sealed by this sealer for this context.
  [[nodiscard]] virtual Result<std::string> Open(std::string_view sealed, std::string_view context) const = 0;
};

/// Stores values as they are: the default until sealing is configured.
class IdentitySealer final : public Sealer {
 public:
  [[nodiscard]] std::string_view Name() const override { return "identity"; }
  [[nodiscard]] std::string Seal(std::string_view plain, std::string_view) const override {
    return std::string(plain);
  }
  [[nodiscard]] Result<std::string> Open(std::string_view sealed, std::string_view) const override {
    return std::string(sealed);
  }
};

/// Whether values pass as they are, so that nobody need copy them. Null counts as the identity.
inline bool SealsNothing(const Sealer* sealer) {
  return sealer == nullptr || sealer->Name() == IdentitySealer().Name();
}

}  // namespace hashgate
