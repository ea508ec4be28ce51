#include "index/kernels/kernel.h"

#include <cstdlib>
#include <string>

namespace hashgate::index {
namespace {

constexpr char kForceVariable[] = "HASHGATE_FORCE_KERNEL";

bool AlwaysSupported() {
  return true;
}

constexpr Kernel kKernels[] = {
#if defined(__x86_64__)
    {"avx512", Avx512Supported, ScanAvx512, &kAvx512Postings, &kAvx512Vectors, &kAvx512Bits},
    {"avx2", Avx2Supported, ScanAvx2, &kAvx2Postings, &kAvx2Vectors, &kAvx2Bits},
    {"popcnt", PopcntSupported, ScanPopcnt, &kPopcntPostings, &kPortableVectors, &kPopcntBits},
#endif
    {"portable", AlwaysSupported, ScanPortable, &kPortablePostings, &kPortableVectors, &kPortableBits},
};

std::string SupportedNames() {
  std::string names;
  for (const Kernel& kernel : kKernels) {
    if (!kernel.supported()) continue;
    if (!names.empty()) names += ", ";
    names += kernel.name;
  }
  return names;
}

}  // namespace

std::span<const Kernel> AllKernels() {
  return kKernels;
}

Result<const Kernel*> FindKernel(std::string_view name) {
  for (const Kernel& kernel : kKernels) {
    if (kernel.name != name) continue;
    if (kernel.supported()) return &kernel;
    return Fail(Reason::kConfigInvalid,
                "the matching kernel '" + std::string(name) +
                    "' needs instructions that this CPU does not have; it can run: " + SupportedNames(),
                kForceVariable);
  }
  return Fail(Reason::kConfigInvalid,
              "'" + std::string(name.substr(0, 64)) +
                  "' is not a matching kernel of this build; this CPU can run: " + SupportedNames(),
              kForceVariable);
}

Result<const Kernel*> SelectKernel() {
  const char* forced = std::getenv(kForceVariable);
  if (forced != nullptr && *forced != '\0') return FindKernel(forced);
  for (const Kernel& kernel : kKernels) {
    if (kernel.supported()) return &kernel;
  }
  return Fail(Reason::kInvariantBroken, "no matching kernel runs on this CPU");
}

}  // namespace hashgate::index
