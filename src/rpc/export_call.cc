#include <grpcpp/grpcpp.h>

#include <utility>

#include "rpc/hash_list_service.h"
#include "rpc/unary_call.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/error_status.h"

namespace hashgate::rpc {
namespace {

constexpr std::string_view kMethod = "ExportEntries";
constexpr int kEntriesPerMessage = 500;

// One export: a page is read only when the last one was sent.
class ExportCall final : public grpc::ServerWriteReactor<v1::ExportEntriesResponse> {
 public:
  ExportCall(const ServiceContext& context, std::string list, CallGate::Ticket ticket)
      : context_(context), list_(std::move(list)), ticket_(std::move(ticket)) {
    NextPage();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) {
      End(ToGrpc(Error{Reason::kCancelled, "the caller went away", {}, {}}));
    } else if (token_.empty()) {
      End(grpc::Status::OK);
    } else {
      NextPage();
    }
  }
  void OnDone() override { delete this; }

 private:
  void End(const grpc::Status& status) {
    CountCall(context_, kMethod, status, begun_);
    Finish(status);
  }

  void NextPage() {
    const bool taken = context_.admin_executor->Submit([this] {
      if (context_.gate->closed()) {
        End(ToGrpc(
            Error{Reason::kDraining, "the server is shutting down", {}, context_.options.retry_after}));
        return;
      }
      const auto page = context_.catalog->ListEntries(list_, token_, kEntriesPerMessage);
      if (!page) {
        End(ToGrpc(page.error()));
        return;
      }
      message_.clear_entries();
      for (const lists::Entry& entry : page->entries) *message_.add_entries() = ToProto(entry);
      token_ = page->next_page_token;
      StartWrite(&message_);
    });
    if (!taken)
      End(ToGrpc(Error{
          Reason::kOverloaded, "too many administrative calls wait", {}, context_.options.retry_after}));
  }

  const ServiceContext& context_;
  const std::string list_;
  CallGate::Ticket ticket_;
  const SteadyTime begun_ = std::chrono::steady_clock::now();
  std::string token_;
  v1::ExportEntriesResponse message_;
};

class RefusedExport final : public grpc::ServerWriteReactor<v1::ExportEntriesResponse> {
 public:
  RefusedExport(const ServiceContext& context, const grpc::Status& status) {
    CountCall(context, kMethod, status, std::chrono::steady_clock::now());
    Finish(status);
  }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerWriteReactor<v1::ExportEntriesResponse>* NewExportCall(const ServiceContext& context,
                                                                   grpc::CallbackServerContext* call,
                                                                   const v1::ExportEntriesRequest* request) {
  if (const grpc::Status status = CheckAdminStream(context, *call); !status.ok()) {
    return new RefusedExport(context, status);
  }
  if (!MayExport(context, request->list())) {
    return new RefusedExport(
        context,
        ToGrpc(Error{Reason::kNotPermitted,
                     "list '" + request->list() +
                         "' is fed by an exchange whose terms do not permit handing it on; where they "
                         "do, set its allow_export",
                     "list",
                     {}}));
  }
  auto ticket = context.gate->Enter();
  if (!ticket) {
    return new RefusedExport(
        context,
        ToGrpc(Error{Reason::kDraining, "the server is shutting down", {}, context.options.retry_after}));
  }
  return new ExportCall(context, request->list(), *std::move(ticket));
}

}  // namespace hashgate::rpc
