#include "coordinator/wire/documents/documents.hpp"
#include "coordinator/wire/protocol.hpp"

#include <gtest/gtest.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <functional>

namespace mole::coordinator {
namespace {

using nlohmann::json;

RequestStatus request() {
  RequestStatus request;
  request.id = "r17";
  request.pipeline = "border";
  request.from = 1190491200 * second_us;
  request.to = request.from + day_us;
  request.state = RequestState::partial;
  request.jobs.total = 4;
  request.coverage = 0.75;
  request.failures = {{.job = "border/mean@2007-09-22T20:00:00Z",
                       .plugin = "mean 1.0.0",
                       .module = "mean",
                       .block = request.from,
                       .code = "crashed",
                       .message = "signal 11",
                       .attempts = 3,
                       .log_tail = ""}};
  return request;
}

TEST(Documents, AreJsonWithTheNamesOfTheTable) {
  const json text = request();
  EXPECT_EQ(text["id"], "r17");
  EXPECT_EQ(text["kind"], "run");
  EXPECT_EQ(text["state"], "PARTIAL");
  EXPECT_EQ(text["from"], "2007-09-22T20:00:00Z");
  EXPECT_EQ(text["jobs"], (json{{"total", 4}, {"done", 0}, {"failed", 0}, {"running", 0}, {"waiting", 0}, {"blocked", 0}}));
  EXPECT_EQ(text["finished"], nullptr);
  EXPECT_EQ(text["coverage"], 0.75);
  EXPECT_EQ(text["failures"][0]["block"], "2007-09-22T20:00:00Z");
  for (const auto* absent : {"archive", "overrides", "coverage_with_windows"}) EXPECT_FALSE(text.contains(absent)) << absent;
}

TEST(Documents, RoundTrip) {
  EXPECT_EQ(*read_document<RequestStatus>(json(request())), request());
  ModuleResults results;
  results.interval = 15 * minute_us;
  results.window = day_us;
  results.columns = {{"bytes", "u64", "B", "bytes", 15 * minute_us}};
  results.blocks = {{0, hour_us, digest_of("rows"), 4, 1, JobState::done}};
  EXPECT_EQ(*read_document<ModuleResults>(json(results)), results);
  ModuleStrip strip;
  strip.blocks = {{JobState::done, 3}, {JobState::failed, 1}};
  EXPECT_EQ(json(strip)["blocks"], (json{{"done", 3}, {"failed", 1}}));
  EXPECT_EQ(*read_document<ModuleStrip>(json(strip)), strip);
}

TEST(Documents, IgnoreFieldsTheyDoNotKnow) {
  json text = request();
  text["colour"] = "red";
  EXPECT_EQ(*read_document<RequestStatus>(text), request());
}

TEST(Documents, NameTheFieldThatIsMissingOrOfTheWrongType) {
  const auto rejection = [](const std::function<void(json&)>& change) {
    json text = request();
    change(text);
    const auto read = read_document<RequestStatus>(text);
    return read ? "read" : read.error().message.substr(0, read.error().message.find(';'));
  };
  EXPECT_EQ(rejection([](json& j) { j.erase("id"); }), "RequestStatus.id is missing");
  EXPECT_EQ(rejection([](json& j) { j["jobs"].erase("total"); }), "RequestStatus.jobs.total is missing");
  EXPECT_EQ(rejection([](json& j) { j["jobs"]["total"] = -1; }),
            "RequestStatus.jobs.total is -1, not a whole number of at least 0");
  EXPECT_EQ(rejection([](json& j) { j["state"] = "MAYBE"; }), "RequestStatus.state has the unknown value \"MAYBE\"");
  EXPECT_EQ(rejection([](json& j) { j["waits"] = "x"; }), "RequestStatus.waits is \"x\", not a list");
  EXPECT_EQ(rejection([](json& j) { j["failures"][0]["message"] = 7; }), "RequestStatus.failures[0].message is 7, not a string");
  EXPECT_EQ(rejection([](json& j) { j["partial"] = 1; }), "RequestStatus.partial is 1, not true or false");
  EXPECT_EQ(rejection([](json& j) { j["from"] = "yesterday"; }).substr(0, 35), "RequestStatus.from cannot be read: ");
  EXPECT_EQ(rejection([](json& j) { j = 3; }), "RequestStatus is 3, not an object");
}

// ---- over Thrift

struct Shorter {
  std::string module;
  static constexpr auto table = document("Shorter", "", field("module", &Shorter::module, ""));
};

using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::transport::TMemoryBuffer;

template <Document To, Document From>
To sent_as(const From& value) {
  const auto buffer = std::make_shared<TMemoryBuffer>();
  TBinaryProtocol protocol(buffer);
  write_struct(protocol, value);
  EXPECT_LE(buffer->available_read(), wire_size(value));
  To out;
  read_struct(protocol, out);
  return out;
}

TEST(DocumentsOverThrift, RoundTrip) {
  EXPECT_EQ(sent_as<RequestStatus>(request()), request());
  ClusterStatus status;
  status.nodes = {{"a", "unix:/a", 2, 8, 1, 3, NodeState::draining}};
  status.modules = {{"p/m", JobState::failed, {{JobState::done, 3}, {JobState::failed, 1}}, {{0, hour_us, JobState::done}}}};
  status.requests = {request()};
  EXPECT_EQ(sent_as<ClusterStatus>(status), status);
  Lineage lineage;
  lineage.module = "p/m";
  lineage.rows_blob = digest_of("rows");
  lineage.lineage = {{"result", {{"files", {1, 2}}}}};
  lineage.upstream.emplace_back().column = "bytes";
  EXPECT_EQ(sent_as<Lineage>(lineage), lineage);
}

TEST(DocumentsOverThrift, IgnoreFieldsTheyDoNotKnow) {
  const PlanModule longer{.module = "p/m", .blocks = 4, .reused = 3, .fresh = 2, .waiting = 1, .states_kept_bytes = 9};
  EXPECT_EQ(sent_as<Shorter>(longer).module, "p/m");
}

TEST(DocumentsOverThrift, NameTheFieldThatIsMissingOrOfTheWrongType) {
  const auto rejection = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const apache::thrift::protocol::TProtocolException& e) {
      return e.what();
    }
    return "read";
  };
  EXPECT_EQ(rejection([] { sent_as<JobCounts>(ByteProgress{}); }), "JobCounts.failed is missing");
  EXPECT_EQ(rejection([] { sent_as<ByteProgress>(NewJob{}); }), "ByteProgress.total has the wrong type");
}

}  // namespace
}  // namespace mole::coordinator
