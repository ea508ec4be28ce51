#include "peers.h"

namespace hashgate::bench {

const std::vector<PeerKind>& Peers() {
  static const std::vector<PeerKind> none;
  return none;
}

}  // namespace hashgate::bench
