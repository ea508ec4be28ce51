#include "unit/cli/fake_server.h"

#include <algorithm>

namespace hashgate::cli {
namespace {

grpc::Status Refusal(Reason reason, const std::string& message) {
  return rpc::ToGrpc({reason, message, {}, {}});
}

}  // namespace

grpc::Status FakeScan::Answer(const v1::ScanHeader& header, const std::string& content,
                              v1::ScanResult& result) {
  int number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = static_cast<int>(headers_.size());
    headers_.push_back(header);
  }
  if (refuse) {
    if (grpc::Status status = refuse(header, number); !status.ok()) return status;
  }
  result.set_scan_id("SCAN");
  if (content.starts_with("block")) {
    result.set_verdict(v1::VERDICT_BLOCK);
    result.set_outcome(v1::OUTCOME_MATCHED);
    result.set_harm_class(v1::HARM_CLASS_TEST);
    v1::Match& match = *result.add_matches();
    match.set_list("demo");
    match.add_algorithms(v1::ALGORITHM_PDQ);
    match.set_distance_bits(2);
    match.set_verdict(v1::VERDICT_BLOCK);
  } else {
    result.set_verdict(v1::VERDICT_ALLOW);
    result.set_outcome(v1::OUTCOME_NOT_MATCHED);
  }
  result.mutable_versions()->set_engine(versions.engine);
  result.mutable_versions()->set_policy_digest(versions.policy_digest);
  result.mutable_versions()->set_generation(versions.generation);
  if (change) change(result);
  return grpc::Status::OK;
}

grpc::Status FakeScan::ScanImage(grpc::ServerContext* /*context*/, const v1::ScanImageRequest* request,
                                 v1::ScanImageResponse* response) {
  return Answer(request->header(), request->content(), *response->mutable_result());
}

grpc::Status FakeScan::ScanUpload(grpc::ServerContext* /*context*/,
                                  grpc::ServerReader<v1::ScanUploadRequest>* reader,
                                  v1::ScanUploadResponse* response) {
  v1::ScanUploadRequest message;
  v1::UploadHeader header;
  std::string content;
  while (reader->Read(&message)) {
    if (message.has_header()) {
      header = message.header();
    } else {
      content += message.chunk();
    }
  }
  ++uploads;
  uploaded_bytes += static_cast<std::int64_t>(content.size());
  declared_bytes += header.declared_size_bytes();
  return Answer(header.header(), content, *response->mutable_result());
}

grpc::Status FakeScan::ScanBatch(
    grpc::ServerContext* /*context*/,
    grpc::ServerReaderWriter<v1::ScanBatchResponse, v1::ScanBatchRequest>* stream) {
  ++batches;
  v1::ScanBatchRequest request;
  for (int answered = 0; stream->Read(&request); ++answered) {
    if (batch_breaks_after > 0 && answered == batch_breaks_after) {
      return {batch_breaks_with.load(), "the connection is too old"};
    }
    ++batched;
    v1::ScanBatchResponse response;
    response.set_request_id(request.header().request_id());
    const grpc::Status status = Answer(request.header(), request.content(), *response.mutable_result());
    if (!status.ok()) {
      response.mutable_error()->ParseFromString(status.error_details());
      response.mutable_error()->set_code(status.error_code());
      response.mutable_error()->set_message(status.error_message());
    }
    stream->Write(response);
  }
  return grpc::Status::OK;
}

grpc::Status FakeScan::MatchHashes(grpc::ServerContext* /*context*/, const v1::MatchHashesRequest* request,
                                   v1::MatchHashesResponse* response) {
  if (on_match) on_match(*request);
  for (const v1::HashSet& file : request->files()) {
    const bool block = file.hashes_size() > 1;
    const grpc::Status status = Answer(request->header(), block ? "block" : "", *response->add_results());
    if (!status.ok()) return status;
  }
  return grpc::Status::OK;
}

grpc::Status FakeScan::GetFailPolicy(grpc::ServerContext* /*context*/,
                                     const v1::GetFailPolicyRequest* /*request*/,
                                     v1::GetFailPolicyResponse* response) {
  auto& row = *response->add_rows();
  row.set_cause(v1::CAUSE_FILE_UNREADABLE);
  row.set_verdict(v1::VERDICT_REVIEW);
  auto& other = *response->add_rows();
  other.set_cause(v1::CAUSE_UNREACHABLE);
  other.set_verdict(v1::VERDICT_BLOCK);
  response->mutable_max_age()->set_seconds(3600);
  return grpc::Status::OK;
}

