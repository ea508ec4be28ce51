// PhotoDNA vectors through real calls: lists made and filled, hashes matched, thresholds changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/index/vector_samples.h"
#include "integration/rpc/rpc_fixture.h"
#include "rpc/status_service.h"
#include "rpc/wire/error_status.h"
#include "testing/seed.h"

namespace hashgate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RpcVectorsTest : public RpcServerTest {
 protected:
  static std::string Bytes(const PhotoDna& vector) { return {vector.begin(), vector.end()}; }
  static void AddHash(v1::Algorithm algorithm, const std::string& value, v1::HashSet& file) {
    v1::HashValue& hash = *file.add_hashes();
    hash.set_algorithm(algorithm);
    hash.set_value(value);
  }

  grpc::Status Match(const v1::MatchHashesRequest& request, v1::MatchHashesResponse& response) {
    const GateClient client(Channel());
    grpc::ClientContext context;
    SetTimeout(context, seconds(20));
    return client.scan().MatchHashes(&context, request, &response);
  }
  v1::ScanResult MatchOne(const std::vector<PhotoDna>& vectors, const std::string& md5 = {}) {
    v1::MatchHashesRequest request;
    v1::HashSet& file = *request.add_files();
    for (const PhotoDna& vector : vectors) AddHash(v1::ALGORITHM_PHOTODNA, Bytes(vector), file);
    if (!md5.empty()) AddHash(v1::ALGORITHM_MD5, md5, file);
    v1::MatchHashesResponse response;
    const grpc::Status status = Match(request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.results_size() == 1 ? response.results(0) : v1::ScanResult();
  }

  // A list with one entry of the vector and an MD5, all through the API.
  void MakeList(const PhotoDna& vector, const std::string& md5) {
    const GateClient client(Channel());
    v1::HashList list = SyntheticList("vectors");
    list.set_purpose(v1::HARM_CLASS_CSAM);
    list.set_trust(v1::TRUST_TRUSTED);
    v1::MaxDistance& threshold = *list.add_max_distances();
    threshold.set_algorithm(v1::ALGORITHM_PHOTODNA);
    threshold.set_max_distance(30'000);
    const grpc::Status created = client.CreateList(list);
    ASSERT_TRUE(created.ok()) << created.error_message();
    v1::ImportRecord record;
    record.set_line(1);
    v1::Entry& entry = *record.mutable_entry();
    entry.set_source_id("v-1");
    entry.set_classification("A1");
    for (const auto& [algorithm, value] :
         {std::pair(v1::ALGORITHM_PHOTODNA, Bytes(vector)), {v1::ALGORITHM_MD5, md5}}) {
      v1::HashValue& hash = *entry.add_hashes();
      hash.set_algorithm(algorithm);
      hash.set_value(value);
    }
    const auto imported = client.Import("vectors", {record});
    ASSERT_TRUE(imported.status.ok()) << imported.status.error_message();
  }

  std::mt19937_64 random_{Seed()};
};

class RpcProtectionTest : public RpcServerTest {
 protected:
  void SetUp() override {
    RpcServerTest::SetUp();
    ASSERT_TRUE(catalog_->DeleteList("listed", ""));
  }
  [[nodiscard]] v1::GetStatusResponse Status(bool photodna_is_made = false) const {
    const decode::VectorMaker maker{.algorithm = Algorithm::kPhotoDna, .name = "test", .version = "1"};
    v1::GetStatusResponse status;
    rpc::FillProtection(*catalog_->Current(), {&maker, photodna_is_made ? 1U : 0U}, status);
    return status;
  }
  void Add(const std::string& list, const std::vector<Algorithm>& algorithms) {
    lists::EntryRecord record{.source_id = "e-" + std::to_string(++added_)};
    for (const Algorithm algorithm : algorithms) record.hashes.push_back(MakeHash(algorithm, added_));
    AddEntry(list, std::move(record));
  }

  std::uint64_t added_ = 0;
};

TEST_F(RpcProtectionTest, WithoutAnEntryThereIsNone) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Status().protection(), v1::PROTECTION_NONE);
    EXPECT_THAT(Status().protection_sentence(), HasSubstr("No enabled list holds an entry"));
    EXPECT_FALSE(rpc::HasEntries(Status()));
    if (i == 0) AddList("empty");
  }
}

