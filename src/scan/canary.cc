#include "scan/canary.h"

#include <algorithm>

#include "base/log.h"
#include "index/flat.h"

namespace hashgate::scan {
namespace {

/// Our own decoder stays within this of the pixels the entry was made from.
constexpr int kCanaryMaxDistanceBits = 4;

PdqHash FlipBits(PdqHash hash, int count, std::uint32_t start) {
  // Steps of 37 visit 256 different bits, so `count` bits differ.
  for (int i = 0; i < count; ++i) {
    const auto bit = (start + 37U * static_cast<std::uint32_t>(i)) % 256U;
    hash.words[bit / 64] ^= std::uint64_t{1} << (bit % 64);
  }
  return hash;
}

// True where the entry is among the candidates, or a truncated search is full of entries that lie as near.
bool Found(const Result<index::SearchResult>& result, lists::ListId list, lists::EntryId entry,
           int distance) {
  if (!result) return false;
  const auto& candidates = result->candidates;
  if (std::ranges::any_of(candidates, [&](const index::Candidate& candidate) {
        return candidate.list == list && candidate.entry == entry;
      })) {
    return true;
  }
  return result->truncated && !candidates.empty() &&
         std::ranges::all_of(candidates, [&](const index::Candidate& c) { return c.distance <= distance; });
}

template <typename Digest>
Digest ToDigest(const std::vector<std::uint8_t>& bytes) {
  Digest digest{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), digest.size()), digest.begin());
  return digest;
}

}  // namespace

Status EnsureCanaryList(lists::Catalog& catalog, const CanaryPicture& picture) {
  lists::ListConfig config;
  config.name = std::string(kCanaryList);
  config.purpose = Purpose::kTest;
  config.source = "built in";
  config.legal_basis = "a picture drawn by Hashgate's own generator";
  config.trust = Trust::kTrusted;
  config.pdq_pipeline = Pipeline::kFull;
  lists::EntryRecord record;
  record.source_id = "canary";
  const auto pdq = picture.pdq.bytes();
  record.hashes.push_back({Algorithm::kSha256,
                           Pipeline::kUnspecified,
                           kQualityUnknown,
                           {picture.sha256.begin(), picture.sha256.end()}});
  record.hashes.push_back({Algorithm::kPdq,
                           Pipeline::kFull,
                           static_cast<std::int16_t>(picture.pdq_quality),
                           {pdq.begin(), pdq.end()}});
  return catalog.EnsureSystemList(config, {&record, 1});
}

Canary::Canary(Scanner& scanner, lists::Catalog& catalog, obs::Metrics& metrics, CanaryPicture picture,
               CanaryOptions options)
    : scanner_(scanner), catalog_(catalog), metrics_(metrics), picture_(picture), options_(options) {}

std::string Canary::detail() const {
  const MutexLock lock(detail_mutex_);
  return detail_;
}

bool Canary::PictureMatches(std::string& detail) {
  ScanRequest request;
  request.system_lists = true;
  request.accepted = std::chrono::steady_clock::now();
  request.deadline = request.accepted + options_.picture_deadline;
  UploadReader reader(scanner_.options().max_decode_bytes);
  reader.Borrow(picture_.file);
  const Result<ScanAnswer> answer = scanner_.Scan(request, reader.Finish());
  if (!answer) {
    detail = "the built-in picture was refused: " + answer.error().message;
    return false;
  }
  for (const MatchDetail& match : answer->matches) {
    const auto& algorithms = match.fact.algorithms;
    const auto has = [&](Algorithm a) { return std::ranges::find(algorithms, a) != algorithms.end(); };
    if (match.fact.list == kCanaryList && has(Algorithm::kSha256) && has(Algorithm::kPdq) &&
        match.fact.distance_bits <= kCanaryMaxDistanceBits) {
      return true;
    }
  }
  detail = "the built-in picture was not matched both exactly and by PDQ (outcome " +
           std::string(Name(answer->outcome)) + " " + std::string(Name(answer->cause)) + ")";
  return false;
}

