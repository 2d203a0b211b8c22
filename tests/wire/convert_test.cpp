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
  const auto granted = from_wire(to_wire(spec()));
  ASSERT_TRUE(granted);
  EXPECT_EQ(nlohmann::json(*granted), nlohmann::json(spec()));

  const auto done = from_wire(to_wire(Completion{.node = "n", .incarnation = "i", .spec = spec(), .report = report()}));
  ASSERT_TRUE(done);
  EXPECT_EQ(done->node, "n");
  EXPECT_EQ(done->incarnation, "i");
  EXPECT_EQ(nlohmann::json(done->spec), nlohmann::json(spec()));
  EXPECT_EQ(nlohmann::json(done->report), nlohmann::json(report()));
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
  EXPECT_FALSE(from_wire(grant));
  auto completion = to_wire(Completion{.node = "n", .incarnation = "i", .spec = spec(), .report = report()});
  completion.report = "[";
  EXPECT_FALSE(from_wire(completion));
}

TEST(Convert, RefusesADocumentThatNestsWithoutEndAndReadsOneThatOnlyQuotesIt) {
  auto completion = to_wire(Completion{.node = "n", .incarnation = "i", .spec = spec(), .report = report()});
  completion.report = std::string(65, '[');
  EXPECT_NE(from_wire(completion).error().message.find("64 levels"), std::string::npos);
  auto quoting = report();
  quoting.log_tail = std::string(1000, '[') + "\\\"" + std::string(1000, '{');
  completion = to_wire(Completion{.node = "n", .incarnation = "i", .spec = spec(), .report = quoting});
  EXPECT_TRUE(from_wire(completion));
}

TEST(Convert, WritesBytesThatAreNotTextAsReplacementCharacters) {
  EXPECT_EQ(to_wire(nlohmann::json{{"log", "a\xff" "b"}}), "{\"log\":\"a\xef\xbf\xbd" "b\"}");
}

}  // namespace
}  // namespace mole::coordinator
