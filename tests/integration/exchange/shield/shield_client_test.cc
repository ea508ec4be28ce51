// The client against a fake Shield over real HTTP, made as the server makes it.
#include "exchange/shield/shield_client.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <random>

#include "exchange/kinds/kinds.h"
#include "testing/fakes/shield_server.h"
#include "testing/seed.h"

namespace hashgate::exchange {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPassword = "correct-horse";

class ShieldTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SCOPED_TRACE("seed " + std::to_string(testing::Seed()));
    Login(kPassword);
  }
  void Login(const std::string& password) {
    ::setenv("HASHGATE_TEST_SHIELD", ("a-user:" + password).c_str(), 1);
    ClientSettings settings;
    settings.kind = "arachnid_shield";
    settings.base_url = server_.base_url();
    settings.credentials_env = "HASHGATE_TEST_SHIELD";
    auto client = NewRemoteClient(settings, milliseconds(400));
    ASSERT_TRUE(client) << client.error().message;
    client_ = *std::move(client);
  }
  PdqHash Random() {
    PdqHash hash;
    for (std::uint64_t& word : hash.words) word = random_();
    return hash;
  }
  static std::string Bytes(const PdqHash& hash) {
    const auto bytes = hash.bytes();
    return {bytes.begin(), bytes.end()};
  }
  static PdqHash Near(PdqHash hash, int bits) {
    for (int i = 0; i < bits; ++i) hash.words[static_cast<std::size_t>(i) % 4] ^= std::uint64_t{1} << (i / 4);
    return hash;
  }
  Result<RemoteReply> LookUp(const std::vector<PdqHash>& hashes) { return client_->LookUp(hashes, {}); }

  testing::ShieldServer server_;
  std::mt19937_64 random_{testing::Seed()};
  std::unique_ptr<RemoteClient> client_;
};

TEST_F(ShieldTest, ManyHashesAreOneRequestAndOnlyHashesLeave) {
  const PdqHash known = Random();
  server_.Put({.pdq = Bytes(known)});
  std::vector<PdqHash> hashes;
  for (int i = 0; i < 30; ++i) hashes.push_back(Random());
  hashes[17] = Near(known, 31);
  hashes[18] = Near(known, 32);
  const auto reply = LookUp(hashes);
  ASSERT_TRUE(reply) << reply.error().message;
  ASSERT_EQ(reply->answers.size(), hashes.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    ASSERT_TRUE(reply->answers[i].has_value()) << i;
    EXPECT_EQ(reply->answers[i]->listed, i == 17) << i;
  }
  EXPECT_EQ(reply->answers[17]->classification, "csam");
  EXPECT_EQ(server_.http().call_count(), 1U);
  ASSERT_EQ(server_.asked().size(), 30U);
  EXPECT_EQ(server_.asked()[18], Bytes(hashes[18])) << "as they are, all bytes of them";
  const auto calls = server_.http().calls();
  EXPECT_LT(calls[0].request.body.size(), 30 * 50U) << "and nothing beside them";
  ASSERT_TRUE(LookUp(hashes));
  EXPECT_EQ(server_.http().connection_count(), 1) << "the connection is kept";
}

TEST_F(ShieldTest, EveryFormOfAnAnswerIsRead) {
  const PdqHash known = Random();
  server_.Put({.pdq = Bytes(known), .classification = "a-class-of-tomorrow"});
  for (const bool in_list : {false, true}) {
    server_.SetSwitches({.null_for_none = !in_list, .details_in_list = in_list});
    const auto reply = LookUp({Random(), known});
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->answers[0], RemoteAnswer());
    ASSERT_TRUE(reply->answers[1].has_value());
    EXPECT_TRUE(reply->answers[1]->listed);
    EXPECT_EQ(reply->answers[1]->ceiling, Verdict::kReview);
    EXPECT_THAT(reply->answers[1]->source_id, HasSubstr("shield-"));
  }
  server_.SetSwitches({.leave_out_all = true});
  const auto nothing = LookUp({known});
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(nothing->answers[0].has_value());
}

