#include "exchange/file/importers.h"
#include "exchange/signed/snapshot.h"
#include "exchange/stable_source.h"

namespace hashgate::exchange {
namespace {

class SnapshotImporter : public FileImporter {
 public:
  SnapshotImporter(Input input, VerifyingKey key)
      : FileImporter(std::move(input), FileFormat::kSnapshot), key_(std::move(key)) {}

  Status ReadHeader() {
    HASHGATE_ASSIGN_OR_RETURN(notes_.snapshot, reader_.ReadHeader());
    return {};
  }

  Result<bool> Next(std::size_t limit, std::vector<lists::ImportRecord>& out) override {
    for (std::size_t i = 0; i < limit; ++i) {
      lists::EntryRecord entry;
      HASHGATE_ASSIGN_OR_RETURN(const bool more, reader_.Next(entry));
      if (!more) {
        HASHGATE_RETURN_IF_ERROR(reader_.Verify(key_));
        return false;
      }
      out.push_back({++count_, std::move(entry), {}});
    }
    return true;
  }

 private:
  VerifyingKey key_;
  SnapshotReader reader_{input_};
  std::uint64_t count_ = 0;
};

// The whole file, from its first byte to its signature.
Status Verify(Input& input, const VerifyingKey& key, const Clock& clock) {
  SnapshotReader reader(input);
  HASHGATE_ASSIGN_OR_RETURN(const SnapshotHeader header, reader.ReadHeader());
  lists::EntryRecord entry;
  while (true) {
    HASHGATE_ASSIGN_OR_RETURN(const bool more, reader.Next(entry));
    if (!more) break;
  }
  HASHGATE_RETURN_IF_ERROR(reader.Verify(key));
  if (header.expires != WallTime{} && header.expires <= clock.Wall()) {
    return Fail(Reason::kRequestInvalid,
                "the snapshot expired on " + FormatTime(header.expires) + ": ask for a newer one");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Importer>> OpenSnapshot(Input input, const ImporterOptions& options) {
  if (!options.public_key) {
    return Fail(Reason::kRequestInvalid,
                "the file is a signed snapshot: say with --public-key whose signature it must bear",
                "public_key");
  }
  std::unique_ptr<ByteSource> source = input.ReleaseSource();
  if (Status again = source->Rewind(); !again) {
    return Prefix(std::move(again).error(),
                  "a snapshot is read twice, first to check it: save it as a file first");
  }
  Input first(NewStableSource(std::move(source)));
  HASHGATE_RETURN_IF_ERROR(Verify(first, *options.public_key, *options.clock));
  source = first.ReleaseSource();
  HASHGATE_RETURN_IF_ERROR(source->Rewind());
  auto importer = std::make_unique<SnapshotImporter>(Input(std::move(source)), *options.public_key);
  HASHGATE_RETURN_IF_ERROR(importer->ReadHeader());
  return importer;
}

}  // namespace hashgate::exchange
