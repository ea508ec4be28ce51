#include "exchange/sync/client.h"

namespace hashgate::exchange {

Result<std::unique_ptr<Delta>> ExchangeClient::BeginFirst() {
  return Begin({});
}

std::string ExchangeClient::Floor() const {
  return {};
}

Status ExchangeClient::SetFloor(std::string_view /*floor*/) {
  return {};
}

FeedbackSent ExchangeClient::SendFeedback(std::span<const Feedback> feedback, const std::stop_token& stop) {
  FeedbackSent sent;
  for (const Feedback& one : feedback) {
    Result<FeedbackAnswer> answer = SendOne(one, stop);
    if (!answer) {
      sent.error = std::move(answer).error();
      break;
    }
    sent.answers.push_back(*std::move(answer));
  }
  return sent;
}

Result<FeedbackAnswer> ExchangeClient::SendOne(const Feedback& /*feedback*/,
                                               const std::stop_token& /*stop*/) {
  return FeedbackAnswer{FeedbackAnswer::Outcome::kNoPlace, "exchanges of this kind take no feedback"};
}

}  // namespace hashgate::exchange
