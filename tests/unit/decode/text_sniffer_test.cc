#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "decode/sniff.h"
#include "testing/seed.h"

namespace hashgate::decode {
namespace {

using namespace std::string_literals;

ByteSpan Bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

bool IsText(const std::string& text) {
  TextSniffer sniffer;
  sniffer.Update(Bytes(text));
  return sniffer.IsText();
}

std::vector<std::string> Texts() {
  return {
      "hello",
      "Zw\xc3\xb6lf Boxk\xc3\xa4mpfer jagen Viktor quer \xc3\xbc"
      "ber den Deich \xf0\x9f\x98\x80\n",
      "\xef\xbb\xbfwith a byte order mark",
      "   \n\t ",
      "name,size\na,1\n",
      "{\"svg\": \"<svg>\"}",
      "a page about <html> and <svg>",
      "1 < 2",
      "< not a tag",
      "<note><to>you</to></note>",
      "<?xml version=\"1.0\"?><gpx><trk/></gpx>",
      "<?xml version=\"1.0\"?>\n<!-- a comment with <svg> inside -->\n<kml/>",
      "<!DOCTYPE plist PUBLIC \"-//Example//DTD\" \"http://example.org/list.dtd\">\n<plist/>",
      "<svgfoo/>",
      "<barsvg>",
      "<",
      "<averyveryverylongname>",
      "<svg-like/>",
      "tab\t, line\n, page\f, return\r",
      "<?xml version=\"1.0\" encoding=\"utf-8\"?><note/>",
      "<?xml version='1.0' encoding = 'US-ASCII' ?>\n<note/>",
      "<?other encoding=\"ISO-2022-JP\"?><note/>",
      "P2P networks, and 3 more things",
      "P1",
      "#define HEIGHT 3\n#define x_width 16\n",
      "100 %!PS",
      "<kml xmlns=\"http://www.opengis.net/kml/2.2\" "
      "xmlns:gx=\"http://www.google.com/kml/ext/2.2\"><x>R&amp;B</x></kml>",
      "<note a='&lt;'>&#60;svg</note>",
  };
}

std::vector<std::string> NoTexts() {
  const std::string padding(20'000, ' ');
  return {
      "",
      "a\0b"s,
      "\xff\xfe"
      "h\0"s,
      "caf\xe9",
      "cut \xe2\x82",
      "\xed\xa0\x80",
      "<svg xmlns='http://www.w3.org/2000/svg'/>",
      "<SVG>",
      "<sVg/>",
      "<svg",
      "\xef\xbb\xbf<svg>",
      "\n\n\t <svg\n>",
      "<svg:svg xmlns:svg='http://www.w3.org/2000/svg'>",
      "<x:html>",
      "<html>",
      "<body>",
      "<IMG src=x>",
      "<p>hello",
      "<script>1</script>",
      "<!DOCTYPE html><nothing>",
      "<!doctype  SVG PUBLIC \"x\" \"y\"><z/>",
      "<!DOCTYPE x [<!ENTITY a \"b\">]><x/>",
      "<?xml version='1.0'?><svg/>",
      "<?xml version='1.0'?><!-- c --><!DOCTYPE x><svg/>",
      "<!-- one --><!-- two --><svg/>",
      "<!-->\n<svg/>-->hello",
      "<!-- x --!><svg/>-->hello",
      "<?x > <svg/> ?>hello",
      "<!DOCTYPE x \"a > <svg>\">hello",
      // Where HTML and XML disagree, each of them may be the one that draws.
      "<!-->hello--><svg/>",
      "<!-- x --!>hello--><svg/>",
      "<?x > hello ?><svg/>",
      "<!DOCTYPE x \"a > hello\"><svg/>",
      "<!-- never closed",
      "<?never closed",
      "<!DOCTYPE",
      "</p><svg>",
      "<!foo><svg>",
      "<![CDATA[ x ]]><svg>",
      padding + "<svg/>",
      "<!-- " + padding + " --><svg/>",
      "<?p " + padding + " ?><html>",
      std::string(100'000, 'a') + "\xff",
      // An escape may begin another encoding, in which the bytes of a root hide.
      "hello\x1b(B",
      "hello\v",
      "a\x01",
      "\x1b(B<svg/>",
      "<?xml version=\"1.0\" encoding=\"ISO-2022-JP\"?><note/>",
      "<?xml version='1.0' encoding='UTF-7'?>+ADw-svg/+AD4-",
      "<?xml version='1.0' encoding='UTF-16'?><note/>",
      "<?xml version='1.0' encoding=utf-8?><note/>",
      "<?xml version='1.0' encoding?><note/>",
      "<?xml version='1.0' " + std::string(200, ' ') + "encoding='UTF-7'?><note/>",
      "<?xml-stylesheet href='x'?><note/>",
      "\xff\xfe<\0s\0v\0g\0"s,
      "\xfe\xff\0<\0s\0v\0g"s,
      // Parts that a browser draws under a root that it does not know.
      "<note><svg xmlns='http://www.w3.org/2000/svg'/></note>",
      "<note xmlns:s='http://www.w3.org/2000/svg'><s:svg/></note>",
      "<note>" + padding + "<svg/></note>",
      "<note><img xmlns='http://www.w3.org/1999/xhtml' src='x'/></note>",
      "<note><h:img a='>' xmlns:h='&#104;ttp://www.w3.org/1999/&#120;html' src='x'/></note>",
      // Pictures written as text.
      "%!PS-Adobe-3.0 EPSF-3.0\n",
      "/* XPM */\nstatic char *x[] = {",
      "#define x_width 16\n#define x_height 16\n",
      "P1\n2 2\n0 1 1 0\n",
      "P3 # a comment\n",
      "P7\nWIDTH 2\n",
  };
}

TEST(TextSniffer, KnowsText) {
  for (const std::string& text : Texts()) EXPECT_TRUE(IsText(text)) << text;
}

TEST(TextSniffer, KnowsWhatABrowserWouldDrawAndWhatIsNoText) {
  for (const std::string& text : NoTexts()) EXPECT_FALSE(IsText(text)) << text.substr(0, 80);
}

TEST(TextSniffer, DoesNotDependOnHowTheBytesArrive) {
  std::mt19937_64 random(testing::Seed());
  std::vector<std::string> all = Texts();
  const std::vector<std::string> others = NoTexts();
  all.insert(all.end(), others.begin(), others.end());
  for (const std::string& text : all) {
    const bool whole = IsText(text);
    for (int round = 0; round < 20; ++round) {
      TextSniffer sniffer;
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = std::min<std::size_t>(random() % 5, text.size() - at);
        sniffer.Update(Bytes(text).subspan(at, length));
        at += length;
      }
      EXPECT_EQ(sniffer.IsText(), whole) << text.substr(0, 80);
    }
  }
}

}  // namespace
}  // namespace hashgate::decode
