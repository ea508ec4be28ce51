#include "exchange/exporter.h"

#include <array>

#include "base/hex.h"
#include "base/log.h"
#include "exchange/file/csv_record.h"
#include "exchange/file/record_builder.h"

namespace hashgate::exchange {
namespace {

FieldName FieldOf(const HashValue& hash) {
  switch (hash.algorithm) {
    case Algorithm::kMd5: return FieldName::kMd5;
    case Algorithm::kSha1: return FieldName::kSha1;
    case Algorithm::kSha256: return FieldName::kSha256;
    case Algorithm::kPhotoDna: return FieldName::kPhotoDna;
    case Algorithm::kPHash: return FieldName::kPHash;
    case Algorithm::kBlockMean: return FieldName::kBlockMean;
    case Algorithm::kMarrHildreth: return FieldName::kMarrHildreth;
    case Algorithm::kAverage: return FieldName::kAverage;
    default: return hash.pipeline == Pipeline::kNn512 ? FieldName::kPdqNn512 : FieldName::kPdq;
  }
}

using Fields = std::array<std::string, kFieldCount>;

std::string& At(Fields& fields, FieldName name) {
  return fields[static_cast<std::size_t>(name)];
}

// A backslash before what would otherwise end the label.
void AppendLabel(std::string_view label, std::string& out) {
  for (const char c : label) {
    if (c == ';' || c == '\\') out += '\\';
    out += c;
  }
}

}  // namespace

Result<Exporter> Exporter::Create(FileFormat format) {
  if (format != FileFormat::kCsv && format != FileFormat::kJsonl) {
    return Fail(Reason::kRequestInvalid, "lists are exported as csv, jsonl or snapshot", "format");
  }
  return Exporter(format);
}

std::string Exporter::Header() const {
  if (format_ != FileFormat::kCsv) return {};
  std::string line;
  for (int i = 0; i < kCsvColumnCount; ++i) {
    if (i > 0) line += ',';
    line += FieldText(static_cast<FieldName>(i));
  }
  return line + "\n";
}

void Exporter::Append(const lists::EntryRecord& record, std::string& out) {
  Fields fields;
  for (const HashValue& hash : record.hashes) {
    const FieldName field = FieldOf(hash);
    std::string& target = At(fields, field);
    if (!target.empty()) {
      ++values_left_out_;
      continue;
    }
    target = HexEncode(hash.bytes);
    if (hash.quality == kQualityUnknown) continue;
    if (field == FieldName::kPdq) At(fields, FieldName::kPdqQuality) = std::to_string(hash.quality);
    if (field == FieldName::kPdqNn512) {
      At(fields, FieldName::kPdqNn512Quality) = std::to_string(hash.quality);
    }
  }
  At(fields, FieldName::kSourceId) = record.source_id;
  At(fields, FieldName::kClassification) = record.classification;
  if (format_ == FileFormat::kCsv) {
    std::string& labels = At(fields, FieldName::kLabels);
    for (const std::string& label : record.labels) {
      if (!labels.empty()) labels += ';';
      AppendLabel(label, labels);
    }
    for (const FieldName field : {FieldName::kPdqNn512, FieldName::kPHash, FieldName::kBlockMean,
                                  FieldName::kMarrHildreth, FieldName::kAverage}) {
      if (!At(fields, field).empty()) ++values_left_out_;
    }
    for (std::size_t i = 0; i < kCsvColumnCount; ++i) {
      if (i > 0) out += ',';
      AppendCsvField(fields[i], ',', out);
    }
    out += '\n';
    return;
  }
  out += '{';
  bool first = true;
  const auto key = [&](FieldName field) {
    if (!first) out += ',';
    first = false;
    out += '"';
    out += FieldText(field);
    out += "\":";
  };
  for (int i = 0; i < kFieldCount; ++i) {
    const auto field = static_cast<FieldName>(i);
    const std::string& value = fields[static_cast<std::size_t>(i)];
    if (value.empty()) continue;
    key(field);
    if (field == FieldName::kPdqQuality || field == FieldName::kPdqNn512Quality) {
      out += value;
    } else {
      out += '"' + log::EscapeJson(value) + '"';
    }
  }
  if (!record.labels.empty()) {
    key(FieldName::kLabels);
    out += '[';
    for (std::size_t i = 0; i < record.labels.size(); ++i) {
      if (i > 0) out += ',';
      out += '"' + log::EscapeJson(record.labels[i]) + '"';
    }
    out += ']';
  }
  out += "}\n";
}

}  // namespace hashgate::exchange
