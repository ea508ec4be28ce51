#include "rpc/wire/json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <charconv>

#include "base/clock.h"
#include "base/digest.h"
#include "base/hex.h"
#include "base/log.h"
#include "rpc/wire/convert.h"

namespace hashgate::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// "HarmClass" gives "HARM_CLASS_".
std::string EnumPrefix(const EnumDescriptor& type) {
  std::string prefix;
  for (const char c : type.name()) {
    if (c >= 'A' && c <= 'Z') {
      if (!prefix.empty()) prefix += '_';
      prefix += c;
    } else {
      prefix += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return prefix + "_";
}

void AppendText(std::string_view text, std::string& out) {
  out += '"';
  out += log::EscapeJson(text);
  out += '"';
}

void AppendDouble(double value, std::string& out) {
  // JSON has no infinities and no NaN.
  if (!(value - value == 0)) {
    out += "null";
    return;
  }
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, end);
}

void AppendEnum(const EnumDescriptor& type, int number, std::string& out) {
  const auto* value = type.FindValueByNumber(number);
  if (value == nullptr) {
    // A newer server's value: its number is all there is.
    out += std::to_string(number);
    return;
  }
  std::string_view name = value->name();
  const std::string prefix = EnumPrefix(type);
  if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  AppendText(name, out);
}

void AppendMessage(const Message& message, std::string& out);

// `index` is the element of a repeated field, -1 for a single one.
void AppendValue(const Message& message, const FieldDescriptor& field, int index, std::string& out) {
  const Reflection& reflection = *message.GetReflection();
  const bool repeated = index >= 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      out += std::to_string(repeated ? reflection.GetRepeatedInt32(message, &field, index)
                                     : reflection.GetInt32(message, &field));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      out += std::to_string(repeated ? reflection.GetRepeatedInt64(message, &field, index)
                                     : reflection.GetInt64(message, &field));
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      out += std::to_string(repeated ? reflection.GetRepeatedUInt32(message, &field, index)
                                     : reflection.GetUInt32(message, &field));
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      out += std::to_string(repeated ? reflection.GetRepeatedUInt64(message, &field, index)
                                     : reflection.GetUInt64(message, &field));
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      AppendDouble(repeated ? reflection.GetRepeatedDouble(message, &field, index)
                            : reflection.GetDouble(message, &field),
                   out);
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      AppendDouble(static_cast<double>(repeated ? reflection.GetRepeatedFloat(message, &field, index)
                                                : reflection.GetFloat(message, &field)),
                   out);
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      out += (repeated ? reflection.GetRepeatedBool(message, &field, index)
                       : reflection.GetBool(message, &field))
                 ? "true"
                 : "false";
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      AppendEnum(*field.enum_type(),
                 repeated ? reflection.GetRepeatedEnumValue(message, &field, index)
                          : reflection.GetEnumValue(message, &field),
                 out);
      break;
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      const std::string& text = repeated
                                    ? reflection.GetRepeatedStringReference(message, &field, index, &scratch)
                                    : reflection.GetStringReference(message, &field, &scratch);
      if (field.type() == FieldDescriptor::TYPE_BYTES) {
        AppendText(HexEncode(AsBytes(text)), out);
      } else {
        AppendText(text, out);
      }
      break;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      AppendMessage(repeated ? reflection.GetRepeatedMessage(message, &field, index)
                             : reflection.GetMessage(message, &field),
                    out);
      break;
  }
}

void AppendMap(const Message& message, const FieldDescriptor& field, std::string& out) {
  const Reflection& reflection = *message.GetReflection();
  const FieldDescriptor& key = *field.message_type()->map_key();
  const FieldDescriptor& value = *field.message_type()->map_value();
  out += '{';
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    if (i > 0) out += ',';
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    std::string name;
    AppendValue(entry, key, -1, name);
    if (key.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      out += name;
    } else {
      AppendText(name, out);
    }
    out += ':';
    AppendValue(entry, value, -1, out);
  }
  out += '}';
}

void AppendMessage(const Message& message, std::string& out) {
  const Descriptor& type = *message.GetDescriptor();
  if (&type == google::protobuf::Timestamp::descriptor()) {
    google::protobuf::Timestamp time;
    time.CopyFrom(message);
    AppendText(FormatTime(FromProto(time)), out);
    return;
  }
  if (&type == google::protobuf::Duration::descriptor()) {
    google::protobuf::Duration duration;
    duration.CopyFrom(message);
    AppendDouble(static_cast<double>(duration.seconds()) + static_cast<double>(duration.nanos()) / 1e9, out);
    return;
  }
  const Reflection& reflection = *message.GetReflection();
  out += '{';
  bool first = true;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.has_presence() && !reflection.HasField(message, &field)) continue;
    if (!first) out += ',';
    first = false;
    AppendText(field.json_name(), out);
    out += ':';
    if (field.is_map()) {
      AppendMap(message, field, out);
    } else if (field.is_repeated()) {
      out += '[';
      for (int element = 0; element < reflection.FieldSize(message, &field); ++element) {
        if (element > 0) out += ',';
        AppendValue(message, field, element, out);
      }
      out += ']';
    } else {
      AppendValue(message, field, -1, out);
    }
  }
  out += '}';
}

}  // namespace

std::string ToJson(const Message& message) {
  std::string out;
  AppendMessage(message, out);
  return out;
}

}  // namespace hashgate::rpc
