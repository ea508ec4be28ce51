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
/// An array of JSON objects.
Result<std::unique_ptr<Importer>> OpenJson(Input input, const ImporterOptions& options);
/// Project VIC's JSON, models 1.3 and 2.0.
Result<std::unique_ptr<Importer>> OpenVics(Input input, const ImporterOptions& options);
/// The answer of NCMEC's hash sharing API to `entries`, saved as a file.
Result<std::unique_ptr<Importer>> OpenNcmec(Input input, const ImporterOptions& options);
/// Saved answers of ThreatExchange's threat_updates, and its CSV downloads.
Result<std::unique_ptr<Importer>> OpenThreatExchange(Input input, const ImporterOptions& options);
/// CSV or JSON of any layout.
Result<std::unique_ptr<Importer>> OpenMapped(Input input, const Mapping& mapping,
                                             const ImporterOptions& options);
/// Our own signed snapshot: checked as a whole before it is opened.
Result<std::unique_ptr<Importer>> OpenSnapshot(Input input, const ImporterOptions& options);

}  // namespace hashgate::exchange
