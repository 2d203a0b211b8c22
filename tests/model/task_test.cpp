#include "sdk/model/task.hpp"

#include <gtest/gtest.h>

namespace mole::task {
namespace {

Spec whole_spec() {
  Spec spec;
  spec.id = "3-17";
  spec.epoch = 3;
  spec.seq = 17;
  spec.kind = task::Kind::compute;
  spec.block = {1190484000 * second_us, 1190527200 * second_us};
  spec.archive = Archive{"ddosvax",
                         {"directory", "1.0.0", digest_of("d"), "{}", {{"root", "/archive"}}},
                         {"netflow5", "1.0.0", digest_of("n"), "{}", {}},
                         DamagePolicy::partial,
                         hour_us,
                         hour_us};
  spec.files = {
      {"19991_00040895_1190487600.dat.bz2", 13083, 1, "19991", 40895, {1190487600 * second_us, 1190491200 * second_us}, true, ""},
      {"", 0, 0, "19993", 40897, {1190494800 * second_us, 1190498400 * second_us}, false, ""}};
  Step step;
  step.pipeline = "border";
  step.module = "variance";
  step.fingerprint = digest_of("f");
  step.execution = Execution::mergeable;
  step.interval = 15 * minute_us;
  step.window = 7 * day_us;
  step.by = {"router"};
  step.routers = {"19991", "19993"};
  step.inputs = {
      {"values", InputKind::rows, "traffic", "bytes", "u64", "B", {}, 0u, {}},
      {"centre", InputKind::context, "mean", "bytes_mean", "f64", "B", {}, std::nullopt, {{spec.block, digest_of("r")}}}};
  step.make_state = step.make_result = true;
  step.states = {{spec.block, digest_of("s"), {"unix:/run/node", "tcp:127.0.0.1:9"}}};
  step.routes = {{{0, 5}, {}, "", "prefixes", false}, {{5, 9}, digest_of("t"), "rib.2007-09-22.txt", "mmdb", true}};
  spec.steps = {step};
  return spec;
}

TEST(TaskSpec, RoundTripsAsJson) {
  const nlohmann::json j = whole_spec();
  const auto back = parse_spec(j.dump());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(nlohmann::json(*back), j);
  EXPECT_EQ(back->steps[0].inputs[0].step, 0u);
  ASSERT_EQ(back->steps[0].routes.size(), 2u);
  EXPECT_TRUE(back->steps[0].routes[1].stale);
  EXPECT_FALSE(back->steps[0].inputs[1].step.has_value());
  EXPECT_FALSE(back->files[1].present);
  File file;
  file.version = "etag";
  EXPECT_EQ(nlohmann::json(file).get<File>().version, "etag");
}

TEST(TaskSpec, RejectsWrongTypes) {
  for (const char* text : {"", "[]", "{\"steps\":{}}", "{\"steps\":[1]}", "{\"block\":[1]}", "{\"epoch\":\"x\"}",
                           "{\"steps\":[{\"fingerprint\":\"zz\"}]}"})
    EXPECT_FALSE(parse_spec(text)) << text;
}

TEST(TaskReport, RoundTripsAsJson) {
  Report report;
  report.task = "3-17";
  report.steps = {{0,
                   Outcome::failed,
                   FailureCode::crashed,
                   "killed by signal 11",
                   {},
                   digest_of("r"),
                   0,
                   100,
                   7,
                   0.5,
                   0.0,
                   {{"plugin", "x"}}}};
  FileReport file;
  file.id = "f";
  file.state = task::FileState::damaged;
  file.lost_compressed = {{22000, 44000, "block damaged"}};
  file.readable = {{1, 2}};
  report.files = {file};
  report.index = {{"a", 1, "v", "tape", 2}};
  report.listing = digest_of(std::string_view("after"));
  report.listing_before = digest_of(std::string_view("before"));
  report.removed = {"b"};
  const nlohmann::json j = report;
  const auto back = parse_report(j.dump());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(nlohmann::json(*back), j);
}

TEST(TaskIndex, RoundTripsAsTextAndRejectsInvalidText) {
  const std::vector<IndexEntry> entries{{"a\nb", 1, "v", "tape", 2}, {"c", 3, "", "", 0}};
  const auto text = index_text(entries);
  const auto back = parse_index(text);
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->size(), 2u);
  EXPECT_EQ((*back)[0].id, "a\nb");
  EXPECT_EQ((*back)[0].position, 2u);
  EXPECT_TRUE(parse_index(""));
  EXPECT_FALSE(parse_index(text.substr(0, text.size() - 1))) << "truncated";
  for (const char* wrong : {"\n", "[]\n", "PAR1\n", "{\"size\":\"x\"}\n", "{\"id\":1}\n", "{\"id\":\"\xff\"}\n"})
    EXPECT_FALSE(parse_index(wrong)) << wrong;
}

}  // namespace
}  // namespace mole::task
