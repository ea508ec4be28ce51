// HashListService: administration of lists and entries.
#pragma once

#include <atomic>
#include <memory>

#include "hashgate/v1/hash_list_service.grpc.pb.h"
#include "rpc/service_context.h"

namespace hashgate::exchange {
struct ExchangeSettings;
}

namespace hashgate::rpc {

/// A bound on imports under way: each holds a message of some MiB. Threads: thread-safe.
class ImportSlots {
 public:
  static constexpr int kMax = 16;

  /// One import; its end is the import's end. The slots must outlive it.
  class Slot {
   public:
    explicit Slot(ImportSlots* slots) : slots_(slots) {}
    ~Slot() { --slots_->taken_; }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

   private:
    ImportSlots* const slots_;
  };

  /// Null where all are taken.
  std::unique_ptr<Slot> Take() {
    if (++taken_ <= kMax) return std::make_unique<Slot>(this);
    --taken_;
    return nullptr;
  }

 private:
  std::atomic<int> taken_ = 0;
};

/// Translates calls to the catalog. Threads: thread-safe.
class HashListServiceImpl final : public v1::HashListService::CallbackService {
 public:
  explicit HashListServiceImpl(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* CreateHashList(grpc::CallbackServerContext* call,
                                           const v1::CreateHashListRequest* request,
                                           v1::CreateHashListResponse* response) override;
  grpc::ServerUnaryReactor* GetHashList(grpc::CallbackServerContext* call,
                                        const v1::GetHashListRequest* request,
                                        v1::GetHashListResponse* response) override;
  grpc::ServerUnaryReactor* ListHashLists(grpc::CallbackServerContext* call,
                                          const v1::ListHashListsRequest* request,
                                          v1::ListHashListsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateHashList(grpc::CallbackServerContext* call,
                                           const v1::UpdateHashListRequest* request,
                                           v1::UpdateHashListResponse* response) override;
  grpc::ServerUnaryReactor* DeleteHashList(grpc::CallbackServerContext* call,
                                           const v1::DeleteHashListRequest* request,
                                           v1::DeleteHashListResponse* response) override;
  grpc::ServerUnaryReactor* EnableHashList(grpc::CallbackServerContext* call,
                                           const v1::EnableHashListRequest* request,
                                           v1::EnableHashListResponse* response) override;
  grpc::ServerUnaryReactor* SetBrake(grpc::CallbackServerContext* call, const v1::SetBrakeRequest* request,
                                     v1::SetBrakeResponse* response) override;
  grpc::ServerUnaryReactor* DisableHashList(grpc::CallbackServerContext* call,
                                            const v1::DisableHashListRequest* request,
                                            v1::DisableHashListResponse* response) override;
  grpc::ServerBidiReactor<v1::ImportEntriesRequest, v1::ImportEntriesResponse>* ImportEntries(
      grpc::CallbackServerContext* call) override;
  grpc::ServerUnaryReactor* ListEntries(grpc::CallbackServerContext* call,
                                        const v1::ListEntriesRequest* request,
                                        v1::ListEntriesResponse* response) override;
  grpc::ServerUnaryReactor* DeleteEntry(grpc::CallbackServerContext* call,
                                        const v1::DeleteEntryRequest* request,
                                        v1::DeleteEntryResponse* response) override;
  grpc::ServerWriteReactor<v1::ExportEntriesResponse>* ExportEntries(
      grpc::CallbackServerContext* call, const v1::ExportEntriesRequest* request) override;
  grpc::ServerUnaryReactor* ListQuarantined(grpc::CallbackServerContext* call,
                                            const v1::ListQuarantinedRequest* request,
                                            v1::ListQuarantinedResponse* response) override;
  grpc::ServerWriteReactor<v1::UndoEntryResponse>* UndoEntry(grpc::CallbackServerContext* call,
                                                             const v1::UndoEntryRequest* request) override;

 private:
  const ServiceContext& context_;
  ImportSlots import_slots_;
};

/// The stream reactors, in files of their own.
grpc::ServerBidiReactor<v1::ImportEntriesRequest, v1::ImportEntriesResponse>* NewImportCall(
    const ServiceContext& context, grpc::CallbackServerContext* call, ImportSlots& slots);
grpc::ServerWriteReactor<v1::ExportEntriesResponse>* NewExportCall(const ServiceContext& context,
                                                                   grpc::CallbackServerContext* call,
                                                                   const v1::ExportEntriesRequest* request);

grpc::ServerWriteReactor<v1::UndoEntryResponse>* NewUndoCall(const ServiceContext& context,
                                                             grpc::CallbackServerContext* call,
                                                             const v1::UndoEntryRequest* request);

/// The exchange that feeds the list; null: none.
const exchange::ExchangeSettings* FeederOf(const ServiceContext& context, std::string_view list);

/// Whether the terms of the list's source permit handing its hashes on: they need to be known where an
/// exchange feeds it.
bool MayExport(const ServiceContext& context, std::string_view list);

/// Why an administrative stream is refused at the door; OK where it may go on.
grpc::Status CheckAdminStream(const ServiceContext& context, const grpc::CallbackServerContext& call);

}  // namespace hashgate::rpc
