#include "coordinator/wire/convert.hpp"

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

TEST(Convert, KeepsASubmission) {
  const Submission s{.manifest = "pipeline: p\n",
                     .manifest_name = "p.yaml",
                     .base = "/srv",
                     .overrides = {"a=b", "c=d"},
                     .module = "mean",
                     .range = {-5, 1190484000000000},
                     .partial = true,
                     .priority = -3,
                     .client_id = "c-1"};
  const auto back = from_wire(to_wire(s));
  EXPECT_EQ(back.manifest, s.manifest);
  EXPECT_EQ(back.manifest_name, s.manifest_name);
  EXPECT_EQ(back.base, s.base);
  EXPECT_EQ(back.overrides, s.overrides);
  EXPECT_EQ(back.module, s.module);
  EXPECT_EQ(back.range, s.range);
  EXPECT_EQ(back.partial, s.partial);
  EXPECT_EQ(back.priority, s.priority);
  EXPECT_EQ(back.client_id, s.client_id);
}

TEST(Convert, KeepsANodeAndItsRegistration) {
  const auto node =
      from_wire(to_wire(NodeInfo{.name = "n1", .incarnation = "f00d", .address = "unix:/n", .slots = 4, .threads = 2}));
  ASSERT_TRUE(node);
  EXPECT_EQ(node->name, "n1");
  EXPECT_EQ(node->incarnation, "f00d");
  EXPECT_EQ(node->address, "unix:/n");
  EXPECT_EQ(node->slots, 4u);
  EXPECT_EQ(node->threads, 2u);
  const auto registration = from_wire(to_wire(Registration{.epoch = big, .lease = 60, .heartbeat = 10}));
  EXPECT_EQ(registration.epoch, big);
  EXPECT_EQ(registration.lease, 60);
  EXPECT_EQ(registration.heartbeat, 10);
}

TEST(Convert, KeepsALeaseAndAHeartbeat) {
  const auto ask = from_wire(to_wire(LeaseRequest{.node = "n", .incarnation = "i", .free_slots = 3, .held = {"1-2", "1-3"}}));
  ASSERT_TRUE(ask);
  EXPECT_EQ(ask->node, "n");
  EXPECT_EQ(ask->incarnation, "i");
  EXPECT_EQ(ask->free_slots, 3u);
  EXPECT_EQ(ask->held, (std::vector<std::string>{"1-2", "1-3"}));

  const TaskProgress attempt{.task = "1-2", .phase = "run", .bytes_done = 1, .bytes_total = big, .flows = 3};
  const auto beat = from_wire(to_wire(Heartbeat{.node = "n", .incarnation = "i", .tasks = {attempt}, .draining = true}));
  ASSERT_EQ(beat.tasks.size(), 1u);
  EXPECT_EQ(beat.node, "n");
  EXPECT_EQ(beat.incarnation, "i");
  EXPECT_TRUE(beat.draining);
  EXPECT_EQ(beat.tasks[0].task, "1-2");
  EXPECT_EQ(beat.tasks[0].phase, "run");
  EXPECT_EQ(beat.tasks[0].bytes_done, 1u);
  EXPECT_EQ(beat.tasks[0].bytes_total, big);
  EXPECT_EQ(beat.tasks[0].flows, 3u);

  const auto reply = from_wire(to_wire(HeartbeatReply{.cancel = {"1-2"}, .drain = true, .reregister = true}));
  EXPECT_EQ(reply.cancel, std::vector<std::string>{"1-2"});
  EXPECT_TRUE(reply.drain);
  EXPECT_TRUE(reply.reregister);
}

wire::Grants grants(const std::vector<task::Spec>& specs) {
  wire::Grants out;
  Outgoing message;
  for (const auto& each : specs) out.specs.push_back(to_wire(each, message));
  out.sidecars = message.sidecars;
  return out;
}

wire::Completions completions(const Completion& completion) {
  wire::Completions out;
  Outgoing message;
  out.completions.push_back(to_wire(completion, message));
  out.sidecars = message.sidecars;
  return out;
}

TEST(Convert, KeepsEveryFieldOfASpec) {
  const auto back = from_wire(grants({spec(), task::Spec{}}));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(nlohmann::json(back->at(0)), nlohmann::json(spec()));
  EXPECT_EQ(nlohmann::json(back->at(1)), nlohmann::json(task::Spec{}));
}

TEST(Convert, KeepsEveryFieldOfACompletion) {
  const auto back = from_wire(completions(completion()));
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->size(), 1u);
  EXPECT_EQ(back->at(0).node, "n");
  EXPECT_EQ(back->at(0).incarnation, "i");
  EXPECT_EQ(nlohmann::json(back->at(0).spec), nlohmann::json(spec()));
  EXPECT_EQ(nlohmann::json(back->at(0).report), nlohmann::json(report()));
}

// Replaces the name of an enumerator by the next name of the same table.
template <Named E>
bool take_next_name(std::string& name) {
  const auto names = all_names<E>();
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) return false;
  name = at + 1 == names.end() ? names.front() : at[1];
  return true;
}

