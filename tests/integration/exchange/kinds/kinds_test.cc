// Clients of each kind made from settings, as the configuration has them, and what they say to the fakes.
#include "exchange/kinds/kinds.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "testing/fakes/graph_server.h"
#include "testing/fakes/ncmec_server.h"
#include "testing/fakes/stopncii_server.h"
#include "testing/signing_keys.h"

namespace hashgate::exchange {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class KindsTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string File(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  ClientSettings Settings(const std::string& kind, const std::string& base_url,
                          const std::string& credentials) {
    ClientSettings settings;
    settings.kind = kind;
    settings.base_url = base_url;
    if (!credentials.empty()) settings.credentials_file = File("credentials", credentials + "\r\nmore\n");
    if (kind == "threatexchange") settings.privacy_group = "4711";
    if (kind == "feed") settings.public_key_file = File("public.pem", testing::PublicKeyPem());
    return settings;
  }
  /// What Test() says, or the error of making the client or of it.
  static Result<std::string> Ask(const ClientSettings& settings) {
    HASHGATE_ASSIGN_OR_RETURN(const std::unique_ptr<ExchangeClient> client,
                              NewExchangeClient(settings, Patience::kTest));
    return client->Test({});
  }
  static void ExpectRefused(const Result<std::string>& asked, Reason reason) {
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().reason, reason) << asked.error().message;
    EXPECT_THAT(asked.error().message, Not(HasSubstr("secret")));
  }

  testing::NcmecServer ncmec_;
  testing::GraphServer graph_;
  testing::StopNciiServer stopncii_;
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("hashgate-kinds-" + std::to_string(::getpid()));
};

TEST_F(KindsTest, EachTakesItsOwnCredentials) {
  EXPECT_TRUE(Ask(Settings("ncmec", ncmec_.base_url(), "a-user:a-password")));
  EXPECT_TRUE(Ask(Settings("threatexchange", graph_.base_url(), "1001|a-secret")));
  EXPECT_TRUE(Ask(Settings("stopncii", stopncii_.base_url(), "a-fetch-key:a-subscription-key")));

  EXPECT_TRUE(
      Ask(Settings("stopncii", stopncii_.base_url(), "a-fetch-key:a-subscription-key:a-feedback-key")));

  ClientSettings settings = Settings("stopncii", stopncii_.base_url(), "");
  settings.credentials_env = "HASHGATE_TEST_KEYS";
  ::setenv("HASHGATE_TEST_KEYS", "a-fetch-key:a-subscription-key", 1);
  EXPECT_TRUE(Ask(settings));
  ::unsetenv("HASHGATE_TEST_KEYS");
  EXPECT_EQ(Ask(settings).error().reason, Reason::kFileUnreadable);
}

TEST_F(KindsTest, CredentialsThatAreNotGoodAreNeverRepeated) {
  ExpectRefused(Ask(Settings("ncmec", ncmec_.base_url(), "a-user:secret")), Reason::kExchangeRefused);
  ExpectRefused(Ask(Settings("ncmec", ncmec_.base_url(), "secret")), Reason::kConfigInvalid);
  ExpectRefused(Ask(Settings("threatexchange", graph_.base_url(), "1001|other-secret")),
                Reason::kExchangeRefused);
  ExpectRefused(Ask(Settings("threatexchange", graph_.base_url(), "")), Reason::kConfigInvalid);
  ExpectRefused(Ask(Settings("stopncii", stopncii_.base_url(), "secret:secret")), Reason::kExchangeRefused);
  ExpectRefused(Ask(Settings("stopncii", stopncii_.base_url(), "secret:")), Reason::kConfigInvalid);
  ExpectRefused(Ask(Settings("stopncii", stopncii_.base_url(), "secret::secret")), Reason::kConfigInvalid);
  ExpectRefused(Ask(Settings("stopncii", stopncii_.base_url(), "")), Reason::kConfigInvalid);
  ExpectRefused(Ask(Settings("stopncii", stopncii_.base_url(), "sec\x01ret:secret")), Reason::kConfigInvalid);
}