TEST_F(ShieldTest, WrongCredentialsAreToldApartAndNeverRepeated) {
  Login("wrong-password");
  const auto refused = LookUp({Random()});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kExchangeRefused);
  EXPECT_THAT(refused.error().message, Not(HasSubstr("wrong-password")));
  EXPECT_EQ(server_.http().call_count(), 1U);
}

TEST_F(ShieldTest, TooManyRequestsSayWhenToComeBack) {
  server_.SetSwitches({.too_many = 2, .rate_limit = "\"default\";r=0;t=23"});
  const auto later = LookUp({Random()});
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().reason, Reason::kExchangeUnreachable);
  EXPECT_EQ(later.error().retry_after, seconds(23));
  EXPECT_EQ(server_.http().call_count(), 1U) << "and are not tried again at once";
  server_.SetSwitches({});
  server_.http().FailNext({{.status = 429, .retry_after = "41"}});
  EXPECT_EQ(LookUp({Random()}).error().retry_after, seconds(41));
  server_.http().FailNext({{.status = 429}});
  EXPECT_GT(LookUp({Random()}).error().retry_after, seconds(0))
      << "a 429 that names no time asks for a pause";
  server_.SetSwitches({.rate_limit = "\"default\";r=0;t=5"});
  const auto last = LookUp({Random()});
  ASSERT_TRUE(last);
  EXPECT_EQ(last->pause, seconds(5));
}

TEST_F(ShieldTest, BrokenAnswersAreErrors) {
  server_.http().FailNext({{.status = 500}});
  EXPECT_EQ(LookUp({Random()}).error().reason, Reason::kExchangeUnreachable);
  server_.http().FailNext({{.delay = {}, .cut_body_at = 20}});
  EXPECT_FALSE(LookUp({Random()}));
  server_.SetSwitches({.whole_body = R"({"scanned_hashes":{"a":{"class)"});
  EXPECT_EQ(LookUp({Random()}).error().reason, Reason::kExchangeProtocol);
  server_.SetSwitches({.whole_body = std::string(2 << 20, ' ')});
  EXPECT_EQ(LookUp({Random()}).error().reason, Reason::kExchangeProtocol) << "too long";
}

TEST_F(ShieldTest, NobodyIsFollowedElsewhere) {
  testing::ShieldServer other;
  server_.SetSwitches({.redirect_to = other.base_url() + "/v1/pdq/"});
  const auto reply = LookUp({Random()});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().reason, Reason::kExchangeProtocol);
  EXPECT_EQ(other.http().call_count(), 0U);
}

TEST_F(ShieldTest, AStopEndsARequest) {
  server_.http().FailNext({{.delay = seconds(30)}});
  std::stop_source stop;
  const std::jthread stopper([&] {
    while (server_.http().connection_count() == 0) std::this_thread::yield();
    stop.request_stop();
  });
  const PdqHash hash = Random();
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(client_->LookUp({&hash, 1}, stop.get_token()).error().reason, Reason::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(4));
}

TEST_F(ShieldTest, SettingsThatCannotWorkAreRefused) {
  ClientSettings settings;
  settings.kind = "arachnid_sword";
  settings.base_url = server_.base_url();
  EXPECT_EQ(NewRemoteClient(settings, milliseconds(400)).error().field, "kind");
  settings.kind = "arachnid_shield";
  settings.credentials_env = "HASHGATE_TEST_NO_SUCH_VARIABLE";
  EXPECT_EQ(NewRemoteClient(settings, milliseconds(400)).error().reason, Reason::kFileUnreadable);
  settings.credentials_env.clear();
  settings.base_url = "http://example.test";
  EXPECT_EQ(NewRemoteClient(settings, milliseconds(400)).error().field, "base_url") << "no TLS";
  EXPECT_TRUE(IsKnownProduction("https://shield.projectarachnid.com"));
  EXPECT_TRUE(IsKnownProduction("https://Shield.ProjectArachnid.ca./"));
}

}  // namespace
}  // namespace hashgate::exchange