grpc::Status FakeLists::Find(const std::string& name, v1::HashList& list) {
  const auto found = lists.find(name);
  if (found == lists.end()) return Refusal(Reason::kListNotFound, "there is no list '" + name + "'");
  list = found->second;
  return grpc::Status::OK;
}

grpc::Status FakeLists::CreateHashList(grpc::ServerContext* /*context*/,
                                       const v1::CreateHashListRequest* request,
                                       v1::CreateHashListResponse* response) {
  const std::lock_guard lock(mutex);
  if (!lists.emplace(request->list().name(), request->list()).second) {
    return Refusal(Reason::kListExists, "there is a list of that name");
  }
  *response->mutable_list() = request->list();
  response->set_generation(7);
  return grpc::Status::OK;
}

grpc::Status FakeLists::GetHashList(grpc::ServerContext* /*context*/, const v1::GetHashListRequest* request,
                                    v1::GetHashListResponse* response) {
  const std::lock_guard lock(mutex);
  return Find(request->name(), *response->mutable_list());
}

grpc::Status FakeLists::ListHashLists(grpc::ServerContext* /*context*/,
                                      const v1::ListHashListsRequest* /*request*/,
                                      v1::ListHashListsResponse* response) {
  const std::lock_guard lock(mutex);
  for (const auto& [name, list] : lists) *response->add_lists() = list;
  return grpc::Status::OK;
}

grpc::Status FakeLists::UpdateHashList(grpc::ServerContext* /*context*/,
                                       const v1::UpdateHashListRequest* request,
                                       v1::UpdateHashListResponse* response) {
  const std::lock_guard lock(mutex);
  v1::HashList current;
  if (grpc::Status found = Find(request->list().name(), current); !found.ok()) return found;
  if (request->list().etag() != current.etag()) return Refusal(Reason::kEtagMismatch, "changed meanwhile");
  lists[request->list().name()] = request->list();
  *response->mutable_list() = request->list();
  return grpc::Status::OK;
}

grpc::Status FakeLists::DeleteHashList(grpc::ServerContext* /*context*/,
                                       const v1::DeleteHashListRequest* request,
                                       v1::DeleteHashListResponse* response) {
  const std::lock_guard lock(mutex);
  v1::HashList current;
  if (grpc::Status found = Find(request->name(), current); !found.ok()) return found;
  deleted_etag = request->etag();
  lists.erase(request->name());
  response->set_generation(9);
  return grpc::Status::OK;
}

grpc::Status FakeLists::EnableHashList(grpc::ServerContext* /*context*/,
                                       const v1::EnableHashListRequest* request,
                                       v1::EnableHashListResponse* response) {
  const std::lock_guard lock(mutex);
  return Find(request->name(), *response->mutable_list());
}

grpc::Status FakeLists::ImportEntries(
    grpc::ServerContext* /*context*/,
    grpc::ServerReaderWriter<v1::ImportEntriesResponse, v1::ImportEntriesRequest>* stream) {
  v1::ImportEntriesRequest message;
  v1::ImportEntriesResponse response;
  response.set_generation(5);
  while (stream->Read(&message)) {
    std::unique_lock lock(mutex);
    if (message.has_header()) {
      header = message.header();
      v1::HashList list;
      if (grpc::Status found = Find(header.list(), list); !found.ok()) return found;
      continue;
    }
    ++import_messages;
    for (const v1::ImportRecord& record : message.records().records()) {
      records.push_back(record);
      response.set_received_count(response.received_count() + 1);
      // This server takes no labels: what its own checks refuse is known to it only.
      const bool bad = !record.has_entry() || record.entry().labels_size() > 0;
      if (bad) {
        response.set_quarantined_count(response.quarantined_count() + 1);
      } else {
        response.set_added_count(response.added_count() + 1);
      }
    }
    response.set_committed_count(response.received_count());
    if (drain_after > 0 && records.size() >= drain_after) {
      stream->Write(response);
      return Refusal(Reason::kDraining, "the server is shutting down");
    }
    lock.unlock();
    stream->Write(response);
    if (acknowledged) acknowledged();
  }
  response.set_done(true);
  stream->Write(response);
  return grpc::Status::OK;
}

