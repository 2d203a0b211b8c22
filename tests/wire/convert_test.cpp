#include "coordinator/wire/convert.hpp"

#include <gtest/gtest.h>

namespace mole::coordinator {
namespace {

constexpr std::uint64_t big = 0xfedcba9876543210;

task::Spec spec() {
  task::Spec s;
  s.id = "3-14";
  s.epoch = 3;
  s.seq = 14;
  s.kind = "compute";
  s.block = {1190484000000000, 1190527200000000};
  s.files.push_back({.id = "a.dat.bz2", .size = big, .revision = 2, .router = "19991", .sequence = 9, .covers = {1, 2}, .present = true});
  task::Step step;
  step.pipeline = "p";
  step.module = "variance";
  step.plugin.name = "variance";
  step.plugin.params = {{"ddof", 1}};
  step.plugin.library = digest_of("library");
  step.plugin.sidecar = "{\"schema\":1}";
  step.execution = "mergeable";
  step.interval = 900 * second_us;
  step.make_result = true;
  s.steps.push_back(step);
  return s;
}

task::Report report() {
  task::Report r;
  r.task = "3-14";
  task::StepReport step;
  step.outcome = "done";
  step.rows = big;
  step.rows_blob = digest_of("rows");
  step.coverage = 0.5;
  step.lineage = {{"files", {"a"}}};
  r.steps.push_back(step);
  r.log_tail = "one\ntwo";
  return r;
}

Completion completion() { return {.node = "n", .incarnation = "i", .spec = spec(), .report = report()}; }

wire::Completion sent(const Completion& c) {
  Sidecars sidecars;
  return to_wire(c, sidecars);
}

TEST(Convert, KeepsASubmission) {
  const Submission s{.manifest = "pipeline: p\n", .manifest_name = "p.yaml", .base = "/srv", .overrides = {"a=b", "c=d"},
                     .module = "mean", .range = {-5, 1190484000000000}, .partial = true, .priority = -3, .client_id = "c-1"};
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
  const auto node = from_wire(to_wire(NodeInfo{.name = "n1", .incarnation = "f00d", .address = "unix:/n", .slots = 4, .threads = 2}));
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
  const auto ask = from_wire(to_wire(LeaseAsk{.node = "n", .incarnation = "i", .free_slots = 3, .held = {"1-2", "1-3"}}));
  ASSERT_TRUE(ask);
  EXPECT_EQ(ask->node, "n");
  EXPECT_EQ(ask->incarnation, "i");
  EXPECT_EQ(ask->free_slots, 3u);
  EXPECT_EQ(ask->held, (std::vector<std::string>{"1-2", "1-3"}));

  const Attempt attempt{.task = "1-2", .phase = "run", .bytes_done = 1, .bytes_total = big, .flows = 3};
  const auto beat = from_wire(to_wire(Heartbeat{.node = "n", .incarnation = "i", .attempts = {attempt}, .draining = true}));
  ASSERT_EQ(beat.attempts.size(), 1u);
  EXPECT_EQ(beat.node, "n");
  EXPECT_EQ(beat.incarnation, "i");
  EXPECT_TRUE(beat.draining);
  EXPECT_EQ(beat.attempts[0].task, "1-2");
  EXPECT_EQ(beat.attempts[0].phase, "run");
  EXPECT_EQ(beat.attempts[0].bytes_done, 1u);
  EXPECT_EQ(beat.attempts[0].bytes_total, big);
  EXPECT_EQ(beat.attempts[0].flows, 3u);

  const auto reply = from_wire(to_wire(HeartbeatReply{.cancel = {"1-2"}, .drain = true, .reregister = true}));
  EXPECT_EQ(reply.cancel, std::vector<std::string>{"1-2"});
  EXPECT_TRUE(reply.drain);
  EXPECT_TRUE(reply.reregister);
}

TEST(Convert, KeepsAGrantAndACompletion) {
  const auto granted = from_wire(to_wire(std::vector{spec(), spec()}));
  ASSERT_TRUE(granted);
  ASSERT_EQ(granted->size(), 2u);
  EXPECT_EQ(nlohmann::json(granted->at(1)), nlohmann::json(spec()));

  const auto done = from_wire(to_wire(std::vector{completion()}));
  ASSERT_TRUE(done);
  ASSERT_EQ(done->size(), 1u);
  EXPECT_EQ(done->at(0).node, "n");
  EXPECT_EQ(done->at(0).incarnation, "i");
  EXPECT_EQ(nlohmann::json(done->at(0).spec), nlohmann::json(spec()));
  EXPECT_EQ(nlohmann::json(done->at(0).report), nlohmann::json(report()));
}

TEST(Convert, SendsASidecarOnceAMessage) {
  auto other = spec();
  other.steps[0].plugin.sidecar = "{\"another\":\"text of the same library\"}";
  const auto sent = to_wire(std::vector{spec(), spec(), other});
  EXPECT_EQ(sent.sidecars, (Sidecars{{digest_of("library").hex(), "{\"schema\":1}"}}));
  EXPECT_EQ(sent.grants[0].spec.find("schema"), std::string::npos);
  EXPECT_NE(sent.grants[2].spec.find("another"), std::string::npos);
  const auto got = from_wire(sent);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->at(1).steps[0].plugin.sidecar, "{\"schema\":1}");
  EXPECT_EQ(got->at(2).steps[0].plugin.sidecar, other.steps[0].plugin.sidecar);
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

TEST(Convert, RefusesNegativeCounts) {
  wire::NodeInfo node;
  node.slots = -1;
  EXPECT_EQ(from_wire(node).error().code, Code::invalid);
  wire::LeaseAsk ask;
  ask.free_slots = -1;
  EXPECT_EQ(from_wire(ask).error().code, Code::invalid);
}

TEST(Convert, RefusesASpecOrReportThatIsNotOne) {
  wire::Grant grant;
  grant.spec = "{\"id\": 5}";
  EXPECT_FALSE(from_wire(grant, {}));
  auto bad = sent(completion());
  bad.report = "[";
  EXPECT_FALSE(from_wire(bad, {}));
}

TEST(Convert, RefusesADocumentThatNestsWithoutEndAndReadsOneThatOnlyQuotesIt) {
  auto deep = sent(completion());
  deep.report = std::string(65, '[');
  EXPECT_NE(from_wire(deep, {}).error().message.find("64 levels"), std::string::npos);
  auto quoting = completion();
  quoting.report.log_tail = std::string(1000, '[') + "\\\"" + std::string(1000, '{');
  EXPECT_TRUE(from_wire(sent(quoting), {}));
}

TEST(Convert, WritesBytesThatAreNotTextAsReplacementCharacters) {
  EXPECT_EQ(to_wire(nlohmann::json{{"log", "a\xff" "b"}}), "{\"log\":\"a\xef\xbf\xbd" "b\"}");
}

}  // namespace
}  // namespace mole::coordinator