TEST_F(RpcProtectionTest, OfDigestsItIsExact) {
  AddList("digests");
  Add("digests", {Algorithm::kMd5, Algorithm::kSha256});
  Add("digests", {Algorithm::kSha1});
  EXPECT_EQ(Status().protection(), v1::PROTECTION_EXACT);
  EXPECT_EQ(Status(true).protection(), v1::PROTECTION_EXACT);
  EXPECT_EQ(
      Status().protection_sentence(),
      "2 entries in 1 enabled list: exact copies of 100 % are found; edited copies of none: no list has "
      "PDQ.");
  EXPECT_TRUE(rpc::HasEntries(Status()));
}

TEST_F(RpcProtectionTest, OfVectorsItHangsOnWhoMakesThem) {
  AddList("vectors");
  Add("vectors", {Algorithm::kPhotoDna});
  Add("vectors", {Algorithm::kPhotoDna});
  EXPECT_EQ(Status().protection(), v1::PROTECTION_NONE);
  EXPECT_EQ(
      Status().protection_sentence(),
      "No list here identifies an upload by itself. 2 entries in 1 enabled list: exact copies of none are "
      "found; edited copies of none by PDQ, of 100 % by PhotoDNA where a caller sends such vectors: no "
      "plug-in makes them; 2 entries are found by nothing but PhotoDNA vectors.");
  EXPECT_EQ(Status(true).protection(), v1::PROTECTION_PERCEPTUAL);
  EXPECT_EQ(
      Status(true).protection_sentence(),
      "2 entries in 1 enabled list: exact copies of none are found; edited copies of none by PDQ, of 100 % "
      "by PhotoDNA, whose vectors a plug-in makes of uploads.");
}

TEST_F(RpcProtectionTest, OfShortHashesItIsNoIdentification) {
  AddList("short");
  Add("short", {Algorithm::kPHash});
  EXPECT_EQ(Status().protection(), v1::PROTECTION_NONE);
  EXPECT_EQ(
      Status().protection_sentence(),
      "No list here identifies an upload by itself. 1 entry in 1 enabled list: exact copies of none are "
      "found; edited copies of none by PDQ, of 100 % by img_hash (100 % by short or coarse hashes, which "
      "lead to REVIEW at most).");
  Add("short", {Algorithm::kMarrHildreth});
  EXPECT_EQ(Status().protection(), v1::PROTECTION_PERCEPTUAL);
  EXPECT_THAT(Status().protection_sentence(), HasSubstr("img_hash (50.0 % by short"));
}

TEST_F(RpcProtectionTest, OneOfManyIsNotAll) {
  AddList("many");
  auto import = catalog_->StartImport({.list = "many", .file = "test"});
  ASSERT_TRUE(import) << import.error().message;
  for (std::uint64_t i = 1; i <= 1'000; ++i) {
    const lists::ImportRecord line{
        i, lists::EntryRecord{.source_id = std::to_string(i), .hashes = {MakeHash(Algorithm::kMd5, i)}}, {}};
    ASSERT_TRUE((*import)->Add({&line, 1}));
  }
  ASSERT_TRUE((*import)->Finish());
  Add("many", {Algorithm::kPdq});
  lists::ListConfig other = AddList("disabled").config;
  other.enabled = false;
  ASSERT_TRUE(catalog_->UpdateList(other, ""));
  Add("disabled", {Algorithm::kPdq});
  EXPECT_EQ(Status().protection(), v1::PROTECTION_PERCEPTUAL);
  EXPECT_EQ(
      Status().protection_sentence(),
      "1,001 entries in 1 enabled list: exact copies of 99.9 % are found; edited copies of under 0.1 % by "
      "PDQ.");
}