grpc::Status FakeLists::ListEntries(grpc::ServerContext* /*context*/, const v1::ListEntriesRequest* request,
                                    v1::ListEntriesResponse* response) {
  const std::lock_guard lock(mutex);
  const std::size_t from = request->page_token().empty() ? 0 : std::stoul(request->page_token());
  // Pages of two at most, so that paging is seen.
  const std::size_t end =
      std::min({records.size(), from + 2, from + static_cast<std::size_t>(request->page_size())});
  for (std::size_t i = from; i < end; ++i) {
    v1::Entry& entry = *response->add_entries();
    entry = records[i].entry();
    entry.set_entry_id(static_cast<std::int64_t>(i) + 1);
  }
  if (end < records.size()) response->set_next_page_token(std::to_string(end));
  return grpc::Status::OK;
}

grpc::Status FakeLists::ExportEntries(grpc::ServerContext* /*context*/,
                                      const v1::ExportEntriesRequest* request,
                                      grpc::ServerWriter<v1::ExportEntriesResponse>* writer) {
  const std::lock_guard lock(mutex);
  v1::HashList list;
  if (grpc::Status found = Find(request->list(), list); !found.ok()) return found;
  for (const v1::ImportRecord& record : records) {
    v1::ExportEntriesResponse response;
    *response.add_entries() = record.entry();
    writer->Write(response);
  }
  return grpc::Status::OK;
}

grpc::Status FakeLists::ListQuarantined(grpc::ServerContext* /*context*/,
                                        const v1::ListQuarantinedRequest* /*request*/,
                                        v1::ListQuarantinedResponse* response) {
  const std::lock_guard lock(mutex);
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    if (record->has_entry() && record->entry().labels_size() == 0) continue;
    auto& item = *response->add_items();
    item.set_file(header.file());
    item.set_line(record->line());
    item.set_reason(record->has_entry() ? "no labels here" : record->problem());
  }
  return grpc::Status::OK;
}

Result<decode::DecodeResult> FakeDecoder::Decode(ByteSpan /*upload*/, decode::Format format,
                                                 const decode::Wanted& wanted, SteadyTime /*deadline*/,
                                                 const std::function<bool()>& /*cancelled*/) {
  decode::DecodeResult result;
  result.format = format;
  result.width = 64;
  result.height = 48;
  result.frames_total = 1;
  result.frames_seen = 1;
  for (const ViewKind kind : {ViewKind::kWhole, ViewKind::kOverBlack}) {
    decode::ViewHashes view;
    view.kind = kind;
    view.hashable = true;
    decode::PdqForms forms;
    forms.quality = 88;
    for (std::size_t i = 0; i < forms.forms.size(); ++i) {
      forms.forms[i].words = {i, 0, 0, kind == ViewKind::kWhole ? 1ULL : 2ULL};
    }
    view.pdq.push_back(forms);
    if (wanted.pdq_nn512) {
      forms.pipeline = Pipeline::kNn512;
      forms.quality = 77;
      for (PdqHash& form : forms.forms) form.words[1] = 3;
      view.pdq.push_back(forms);
    }
    result.views.push_back(view);
  }
  return result;
}

grpc::Status FakeExchanges::ListExchanges(grpc::ServerContext* /*context*/,
                                          const v1::ListExchangesRequest* /*request*/,
                                          v1::ListExchangesResponse* response) {
  const std::lock_guard lock(mutex);
  if (configured) *response->add_exchanges() = exchange;
  return grpc::Status::OK;
}

grpc::Status FakeExchanges::GetExchange(grpc::ServerContext* /*context*/,
                                        const v1::GetExchangeRequest* request,
                                        v1::GetExchangeResponse* response) {
  const std::lock_guard lock(mutex);
  if (request->name() != "npo") return Refusal(Reason::kExchangeNotFound, "no exchange of that name");
  *response->mutable_exchange() = exchange;
  response->mutable_exchange()->set_syncs_ended_count(--questions_left < 0 ? 1 : 0);
  return grpc::Status::OK;
}

grpc::Status FakeExchanges::SyncExchange(grpc::ServerContext* /*context*/,
                                         const v1::SyncExchangeRequest* request,
                                         v1::SyncExchangeResponse* response) {
  const std::lock_guard lock(mutex);
  if (request->name() != "npo") return Refusal(Reason::kExchangeNotFound, "no exchange of that name");
  synced = *request;
  questions_left = 2;
  response->set_sync_number(1);
  return grpc::Status::OK;
}

grpc::Status FakeExchanges::TestExchange(grpc::ServerContext* /*context*/,
                                         const v1::TestExchangeRequest* /*request*/,
                                         v1::TestExchangeResponse* response) {
  response->set_sentence("we are member 78");
  return grpc::Status::OK;
}

