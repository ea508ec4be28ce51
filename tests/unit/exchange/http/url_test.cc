// Addresses: what a person may configure, and which links of an answer may become requests.
#include "exchange/http/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hashgate::exchange {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

BaseUrl Base(const std::string& text) {
  const Result<BaseUrl> base = ParseBaseUrl(text);
  EXPECT_TRUE(base) << text;
  return base.value_or(BaseUrl{});
}

TEST(Url, ReadsBaseUrls) {
  const BaseUrl npo = Base("https://hashes.example.test/npo/");
  EXPECT_EQ(npo.text, "https://hashes.example.test/npo");
  EXPECT_EQ(npo.host, "hashes.example.test");
  EXPECT_TRUE(npo.is_https);
  EXPECT_FALSE(npo.is_loopback);
  EXPECT_EQ(Base("http://127.0.0.1:8080").text, "http://127.0.0.1:8080");
  EXPECT_TRUE(Base("http://127.0.0.1:8080").is_loopback);
  EXPECT_TRUE(Base("http://[::1]:8080/x").is_loopback);
  EXPECT_TRUE(Base("http://localhost").is_loopback);
  EXPECT_FALSE(Base("https://127.0.0.1.example.test").is_loopback);
  EXPECT_FALSE(Base("https://localhost.example.test").is_loopback);
}

TEST(Url, RefusesOtherBaseUrlsWithoutRepeatingThem) {
  for (const char* text :
       {"", "hashes.example.test", "ftp://secret.test/", "file:///etc/passwd", "https://", "https:///path",
        "https://user:secret@host.test/", "https://secret@host.test", "https://host.test/?token=secret",
        "https://host.test/#secret", "https://host.test/a b", "https://host.test/\r\nSecret: 1",
        "https://host.test:secret/", "https://h\xc3\xb6st.test/"}) {
    const Result<BaseUrl> base = ParseBaseUrl(text);
    ASSERT_FALSE(base) << text;
    EXPECT_EQ(base.error().reason, Reason::kConfigInvalid);
    EXPECT_THAT(base.error().message, Not(HasSubstr("secret"))) << text;
  }
}

TEST(Url, JoinsPaths) {
  const BaseUrl base = Base("https://host.test/npo");
  EXPECT_EQ(JoinUrl(base, "/v2/status").value_or("refused"), "https://host.test/npo/v2/status");
  EXPECT_EQ(JoinUrl(base, "/v2/entries?from=2026-01-01T00%3A00%3A00Z").value_or("refused"),
            "https://host.test/npo/v2/entries?from=2026-01-01T00%3A00%3A00Z");
  EXPECT_EQ(JoinUrl(base, "/a/..b/...").value_or("refused"), "https://host.test/npo/a/..b/...");
}

TEST(Url, RefusesPathsThatLeadElsewhere) {
  const BaseUrl base = Base("https://host.test/npo");
  for (const char* path :
       {"", "v2/status", "https://other.test/", "//other.test/v2/entries", "/\\other.test", "\\\\other.test",
        "@x", ":80@other.test/", ".other.test/", "/v2/../../admin", "/v2/..", "/./x", "/v2/%2e%2E/admin",
        "/v2/.%2e", "/v2/a\r\nHost: other.test", "/v2/a b", "/v2/#x", "/v2/\x7f", "/v2/\xc3\xa4"}) {
    const Result<std::string> url = JoinUrl(base, path);
    ASSERT_FALSE(url) << path;
    EXPECT_EQ(url.error().reason, Reason::kExchangeProtocol);
    EXPECT_THAT(url.error().message, Not(HasSubstr("other"))) << path;
  }
  EXPECT_FALSE(JoinUrl(base, "/" + std::string(9'000, 'a')));
}

TEST(Url, LinksLieBelowWhatIsExpected) {
  const std::string next = "/v2/entries?from=a&to=b&start=1001&size=1000&max=2000";
  EXPECT_EQ(PathUnder("/v2/entries", next).value_or("refused"), next);
  EXPECT_EQ(PathUnder("/v2/entries", "/v2/entries").value_or("refused"), "/v2/entries");
  EXPECT_EQ(PathUnder("/v2/entries", "/v2/entries/1/fingerprints/TMK_PDQF").value_or("refused"),
            "/v2/entries/1/fingerprints/TMK_PDQF");
  for (const char* link : {"/v2/entriesx", "/v2/entrie", "/v2/members", "/v1/entries", "//v2/entries", "/",
                           "https://host.test/v2/entries", "//host.test/v2/entries", "v2/entries", "",
                           "/v2/entries/../members", "/x/v2/entries", "/v2/entries@other.test/"}) {
    const Result<std::string> path = PathUnder("/v2/entries", link);
    ASSERT_FALSE(path) << link;
    EXPECT_EQ(path.error().reason, Reason::kExchangeProtocol);
  }
}

TEST(Url, WholeLinksStayBelowTheBase) {
  const BaseUrl base = Base("https://graph.example.test/v21.0");
  EXPECT_EQ(
      PathBelowBase(base, "https://graph.example.test/v21.0/7/threat_updates?after=x|y").value_or("refused"),
      "/7/threat_updates?after=x|y");
  for (const char* link :
       {"https://graph.example.test/v22.0/7", "https://graph.example.test.other.test/v21.0/7",
        "http://graph.example.test/v21.0/7", "https://graph.example.test:8443/v21.0/7", "/v21.0/7",
        "https://graph.example.test/v21.07", "https://graph.example.test/v21.0@other.test/",
        "https://graph.example.test/v21.0//other.test", "https://graph.example.test/v21.0/../x", ""}) {
    EXPECT_FALSE(PathBelowBase(base, link)) << link;
  }
}

TEST(Url, EncodesAndSpeaks) {
  EXPECT_EQ(PercentEncode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(PercentEncode("2026-01-01T00:00:00Z"), "2026-01-01T00%3A00%3A00Z");
  EXPECT_EQ(PercentEncode("a b&c=d/e?\xff+"), "a%20b%26c%3Dd%2Fe%3F%FF%2B");
  EXPECT_EQ(SpeakableUrl("https://host.test/a/b?access_token=secret#secret"), "https://host.test/a/b");
  EXPECT_EQ(SpeakableUrl("https://user:secret@host.test/a@b"), "https://host.test/a@b");
  EXPECT_EQ(SpeakableUrl("https://host.test#secret"), "https://host.test");
  EXPECT_EQ(SpeakableUrl("https://host.test/" + std::string(5'000, 'a')).size(), 200U);
}

}  // namespace
}  // namespace hashgate::exchange
