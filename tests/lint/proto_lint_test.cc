// The wire's definition is documented throughout, follows its naming rules, and never changes what was once
// given out: tests/golden/proto_fields.txt holds every field, enum value and call there ever was. To add new
// ones to it: HASHGATE_UPDATE_GOLDEN=1 build/release/tests/proto_lint_test
#include <gmock/gmock.h>
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace hashgate {
namespace {

namespace pb = google::protobuf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The one zero that means something: most views are looked at as they are, and the form is left out then.
constexpr const char* kMeaningfulZero = "DIHEDRAL_ORIGINAL";

/// Collects what the parser complains about.
class Complaints : public pb::compiler::MultiFileErrorCollector {
 public:
  void AddError(const std::string& file, int line, int /*column*/, const std::string& message) override {
    text_ += file + ":" + std::to_string(line + 1) + ": " + message + "\n";
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// All .proto files below a folder, parsed with their comments.
class ProtoTree {
 public:
  explicit ProtoTree(const std::filesystem::path& root) : importer_(Mapped(root), &complaints_) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.path().extension() == ".proto") {
        names_.push_back(entry.path().lexically_relative(root).string());
      }
    }
    std::ranges::sort(names_);
    for (const std::string& name : names_) {
      const pb::FileDescriptor* file = importer_.Import(name);
      if (file != nullptr) files_.push_back(file);
    }
  }

  const std::vector<const pb::FileDescriptor*>& files() const { return files_; }
  const std::string& complaints() const { return complaints_.text(); }

 private:
  pb::compiler::SourceTree* Mapped(const std::filesystem::path& root) {
    tree_.MapPath("", root.string());
    // The well-known types, where the distribution's packages put them.
    tree_.MapPath("", "/usr/include");
    return &tree_;
  }

  Complaints complaints_;
  pb::compiler::DiskSourceTree tree_;
  pb::compiler::Importer importer_;
  std::vector<std::string> names_;
  std::vector<const pb::FileDescriptor*> files_;
};

std::string UpperSnake(const std::string& camel) {
  std::string out;
  for (std::size_t i = 0; i < camel.size(); ++i) {
    const bool upper = std::isupper(static_cast<unsigned char>(camel[i])) != 0;
    if (upper && i > 0 && std::islower(static_cast<unsigned char>(camel[i - 1])) != 0) out += '_';
    out += static_cast<char>(std::toupper(static_cast<unsigned char>(camel[i])));
  }
  return out;
}

bool IsUpperSnake(const std::string& name) {
  return std::ranges::all_of(name,
                             [](unsigned char c) { return std::isupper(c) || std::isdigit(c) || c == '_'; });
}

bool IsLowerSnake(const std::string& name) {
  return std::ranges::all_of(name,
                             [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '_'; });
}

/// Walks descriptors and collects findings and the lines of the golden list.
class Walker {
 public:
  void File(const pb::FileDescriptor& file) {
    // Messages of others (google.rpc) keep others' naming; ours must also be usable from Go and Java.
    ours_ = file.package().starts_with("hashgate.");
    if (ours_ && (!file.options().has_go_package() || !file.options().has_java_package())) {
      findings_.push_back(file.name() + ": go_package or java_package is missing");
    }
    for (int i = 0; i < file.message_type_count(); ++i) Message(*file.message_type(i));
    for (int i = 0; i < file.enum_type_count(); ++i) Enum(*file.enum_type(i));
    for (int i = 0; i < file.service_count(); ++i) Service(*file.service(i));
  }

  const std::vector<std::string>& findings() const { return findings_; }
  /// Sorted.
  const std::set<std::string>& lines() const { return lines_; }

 private:
  template <typename Descriptor>
  void NeedsComment(const Descriptor& thing) {
    pb::SourceLocation location;
    const bool found = thing.GetSourceLocation(&location);
    const bool documented = found && std::ranges::any_of(location.leading_comments, [](unsigned char c) {
                              return std::isalnum(c) != 0;
                            });
    if (ours_ && !documented) findings_.push_back(thing.full_name() + ": has no comment above it");
  }

  void Message(const pb::Descriptor& message) {
    if (message.options().map_entry()) return;
    NeedsComment(message);
    for (int i = 0; i < message.field_count(); ++i) Field(*message.field(i));
    for (int i = 0; i < message.nested_type_count(); ++i) Message(*message.nested_type(i));
    for (int i = 0; i < message.enum_type_count(); ++i) Enum(*message.enum_type(i));
  }

  void Field(const pb::FieldDescriptor& field) {
    NeedsComment(field);
    if (ours_ && !IsLowerSnake(field.name()))
      findings_.push_back(field.full_name() + ": is not lower_snake_case");
    std::string type = field.type_name();
    if (field.is_map()) {
      type = "map";
    } else if (field.message_type() != nullptr) {
      type = field.message_type()->full_name();
    } else if (field.enum_type() != nullptr) {
      type = field.enum_type()->full_name();
    }
    std::string label = field.is_repeated() ? "repeated " : "";
    if (field.has_optional_keyword()) label = "optional ";
    if (const pb::OneofDescriptor* oneof = field.real_containing_oneof())
      label = "oneof " + oneof->name() + " ";
    lines_.insert(field.full_name() + " = " + std::to_string(field.number()) + " " + label + type);
  }

  void Enum(const pb::EnumDescriptor& type) {
    NeedsComment(type);
    const std::string prefix = UpperSnake(type.name()) + "_";
    for (int i = 0; i < type.value_count(); ++i) {
      const pb::EnumValueDescriptor& value = *type.value(i);
      NeedsComment(value);
      if (ours_ && (!value.name().starts_with(prefix) || !IsUpperSnake(value.name()))) {
        findings_.push_back(value.full_name() + ": does not start with " + prefix);
      }
      if (ours_ && value.number() == 0 && value.name() != prefix + "UNSPECIFIED" &&
          value.name() != kMeaningfulZero) {
        findings_.push_back(value.full_name() + ": the zero value must be " + prefix + "UNSPECIFIED");
      }
      lines_.insert(type.full_name() + "." + value.name() + " = " + std::to_string(value.number()));
    }
  }

  void Service(const pb::ServiceDescriptor& service) {
    NeedsComment(service);
    if (ours_ && !service.name().ends_with("Service")) {
      findings_.push_back(service.full_name() + ": does not end in Service");
    }
    for (int i = 0; i < service.method_count(); ++i) {
      const pb::MethodDescriptor& method = *service.method(i);
      NeedsComment(method);
      const bool own_messages = method.input_type()->name() == method.name() + "Request" &&
                                method.output_type()->name() == method.name() + "Response";
      if (ours_ && !own_messages && !SharesMessages(method)) {
        findings_.push_back(method.full_name() + ": its messages are not " + method.name() + "Request and " +
                            method.name() + "Response");
      }
      lines_.insert(method.full_name() + "(" + (method.client_streaming() ? "stream " : "") +
                    method.input_type()->full_name() + ") returns (" +
                    (method.server_streaming() ? "stream " : "") + method.output_type()->full_name() + ")");
    }
  }

  /// Calls whose answer is a thing with a name of its own: a list, an entry, progress.
  static bool SharesMessages(const pb::MethodDescriptor& method) {
    return method.input_type()->name() == method.name() + "Request" &&
           !method.output_type()->name().ends_with("Response");
  }

  bool ours_ = false;
  std::vector<std::string> findings_;
  std::set<std::string> lines_;
};

/// Lines of the golden list that the definition no longer holds (each would break a client), and lines that
/// the list does not know yet.
struct Difference {
  std::vector<std::string> vanished;
  std::vector<std::string> unknown;
};

Difference Compare(const std::set<std::string>& golden, const std::set<std::string>& now) {
  Difference out;
  std::ranges::set_difference(golden, now, std::back_inserter(out.vanished));
  std::ranges::set_difference(now, golden, std::back_inserter(out.unknown));
  return out;
}

std::filesystem::path SourceDir() {
  const char* dir = std::getenv("HASHGATE_SOURCE_DIR");
  return dir != nullptr ? std::filesystem::path(dir) : std::filesystem::current_path();
}

std::set<std::string> ReadGolden(const std::filesystem::path& path) {
  std::set<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.front() != '#') lines.insert(line);
  }
  return lines;
}

