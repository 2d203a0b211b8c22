// Runs one task on this node, from an empty attempt folder to a report: fetch, run, seal.
#pragma once

#include "nodes/daemon/fault.hpp"
#include "nodes/daemon/fetch.hpp"

#include <atomic>
#include <map>
#include <optional>

namespace mole::nodes {

struct FinishedTask {
  task::Spec spec;
  task::Report report;
  std::map<Digest, std::filesystem::path> blobs;  // rows to upload; inside the attempt folder
};

// The phases of a task, in order; heartbeats contain their names.
enum class Phase { fetch, run, seal, upload };
const char* phase_name(Phase phase);

class Attempt {
 public:
  Attempt(const NodeContext& node, task::Spec spec);
  // Removes the attempt folder.
  ~Attempt();
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  // Runs on the calling thread, which must outlive the worker. The report states what failed; nullopt: cancelled.
  std::optional<FinishedTask> run();

  // May be called from any thread.
  void cancel() { cancel_.request(); }
  coordinator::TaskProgress progress() const;
  const std::string& id() const { return spec_.id; }
  task::Kind kind() const { return spec_.kind; }
  std::string title() const { return task::title_of(spec_); }  // for the log

 private:
  Result<> prepare();
  Result<> write_spec() const;
  Result<> take_back() const;
  Result<WorkerRun> run_worker();
  Command plugin_command(const char* mode, const std::filesystem::path& folder, Sandbox sandbox) const;
  void add_cache(Command& command) const;
  WorkerRun run_of(const char* process, const ExitStatus& status, const std::filesystem::path& folder) const;
  Result<task::Report> seal();
  Result<> run_sealer(const char* verb, const std::vector<std::string>& more = {});
  Result<> store_states(const task::Report& report) const;
  std::filesystem::path kept_listing() const;
  void keep_listing() const;
  FinishedTask finish(task::Report report) const;
  FinishedTask fail(const Error& error) const;
  Command command(std::vector<std::string> arguments) const;

  const NodeContext& node_;
  const task::Spec spec_;
  const std::filesystem::path folder_, staging_;  // of the attempt, and of the process that stages its files
  const std::uint64_t bytes_total_;
  Cancellation cancel_;
  std::atomic<Phase> phase_{Phase::fetch};
};

}  // namespace mole::nodes
