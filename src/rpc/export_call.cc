#include <grpcpp/grpcpp.h>

#include <utility>

#include "rpc/answer_stream.h"
#include "rpc/ended_call.h"
#include "rpc/hash_list_service.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/error_status.h"

namespace hashgate::rpc {
namespace {

constexpr std::string_view kMethod = "ExportEntries";
constexpr int kEntriesPerMessage = 500;

class ExportCall final : public AnswerStream<v1::ExportEntriesResponse> {
 public:
  ExportCall(const ServiceContext& context, grpc::CallbackServerContext* call, std::string list,
             CallGate::Ticket ticket)
      : AnswerStream(context, call, kMethod, *context.bulk_executor, std::move(ticket)),
        list_(std::move(list)) {}

 private:
  Result<bool> Fill(v1::ExportEntriesResponse& message) override {
    HASHGATE_ASSIGN_OR_RETURN(const lists::EntryPage page,
                              context().catalog->ListEntries(list_, token_, kEntriesPerMessage));
    for (const lists::Entry& entry : page.entries) *message.add_entries() = ToProto(entry);
    token_ = page.next_page_token;
    return token_.empty();
  }

  const std::string list_;
  std::string token_;
};

}  // namespace

grpc::ServerWriteReactor<v1::ExportEntriesResponse>* NewExportCall(const ServiceContext& context,
                                                                   grpc::CallbackServerContext* call,
                                                                   const v1::ExportEntriesRequest* request) {
  const auto refuse = [&](const grpc::Status& status) {
    return new RefusedStream<grpc::ServerWriteReactor<v1::ExportEntriesResponse>>(context, kMethod, status);
  };
  if (const grpc::Status status = CheckAdminStream(context, *call); !status.ok()) {
    return refuse(status);
  }
  if (!MayExport(context, request->list())) {
    return refuse(
        ToGrpc(Error{Reason::kNotPermitted,
                     "list '" + request->list() +
                         "' is fed by an exchange whose terms do not permit handing it on; where they "
                         "do, set its allow_export",
                     "list",
                     {}}));
  }
  auto ticket = context.gate->Enter();
  if (!ticket) {
    return refuse(
        ToGrpc(Error{Reason::kDraining, "the server is shutting down", {}, context.options.retry_after}));
  }
  auto* const stream = new ExportCall(context, call, request->list(), *std::move(ticket));
  stream->Start();
  return stream;
}

}  // namespace hashgate::rpc