grpc::Status FakeExchanges::OverrideGate(grpc::ServerContext* /*context*/,
                                         const v1::OverrideGateRequest* request,
                                         v1::OverrideGateResponse* response) {
  const std::lock_guard lock(mutex);
  opened = *request;
  *response->mutable_exchange() = exchange;
  return grpc::Status::OK;
}

grpc::Status FakeLists::UndoEntry(grpc::ServerContext* /*context*/, const v1::UndoEntryRequest* request,
                                  grpc::ServerWriter<v1::UndoEntryResponse>* writer) {
  const std::lock_guard lock(mutex);
  undone = *request;
  for (const v1::UndoEntryResponse& answer : undo_answers) writer->Write(answer);
  return undo_ends;
}

grpc::Status FakeEvents::WatchEvents(grpc::ServerContext* /*context*/, const v1::WatchEventsRequest* request,
                                     grpc::ServerWriter<v1::WatchEventsResponse>* writer) {
  const std::lock_guard lock(mutex);
  watched_from.push_back(request->from_sequence());
  v1::WatchEventsResponse response;
  for (const v1::Event& event : events) {
    if (event.sequence() < request->from_sequence()) continue;
    if (static_cast<std::size_t>(response.events_size()) == events_a_stream) break;
    *response.add_events() = event;
  }
  if (response.events_size() > 0) writer->Write(response);
  return breaks_with;
}

grpc::Status FakeEvents::ListEvents(grpc::ServerContext* /*context*/, const v1::ListEventsRequest* request,
                                    v1::ListEventsResponse* response) {
  const std::lock_guard lock(mutex);
  const std::int64_t from = request->from_sequence() == 0 ? oldest : request->from_sequence();
  if (from < oldest) {
    return Refusal(Reason::kRequestInvalid, "event " + std::to_string(from) + " is not kept any more");
  }
  std::int64_t next = from;
  for (const v1::Event& event : events) {
    if (event.sequence() < from) continue;
    if (response->events_size() == request->page_size()) {
      response->set_more(true);
      break;
    }
    *response->add_events() = event;
    next = event.sequence() + 1;
  }
  response->set_next_sequence(next);
  return grpc::Status::OK;
}

void CliTest::SetUp() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  folder_ = std::filesystem::absolute(std::string(test->test_suite_name()) + "." + test->name());
  std::filesystem::remove_all(folder_);
  std::filesystem::create_directories(folder_);
  grpc::ServerBuilder builder;
  status_.Tell(scan_.versions);
  builder.RegisterService(&scan_);
  builder.RegisterService(&lists_);
  builder.RegisterService(&status_);
  builder.RegisterService(&exchanges_);
  builder.RegisterService(&events_);
  server_ = builder.BuildAndStart();
  ASSERT_NE(server_, nullptr);
}

void CliTest::TearDown() {
  server_->Shutdown();
}

CliTest::Run CliTest::RunWith(const std::vector<std::string>& arguments, const std::string& input,
                              std::function<std::unique_ptr<Client>(const std::string&)> connect) {
  std::ostringstream out;
  std::ostringstream err;
  std::istringstream in(input);
  Environment environment{
      .out = out,
      .err = err,
      .in = in,
      .terminal = false,
      .stop = *stop_,
      .start_decoder = [](int, std::span<const decode::PluginSetup>)
          -> Result<std::unique_ptr<decode::Decoder>> { return std::make_unique<FakeDecoder>(); },
      .connect = std::move(connect),
  };
  Run run;
  run.code = RunCli(arguments, environment);
  run.out = out.str();
  run.err = err.str();
  return run;
}

CliTest::Run CliTest::Cli(const std::vector<std::string>& arguments, const std::string& input) {
  return RunWith(arguments, input, [this](const std::string&) {
    return MakeClient(server_->InProcessChannel(grpc::ChannelArguments()));
  });
}

CliTest::Run CliTest::CliWithoutServer(const std::vector<std::string>& arguments) {
  // Port 1 of this machine: nobody listens there, and the refusal comes at once.
  return RunWith(arguments, "", [](const std::string&) { return ConnectClient("127.0.0.1:1"); });
}

std::string CliTest::Write(const std::string& name, const std::string& content) {
  const std::filesystem::path path = folder_ / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
  return path.string();
}

std::string CliTest::Read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace hashgate::cli