bool take_next_enumerator(std::string& name) {
  return take_next_name<task::Kind>(name) || take_next_name<DamagePolicy>(name) || take_next_name<Bzip2Decoder>(name) ||
         take_next_name<InputKind>(name) || take_next_name<Execution>(name) || take_next_name<Load>(name) ||
         take_next_name<task::Outcome>(name) || take_next_name<task::FailureCode>(name) ||
         take_next_name<task::FileState>(name) || take_next_name<task::FlowSource>(name);
}

// Gives every leaf a different value, so that a field of the JSON form that is not converted is noticed.
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
  else if (value.is_string() && !take_next_enumerator(value.get_ref<std::string&>()))
    value = "text " + std::to_string(++next);
}

TEST(Convert, ConvertsEveryFieldOfTheJsonForm) {
  int next = 1000;
  auto changed = completion();
  changed.report.steps.resize(1);
  nlohmann::json distinct = changed.spec;
  make_distinct(distinct, next);
  changed.spec = distinct.get<task::Spec>();
  nlohmann::json report_json = changed.report;
  make_distinct(report_json, next);
  changed.report = report_json.get<task::Report>();
  const auto back = from_wire(completions(changed));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(nlohmann::json(back->at(0).spec), distinct) << nlohmann::json::diff(distinct, back->at(0).spec);
  EXPECT_EQ(nlohmann::json(back->at(0).report), report_json) << nlohmann::json::diff(report_json, back->at(0).report);
}

TEST(Convert, SendsASidecarOncePerMessage) {
  auto other = spec();
  other.steps[0].plugin.sidecar = "{\"another\":\"text of the same library\"}";
  const auto sent = grants({spec(), spec(), other});
  EXPECT_EQ(sent.sidecars, (Sidecars{{digest_of("library").hex(), "{\"schema\":1}"}}));
  EXPECT_EQ(sent.specs[0].steps[0].plugin.sidecar, "");
  const auto got = from_wire(sent);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->at(1).steps[0].plugin.sidecar, "{\"schema\":1}");
  EXPECT_EQ(got->at(2).steps[0].plugin.sidecar, other.steps[0].plugin.sidecar);
}

TEST(Convert, CountsAtLeastTheBytesItSends) {
  Outgoing message;
  wire::Completions sent;
  for (int i = 0; i < 10; ++i) sent.completions.push_back(to_wire(completion(), message));
  sent.sidecars = message.sidecars;
  auto buffer = std::make_shared<apache::thrift::transport::TMemoryBuffer>();
  apache::thrift::protocol::TBinaryProtocol protocol(buffer);
  sent.write(&protocol);
  EXPECT_GE(message.bytes + 64, buffer->available_read());
  EXPECT_LT(message.bytes, 2 * buffer->available_read());
}

TEST(Convert, KeepsEveryErrorCode) {
  for (const auto code : {Code::invalid, Code::corrupt, Code::missing, Code::transient, Code::exhausted, Code::cancelled,
                          Code::unsupported, Code::internal}) {
    const auto back = from_wire(to_wire(Error{code, "why; what to do"}));
    EXPECT_EQ(back.code, code);
    EXPECT_EQ(back.message, "why; what to do");
  }
}

TEST(Convert, ReadsAnUnknownErrorCodeAsInternal) {
  wire::Failure failure;
  failure.code = 99;
  EXPECT_EQ(from_wire(failure).code, Code::internal);
}

TEST(Convert, RejectsNegativeCounts) {
  wire::NodeInfo node;
  node.slots = -1;
  EXPECT_EQ(from_wire(node).error().code, Code::invalid);
  wire::LeaseRequest ask;
  ask.free_slots = -1;
  EXPECT_EQ(from_wire(ask).error().code, Code::invalid);
}

TEST(Convert, RejectsAMalformedDigestNumberOrJson) {
  auto bad = completions(completion());
  bad.completions[0].spec.steps[0].state_key = "fifteen bytes..";
  EXPECT_NE(from_wire(bad).error().message.find("a digest has 15 bytes"), std::string::npos);
  bad = completions(completion());
  bad.completions[0].report.steps[0].step = -1;
  EXPECT_NE(from_wire(bad).error().message.find("negative"), std::string::npos);
  bad = completions(completion());
  bad.completions[0].report.steps[0].lineage = "{";
  EXPECT_NE(from_wire(bad).error().message.find("not JSON"), std::string::npos);
}

TEST(Convert, RejectsDeeplyNestedJsonButNotBracketsInsideAString) {
  auto deep = completions(completion());
  deep.completions[0].report.steps[0].lineage = std::string(65, '[');
  EXPECT_NE(from_wire(deep).error().message.find("64 levels"), std::string::npos);
  auto quoting = completion();
  quoting.report.steps[0].lineage = {{"quoted", std::string(1000, '[') + "\\\"" + std::string(1000, '{')}};
  EXPECT_TRUE(from_wire(completions(quoting)));
}

TEST(Convert, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(json_text(nlohmann::json{{"log",
                                      "a\xff"
                                      "b"}}),
            "{\"log\":\"a\xef\xbf\xbd"
            "b\"}");
}

}  // namespace
}  // namespace mole::coordinator
