// A simulated environment for a Service: a folder of fake plugins, an archive that is only a list, a clock, and nodes that hash
// the keys in a task instead of computing. It starts no processes and does not wait.
#pragma once

#include "coordinator/service.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mole::test {

// A temporary folder in memory. No disk is needed, because a killed process does not lose what it has written.
class TempFolder : public mole::testing::TempFolder {
 public:
  TempFolder() : mole::testing::TempFolder(memory()) {}
};

// Writes the plugins directory, netflow5, traffic, mean, variance and longest_silence: sidecars with libraries of a few bytes.
void write_plugins(const std::filesystem::path& folder);
// Writes one plugin: a sidecar with its descriptor, and a library that consists of `bytes`.
void write_plugin(const std::filesystem::path& folder, const nlohmann::json& descriptor, const std::string& bytes);
nlohmann::json metric(const std::string& name, const std::string& execution, nlohmann::json inputs, nlohmann::json outputs);

inline constexpr const char* border = R"(
pipeline: border
archives:
  flows:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat"
    covers: 1h
    block: {length: 2h}
modules:
  traffic: {plugin: traffic, input: {archive: flows}, interval: 15m, by: [router]}
)";

inline std::string replaced(std::string text, const std::string& was, const std::string& is) {
  const auto at = text.find(was);
  EXPECT_NE(at, std::string::npos) << was;
  return text.replace(at, was.size(), is);
}

inline constexpr const char* chain = R"(
pipeline: border
archives:
  flows:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat"
    covers: 1h
    block: {length: 2h}
modules:
  traffic:  {plugin: traffic, input: {archive: flows}, interval: 15m, by: [router]}
  mean:     {plugin: mean, inputs: {values: traffic.bytes}, window: 6h}
  variance: {plugin: variance, inputs: {values: traffic.bytes, centre: mean.bytes_mean}, window: 6h}
)";

// Calls a service and returns its documents as JSON.
class JsonClient {
 public:
  using json = nlohmann::json;
  explicit JsonClient(coordinator::ClientApi& api) : api_(api) {}

  Result<json> submit(const coordinator::Submission& s) { return as_json(api_.submit(s)); }
  Result<json> plan(const coordinator::Submission& s) { return as_json(api_.plan(s)); }
  Result<json> validate(const coordinator::Submission& s) { return as_json(api_.validate(s)); }
  Result<json> request(const std::string& id) { return as_json(api_.request(id)); }
  Result<json> requests() { return as_json(api_.requests()); }
  Result<json> cancel(const std::string& id) { return as_json(api_.cancel(id)); }
  Result<json> status() { return as_json(api_.status()); }
  Result<json> explain(const std::string& job, const std::string& what_if = "") { return as_json(api_.explain(job, what_if)); }
  Result<json> why(const std::string& module, const std::string& column, Micros time, const std::string& what_if = "") {
    return as_json(api_.why(module, column, time, what_if));
  }
  Result<json> results(const std::string& module, TimeRange range, const std::string& what_if = "") {
    return as_json(api_.results(module, range, what_if));
  }
  Result<json> archive_files(const std::string& archive, TimeRange range = {}) {
    return as_json(api_.archive_files(archive, range));
  }
  Result<json> archive_gaps(const std::string& archive) { return as_json(api_.archive_gaps(archive)); }
  Result<json> load_history(TimeRange range = {}) { return as_json(api_.load_history(range)); }
  Result<json> archive_task(const coordinator::Submission& s, const std::string& archive, coordinator::RequestKind kind) {
    return as_json(api_.archive_task(s, archive, kind));
  }
  Result<json> dump(const std::string& table, const std::string& from, std::uint32_t limit) {
    return as_json(api_.dump(table, from, limit));
  }

 private:
  template <class T>
  static Result<json> as_json(Result<T> document) {
    if (!document) return document.error();
    return json(std::move(*document));
  }
  coordinator::ClientApi& api_;
};

class World {
 public:
  World();
  // Opens the coordinator. If it was open before, only the contents of the store remain, as after a crash.
  void open();
  void close() { service_.reset(); }
  void reopen() {
    close();
    open();
  }
  coordinator::Service& service() { return *service_; }
  JsonClient client() { return JsonClient(*service_); }
  coordinator::Config config() const;

  // Adds files "R_SSSSSSSS_T.dat" of 1000 bytes, one per hour from `hour` on (in hours since 2007-09-22T00:00Z).
  void add_files(const std::string& router, int hour, int count);
  void remove_file(const std::string& router, int hour);
  static std::string file_name(const std::string& router, int hour);

  coordinator::Submission submission(const std::string& manifest, const std::string& from, const std::string& to) const;
  // Submits and works until no more tasks are leased. Returns the request's document.
  nlohmann::json run(const coordinator::Submission& submission);

  // Lets one node lease and complete a task. Returns false if there was none.
  bool work_once(const std::string& node = "a");
  void work(const std::string& node = "a");
  std::vector<task::Spec> lease(const std::string& node, std::uint32_t slots, std::vector<std::string> held = {});
  // Returns the report of a correct node: blobs are digests of parts of the spec, so equal keys give equal bytes.
  coordinator::Completion compute(const std::string& node, const task::Spec& spec);
  std::string complete(const coordinator::Completion& completion);
  void join(const std::string& node, const std::string& incarnation);

  nlohmann::json request(const std::string& id);
  std::map<std::string, std::string> catalogue();  // "module@block" -> rows blob

  TempFolder folder;
  Micros clock = 1'000'000 * second_us;
  std::uint64_t free_bytes = std::uint64_t{1} << 40;  // on the coordinator's disk
  Micros wall = *parse_time("2017-09-19");          // after the last file
  std::map<std::string, task::IndexEntry> archive;  // by id
  std::map<std::string, std::string> content;       // by id; files without an entry contain their id
  std::map<std::string, std::string> incarnation;   // by node
  double coverage = 1;
  // The parts of a step's block with incomplete rows; default: none, or the whole block if `coverage` is below 1.
  std::function<std::vector<task::CoverageRange>(const task::Step&, TimeRange block)> incomplete;
  std::uint64_t seed = 1;
  bool keeps_columns = false;            // the nodes keep the columns of the files they read
  std::vector<int> kept_columns = {};    // those beyond the columns of NetFlow v5
  mutable std::vector<std::string> log;  // lines of the coordinator's log

 private:
  static void set_incomplete(std::vector<task::CoverageRange> ranges, TimeRange block, task::StepReport& report);
  std::unique_ptr<coordinator::Service> service_;
};

}  // namespace mole::test
