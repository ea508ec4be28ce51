#include "rpc/scan_service.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "rpc/unary_call.h"
#include "rpc/wire/convert.h"

namespace hashgate::rpc {
namespace {

constexpr int kMaxFilesPerMatch = 1024;
constexpr int kMaxHashesPerFile = 128;
constexpr int kMaxVectorsPerFile = 16;  // of each algorithm
constexpr int kMaxListsPerScan = 100;

Status CheckLength(const std::string& text, std::size_t max, const char* field) {
  if (text.size() <= max) return {};
  return Fail(Reason::kRequestInvalid, "longer than " + std::to_string(max) + " bytes", field);
}

// `number` is the file's in its call. Names of fields are made for errors only: they would cost more than all
// else here.
Result<scan::FileHashes> ToFileHashes(const v1::HashSet& set, int number) {
  const auto field = [number] { return "files[" + std::to_string(number) + "].hashes"; };
  if (set.hashes_size() == 0) return Fail(Reason::kRequestInvalid, "a file needs at least one hash", field());
  if (set.hashes_size() > kMaxHashesPerFile) {
    return Fail(Reason::kRequestInvalid, "more than " + std::to_string(kMaxHashesPerFile) + " hashes",
                field());
  }
  scan::FileHashes file;
  file.turned = false;
  file.views.reserve(static_cast<std::size_t>(set.hashes_size()));
  for (int i = 0; i < set.hashes_size(); ++i) {
    const auto path = [&field, i] { return field() + "[" + std::to_string(i) + "]"; };
    const Result<HashValue> read = FromProto(set.hashes(i), {});
    // Again, for an error that names the field.
    if (!read) return std::unexpected(FromProto(set.hashes(i), path()).error());
    const HashValue& value = *read;
    const auto take_digest = [&](auto& digest) -> Status {
      if (digest) return Fail(Reason::kRequestInvalid, "a file has one digest of each algorithm", path());
      digest.emplace();
      std::copy_n(value.bytes.begin(), digest->size(), digest->begin());
      return {};
    };
    switch (value.algorithm) {
      case Algorithm::kMd5: HASHGATE_RETURN_IF_ERROR(take_digest(file.md5)); break;
      case Algorithm::kSha1: HASHGATE_RETURN_IF_ERROR(take_digest(file.sha1)); break;
      case Algorithm::kSha256: HASHGATE_RETURN_IF_ERROR(take_digest(file.sha256)); break;
      case Algorithm::kPdq: {
        decode::ViewHashes view;
        view.kind = ViewKind::kUnspecified;
        view.hashable = true;
        decode::PdqForms forms;
        forms.pipeline = value.pipeline;
        forms.quality = value.quality;
        forms.forms[0] = PdqHash::FromBytes(std::span<const std::uint8_t, 32>(value.bytes.data(), 32));
        view.pdq.push_back(forms);
        file.views.push_back(std::move(view));
        break;
      }
      case Algorithm::kPhotoDna:
      case Algorithm::kPHash:
      case Algorithm::kBlockMean:
      case Algorithm::kMarrHildreth:
      case Algorithm::kAverage:
        if (std::ranges::count(file.vectors, value.algorithm, &HashValue::algorithm) == kMaxVectorsPerFile) {
          return Fail(Reason::kRequestInvalid,
                      "more than " + std::to_string(kMaxVectorsPerFile) + " " +
                          std::string(AlgorithmName(value.algorithm)) + " hashes of one file",
                      field());
        }
        file.vectors.push_back(value);
        break;
      default:
        return Fail(Reason::kUnsupported,
                    "hashes of the algorithm '" + std::string(AlgorithmName(value.algorithm)) +
                        "' are stored but not matched by this version",
                    path());
    }
  }
  return file;
}

}  // namespace

Result<scan::ScanRequest> ToRequest(const ServiceContext& context, const v1::ScanHeader& header,
                                    const Caller& caller) {
  HASHGATE_RETURN_IF_ERROR(CheckLength(header.request_id(), 128, "header.request_id"));
  HASHGATE_RETURN_IF_ERROR(CheckLength(header.content_id(), 256, "header.content_id"));
  HASHGATE_RETURN_IF_ERROR(CheckLength(header.surface(), 64, "header.surface"));
  HASHGATE_RETURN_IF_ERROR(CheckLength(header.context().account_id(), 256, "header.context.account_id"));
  HASHGATE_RETURN_IF_ERROR(CheckLength(header.context().ip_address(), 64, "header.context.ip_address"));
  HASHGATE_RETURN_IF_ERROR(CheckLength(header.context().file_name(), 1024, "header.context.file_name"));
  HASHGATE_RETURN_IF_ERROR(CheckLength(header.context().region(), 16, "header.context.region"));
  const v1::ScanOptions& options = header.options();
  if (options.lists_size() > kMaxListsPerScan) {
    return Fail(Reason::kRequestInvalid, "more than " + std::to_string(kMaxListsPerScan) + " lists",
                "header.options.lists");
  }
  if (!v1::Depth_IsValid(options.depth())) {
    return Fail(Reason::kRequestInvalid, "not a depth that this version knows", "header.options.depth");
  }
  if (!v1::Lane_IsValid(options.lane())) {
    return Fail(Reason::kRequestInvalid, "not a lane that this version knows", "header.options.lane");
  }
  if (options.lists_size() > 0 && caller.detail != DetailLevel::kFull) {
    return Fail(Reason::kNotPermitted, "only administrators choose lists: others would learn which exist",
                "header.options.lists");
  }
  scan::ScanRequest request;
  HASHGATE_ASSIGN_OR_RETURN(request.surface, FindSurface(context, header.surface()));
  request.caller = caller.identity;
  request.request_id = header.request_id();
  request.content_id = header.content_id();
  request.account_id = header.context().account_id();
  request.lists.assign(options.lists().begin(), options.lists().end());
  request.exact_only = options.depth() == v1::DEPTH_EXACT;
  request.include_hashes = options.include_hashes() && caller.detail == DetailLevel::kFull;
  request.background = options.lane() == v1::LANE_BACKGROUND;
  return request;
}

void WipeBytes(const std::string& content) {
  auto& bytes = const_cast<std::string&>(content);
  ::explicit_bzero(bytes.data(), bytes.size());
}

scan::Estimate CostOf(const ServiceContext& context, ByteSpan content, std::uint64_t size, bool exact_only) {
  return scan::DeclaredCost(exact_only ? ByteSpan() : content, size, context.options.decode_limits);
}

scan::Lane LaneOf(const v1::ScanHeader& header) {
  return header.options().lane() == v1::LANE_BACKGROUND ? scan::Lane::kBackground : scan::Lane::kUpload;
}

SteadyTime ScanDeadlineOf(const grpc::CallbackServerContext& call, const ServiceContext& context,
                          scan::Lane lane) {
  return DeadlineOf(call, lane == scan::Lane::kBackground ? context.options.max_background_wait
                                                          : context.options.max_scan_time);
}

void BoundScan(const ServiceContext& context, SteadyTime begun, scan::ScanRequest& request) {
  request.deadline = std::min(request.deadline, begun + context.options.max_scan_time);
}

Result<scan::ScanAnswer> ScanContent(const ServiceContext& context, scan::ScanRequest& request,
                                     SteadyTime begun, ByteSpan content) {
  BoundScan(context, begun, request);
  scan::UploadReader reader(context.scanner->options().max_decode_bytes,
                            request.include_hashes ? DigestKinds::All() : context.scanner->WantedDigests());
  reader.Borrow(content);
  return context.scanner->Scan(request, reader.Finish());
}

grpc::ServerUnaryReactor* ScanServiceImpl::ScanImage(grpc::CallbackServerContext* call,
                                                     const v1::ScanImageRequest* request,
                                                     v1::ScanImageResponse* response) {
  constexpr std::string_view kMethod = "ScanImage";
  const Caller caller = CallerOf(call->peer(), context_.options.loopback_is_admin);
  auto parsed = ToRequest(context_, request->header(), caller);
  if (!parsed)
    return AnswerUnary(context_, call, kMethod, ScanError(context_, parsed.error(), SurfaceKind::kPublic));
  const SurfaceKind surface_kind = parsed->surface.kind;
  const std::size_t size = request->content().size();
  if (size > context_.options.max_inline_bytes) {
    return AnswerUnary(
        context_, call, kMethod,
        ToGrpc(Error{Reason::kMessageTooLarge,
                     "inline images have at most " + std::to_string(context_.options.max_inline_bytes) +
                         " bytes: use ScanUpload for longer files",
                     "content",
                     {}}));
  }
  const auto refuse = [&](Reason reason) {
    return AnswerUnary(context_, call, kMethod, RefuseScan(context_, reason, surface_kind));
  };
  if (!context_.ready->load()) return refuse(Reason::kIndexNotReady);
  auto ticket = context_.gate->Enter();
  if (!ticket) return refuse(Reason::kDraining);
  if (const auto refused = TakeBytes(context_, caller, size)) {
    return AnswerUnary(context_, call, kMethod, RefuseOverload(context_, *refused, surface_kind));
  }

  auto* reactor = new UnaryCall(context_, kMethod, *std::move(ticket), [this, request, size, caller] {
    context_.bytes->Give(caller.share, size);
    WipeBytes(request->content());
  });
  parsed->accepted = reactor->begun();
  parsed->deadline = ScanDeadlineOf(*call, context_, LaneOf(request->header()));
  parsed->cancelled = [call] { return call->IsCancelled(); };
  const auto scan_request = std::make_shared<scan::ScanRequest>(*std::move(parsed));
  const auto answer_with = [this, reactor, request, response, surface_kind,
                            detail = caller.detail](const scan::ScanAnswer& answer) {
    const Status filled = FillResult(context_, answer, detail, request->header().options().include_hashes(),
                                     *response->mutable_result());
    reactor->Done(filled ? grpc::Status::OK : ScanError(context_, filled.error(), surface_kind));
  };
  const ByteSpan content = AsBytes(request->content());
  const auto refused = context_.scan_executor->Submit(
      {.work =
           [this, reactor, request, scan_request, answer_with] {
             const SteadyTime begun = std::chrono::steady_clock::now();
             const Result<scan::ScanAnswer> answer =
                 ScanContent(context_, *scan_request, begun, AsBytes(request->content()));
             if (!answer) {
               reactor->Done(ScanError(context_, answer.error(), scan_request->surface.kind));
               return scan::UsedBy({}, begun);
             }
             const scan::Cost used = scan::UsedBy(answer->timings, begun);
             answer_with(*answer);
             return used;
           },
       .late =
           [this, scan_request, answer_with] {
             answer_with(
                 context_.scanner->NotEvaluated(*scan_request, Cause::kDeadline, std::string(kNoTurn)));
           },
       .caller = caller.share,
       .lane = LaneOf(request->header()),
       .cost = CostOf(context_, content, content.size(), scan_request->exact_only),
       .finish_by = scan_request->deadline - context_.scanner->options().answer_reserve});
  if (refused) reactor->Done(RefuseOverload(context_, *refused, surface_kind));
  return reactor;
}

grpc::ServerReadReactor<v1::ScanUploadRequest>* ScanServiceImpl::ScanUpload(
    grpc::CallbackServerContext* call, v1::ScanUploadResponse* response) {
  return NewUploadCall(context_, call, response);
}

grpc::ServerBidiReactor<v1::ScanBatchRequest, v1::ScanBatchResponse>* ScanServiceImpl::ScanBatch(
    grpc::CallbackServerContext* call) {
  return NewBatchCall(context_, call);
}

grpc::ServerUnaryReactor* ScanServiceImpl::MatchHashes(grpc::CallbackServerContext* call,
                                                       const v1::MatchHashesRequest* request,
                                                       v1::MatchHashesResponse* response) {
  constexpr std::string_view kMethod = "MatchHashes";
  const Caller caller = CallerOf(call->peer(), context_.options.loopback_is_admin);
  auto parsed = ToRequest(context_, request->header(), caller);
  if (!parsed)
    return AnswerUnary(context_, call, kMethod, ScanError(context_, parsed.error(), SurfaceKind::kPublic));
  const SurfaceKind surface_kind = parsed->surface.kind;
  if (request->files_size() == 0 || request->files_size() > kMaxFilesPerMatch) {
    return AnswerUnary(context_, call, kMethod,
                       ToGrpc(Error{Reason::kRequestInvalid,
                                    "a call has 1 to " + std::to_string(kMaxFilesPerMatch) + " files",
                                    "files",
                                    {}}));
  }
  std::vector<scan::FileHashes> files;
  files.reserve(static_cast<std::size_t>(request->files_size()));
  for (int i = 0; i < request->files_size(); ++i) {
    auto file = ToFileHashes(request->files(i), i);
    if (!file) return AnswerUnary(context_, call, kMethod, ToGrpc(file.error()));
    files.push_back(*std::move(file));
  }
  if (!context_.ready->load()) {
    return AnswerUnary(context_, call, kMethod, RefuseScan(context_, Reason::kIndexNotReady, surface_kind));
  }
  auto ticket = context_.gate->Enter();
  if (!ticket)
    return AnswerUnary(context_, call, kMethod, RefuseScan(context_, Reason::kDraining, surface_kind));

  auto* reactor = new UnaryCall(context_, kMethod, *std::move(ticket));
  parsed->accepted = reactor->begun();
  parsed->deadline = ScanDeadlineOf(*call, context_, LaneOf(request->header()));
  parsed->cancelled = [call] { return call->IsCancelled(); };
  const auto scan_request = std::make_shared<scan::ScanRequest>(*std::move(parsed));
  const std::size_t file_count = files.size();
  std::size_t hash_count = 0;
  std::size_t vector_count = 0;
  for (const scan::FileHashes& file : files) {
    hash_count += std::max<std::size_t>(1, file.views.size());
    vector_count += file.vectors.size();
  }
  const auto answer_with = [this, reactor, response, surface_kind,
                            detail = caller.detail](std::span<const scan::ScanAnswer> answers) {
    response->mutable_results()->Reserve(static_cast<int>(answers.size()));
    Status filled;
    for (const scan::ScanAnswer& answer : answers) {
      if (filled) filled = FillResult(context_, answer, detail, false, *response->add_results());
    }
    reactor->Done(filled ? grpc::Status::OK : ScanError(context_, filled.error(), surface_kind));
  };
  const std::uint64_t held = vector_count == 0 ? 0 : context_.scanner->VectorsHeld();
  const auto refused = context_.scan_executor->Submit(
      {.work =
           [this, reactor, answer_with, scan_request, files = std::move(files)]() mutable {
             const SteadyTime begun = std::chrono::steady_clock::now();
             BoundScan(context_, begun, *scan_request);
             const auto answers = context_.scanner->Match(*scan_request, std::move(files));
             if (!answers) {
               reactor->Done(ScanError(context_, answers.error(), scan_request->surface.kind));
               return scan::UsedBy({}, begun);
             }
             answer_with(*answers);
             return scan::UsedBy({}, begun);
           },
       .late =
           [this, answer_with, scan_request, file_count] {
             // Each file by its number: what its id was answered before is remembered under that.
             std::vector<scan::ScanAnswer> answers;
             for (std::size_t i = 0; i < file_count; ++i) {
               answers.push_back(context_.scanner->NotEvaluated(*scan_request, Cause::kDeadline,
                                                                std::string(kNoTurn), static_cast<int>(i)));
             }
             answer_with(answers);
           },
       .caller = caller.share,
       .lane = LaneOf(request->header()),
       .cost = scan::LookupCost(hash_count, vector_count * held),
       .finish_by = scan_request->deadline - context_.scanner->options().answer_reserve});
  if (refused) reactor->Done(RefuseOverload(context_, *refused, surface_kind));
  return reactor;
}

grpc::ServerUnaryReactor* ScanServiceImpl::GetFailPolicy(grpc::CallbackServerContext* call,
                                                         const v1::GetFailPolicyRequest* request,
                                                         v1::GetFailPolicyResponse* response) {
  constexpr std::string_view kMethod = "GetFailPolicy";
  const auto surface = FindSurface(context_, request->surface());
  if (!surface) return AnswerUnary(context_, call, kMethod, ToGrpc(surface.error()));
  // Answered even while draining: clients need the table most when the gate goes away.
  const auto policy = context_.policy();
  for (const Cause cause : AllCauses()) {
    v1::GetFailPolicyResponse::Row& row = *response->add_rows();
    row.set_cause(ToProto(cause));
    row.set_verdict(ToProto(policy->ForCause(cause, surface->kind)));
  }
  response->set_policy_version(policy->Name() + "/" + policy->Version());
  *response->mutable_max_age() = ToProto(context_.options.fail_policy_max_age);
  return AnswerUnary(context_, call, kMethod, grpc::Status::OK);
}

}  // namespace hashgate::rpc