bool Canary::EntryIsFound(const lists::HashList& list, const lists::Entry& entry) const {
  const auto generation = catalog_.Current();
  const int radius = list.config.PdqMaxDistanceBits();
  const index::ListRadius list_radius{list.id, radius};
  for (const HashValue& value : entry.record.hashes) {
    Result<index::SearchResult> found;
    switch (value.algorithm) {
      case Algorithm::kPdq: {
        const PdqHash stored = PdqHash::FromBytes(std::span<const std::uint8_t, 32>(value.bytes.data(), 32));
        for (const int flips : {0, radius}) {
          const index::PdqQuery query{FlipBits(stored, flips, round_), Pipeline::kUnspecified, 0};
          found = generation->index->SearchPdq({&query, 1}, {&list_radius, 1}, {});
          if (!Found(found, list.id, entry.id, flips)) return false;
        }
        continue;
      }
      case Algorithm::kMd5: {
        const auto digest = ToDigest<Md5>(value.bytes);
        found = generation->index->SearchDigests({.md5 = &digest}, {&list.id, 1}, {});
        break;
      }
      case Algorithm::kSha1: {
        const auto digest = ToDigest<Sha1>(value.bytes);
        found = generation->index->SearchDigests({.sha1 = &digest}, {&list.id, 1}, {});
        break;
      }
      case Algorithm::kSha256: {
        const auto digest = ToDigest<Sha256>(value.bytes);
        found = generation->index->SearchDigests({.sha256 = &digest}, {&list.id, 1}, {});
        break;
      }
      default: {
        if (index::FindFlat(value.algorithm) == nullptr) continue;  // stored, not matched
        const index::VectorQuery query{value.bytes, 0};
        const index::ListDistance distance{list.id, list.config.MaxDistance(value.algorithm)};
        found = generation->index->SearchVectors(value.algorithm, {&query, 1}, {&distance, 1}, {});
      }
    }
    if (!Found(found, list.id, entry.id, 0)) return false;
  }
  return true;
}

bool Canary::EntriesAreFound(std::string& detail) {
  bool all_found = true;
  const auto generation = catalog_.Current();
  std::erase_if(cursors_, [&](const auto& cursor) { return !generation->lists.contains(cursor.first); });
  for (const auto& [id, list] : generation->lists) {
    std::string& cursor = cursors_[id];
    auto page = catalog_.ListEntries(list.config.name, cursor, options_.entries_per_list);
    if (!page) {
      cursor.clear();
      // A list that went away in the meantime is no miss; a store that cannot be read is.
      if (page.error().reason == Reason::kListNotFound || page.error().reason == Reason::kRequestInvalid)
        continue;
      detail = "the entries of a list could not be read: " + page.error().message;
      all_found = false;
      continue;
    }
    cursor = page->next_page_token;
    for (const lists::Entry& entry : page->entries) {
      if (EntryIsFound(list, entry)) continue;
      // It may have been changed or withdrawn since the page was read.
      const auto now = catalog_.GetEntry(id, entry.id);
      if (!now && now.error().reason == Reason::kEntryNotFound) continue;
      if (now && now->version != entry.version) continue;
      if (now && EntryIsFound(list, *now)) continue;
      metrics_.Count(obs::Metric::kCanaryMisses, {{"what", "entry"}});
      detail = "entry " + std::to_string(entry.id) + " of the list '" + list.config.name +
               "' is stored but not matched";
      all_found = false;
    }
  }
  return all_found;
}

bool Canary::Run() {
  ++round_;
  metrics_.Count(obs::Metric::kCanaryRuns);
  std::string detail = "the built-in picture and stored entries are matched";
  const bool picture = PictureMatches(detail);
  if (!picture) metrics_.Count(obs::Metric::kCanaryMisses, {{"what", "picture"}});
  const bool entries = EntriesAreFound(detail);
  const bool well = picture && entries;
  if (well) {
    misses_ = 0;
    ok_.store(true);
  } else {
    ++misses_;
    log::Error("canary_missed", detail, {{"misses_in_a_row", misses_}});
    if (misses_ >= options_.misses_until_unready) ok_.store(false);
  }
  const MutexLock lock(detail_mutex_);
  detail_ = std::move(detail);
  return well;
}

}  // namespace hashgate::scan
