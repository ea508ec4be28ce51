// What recording verdicts costs: casework_bench NEW_FOLDER. Beside it what one synced write costs there.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "casework/verdicts/undo.h"
#include "unit/casework/casework_samples.h"

namespace {

namespace casework = hashgate::casework;
using std::chrono::steady_clock;

double MicrosSince(steady_clock::time_point begun) {
  return std::chrono::duration<double, std::micro>(steady_clock::now() - begun).count();
}

void Print(const char* what, std::vector<double> micros, double seconds) {
  std::ranges::sort(micros);
  std::printf("%-28s %8.0f us median, %8.0f us at 99 %%, %8.0f a second\n", what, micros[micros.size() / 2],
              micros[micros.size() * 99 / 100], static_cast<double>(micros.size()) / seconds);
}

// `each` on so many threads, so often on each.
template <typename Each>
void Measure(const char* what, int threads, int count, const Each& each) {
  std::vector<std::vector<double>> micros(static_cast<std::size_t>(threads));
  const auto begun = steady_clock::now();
  {
    std::vector<std::jthread> running;
    for (std::vector<double>& own : micros) {
      running.emplace_back([&] {
        for (int i = 0; i < count; ++i) {
          const auto start = steady_clock::now();
          each();
          own.push_back(MicrosSince(start));
        }
      });
    }
  }
  const double seconds = MicrosSince(begun) / 1e6;
  std::vector<double> all;
  for (const std::vector<double>& own : micros) all.insert(all.end(), own.begin(), own.end());
  Print(what, std::move(all), seconds);
}

void Record(casework::VerdictLog& log) {
  hashgate::scan::ScanAnswer answer = hashgate::testing::MakeAnswer(
      hashgate::NewUlid(hashgate::ToUnixMillis(hashgate::Clock::System().Wall())),
      {hashgate::testing::MakeMatch(1, 5, hashgate::Verdict::kBlock),
       hashgate::testing::MakeMatch(1, 6, hashgate::Verdict::kReview)});
  hashgate::scan::ScanRequest request;
  request.request_id = answer.scan_id;
  request.content_id = "content " + answer.scan_id;
  const hashgate::scan::NumberedAnswer numbered{-1, &answer};
  log.Record(request, {&numbered, 1}, hashgate::SteadyTime::max());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::vector<std::uint8_t> key(32, 7);
  auto store = hashgate::store::OpenRocksStore({.path = argv[1]});
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().message.c_str());
    return 3;
  }
  hashgate::store::Batch one;
  one.Put(hashgate::store::Family::kMeta, "bench", "x");
  Measure("a synced write", 1, 1'000, [&] { static_cast<void>((*store)->Write(one)); });
  {
    hashgate::testing::FakeStore memory;
    auto verdicts = casework::VerdictLog::Open(memory, key, {});
    Measure("recorded, store in memory", 1, 10'000, [&] { Record(**verdicts); });
  }
  auto verdicts = casework::VerdictLog::Open(**store, key, {});
  auto events = casework::EventLog::Open(**store, {});
  if (!verdicts || !events) return 3;
  for (const int threads : {1, 4, 16}) {
    const std::string what = "recorded, " + std::to_string(threads) + " at a time";
    Measure(what.c_str(), threads, 2'000 / threads, [&] { Record(**verdicts); });
  }
  auto undo =
      casework::Undo::Start({.store = store->get(), .verdicts = verdicts->get(), .events = events->get()},
                            {.entry = {1, 5}, .author = "bench", .reason = "bench"});
  const auto begun = steady_clock::now();
  while (!undo->done()) {
    if (!undo->Next()) return 3;
  }
  std::printf("undone %8.0f a second\n",
              static_cast<double>(undo->counts().reversed) / MicrosSince(begun) * 1e6);
  return 0;
}
