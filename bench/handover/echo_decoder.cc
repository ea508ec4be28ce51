// A decoder that answers at once, behind the real spawner, lock and protocol. Only the hand-over benchmark
// starts it.
#include "decoder/spawner_main.h"

namespace hashgate {
namespace {

decode::DecodeResult Answer(ByteSpan /*upload*/, decode::Format format, const decode::Wanted& /*wanted*/,
                            const decode::Limits& /*limits*/) {
  decode::DecodeResult result{.format = format, .width = 64, .height = 48, .frames_total = 1};
  result.frames_seen = 1;
  decode::ViewHashes view{.kind = ViewKind::kWhole, .width = 64, .height = 48, .hashable = true};
  view.pdq.push_back({.quality = 100});
  result.views.push_back(view);
  return result;
}

void WarmUp() {}

}  // namespace
}  // namespace hashgate

int main(int argc, char** argv) {
  return hashgate::decoder::SpawnerMain(argc, argv,
                                        {.process = hashgate::Answer, .warm_up = hashgate::WarmUp});
}