TEST_F(KindsTest, AThreatExchangeThatIsAskedTooOftenIsNotOneThatRefusesTheToken) {
  const ClientSettings settings = Settings("threatexchange", graph_.base_url(), "1001|a-secret");
  for (const int status : {400, 403, 429}) {
    for (const int code : {4, 17, 32, 613}) {
      graph_.SetSwitches({.error_status = status, .error_code = code});
      const auto asked = Ask(settings);
      ExpectRefused(asked, Reason::kExchangeUnreachable);
      EXPECT_THAT(asked.error().message, HasSubstr("too often")) << status << " " << code;
    }
  }
  for (const int code : {0, 10, 190, 200}) {
    graph_.SetSwitches({.error_status = 403, .error_code = code});
    ExpectRefused(Ask(settings), Reason::kExchangeRefused);
  }
}

TEST_F(KindsTest, APrivacyGroupIsANumber) {
  ClientSettings settings = Settings("threatexchange", graph_.base_url(), "1001|a-secret");
  for (const std::string& id :
       {std::string(), std::string("1_2"), std::string("group"), std::string(65, '1')}) {
    settings.privacy_group = id;
    EXPECT_EQ(CheckClientSettings(settings).error().field, "privacy_group") << id;
  }
}

TEST_F(KindsTest, KeysThatAKindHasNoUseForAreRefused) {
  const std::pair<const char*, const char*> kinds[] = {
      {"ncmec", "privacy_group"}, {"stopncii", "privacy_group"}, {"feed", "privacy_group"}};
  for (const auto& [kind, key] : kinds) {
    ClientSettings settings = Settings(kind, "http://127.0.0.1:1", "");
    EXPECT_TRUE(CheckClientSettings(settings)) << kind;
    settings.privacy_group = "1";
    EXPECT_EQ(CheckClientSettings(settings).error().field, key);
  }
  for (const char* kind : {"threatexchange", "stopncii", "feed"}) {
    ClientSettings settings = Settings(kind, "http://127.0.0.1:1", "");
    settings.only_members = {"1"};
    EXPECT_EQ(CheckClientSettings(settings).error().field, "only_members");
    settings = Settings(kind, "http://127.0.0.1:1", "");
    settings.except_members = {"1"};
    EXPECT_EQ(CheckClientSettings(settings).error().field, "except_members");
  }
  for (const char* kind : {"threatexchange", "stopncii", "ncmec"}) {
    ClientSettings settings = Settings(kind, "http://127.0.0.1:1", "");
    settings.public_key_file = "x";
    EXPECT_EQ(CheckClientSettings(settings).error().field, "public_key_file");
  }
  EXPECT_EQ(CheckClientSettings({.kind = "none"}).error().field, "kind");
}

TEST_F(KindsTest, AFeedWantsAPublicKeyThatCanBeRead) {
  ClientSettings settings = Settings("feed", "http://127.0.0.1:1", "");
  EXPECT_TRUE(NewExchangeClient(settings, Patience::kSync));
  settings.public_key_file = File("private.pem", testing::PrivateKeyPem());
  EXPECT_EQ(NewExchangeClient(settings, Patience::kSync).error().field, "public_key_file");
  settings.public_key_file = "/no/such";
  EXPECT_EQ(NewExchangeClient(settings, Patience::kSync).error().reason, Reason::kFileUnreadable);
}

TEST_F(KindsTest, RealServicesAreKnown) {
  EXPECT_TRUE(IsKnownProduction("https://graph.facebook.com/v21.0"));
  EXPECT_TRUE(IsKnownProduction("https://API.stopncii.org/v1"));
  EXPECT_FALSE(IsKnownProduction("https://lists.example.test/shared"));
}

}  // namespace
}  // namespace hashgate::exchange
