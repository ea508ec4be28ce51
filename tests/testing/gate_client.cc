#include "testing/gate_client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/digest.h"
#include "rpc/wire/error_status.h"

namespace hashgate::testing {

void SetTimeout(grpc::ClientContext& context, std::chrono::milliseconds timeout) {
  context.set_deadline(std::chrono::system_clock::now() + timeout);
}

ChunkSize Fixed(std::size_t size) {
  return [size](std::size_t) { return size; };
}

GateClient::GateClient(const std::shared_ptr<grpc::Channel>& channel)
    : scan_(v1::ScanService::NewStub(channel)),
      lists_(v1::HashListService::NewStub(channel)),
      status_(v1::StatusService::NewStub(channel)) {}

ScanReply GateClient::Scan(const std::string& bytes, const v1::ScanHeader& header,
                           std::chrono::milliseconds timeout) const {
  grpc::ClientContext context;
  SetTimeout(context, timeout);
  v1::ScanImageRequest request;
  *request.mutable_header() = header;
  request.set_content(bytes);
  v1::ScanImageResponse response;
  const grpc::Status status = scan_->ScanImage(&context, request, &response);
  return {status, response.result()};
}

ScanReply GateClient::Upload(const std::string& bytes, const ChunkSize& chunk_size,
                             const v1::ScanHeader& header, std::int64_t declared_size,
                             std::chrono::milliseconds timeout) const {
  grpc::ClientContext context;
  SetTimeout(context, timeout);
  v1::ScanUploadResponse response;
  const auto writer = scan_->ScanUpload(&context, &response);
  v1::ScanUploadRequest message;
  *message.mutable_header()->mutable_header() = header;
  message.mutable_header()->set_declared_size_bytes(declared_size);
  bool open = writer->Write(message);
  for (std::size_t sent = 0; open && sent < bytes.size();) {
    const std::size_t size = chunk_size(sent);
    if (size == 0) {
      message.set_chunk("");
      open = writer->Write(message);
    }
    message.set_chunk(bytes.substr(sent, std::max<std::size_t>(size, 1)));
    sent += message.chunk().size();
    open = open && writer->Write(message);
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  return {status, response.result()};
}

ScanReply GateClient::Match(v1::Algorithm algorithm, const std::string& value) const {
  grpc::ClientContext context;
  SetTimeout(context, std::chrono::seconds(20));
  v1::MatchHashesRequest request;
  v1::HashValue& hash = *request.add_files()->add_hashes();
  hash.set_algorithm(algorithm);
  hash.set_value(value);
  v1::MatchHashesResponse response;
  const grpc::Status status = scan_->MatchHashes(&context, request, &response);
  return {status, response.results_size() > 0 ? response.results(0) : v1::ScanResult()};
}

grpc::Status GateClient::CreateList(const v1::HashList& list) const {
  grpc::ClientContext context;
  SetTimeout(context, std::chrono::seconds(20));
  v1::CreateHashListRequest request;
  *request.mutable_list() = list;
  v1::CreateHashListResponse response;
  return lists_->CreateHashList(&context, request, &response);
}

ImportReply GateClient::Import(const std::string& list, const std::vector<v1::ImportRecord>& records,
                               int batch,
                               const std::function<bool(const v1::ImportEntriesResponse&)>& on_progress,
                               bool replace) const {
  grpc::ClientContext context;
  SetTimeout(context, std::chrono::seconds(120));
  const auto stream = lists_->ImportEntries(&context);
  ImportReply reply;
  v1::ImportEntriesRequest message;
  message.mutable_header()->set_list(list);
  message.mutable_header()->set_file("synthetic.jsonl");
  message.mutable_header()->set_replace(replace);
  bool open = stream->Write(message);
  for (std::size_t at = 0; open && at < records.size();) {
    v1::ImportRecords& part = *message.mutable_records();
    part.clear_records();
    for (int i = 0; i < batch && at < records.size(); ++i) *part.add_records() = records[at++];
    v1::ImportEntriesResponse progress;
    open = stream->Write(message) && stream->Read(&progress);
    if (!open) break;
    reply.last = progress;
    if (on_progress && !on_progress(progress)) {
      context.TryCancel();
      open = false;
    }
  }
  if (open && stream->WritesDone()) {
    v1::ImportEntriesResponse progress;
    while (stream->Read(&progress)) reply.last = progress;
  }
  reply.status = stream->Finish();
  return reply;
}

v1::GetStatusResponse GateClient::Status() const {
  grpc::ClientContext context;
  SetTimeout(context, std::chrono::seconds(20));
  v1::GetStatusResponse response;
  const grpc::Status status = status_->GetStatus(&context, {}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

std::vector<v1::Entry> GateClient::AllEntries(const std::string& list) const {
  std::vector<v1::Entry> entries;
  v1::ListEntriesRequest request;
  request.set_list(list);
  request.set_page_size(10'000);
  do {
    grpc::ClientContext context;
    SetTimeout(context, std::chrono::seconds(20));
    v1::ListEntriesResponse page;
    const grpc::Status status = lists_->ListEntries(&context, request, &page);
    EXPECT_TRUE(status.ok()) << status.error_message();
    if (!status.ok()) break;
    for (const v1::Entry& entry : page.entries()) entries.push_back(entry);
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return entries;
}

SlowUpload::SlowUpload(const GateClient& client, const v1::ScanHeader& header,
                       std::chrono::milliseconds timeout) {
  SetTimeout(context_, timeout);
  writer_ = client.scan().ScanUpload(&context_, &response_);
  v1::ScanUploadRequest message;
  *message.mutable_header()->mutable_header() = header;
  writer_->Write(message);
}

SlowUpload::~SlowUpload() {
  if (finished_) return;
  context_.TryCancel();
  writer_->Finish();
}

bool SlowUpload::Send(const std::string& chunk) {
  v1::ScanUploadRequest message;
  message.set_chunk(chunk);
  return writer_->Write(message);
}

ScanReply SlowUpload::End() {
  writer_->WritesDone();
  return WaitForAnswer();
}

ScanReply SlowUpload::WaitForAnswer() {
  finished_ = true;
  const grpc::Status status = writer_->Finish();
  return {status, response_.result()};
}

v1::HashList SyntheticList(const std::string& name) {
  v1::HashList list;
  list.set_name(name);
  list.set_purpose(v1::HARM_CLASS_CSAM);
  list.set_trust(v1::TRUST_TRUSTED);
  list.set_source("synthetic");
  list.set_legal_basis("none: made-up hashes");
  return list;
}

v1::ImportRecord RecordOf(std::int64_t line, const std::string& source_id, v1::Algorithm algorithm,
                          const std::string& value) {
  v1::ImportRecord record;
  record.set_line(line);
  record.mutable_entry()->set_source_id(source_id);
  v1::HashValue& hash = *record.mutable_entry()->add_hashes();
  hash.set_algorithm(algorithm);
  hash.set_value(value);
  return record;
}

std::string SyntheticHash(v1::Algorithm algorithm, std::uint64_t number) {
  std::size_t length = 32;
  if (algorithm == v1::ALGORITHM_MD5) length = 16;
  if (algorithm == v1::ALGORITHM_SHA1) length = 20;
  std::mt19937_64 random(number * 0x9e3779b97f4a7c15U + static_cast<std::uint64_t>(algorithm));
  std::string value;
  while (value.size() < length) value.push_back(static_cast<char>(random() >> 32));
  return value;
}

std::string Sha256Of(const std::string& bytes) {
  DigestStream stream(DigestKind::kSha256);
  stream.Update({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  std::array<std::uint8_t, 32> digest{};
  stream.Finish(digest);
  return {digest.begin(), digest.end()};
}

std::string ReasonOf(const grpc::Status& status) {
  return status.ok() ? std::string("OK") : std::string(ReasonName(rpc::FromGrpc(status).reason));
}

void ExpectRefusedScan(const grpc::Status& status, grpc::StatusCode code, const std::string& reason,
                       const std::string& what) {
  EXPECT_EQ(status.error_code(), code) << what << ": " << status.error_message();
  EXPECT_EQ(ReasonOf(status), reason) << what;
  const auto metadata = rpc::MetadataOf(status);
  EXPECT_TRUE(metadata.contains("fail_verdict") && metadata.at("fail_verdict") == "HOLD") << what;
  EXPECT_TRUE(metadata.contains("policy_version") && !metadata.at("policy_version").empty()) << what;
  EXPECT_GT(rpc::FromGrpc(status).retry_after.count(), 0) << what;
}

}  // namespace hashgate::testing
