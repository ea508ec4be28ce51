// An index builder that passes everything on to the real one: for tests that watch or disturb some of it.
#pragma once

#include <memory>
#include <span>

#include "index/hash_index.h"

namespace hashgate::testing {

class ForwardingBuilder : public index::IndexBuilder {
 public:
  explicit ForwardingBuilder(const index::IndexOptions& options) : real_(index::NewIndexBuilder(options)) {}
  Status Add(std::span<const index::IndexedHash> hashes,
             std::span<const index::IndexedVector> vectors) override {
    return real_->Add(hashes, vectors);
  }
  void Withdraw(index::ListId list, index::EntryId entry) override { real_->Withdraw(list, entry); }
  void WithdrawList(index::ListId list) override { real_->WithdrawList(list); }
  std::shared_ptr<const index::HashIndex> Snapshot() override { return real_->Snapshot(); }
  void Settle() override { real_->Settle(); }
  Status Restore(index::SnapshotReader& in) override { return real_->Restore(in); }

 protected:
  /// Puts another in its place.
  void Replace(std::unique_ptr<index::IndexBuilder> real) { real_ = std::move(real); }

 private:
  std::unique_ptr<index::IndexBuilder> real_;
};

}  // namespace hashgate::testing
