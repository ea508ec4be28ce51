#include "base/net_address.h"

#include <arpa/inet.h>

#include <string>

namespace hashgate {

bool IsLoopbackAddress(std::string_view host_and_port) {
  std::string host(host_and_port.substr(0, host_and_port.rfind(':')));
  if (host == "localhost") return true;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace hashgate
