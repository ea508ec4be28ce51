// A client that knows nothing of Hashgate's protos: it learns them from the server and scans an image.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "grpc_reflection.grpc.pb.h"
#include "testing/kit.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

namespace pb = google::protobuf;
namespace reflection = grpc::reflection::v1alpha;
using std::chrono::seconds;

class ReflectionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server_ = StartServer(FreshFolder("server"));
    ASSERT_NE(server_, nullptr);
    channel_ = server_->NewChannel();
    ASSERT_TRUE(ImportKit(GateClient(channel_)));
  }

  reflection::ServerReflectionResponse Ask(const reflection::ServerReflectionRequest& request) {
    const auto stub = reflection::ServerReflection::NewStub(channel_);
    grpc::ClientContext context;
    SetTimeout(context, seconds(10));
    const auto stream = stub->ServerReflectionInfo(&context);
    reflection::ServerReflectionResponse response;
    EXPECT_TRUE(stream->Write(request) && stream->Read(&response));
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
    return response;
  }

  void Collect(const reflection::ServerReflectionResponse& response) {
    EXPECT_FALSE(response.has_error_response()) << response.error_response().error_message();
    for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
      pb::FileDescriptorProto file;
      ASSERT_TRUE(file.ParseFromString(bytes));
      files_[file.name()] = file;
    }
  }

  // Adds a file after what it imports, asking the server for what it has not sent.
  void Build(const std::string& name) {
    if (pool_.FindFileByName(name) != nullptr) return;
    if (!files_.contains(name)) {
      reflection::ServerReflectionRequest request;
      request.set_file_by_filename(name);
      Collect(Ask(request));
    }
    ASSERT_TRUE(files_.contains(name)) << name;
    for (const std::string& import : files_[name].dependency()) Build(import);
    ASSERT_NE(pool_.BuildFile(files_[name]), nullptr) << name;
  }

  const pb::MethodDescriptor* Learn(const std::string& service, const std::string& method) {
    reflection::ServerReflectionRequest request;
    request.set_file_containing_symbol(service);
    Collect(Ask(request));
    for (const auto& [name, file] : std::map(files_)) Build(name);
    const pb::ServiceDescriptor* found = pool_.FindServiceByName(service);
    return found == nullptr ? nullptr : found->FindMethodByName(method);
  }

  std::unique_ptr<pb::Message> NewMessage(const pb::Descriptor* type) {
    return std::unique_ptr<pb::Message>(factory_.GetPrototype(type)->New());
  }

  std::unique_ptr<pb::Message> Call(const pb::MethodDescriptor& method, const pb::Message& request) {
    const std::string bytes = request.SerializeAsString();
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request_buffer(&slice, 1);
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    SetTimeout(context, seconds(10));
    grpc::CompletionQueue queue;
    const auto call = stub.PrepareUnaryCall(
        &context, "/" + method.service()->full_name() + "/" + method.name(), request_buffer, &queue);
    call->StartCall();
    grpc::ByteBuffer response_buffer;
    grpc::Status status;
    call->Finish(&response_buffer, &status, this);
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    EXPECT_TRUE(status.ok()) << status.error_message();
    grpc::Slice whole;
    EXPECT_TRUE(response_buffer.DumpToSingleSlice(&whole).ok());
    auto response = NewMessage(method.output_type());
    EXPECT_TRUE(response->ParseFromArray(whole.begin(), static_cast<int>(whole.size())));
    return response;
  }

  // Fields by name, as a client in a dynamic language has them.
  static const pb::FieldDescriptor* Field(const pb::Message& message, const std::string& name) {
    const pb::FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
    if (field == nullptr) throw std::runtime_error(message.GetTypeName() + " has no field " + name);
    return field;
  }
  static const pb::Message& Get(const pb::Message& message, const std::string& name) {
    return message.GetReflection()->GetMessage(message, Field(message, name));
  }
  static std::string Enum(const pb::Message& message, const std::string& name) {
    return message.GetReflection()->GetEnum(message, Field(message, name))->name();
  }
  static std::string Text(const pb::Message& message, const std::string& name) {
    return message.GetReflection()->GetString(message, Field(message, name));
  }

  std::unique_ptr<ServerProcess> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::map<std::string, pb::FileDescriptorProto> files_;
  pb::DescriptorPool pool_;
  pb::DynamicMessageFactory factory_{&pool_};
};

TEST_F(ReflectionTest, TheServicesAreListed) {
  reflection::ServerReflectionRequest request;
  request.set_list_services("");
  std::set<std::string> names;
  const reflection::ServerReflectionResponse response = Ask(request);
  for (const auto& service : response.list_services_response().service()) names.insert(service.name());
  for (const char* name : {"hashgate.v1.ScanService", "hashgate.v1.HashListService",
                           "hashgate.v1.StatusService", "grpc.health.v1.Health"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST_F(ReflectionTest, AnImageIsScannedAndItsAnswerRead) {
  const pb::MethodDescriptor* method = Learn("hashgate.v1.ScanService", "ScanImage");
  ASSERT_NE(method, nullptr);
  for (const KitAnswer& expected : KitAnswers()) {
    const auto request = NewMessage(method->input_type());
    request->GetReflection()->SetString(request.get(), Field(*request, "content"),
                                        KitFileBytes(expected.file));
    const auto response = Call(*method, *request);
    const pb::Message& result = Get(*response, "result");
    EXPECT_EQ(Enum(result, "verdict"), "VERDICT_" + expected.verdict) << expected.file;
    EXPECT_EQ(Enum(result, "outcome"), "OUTCOME_" + expected.outcome) << expected.file;
    EXPECT_EQ(Enum(result, "cause"), "CAUSE_" + expected.cause);
    EXPECT_EQ(Enum(result, "harm_class"), "HARM_CLASS_" + expected.harm_class) << expected.file;
    EXPECT_EQ(Enum(Get(result, "coverage"), "level"), "COVERAGE_LEVEL_" + expected.coverage);
    EXPECT_FALSE(Text(result, "scan_id").empty());
    std::set<std::string> lists;
    const pb::FieldDescriptor* matches = Field(result, "matches");
    for (int i = 0; i < result.GetReflection()->FieldSize(result, matches); ++i) {
      lists.insert(Text(result.GetReflection()->GetRepeatedMessage(result, matches, i), "list"));
    }
    EXPECT_EQ(lists, expected.matched_lists) << expected.file;
  }
}

TEST_F(ReflectionTest, TheFailPolicyIsRead) {
  const pb::MethodDescriptor* method = Learn("hashgate.v1.ScanService", "GetFailPolicy");
  ASSERT_NE(method, nullptr);
  const auto response = Call(*method, *NewMessage(method->input_type()));
  const pb::FieldDescriptor* rows = Field(*response, "rows");
  const int count = response->GetReflection()->FieldSize(*response, rows);
  EXPECT_GT(count, 10);
  for (int i = 0; i < count; ++i) {
    const pb::Message& row = response->GetReflection()->GetRepeatedMessage(*response, rows, i);
    EXPECT_NE(Enum(row, "verdict"), "VERDICT_UNSPECIFIED") << Enum(row, "cause");
    // What is no picture was looked at exactly, and is allowed; nothing else in the table is.
    EXPECT_EQ(Enum(row, "verdict") == "VERDICT_ALLOW", Enum(row, "cause") == "CAUSE_NOT_AN_IMAGE")
        << Enum(row, "cause") << " under 'standard'";
  }
}

}  // namespace
}  // namespace hashgate::testing
