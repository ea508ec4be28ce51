#include "exchange/file/given_ids.h"

#include <gtest/gtest.h>

namespace hashgate::exchange {
namespace {

TEST(GivenIds, RemembersManyAndNoOthers) {
  GivenIds given;
  for (int i = 0; i < 5'000; ++i) given.Give("id " + std::to_string(i));
  given.Give("");
  for (int i = 0; i < 5'000; ++i) {
    EXPECT_EQ(given.TakeBack("id " + std::to_string(i), "line 7").error().reason, Reason::kRequestInvalid);
    EXPECT_TRUE(given.TakeBack("no " + std::to_string(i), "line 7"));
  }
  EXPECT_TRUE(given.TakeBack("", "line 7")) << "no id is none";
  EXPECT_TRUE(GivenIds().TakeBack("id 1", "line 7"));
}

TEST(GivenIds, WhatCannotBeToldIsRefused) {
  GivenIds given(1024);
  for (int i = 0; i < 1024; ++i) given.Give(std::to_string(i));
  given.Give("0");
  EXPECT_TRUE(given.TakeBack("other", "line 7")) << "as many as it holds, one of them twice";
  given.Give("1024");
  const Status refused = given.TakeBack("other", "line 7");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("line 7 says"), std::string::npos);
  EXPECT_NE(refused.error().message.find("1024 ids"), std::string::npos);
}

}  // namespace
}  // namespace hashgate::exchange