TEST(ProtoLint, IsDocumentedAndNamedByTheRules) {
  ProtoTree tree(SourceDir() / "proto");
  ASSERT_EQ(tree.complaints(), "");
  ASSERT_GE(tree.files().size(), 3U);
  Walker walker;
  for (const pb::FileDescriptor* file : tree.files()) walker.File(*file);
  EXPECT_THAT(walker.findings(), IsEmpty());
}

TEST(ProtoLint, NothingGivenOutEverChanges) {
  ProtoTree tree(SourceDir() / "proto");
  ASSERT_EQ(tree.complaints(), "");
  Walker walker;
  for (const pb::FileDescriptor* file : tree.files()) walker.File(*file);
  const std::filesystem::path path = SourceDir() / "tests/golden/proto_fields.txt";
  const std::set<std::string> golden = ReadGolden(path);
  const Difference difference = Compare(golden, walker.lines());
  EXPECT_THAT(difference.vanished, IsEmpty())
      << "a client in the field would break; give out a new number instead";
  if (std::getenv("HASHGATE_UPDATE_GOLDEN") != nullptr) {
    std::set<std::string> all = golden;
    all.insert(walker.lines().begin(), walker.lines().end());
    std::ofstream out(path, std::ios::trunc);
    out << "# Every field, enum value and call of the wire, checked by proto_lint_test: lines are only ever "
           "added.\n";
    for (const std::string& line : all) out << line << "\n";
    ASSERT_TRUE(out.flush());
    return;
  }
  EXPECT_THAT(difference.unknown, IsEmpty())
      << "new on the wire: record with HASHGATE_UPDATE_GOLDEN=1, and check that it may stay for ever";
}

