// Who a caller is: loopback administers, everybody else only scans.
#include <gtest/gtest.h>

#include "rpc/service_context.h"

namespace hashgate::rpc {
namespace {

TEST(CallerTest, LoopbackAdministers) {
  for (const char* peer :
       {"ipv4:127.0.0.1:4242", "ipv4:127.9.9.9:1", "ipv6:[::1]:4242", "ipv6:%5B::1%5D:4242",
        "ipv6:%5B::ffff:127.0.0.1%5D:4242", "unix:/run/hashgate.sock", "unix:"}) {
    const Caller caller = CallerOf(peer, true);
    EXPECT_TRUE(caller.is_admin) << peer;
    EXPECT_EQ(caller.detail, DetailLevel::kFull) << peer;
    EXPECT_EQ(caller.identity, "local") << peer;
  }
}

TEST(CallerTest, OthersScan) {
  for (const char* peer :
       {"ipv4:10.0.0.1:4242", "ipv4:192.168.127.1:1", "ipv4:1.127.0.0:1", "ipv6:[2001:db8::1]:1",
        "ipv6:%5B2001:db8::1%5D:1", "ipv6:[::10]:1", "ipv6:%5B::ffff:10.0.0.1%5D:1", "", "unknown",
        "xunix:/run/hashgate.sock", "ipv4:"}) {
    const Caller caller = CallerOf(peer, true);
    EXPECT_FALSE(caller.is_admin) << peer;
    EXPECT_EQ(caller.detail, DetailLevel::kScanner) << peer;
    EXPECT_NE(caller.identity, "local") << peer;
  }
}

TEST(CallerTest, BehindAProxyOnTheSameMachineNobodyAdministersByAddress) {
  for (const char* peer : {"ipv4:127.0.0.1:4242", "ipv6:%5B::1%5D:4242"}) {
    const Caller caller = CallerOf(peer, false);
    EXPECT_FALSE(caller.is_admin) << peer;
    EXPECT_EQ(caller.detail, DetailLevel::kScanner) << peer;
  }
  // A socket's file has a mode of its own, which no proxy hides.
  EXPECT_TRUE(CallerOf("unix:/run/hashgate.sock", false).is_admin);
}

TEST(CallerTest, ACallerIsTheSameOnEveryConnectionAndNoOther) {
  EXPECT_EQ(CallerOf("ipv4:10.0.0.1:1000", true).identity, CallerOf("ipv4:10.0.0.1:2000", true).identity);
  EXPECT_NE(CallerOf("ipv4:10.0.0.1:1000", true).identity, CallerOf("ipv4:10.0.0.2:1000", true).identity);
  EXPECT_EQ(CallerOf("ipv6:[2001:db8::1]:1", true).identity, CallerOf("ipv6:[2001:db8::1]:2", true).identity);
  EXPECT_NE(CallerOf("ipv6:[2001:db8::1]:1", true).identity, CallerOf("ipv6:[2001:db8::2]:1", true).identity);
}

TEST(CallerTest, OneSiteHasOneShare) {
  const auto share = [](const char* peer) { return CallerOf(peer, true).share; };
  EXPECT_EQ(share("ipv4:10.0.0.1:1000"), share("ipv4:10.0.0.1:2000"));
  EXPECT_NE(share("ipv4:10.0.0.1:1000"), share("ipv4:10.0.0.2:1000"));
  // A host may use every address of its /64.
  EXPECT_EQ(share("ipv6:%5B2001:db8::1%5D:1"), share("ipv6:%5B2001:db8:0:0:ffff:1:2:3%5D:7"));
  EXPECT_EQ(share("ipv6:[2001:db8::1]:1"), share("ipv6:%5B2001:db8::2%5D:1"));
  EXPECT_NE(share("ipv6:[2001:db8::1]:1"), share("ipv6:[2001:db8:0:1::1]:1"));
  EXPECT_NE(share("ipv6:[::ffff:10.0.0.1]:1"), share("ipv6:[::ffff:10.0.0.2]:1"));
  EXPECT_EQ(share("unix:/run/hashgate.sock"), "local");
}

TEST(CallerTest, EveryCodeHasAName) {
  for (int code = 0; code <= 16; ++code) {
    EXPECT_EQ(CodeName(static_cast<grpc::StatusCode>(code)) == "UNKNOWN", code == 2) << code;
  }
}

}  // namespace
}  // namespace hashgate::rpc
