#include "tests/coordinator/world.hpp"

#include "sdk/model/durable_file.hpp"
#include "sdk/model/kept_columns.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace mole::test {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {
constexpr Micros day_zero = 1190419200 * second_us;  // 2007-09-22T00:00:00Z
}

void write_plugin(const fs::path& folder, const json& descriptor, const std::string& bytes) {
  fs::create_directories(folder);
  const auto name = descriptor.at("name").get<std::string>();
  ASSERT_TRUE(durable_write(folder / (name + ".so"), bytes));
  const json sidecar = {{"schema", 1},
                        {"library", name + ".so"},
                        {"digest", digest_of(std::string_view(bytes)).hex()},
                        {"abi", {{"major", MOLE_ABI_MAJOR}, {"minor", MOLE_ABI_MINOR}}},
                        {"compiler", "none"},
                        {"plugins", json::array({descriptor})}};
  ASSERT_TRUE(durable_write(folder / (name + ".plugin.json"), sidecar.dump()));
}

json metric(const std::string& name, const std::string& execution, json inputs, json outputs) {
  return {{"kind", "metric"},
          {"name", name},
          {"version", "1.0.0"},
          {"summary", name},
          {"execution", execution},
          {"deterministic", true},
          {"inputs", std::move(inputs)},
          {"params", json::array()},
          {"output", std::move(outputs)},
          {"state", {{"revision", 1}, {"shape", "0123456789abcdef"}}}};
}

namespace {

json output(const std::string& name, const std::string& type, const std::string& unit) {
  return {{"name", name}, {"type", type}, {"nullable", type == "f64"}, {"unit", unit}, {"doc", name}};
}

json rows(const std::string& role) {
  return {{"role", role}, {"kind", "rows"}, {"type", "number"}, {"unit", "any"}, {"doc", role}};
}

}  // namespace

void write_plugins(const fs::path& folder) {
  const json flows = json::array({{{"role", "flows"}, {"kind", "flows"}, {"reads", {"bytes", "packets"}}}});
  write_plugin(
      folder,
      {{"kind", "downloader"},
       {"name", "directory"},
       {"version", "1.0.0"},
       {"summary", "a folder"},
       {"inputs", json::array()},
       {"output", json::array()},
       {"params", json::array({{{"name", "root"}, {"type", "text"}, {"default", ""}, {"format", "path"}, {"doc", "folder"}}})}},
      "directory");
  write_plugin(folder,
               {{"kind", "decoder"},
                {"name", "netflow5"},
                {"version", "1.0.0"},
                {"summary", "v5"},
                {"params", json::array()},
                {"inputs", json::array()},
                {"output", json::array()},
                {"writes",
                 {"start", "end", "src_addr", "dst_addr", "src_port", "dst_port", "protocol", "packets", "bytes",
                  "application_label", "elements"}}},
               "netflow5");
  write_plugin(
      folder,
      metric("traffic", "mergeable", flows,
             json::array({output("flows", "u64", "flow"), output("packets", "u64", "packet"), output("bytes", "u64", "B")})),
      "traffic");
  auto mean =
      metric("mean", "mergeable", json::array({rows("values")}), json::array({output("{values}_mean", "f64", "same(values)")}));
  mean["params"] = json::array(
      {{{"name", "minimum_coverage"}, {"type", "f64"}, {"default", 0.0}, {"range", {0, 1}}, {"doc", "least coverage"}}});
  write_plugin(folder, mean, "mean");
  const json centre = {{"role", "centre"}, {"kind", "context"}, {"type", "number"}, {"unit", "same(values)"}, {"doc", "centre"}};
  write_plugin(folder,
               metric("variance", "mergeable", json::array({rows("values"), centre}),
                      json::array({output("{values}_variance", "f64", "square(values)")})),
               "variance");
  write_plugin(folder, metric("longest_silence", "sequential", flows, json::array({output("silence", "f64", "s")})),
               "longest_silence");
}

World::World() {
  write_plugins(folder.path() / "plugins");
  open();
}

coordinator::Config World::config() const {
  coordinator::Config config;
  config.state = folder.path() / "state";
  config.plugins = {folder.path() / "plugins"};
  config.create = true;
  config.seed = seed;
  config.now = [this] { return clock; };
  config.log = [this](coordinator::LogLevel, const std::string& line) { log.push_back(line); };
  config.wall = [this] { return wall; };
  config.free_bytes = [this] { return free_bytes; };
  return config;
}

void World::open() {
  auto opened = coordinator::Service::open(config());
  ASSERT_TRUE(opened) << opened.error().message;
  service_ = std::move(*opened);
}

std::string World::file_name(const std::string& router, int hour) {
  char text[64];
  std::snprintf(text, sizeof text, "%s_%08d_%lld.dat", router.c_str(), 100 + hour,
                static_cast<long long>(day_zero / second_us + hour * 3600LL));
  return text;
}

void World::add_files(const std::string& router, int hour, int count) {
  for (int h = hour; h < hour + count; ++h) {
    const auto id = file_name(router, h);
    archive[id] = {id, 1000, "1", "", 0};
  }
}

void World::remove_file(const std::string& router, int hour) { archive.erase(file_name(router, hour)); }

