#include "lists/prepared_records.h"

#include <algorithm>

#include "lists/limits.h"
#include "lists/validate.h"

namespace hashgate::lists {

void PreparedRecords::Append(std::span<const ImportRecord> records, std::uint64_t number) {
  const std::size_t received_before = received();
  for (const ImportRecord& in : records) {
    const std::uint64_t line = in.line != 0 ? in.line : number;
    ++number;
    if (!in.record) {
      const std::string_view why =
          in.problem.empty() ? std::string_view("the line could not be read") : std::string_view(in.problem);
      AppendBad(line, why, in.about);
      continue;
    }
    const Status valid = in.withdrawn ? ValidateWithdrawal(*in.record) : ValidateRecord(*in.record);
    if (!valid) {
      AppendBad(line, valid.error().message, in.record->source_id);
      continue;
    }
    if (in.withdrawn) {
      records_.push_back({bodies_.size(), 0, digests_->Identity(list_, in.record->source_id, {}), {}});
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
    prepared.identity = digests_->Identity(list_, *record);
    prepared.content = digests_->Content(Body(prepared));
  }
  calls_.push_back({records_.size(), bodies_.size(), bad_.size(), received_before + records.size()});
}

void PreparedRecords::AppendBad(std::uint64_t line, std::string_view why, std::string_view about) {
  bad_.push_back({file_, line, Bounded(why, kMaxReasonBytes)});
  if (!replaces_ || about.empty() || about.size() > kMaxSourceIdBytes) return;
  records_.push_back(
      {.offset = bodies_.size(), .identity = digests_->Identity(list_, about, {}), .keeps = true});
}

void PreparedRecords::CutLastCall() {
  if (calls_.empty()) return;
  calls_.pop_back();
  CutTo(calls_.empty() ? End{} : calls_.back());
}

void PreparedRecords::Clear() {
  calls_.clear();
  CutTo({});
}

void PreparedRecords::CutTo(const End& end) {
  records_.resize(end.records);
  bodies_.resize(end.body_bytes);
  bad_.resize(end.bad);
}

PreparedRecords::Part PreparedRecords::First(std::size_t most) const {
  if (calls_.empty()) return {};
  const auto beyond = std::ranges::upper_bound(calls_, most, {}, &End::received);
  const std::size_t calls = std::max<std::size_t>(static_cast<std::size_t>(beyond - calls_.begin()), 1);
  const End& end = calls_[calls - 1];
  return {std::span(records_).first(end.records), std::span(bad_).first(end.bad), end.received, calls};
}

void PreparedRecords::DropFirst(const Part& part) {
  if (part.calls == 0) return;
  if (part.calls == calls_.size()) return Clear();
  const auto at = [](std::size_t count) { return static_cast<std::ptrdiff_t>(count); };
  const End end = calls_[part.calls - 1];
  calls_.erase(calls_.begin(), calls_.begin() + at(part.calls));
  records_.erase(records_.begin(), records_.begin() + at(end.records));
  bodies_.erase(0, end.body_bytes);
  bad_.erase(bad_.begin(), bad_.begin() + at(end.bad));
  for (PreparedRecord& record : records_) record.offset -= end.body_bytes;
  for (End& call : calls_) {
    call.records -= end.records;
    call.body_bytes -= end.body_bytes;
    call.bad -= end.bad;
    call.received -= end.received;
  }
}

std::size_t PreparedRecords::MemoryBytes() const {
  return records_.size() * sizeof(PreparedRecord) + bodies_.size() +
         bad_.size() * (sizeof(Quarantined) + kMaxReasonBytes + kMaxFileBytes);
}

}  // namespace hashgate::lists
