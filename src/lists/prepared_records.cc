#include "lists/prepared_records.h"

#include "lists/limits.h"
#include "lists/validate.h"

namespace hashgate::lists {

void PreparedRecords::Append(std::span<const ImportRecord> records, std::uint64_t number) {
  received_ += records.size();
  for (const ImportRecord& in : records) {
    const std::uint64_t line = in.line != 0 ? in.line : number;
    ++number;
    if (!in.record) {
      const std::string_view why =
          in.problem.empty() ? std::string_view("the line could not be read") : std::string_view(in.problem);
      bad_.push_back({file_, line, Bounded(why, kMaxReasonBytes)});
      continue;
    }
    if (const Status valid = ValidateRecord(*in.record); !valid) {
      bad_.push_back({file_, line, Bounded(valid.error().message, kMaxReasonBytes)});
      continue;
    }
    const EntryRecord* record = &*in.record;
    EntryRecord in_order;
    if (!IsCanonical(*record)) {
      in_order = *record;
      Canonicalise(in_order);
      record = &in_order;
    }
    PreparedRecord& prepared = records_.emplace_back();
    prepared.offset = bodies_.size();
    AppendEntryBody(*record, bodies_);
    prepared.size = bodies_.size() - prepared.offset;
    prepared.identity = digests_.Identity(list_, *record);
    prepared.content = digests_.Content(Body(prepared));
  }
}

void PreparedRecords::CutTo(const Mark& mark) {
  records_.resize(mark.records);
  bodies_.resize(mark.body_bytes);
  bad_.resize(mark.bad);
  received_ = mark.received;
}

std::size_t PreparedRecords::MemoryBytes() const {
  return records_.size() * sizeof(PreparedRecord) + bodies_.size() +
         bad_.size() * (sizeof(Quarantined) + kMaxReasonBytes + kMaxFileBytes);
}

}  // namespace hashgate::lists