coordinator::Submission World::submission(const std::string& manifest, const std::string& from, const std::string& to) const {
  coordinator::Submission s;
  s.manifest = manifest;
  s.manifest_name = "border.yaml";
  s.base = folder.path();
  s.range = {*parse_time(from), *parse_time(to)};
  return s;
}

void World::set_incomplete(std::vector<task::CoverageRange> ranges, TimeRange block, task::StepReport& report) {
  double missing = 0;
  for (const auto& [range, share, least] : ranges) {
    missing += (1 - share) * static_cast<double>(range.to - range.from);
    report.coverage_min = std::min(report.coverage_min, least);
  }
  report.coverage = 1 - missing / static_cast<double>(block.to - block.from);
  report.incomplete = std::move(ranges);
}

void World::join(const std::string& node, const std::string& inc) {
  incarnation[node] = inc;
  coordinator::NodeInfo info;
  info.name = node;
  info.incarnation = inc;
  info.address = "unix:/" + node;
  ASSERT_TRUE(service_->register_node(info));
}

std::vector<task::Spec> World::lease(const std::string& node, std::uint32_t slots, std::vector<std::string> held) {
  if (!incarnation.contains(node)) join(node, node + "1");
  auto specs = service_->lease({node, incarnation[node], slots, held});
  if (!specs) {  // the coordinator was restarted
    join(node, incarnation[node]);
    specs = service_->lease({node, incarnation[node], slots, held});
  }
  EXPECT_TRUE(specs);
  return specs ? *specs : std::vector<task::Spec>{};
}

coordinator::Completion World::compute(const std::string& node, const task::Spec& spec) {
  coordinator::Completion done;
  done.node = node;
  done.incarnation = incarnation[node];
  done.spec = spec;
  done.report.task = spec.id;
  if (spec.kind == task::Kind::index)
    for (const auto& [id, entry] : archive) done.report.index.push_back(entry);
  for (const auto& file : spec.files) {
    if (!file.present) continue;
    task::FileReport report;
    report.id = file.id;
    report.size = file.size;
    const auto bytes = content.contains(file.id) ? content[file.id] : file.id;
    report.digest = digest_of(std::string_view(bytes));
    report.state = archive.contains(file.id) ? task::FileState::sound : task::FileState::missing;
    if (report.state == task::FileState::sound)
      report.source = done.report.files.empty() ? task::FlowSource::archive
                                                : task::FlowSource::columns;  // the first file was not in the node's cache
    if (keeps_columns) report.columns = kept_columns_name(file, *spec.archive, kept_columns);
    done.report.files.push_back(report);
  }
  std::vector<std::string> made(spec.steps.size());
  for (std::uint32_t i = 0; i < spec.steps.size(); ++i) {
    const auto& step = spec.steps[i];
    task::StepReport report;
    report.step = i;
    report.outcome = task::Outcome::done;
    report.coverage = report.coverage_min = coverage;
    if (incomplete) set_incomplete(incomplete(step, spec.block), spec.block, report);
    report.rows = 8;
    report.lineage = {{"pipeline", step.pipeline},
                      {"module", step.module},
                      {"interval", step.interval},
                      {"window", step.window},
                      {"files", json::array()}};
    for (const auto& file : spec.files)
      if (file.present)
        report.lineage["files"].push_back({{"id", file.id}, {"covers", file.covers}, {"revision", file.revision}});
    if (step.make_state) report.state_blob = digest_of(std::string_view("state " + step.state_key.hex()));
    if (step.make_result) {
      made[i] = "rows " + step.result_key.hex();
      report.rows_blob = digest_of(std::string_view(made[i]));
      EXPECT_TRUE(service_->put_blob(report.rows_blob, 0, made[i], made[i].size()));
    }
    done.report.steps.push_back(std::move(report));
  }
  return done;
}

std::string World::complete(const coordinator::Completion& completion) {
  auto verdicts = service_->complete({completion});
  EXPECT_TRUE(verdicts) << verdicts.error().message;
  return verdicts ? std::string(name_of(verdicts->at(0))) : "";
}

bool World::work_once(const std::string& node) {
  const auto specs = lease(node, 1);
  for (const auto& spec : specs) complete(compute(node, spec));
  return !specs.empty();
}

void World::work(const std::string& node) {
  for (int i = 0; i < 100'000 && work_once(node); ++i) {
  }
}

json World::run(const coordinator::Submission& s) {
  const auto accepted = client().submit(s);
  EXPECT_TRUE(accepted) << accepted.error().message;
  if (!accepted) return {};
  work();
  return request(accepted->at("id"));
}

json World::request(const std::string& id) {
  const auto document = client().request(id);
  EXPECT_TRUE(document) << document.error().message;
  return document ? *document : json();
}

std::map<std::string, std::string> World::catalogue() {
  std::map<std::string, std::string> out;
  const auto status = client().status();
  for (const auto& module : status->at("modules")) {
    const auto name = module.at("module").get<std::string>();
    const auto results = client().results(name, {});
    EXPECT_TRUE(results);
    for (const auto& block : results->at("blocks")) out[name + "@" + block.at("from").get<std::string>()] = block.at("rows_blob");
  }
  return out;
}

}  // namespace mole::test
