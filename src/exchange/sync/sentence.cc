#include "exchange/sync/sentence.h"

namespace hashgate::exchange {
namespace {

std::string Minute(WallTime time) {
  // "2026-11-22 17:09 UTC"
  std::string text = FormatTime(time).substr(0, 16);
  text[10] = ' ';
  return text + " UTC";
}

std::string AsOf(const StoredExchange& state) {
  if (state.last_success != WallTime()) return "The list is as of " + Minute(state.last_success) + ".";
  if (state.last_change != WallTime()) return "The list is not whole: it has never been read to its end.";
  return "Nothing of it is in force yet.";
}

}  // namespace

ExchangeHealth HealthOf(const StoredExchange& state) {
  if (state.held) return ExchangeHealth::kHeld;
  if (state.failures > 0) return ExchangeHealth::kFailing;
  return state.last_success != WallTime() ? ExchangeHealth::kWell : ExchangeHealth::kNew;
}

WallTime StaleFrom(const StoredExchange& state, std::chrono::seconds after) {
  const WallTime since = state.last_success != WallTime() ? state.last_success : state.first_began;
  return since != WallTime() ? since + after : WallTime::max();
}

std::string SentenceOf(const StoredExchange& state, const ExchangeSettings& settings, WallTime now) {
  std::string sentence;
  switch (HealthOf(state)) {
    case ExchangeHealth::kNew:
      if (state.first_began == WallTime()) return "Has not synced yet.";
      sentence = "Its list is being read for the first time. ";
      break;
    case ExchangeHealth::kWell: sentence = "Well. "; break;
    case ExchangeHealth::kFailing:
      sentence = "Failing since " + Minute(state.failing_since) + " (" + std::to_string(state.failures) +
                 (state.failures == 1 ? " time): " : " times): ") + state.failure_detail + ". ";
      break;
    case ExchangeHealth::kHeld:
      sentence = "Held since " + Minute(state.failing_since) + ": " + state.failure_detail +
                 ". A person has to look: `hashgate exchanges override " + settings.name + " --gate " +
                 std::string(GateName(*state.held)) + " --author WHO --reason WHY` lets it pass once. ";
      break;
  }
  sentence += AsOf(state);
  if (now >= StaleFrom(state, settings.stale_after)) sentence += " It is stale.";
  return sentence;
}

}  // namespace hashgate::exchange