TEST_F(RpcVectorsTest, ImportedAndMatched) {
  const PhotoDna vector = index::RandomVector(random_);
  const std::string md5(16, 'v');
  MakeList(vector, md5);
  const v1::ScanResult near =
      MatchOne({index::RandomVector(random_), index::AtSquaredDistance(vector, 30'000, random_)});
  EXPECT_EQ(near.outcome(), v1::OUTCOME_MATCHED);
  EXPECT_EQ(near.verdict(), v1::VERDICT_BLOCK);
  ASSERT_EQ(near.matches_size(), 1);
  const v1::Match& match = near.matches(0);
  EXPECT_EQ(match.list(), "vectors");
  EXPECT_EQ(match.source_id(), "v-1");
  EXPECT_EQ(match.identity(), v1::IDENTITY_PERCEPTUAL);
  EXPECT_THAT(match.algorithms(), ElementsAre(v1::ALGORITHM_PHOTODNA));
  EXPECT_FALSE(match.has_distance_bits());
  EXPECT_FALSE(match.has_max_distance_bits());
  ASSERT_EQ(match.distances_size(), 1);
  EXPECT_EQ(match.distances(0).algorithm(), v1::ALGORITHM_PHOTODNA);
  EXPECT_EQ(match.distances(0).distance(), 30'000);
  EXPECT_EQ(match.distances(0).max_distance(), 30'000);
  EXPECT_THAT(near.coverage().algorithms(), ElementsAre(v1::ALGORITHM_PHOTODNA));
  EXPECT_EQ(MatchOne({index::AtSquaredDistance(vector, 30'001, random_)}).outcome(), v1::OUTCOME_NOT_MATCHED);
  const v1::ScanResult strong = MatchOne({index::AtSquaredDistance(vector, 9, random_)}, md5);
  ASSERT_EQ(strong.matches_size(), 1);
  EXPECT_EQ(strong.matches(0).identity(), v1::IDENTITY_STRONG);
  EXPECT_EQ(strong.verdict(), v1::VERDICT_BLOCK_AND_REPORT);
}

TEST_F(RpcVectorsTest, AThresholdThatIsChangedIsInForceAtOnce) {
  const PhotoDna vector = index::RandomVector(random_);
  MakeList(vector, std::string(16, 'v'));
  const PhotoDna near = index::AtSquaredDistance(vector, 10'000, random_);
  EXPECT_EQ(MatchOne({near}).outcome(), v1::OUTCOME_MATCHED);
  const GateClient client(Channel());
  grpc::ClientContext get_context;
  SetTimeout(get_context, seconds(20));
  v1::GetHashListRequest get;
  get.set_name("vectors");
  v1::GetHashListResponse held;
  ASSERT_TRUE(client.lists().GetHashList(&get_context, get, &held).ok());
  ASSERT_EQ(held.list().max_distances_size(), 2);
  v1::UpdateHashListRequest update;
  *update.mutable_list() = held.list();
  update.mutable_list()->mutable_max_distances(1)->set_max_distance(9'999);
  v1::UpdateHashListResponse updated;
  grpc::ClientContext update_context;
  SetTimeout(update_context, seconds(20));
  ASSERT_TRUE(client.lists().UpdateHashList(&update_context, update, &updated).ok());
  EXPECT_EQ(MatchOne({near}).outcome(), v1::OUTCOME_NOT_MATCHED);
  update.mutable_list()->set_etag("");
  update.mutable_list()->mutable_max_distances(1)->set_max_distance(9'363'601);
  grpc::ClientContext refused_context;
  SetTimeout(refused_context, seconds(20));
  const grpc::Status refused = client.lists().UpdateHashList(&refused_context, update, &updated);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(rpc::FromGrpc(refused).field, "list.max_distances");
}

TEST_F(RpcVectorsTest, WhatIsMalformedIsRefusedByField) {
  v1::MatchHashesRequest request;
  v1::MatchHashesResponse response;
  AddHash(v1::ALGORITHM_MD5, std::string(16, 'm'), *request.add_files());
  AddHash(v1::ALGORITHM_PHOTODNA, std::string(143, 'v'), *request.mutable_files(0));
  const grpc::Status cut = Match(request, response);
  EXPECT_EQ(cut.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(cut), "HASH_MALFORMED");
  EXPECT_EQ(rpc::FromGrpc(cut).field, "files[0].hashes[1].value");
  EXPECT_THAT(cut.error_message(), ::testing::Not(HasSubstr("vvv")));
  request.mutable_files(0)->mutable_hashes(1)->set_value(std::string(144, 'v'));
  request.mutable_files(0)->mutable_hashes(1)->set_quality(50);
  EXPECT_EQ(ReasonOf(Match(request, response)), "REQUEST_INVALID");
  request.mutable_files(0)->mutable_hashes(1)->clear_quality();
  EXPECT_TRUE(Match(request, response).ok());
  for (int i = 1; i < 16; ++i) {
    AddHash(v1::ALGORITHM_PHOTODNA, std::string(144, static_cast<char>(i)), *request.mutable_files(0));
  }
  EXPECT_TRUE(Match(request, response).ok()) << "16 are taken";
  AddHash(v1::ALGORITHM_PHOTODNA, std::string(144, 'x'), *request.mutable_files(0));
  const grpc::Status many = Match(request, response);
  EXPECT_EQ(ReasonOf(many), "REQUEST_INVALID");
  EXPECT_EQ(rpc::FromGrpc(many).field, "files[0].hashes");
}

}  // namespace
}  // namespace hashgate::testing
