// The formats, each behind Importer. Options are those of OpenImporter.
#pragma once

#include <memory>

#include "exchange/file/input.h"
#include "exchange/importer.h"

namespace hashgate::exchange {

/// What all of them share.
class FileImporter : public Importer {
 public:
  FileImporter(Input input, FileFormat format) : input_(std::move(input)), format_(format) {}
  [[nodiscard]] std::uint64_t bytes_read() const override { return input_.bytes_read(); }
  [[nodiscard]] FileFormat format() const override { return format_; }
  [[nodiscard]] const ImportNotes& notes() const override { return notes_; }

 protected:
  void Ignored(std::string_view name) {
    constexpr std::size_t kMaxNames = 16;
    constexpr std::size_t kMaxBytes = 64;
    if (notes_.ignored_names.size() < kMaxNames) notes_.ignored_names.emplace(name.substr(0, kMaxBytes));
  }

  Input input_;
  ImportNotes notes_;

 private:
  FileFormat format_;
};

/// One hash a line; blank lines and lines that start with "#" are passed over.
Result<std::unique_ptr<Importer>> OpenLines(Input input, const ImporterOptions& options);
/// RFC 4180 with a header.
Result<std::unique_ptr<Importer>> OpenCsv(Input input, const ImporterOptions& options);
/// One JSON object a line.
Result<std::unique_ptr<Importer>> OpenJsonl(Input input, const ImporterOptions& options);
/// Project VIC's JSON, models 1.3 and 2.0.
Result<std::unique_ptr<Importer>> OpenVics(Input input, const ImporterOptions& options);
/// The answer of NCMEC's hash sharing API to `entries`, saved as a file.
Result<std::unique_ptr<Importer>> OpenNcmec(Input input, const ImporterOptions& options);

}  // namespace hashgate::exchange
