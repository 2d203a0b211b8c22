#include "coordinator/wire/messages.hpp"
#include "coordinator/wire/client_api.hpp"
#include "coordinator/wire/failure.hpp"
#include "coordinator/wire/protocol.hpp"

#include <gtest/gtest.h>

#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>
#include <algorithm>

namespace mole::coordinator {
namespace {

constexpr std::uint64_t big = 0xfedcba9876543210;

task::PluginUse plugin(const std::string& name) {
  return {
      .name = name, .version = "1.2.3", .library = digest_of("library"), .sidecar = "{\"schema\":1}", .params = {{"ddof", 1}}};
}

// Every field has a value different from all other fields of its type.
task::Spec spec() {
  task::Input rows{.role = "values",
                   .kind = InputKind::rows,
                   .module = "traffic",
                   .column = "bytes",
                   .type = "u64",
                   .unit = "B",
                   .step = 0,
                   .rows = {}};
  task::Input blobs{.role = "centre",
                    .kind = InputKind::context,
                    .module = "mean",
                    .column = "bytes_mean",
                    .type = "f64",
                    .unit = "B/s",
                    .step = {},
                    .rows = {{{3, 4}, digest_of("r1")}, {{5, 6}, digest_of("r2")}}};
  task::Step step;
  step.pipeline = "p";
  step.module = "variance";
  step.fingerprint = digest_of("f");
  step.plugin = plugin("variance");
  step.execution = Execution::mergeable;
  step.interval = 900 * second_us;
  step.window = 7 * day_us;
  step.warmup = 2 * hour_us;
  step.by = {"router", "protocol"};
  step.totals = {"router"};
  step.filter = "proto tcp";
  step.load = Load::proportional;
  step.routers = {"1", "2"};
  step.inputs = {rows, blobs};
  step.make_state = true;
  step.state_key = digest_of("s");
  step.result_key = digest_of("k");
  step.states = {{{7, 8}, digest_of("st"), {"unix:/a", "tcp:127.0.0.1:1"}}};
  step.routes = {{{0, 5}, digest_of("t0"), "rib.2007-09-21.txt", "prefixes", false},
                 {{5, 9}, digest_of("t"), "rib.2007-09-22.txt", "mmdb", true}};
  task::Step second = step;
  second.make_state = false;
  second.make_result = true;
  return {.id = "3-14",
          .epoch = 3,
          .seq = big,
          .kind = task::Kind::compute,
          .block = {1190484000000000, 1190527200000000},
          .archive = task::Archive{.name = "ddosvax",
                                   .downloader = plugin("directory"),
                                   .decoder = plugin("netflow5"),
                                   .damage = DamagePolicy::strict,
                                   .covers = 5,
                                   .lateness = 6,
                                   .home = {"src net 10.0.0.0/8", "dst net 10.0.0.0/8"},
                                   .decode = Bzip2Decoder::interleaved},
          .files = {{.id = "a.dat.bz2",
                     .size = big,
                     .revision = 2,
                     .router = "19991",
                     .sequence = 9,
                     .covers = {1, 2},
                     .present = true,
                     .version = "v1"},
                    {.id = "",
                     .size = 0,
                     .revision = 0,
                     .router = "19993",
                     .sequence = 10,
                     .covers = {-2, -1},
                     .present = false,
                     .version = ""}},
          .steps = {step, second}};
}

task::Report report() {
  const task::StepReport step{.step = 1,
                              .outcome = task::Outcome::done,
                              .code = task::FailureCode::hung,
                              .message = "m",
                              .state_blob = digest_of("state"),
                              .rows_blob = digest_of("rows"),
                              .state_bytes = 11,
                              .rows_bytes = 12,
                              .rows = big,
                              .coverage = 0.5,
                              .coverage_min = 0.25,
                              .lineage = {{"files", {"a"}}}};
  const task::FileReport file{.id = "a",
                              .size = 21,
                              .digest = digest_of("d"),
                              .state = task::FileState::damaged,
                              .lost_compressed = {{1, 2, "crc"}},
                              .lost_content = {{3, 4, "gap"}, {5, 6, "cut"}},
                              .content_bytes = 22,
                              .datagrams = 23,
                              .flows = 24,
                              .flows_lost = 25,
                              .exported_first = -26,
                              .exported_last = 27,
                              .readable = {{8, 9}, {10, 11}},
                              .source = task::FlowSource::columns};
  task::Report r;
  r.task = "3-14";
  r.steps = {step, {}};
  r.files = {file};
  r.index = {{.id = "x", .size = 31, .version = "v", .medium = "tape 7", .position = 32}};
  r.index_blob = digest_of("index");
  r.missing_blobs = {digest_of("state"), digest_of("rows")};
  r.code = task::FailureCode::exhausted;
  r.message = "message";
  r.log_tail = "one\ntwo";
  r.bytes_read = 41;
  r.flows = 42;
  r.seconds = 4.5;
  return r;
}

Completion completion() { return {.node = "n", .incarnation = "i", .spec = spec(), .report = report()}; }

template <Document T>
std::string sent(const T& value) {
  auto buffer = std::make_shared<apache::thrift::transport::TMemoryBuffer>();
  apache::thrift::protocol::TBinaryProtocol protocol(buffer);
  write_struct(protocol, value);
  EXPECT_GE(wire_size(value), buffer->available_read());
  EXPECT_LT(wire_size(value), 2 * buffer->available_read());
  return buffer->getBufferAsString();
}

template <Document T>
T received(const std::string& bytes) {
  auto buffer = std::make_shared<apache::thrift::transport::TMemoryBuffer>();
  buffer->write(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<std::uint32_t>(bytes.size()));
  apache::thrift::protocol::TBinaryProtocol protocol(buffer);
  T out;
  read_struct(protocol, out);
  return out;
}

template <Document T>
void expect_kept(const T& value) {
  EXPECT_EQ(nlohmann::json(received<T>(sent(value))), nlohmann::json(value));
}

TEST(Messages, KeepEveryField) {
  expect_kept(Submission{.manifest = "pipeline: p\n",
                         .manifest_name = "p.yaml",
                         .base = "/srv",
                         .overrides = {"a=b", "c=d"},
                         .module = "mean",
                         .range = {-5, 1190484000000000},
                         .partial = true,
                         .priority = -3,
                         .client_id = "c-1"});
  expect_kept(NodeInfo{.name = "n1", .incarnation = "f00d", .address = "unix:/n", .slots = 4, .threads = 2});
  expect_kept(Registration{.epoch = big, .lease = 60, .heartbeat = 10});
  expect_kept(LeaseRequest{.node = "n", .incarnation = "i", .free_slots = 3, .held = {"1-2", "1-3"}});
  const TaskProgress progress{.task = "1-2", .phase = "run", .bytes_done = 1, .bytes_total = big, .flows = 3};
  const NodeLoad load{.cache_bytes = big, .cache_limit = 2, .slots = 3, .busy_slots = 4, .fetches = 5, .busy_fetches = 6};
  expect_kept(Heartbeat{.node = "n", .incarnation = "i", .tasks = {progress}, .draining = true, .load = load});
  expect_kept(Heartbeat{.node = "n", .incarnation = "i", .tasks = {}});
  expect_kept(HeartbeatReply{.cancel = {"1-2"}, .drain = true, .reregister = true});
  expect_kept(spec());
  expect_kept(task::Spec{});
  expect_kept(completion());
  task::FileReport file;
  file.readable.assign(1000, {7, 8});
  expect_kept(file);
}

// Replaces the name of an enumerator with the next name of the same table.
template <Named E>
bool replace_with_next_name(std::string& name) {
  const auto names = all_names<E>();
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) return false;
  name = at + 1 == names.end() ? names.front() : at[1];
  return true;
}

bool replace_with_next_enumerator(std::string& name) {
  return replace_with_next_name<task::Kind>(name) || replace_with_next_name<DamagePolicy>(name) ||
         replace_with_next_name<Bzip2Decoder>(name) || replace_with_next_name<InputKind>(name) ||
         replace_with_next_name<Execution>(name) || replace_with_next_name<Load>(name) ||
         replace_with_next_name<Duplicates>(name) || replace_with_next_name<task::Outcome>(name) ||
         replace_with_next_name<task::FailureCode>(name) || replace_with_next_name<task::FileState>(name) ||
         replace_with_next_name<task::FlowSource>(name);
}

// Gives every leaf a different value, to detect a field of the JSON form that is not converted.
void make_distinct(nlohmann::json& value, int& next) {
  if (value.is_structured())
    for (auto& each : value) make_distinct(each, next);
  else if (value.is_boolean())
    value = !value.get<bool>();
  else if (value.is_number_float())
    value = ++next / 1024.0;
  else if (value.is_number())
    value = ++next;
  else if (value.is_string() && Digest::from_hex(value.get<std::string>()))
    value = digest_of(std::to_string(++next)).hex();
  else if (value.is_string() && !replace_with_next_enumerator(value.get_ref<std::string&>()))
    value = "text " + std::to_string(++next);
}

TEST(Messages, KeepEveryFieldOfTheJsonForm) {
  int next = 1000;
  auto changed = completion();
  changed.report.steps.resize(1);
  nlohmann::json distinct = changed;
  make_distinct(distinct, next);
  expect_kept(distinct.get<Completion>());
  EXPECT_EQ(nlohmann::json(distinct.get<Completion>()), distinct);
}

TEST(Failure, KeepsEveryErrorCode) {
  for (const auto code : {Code::invalid, Code::corrupt, Code::missing, Code::transient, Code::exhausted, Code::cancelled,
                          Code::unsupported, Code::internal, Code::denied, Code::busy}) {
    const auto back = from_wire(to_wire(Error{code, "why; what to do"}));
    EXPECT_EQ(back.code, code);
    EXPECT_EQ(back.message, "why; what to do");
  }
}

TEST(Failure, WithAnUnknownCodeIsInternal) {
  wire::Failure failure;
  failure.code = 99;
  EXPECT_EQ(from_wire(failure).code, Code::internal);
}

// Returns the message with the first occurrence of `from` replaced with `to`, which has the same length.
std::string replaced(std::string bytes, std::string_view from, std::string_view to) {
  const auto at = bytes.find(from);
  EXPECT_TRUE(at != std::string::npos && from.size() == to.size());
  return bytes.replace(at, to.size(), to);
}

template <Document T>
std::string rejection(const std::string& bytes) {
  try {
    received<T>(bytes);
    return "read";
  } catch (const RejectedField& rejected) {
    return rejected.what();
  }
}

TEST(Messages, RejectNegativeCountsByName) {
  const std::string_view four("\0\0\0\4", 4), negative("\xff\xff\xff\xff", 4);
  EXPECT_EQ(rejection<NodeInfo>(replaced(sent(NodeInfo{.slots = 4}), four, negative)), "NodeInfo.slots is negative");
  EXPECT_EQ(rejection<LeaseRequest>(replaced(sent(LeaseRequest{.free_slots = 4}), four, negative)),
            "LeaseRequest.free_slots is negative");
}

// Documents whose fields have the same name and number but different types.
struct Malformed {
  std::string state_key;
  static constexpr auto table = document("Malformed", "", field("state_key", &Malformed::state_key, ""));
};
struct Wanted {
  Digest state_key;
  static constexpr auto table = document("Wanted", "", field("state_key", &Wanted::state_key, ""));
};
struct Number {
  std::int32_t outcome = 4;
  static constexpr auto table = document("Number", "", field("outcome", &Number::outcome, ""));
};
struct Enum {
  task::Outcome outcome;
  static constexpr auto table = document("Enum", "", field("outcome", &Enum::outcome, ""));
};

TEST(Messages, RejectAMalformedDigestEnumOrJsonByName) {
  EXPECT_EQ(rejection<Wanted>(sent(Malformed{"fifteen bytes.."})), "Wanted.state_key is not a digest of 16 bytes");
  EXPECT_EQ(rejection<Enum>(sent(Number{})), "Enum.outcome has an unknown value");
  EXPECT_EQ(rejection<Completion>(replaced(sent(completion()), R"({"files":["a"]})", R"({"files":["a"]])")),
            "StepReport.lineage is not JSON");
}

TEST(Messages, RejectDeeplyNestedJsonButNotBracketsInsideAString) {
  auto deep = completion();
  deep.report.steps[0].lineage = std::string(65, '-');
  EXPECT_EQ(rejection<Completion>(replaced(sent(deep), "\"" + std::string(65, '-'), std::string(66, '['))),
            "StepReport.lineage is nested more than 64 levels deep");
  deep.report.steps[0].lineage = {{"quoted", std::string(1000, '[') + "\\\"" + std::string(1000, '{')}};
  expect_kept(deep);
}

TEST(JsonText, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(json_text(nlohmann::json{{"log",
                                      "a\xff"
                                      "b"}}),
            "{\"log\":\"a\xef\xbf\xbd"
            "b\"}");
}

}  // namespace
}  // namespace mole::coordinator