/// Writes one .proto file into the test's folder and walks it.
Walker WalkText(const std::string& text) {
  const std::filesystem::path dir = std::filesystem::current_path() / "planted";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  std::ofstream(dir / "planted.proto")
      << "syntax = \"proto3\";\npackage hashgate.v1;\noption go_package = \"a\";\n"
         "option java_package = \"b\";\n"
      << text;
  ProtoTree tree(dir);
  EXPECT_EQ(tree.complaints(), "");
  EXPECT_EQ(tree.files().size(), 1U);
  Walker walker;
  for (const pb::FileDescriptor* file : tree.files()) walker.File(*file);
  return walker;
}

TEST(ProtoLint, SeesWhatIsNotDocumented) {
  const Walker walker = WalkText(
      "// A.\nmessage A {\n  int32 one = 1;\n  // Two.\n  int32 two = 2;  // not above\n}\n"
      "message B {}\n"
      "// E.\nenum E {\n  E_UNSPECIFIED = 0;\n  // One.\n  E_ONE = 1;\n}\n"
      "// S.\nservice SService {\n  rpc Call(A) returns (B);\n}\n");
  EXPECT_THAT(
      walker.findings(),
      ElementsAre(HasSubstr("A.one: has no comment"), HasSubstr("B: has no comment"),
                  HasSubstr("E_UNSPECIFIED: has no comment"), HasSubstr("SService.Call: has no comment"),
                  HasSubstr("SService.Call: its messages are not")));
}

TEST(ProtoLint, SeesWhatIsMisnamed) {
  const Walker walker = WalkText(
      "// A.\nmessage A {\n  // One.\n  int32 One = 1;\n}\n"
      "// E.\nenum MyKind {\n  // Zero.\n  MY_KIND_ZERO = 0;\n  // One.\n  ONE = 1;\n}\n"
      "// S.\nservice Thing {}\n");
  EXPECT_THAT(
      walker.findings(),
      ElementsAre(HasSubstr("A.One: is not lower_snake_case"), HasSubstr("MY_KIND_ZERO: the zero value"),
                  HasSubstr("ONE: does not start with MY_KIND_"), HasSubstr("does not end in Service")));
}

TEST(ProtoLint, SeesARenumberedAndARetypedField) {
  const Walker before =
      WalkText("// A.\nmessage A {\n  // One.\n  int32 one = 1;\n  // Two.\n  string two = 2;\n}\n");
  const Walker after =
      WalkText("// A.\nmessage A {\n  // One.\n  int32 one = 3;\n  // Two.\n  bytes two = 2;\n}\n");
  const Difference difference = Compare(before.lines(), after.lines());
  EXPECT_THAT(difference.vanished,
              ElementsAre("hashgate.v1.A.one = 1 int32", "hashgate.v1.A.two = 2 string"));
  EXPECT_THAT(difference.unknown, ElementsAre("hashgate.v1.A.one = 3 int32", "hashgate.v1.A.two = 2 bytes"));
}

}  // namespace
}  // namespace hashgate
