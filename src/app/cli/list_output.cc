#include "app/cli/list_output.h"

#include <ostream>

#include "app/cli/output.h"
#include "base/clock.h"
#include "hashgate/verdict.h"
#include "rpc/wire/convert.h"

namespace hashgate::cli {
namespace {

std::string TimeText(const google::protobuf::Timestamp& time) {
  return FormatTime(rpc::FromProto(time));
}

std::string StateOf(const v1::HashList& list) {
  return std::string(list.enabled() ? "enabled" : "DISABLED") + (list.has_brake() ? ", BRAKE" : "");
}

}  // namespace

void PrintLists(const google::protobuf::RepeatedPtrField<v1::HashList>& lists, std::ostream& out) {
  Table table;
  table.AddRow({"NAME", "PURPOSE", "TRUST", "STATE", "ENTRIES", "QUARANTINED", "SOURCE"});
  for (const v1::HashList& list : lists) {
    table.AddRow({Printable(list.name()), std::string(Name(rpc::FromProto(list.purpose()))),
                  std::string(Name(rpc::FromProto(list.trust()))), StateOf(list),
                  std::to_string(list.entry_count()), std::to_string(list.quarantined_count()),
                  Printable(list.source())});
  }
  table.Print(out);
}

void PrintList(const v1::HashList& list, std::ostream& out) {
  Table table;
  table.AddRow({"name", Printable(list.name())});
  table.AddRow({"tenant", list.tenant().empty() ? "shared by all" : Printable(list.tenant())});
  table.AddRow({"purpose", std::string(Name(rpc::FromProto(list.purpose())))});
  table.AddRow({"trust", std::string(Name(rpc::FromProto(list.trust())))});
  table.AddRow({"state", list.enabled() ? "enabled" : "DISABLED"});
  table.AddRow({"source", Printable(list.source())});
  table.AddRow({"legal basis", Printable(list.legal_basis())});
  for (const v1::MaxDistance& row : list.max_distances()) {
    const std::string name(AlgorithmName(rpc::FromProto(row.algorithm())));
    table.AddRow({"max distance", row.has_max_distance()
                                      ? name + " " + std::to_string(row.max_distance()) + " squared"
                                      : name + " " + std::to_string(row.max_distance_bits()) + " bits"});
  }
  table.AddRow({"pdq pipeline", std::string(PipelineName(rpc::FromProto(list.pdq_pipeline())))});
  table.AddRow({"ceiling", std::string(Name(rpc::FromProto(list.action_ceiling())))});
  if (list.has_brake()) {
    table.AddRow({"BRAKE", std::string(Name(rpc::FromProto(list.brake().max_verdict()))) + " at most until " +
                               TimeText(list.brake().expire_time()) + ", by " +
                               Printable(list.brake().author()) + ": " + Printable(list.brake().reason())});
  }
  if (!list.scheme().empty()) table.AddRow({"scheme", Printable(list.scheme())});
  if (!list.description().empty()) table.AddRow({"description", Printable(list.description())});
  table.AddRow({"entries", std::to_string(list.entry_count())});
  table.AddRow({"quarantined", std::to_string(list.quarantined_count())});
  if (!list.protection().sentence().empty()) table.AddRow({"protects", list.protection().sentence()});
  if (list.has_whole_read_time()) table.AddRow({"read as a whole", TimeText(list.whole_read_time())});
  table.AddRow({"created", TimeText(list.create_time())});
  table.AddRow({"updated", TimeText(list.update_time())});
  table.Print(out);
}

}  // namespace hashgate::cli
