#include "exchange/sync/client.h"

namespace hashgate::exchange {

FeedbackSent ExchangeClient::SendFeedback(std::span<const Feedback> feedback,
                                          const std::stop_token& /*stop*/) {
  const FeedbackAnswer none{FeedbackAnswer::Outcome::kNoPlace, "exchanges of this kind take no feedback"};
  return {std::vector<FeedbackAnswer>(feedback.size(), none), std::nullopt};
}

}  // namespace hashgate::exchange
