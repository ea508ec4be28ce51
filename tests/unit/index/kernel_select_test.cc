#include "index/kernels/kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <set>
#include <string>

#include "index/hash_index.h"

namespace hashgate::index {
namespace {

using ::testing::HasSubstr;

constexpr char kVariable[] = "HASHGATE_FORCE_KERNEL";

// Leaves the environment as it was.
class KernelSelect : public ::testing::Test {
 protected:
  KernelSelect() {
    if (const char* value = std::getenv(kVariable); value != nullptr) before_ = value;
    ::unsetenv(kVariable);
  }
  ~KernelSelect() override { before_ ? ::setenv(kVariable, before_->c_str(), 1) : ::unsetenv(kVariable); }
  static void Force(const std::string& name) { ::setenv(kVariable, name.c_str(), 1); }

 private:
  std::optional<std::string> before_;
};

TEST_F(KernelSelect, TableHasUniqueNamesAndEndsWithThePortableOne) {
  std::set<std::string_view> names;
  for (const Kernel& kernel : AllKernels()) EXPECT_TRUE(names.insert(kernel.name).second) << kernel.name;
  EXPECT_EQ(AllKernels().back().name, "portable");
  EXPECT_TRUE(AllKernels().back().supported());
}

TEST_F(KernelSelect, TakesTheFirstSupportedOneUnlessForced) {
  const Kernel* first = nullptr;
  for (const Kernel& kernel : AllKernels()) {
    if (first == nullptr && kernel.supported()) first = &kernel;
  }
  ASSERT_TRUE(SelectKernel());
  EXPECT_EQ(*SelectKernel(), first);
  Force("");
  ASSERT_TRUE(SelectKernel());
  EXPECT_EQ(*SelectKernel(), first);
}

TEST_F(KernelSelect, ForcesEachByName) {
  for (const Kernel& kernel : AllKernels()) {
    Force(std::string(kernel.name));
    const auto selected = SelectKernel();
    if (kernel.supported()) {
      ASSERT_TRUE(selected);
      EXPECT_EQ(*selected, &kernel);
    } else {
      ASSERT_FALSE(selected);
      EXPECT_EQ(selected.error().reason, Reason::kConfigInvalid);
      EXPECT_THAT(selected.error().message, HasSubstr("CPU does not have"));
    }
  }
}

TEST_F(KernelSelect, UnknownNameIsAnErrorThatSaysWhatWouldDo) {
  for (const std::string name : {"avx1024", "AVX2", "portable "}) {
    Force(name);
    const auto selected = SelectKernel();
    ASSERT_FALSE(selected) << name;
    EXPECT_EQ(selected.error().reason, Reason::kConfigInvalid);
    EXPECT_EQ(selected.error().field, kVariable);
    EXPECT_THAT(selected.error().message, HasSubstr("'" + name + "'"));
    EXPECT_THAT(selected.error().message, HasSubstr("portable"));
  }
}

// Whoever did not ask at start still never gets an index that looks as if it found nothing.
TEST_F(KernelSelect, AnIndexWithoutItsKernelRefusesToAddAndToSearch) {
  Force("avx1024");
  const auto builder = NewIndexBuilder(IndexOptions{});
  const IndexedHash row{.list = 1, .entry = 1, .algorithm = Algorithm::kPdq};
  const auto added = builder->Add(std::span(&row, 1));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().reason, Reason::kConfigInvalid);
  const PdqQuery query{};
  const ListRadius radius{.list = 1};
  const auto found = builder->Snapshot()->SearchPdq(std::span(&query, 1), std::span(&radius, 1), {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().reason, Reason::kConfigInvalid);
}

}  // namespace
}  // namespace hashgate::index
