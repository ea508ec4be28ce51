// Apart from testkit.cc, so that a program that only needs the canary does not carry the whole kit.
#include "testkit/canary_facts.inc"
#include "testkit/testkit.h"

__asm__(
    ".section .rodata\n"
    ".balign 16\n"
    ".global hashgate_testkit_canary\n"
    ".hidden hashgate_testkit_canary\n"
    "hashgate_testkit_canary:\n"
    ".incbin \"" HASHGATE_TESTKIT_DATA
    "/canary.jpg\"\n"
    ".byte 0\n"
    ".previous\n");
extern "C" const std::uint8_t hashgate_testkit_canary[];

namespace hashgate::testkit {

ByteSpan CanaryPicture() {
  return {hashgate_testkit_canary, kCanarySize};
}

PdqHash CanaryPdq() {
  return PdqHash{kCanaryPdqWords};
}

int CanaryPdqQuality() {
  return kCanaryPdqQuality;
}

Sha256 CanarySha256() {
  return kCanarySha256;
}

}  // namespace hashgate::testkit
