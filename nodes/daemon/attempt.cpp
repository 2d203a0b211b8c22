#include "nodes/daemon/attempt.hpp"

#include "nodes/daemon/call_record.hpp"
#include "nodes/daemon/verdict.hpp"
#include "sdk/model/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>

namespace mole::nodes {
namespace fs = std::filesystem;
namespace {

constexpr Micros sealing_limit = hour_us;
// Of which little is used: the stacks of a thread that computes and of one that decodes, the blocks they have in hand. Measured
// 44 MiB; all threads share one heap (runtime/task/allocator.cpp).
constexpr std::uint64_t thread_address_space = std::uint64_t{64} << 20;
constexpr std::uint64_t largest_report = task::largest_index_bytes + (std::uint64_t{64} << 20);  // an archive's list is in it

std::uint64_t bytes_of(const task::Spec& spec) {
  std::uint64_t bytes = 0;
  for (const auto& file : spec.files)
    if (file.present) bytes += file.size;
  return bytes;
}

std::string text_of(Code code) {
  switch (code) {
    case Code::invalid:
      return "invalid";
    case Code::corrupt:
      return "corrupt";
    case Code::missing:
      return "missing";
    case Code::transient:
      return "transient";
    case Code::exhausted:
      return "exhausted";
    case Code::cancelled:
      return "cancelled";
    case Code::unsupported:
      return "unsupported";
    case Code::internal:
      return "internal";
  }
  return "internal";
}

}  // namespace

Attempt::Attempt(const Surroundings& surroundings, task::Spec spec)
    : here_(surroundings), spec_(std::move(spec)), folder_(here_.folder.attempts() / spec_.id), bytes_total_(bytes_of(spec_)) {}

Attempt::~Attempt() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

coordinator::TaskProgress Attempt::progress() const {
  const std::string phase = phase_.load();
  const bool read = phase != "fetch" && phase != "run";
  return {.task = spec_.id, .phase = phase, .bytes_done = read ? bytes_total_ : 0, .bytes_total = bytes_total_};
}

std::optional<Finished> Attempt::run() {
  auto done = prepare();
  if (done)
    done = Fetcher(here_.coordinator, here_.folder, here_.plugins, here_.states, here_.options, cancel_).all(spec_, folder_);
  if (done) done = unseal();
  if (cancel_.requested()) return std::nullopt;
  if (!done) return failed(done.error());

  phase_ = "run";
  const auto ending = work();
  if (cancel_.requested()) return std::nullopt;
  if (!ending) return failed(ending.error());

  phase_ = "seal";
  auto sealed = seal();
  if (cancel_.requested()) return std::nullopt;
  if (!sealed) return failed(sealed.error());
  auto report = judge(std::move(*sealed), spec_,
                      {.ending = *ending,
                       .call = read_call(folder_ / "call"),
                       .log_tail = log_tail(folder_ / "log"),
                       .wall_limit = here_.options.wall_limit,
                       .stall_limit = here_.options.stall_limit});
  if (auto kept = keep_states(report); !kept) return failed(kept.error());
  phase_ = "upload";
  return finished(std::move(report));
}

Result<> Attempt::prepare() {
  std::error_code wrong;
  fs::remove_all(folder_, wrong);
  for (const char* part : {"rows", "states", "tables", "scratch", "out"}) {
    fs::create_directories(folder_ / part, wrong);
    if (wrong)
      return exhausted("cannot make the attempt's folder " + folder_.string() + ": " + wrong.message() +
                       "; free space on the node's disk");
  }
  std::ofstream file(folder_ / "spec.json", std::ios::binary);
  file << nlohmann::json(spec_).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  file.close();
  if (!file) return exhausted("cannot write " + (folder_ / "spec.json").string() + "; free space on the node's disk");
  return {};
}

Result<> Attempt::unseal() {
  std::error_code wrong;
  if (fs::is_empty(folder_ / "rows", wrong)) return {};
  return helper("--unseal");
}

Result<Ending> Attempt::work() {
  const int handover = ::open((folder_ / "handover").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (handover < 0) return exhausted("cannot make the handover file of " + folder_.string() + "; free space on the node's disk");
  const auto& options = here_.options;
  Command command;
  command.launcher = options.launcher;
  command.program = options.worker;
  command.arguments = {"--run",         folder_.string(),
                       "--cache",       here_.folder.cache().string(),
                       "--cache-limit", std::to_string(options.cache_limit),
                       "--plugins",     here_.folder.plugins().string(),
                       "--threads",     std::to_string(options.threads),
                       "--columns",     options.columns ? "on" : "off"};
  command.folder = folder_;
  command.log = folder_ / "log";
  command.handover = handover;
  if (options.memory > 0) command.address_space = options.memory + options.threads * thread_address_space;
  Watch watch;
  watch.wall_limit = options.wall_limit;
  watch.stall_limit = options.stall_limit;
  watch.progress = [this] {
    const auto call = read_call(folder_ / "call");
    return call ? call->progress : 0;
  };
  watch.cancel = &cancel_;
  auto ending = run_child(command, watch);
  ::close(handover);
  return ending;
}

Result<task::Report> Attempt::seal() {
  if (auto done = helper("--seal", {"--threads", std::to_string(here_.options.threads)}); !done) return done.error();
  const auto text = read_file(folder_ / "out" / "report.json", largest_report);
  if (!text) return internal("the sealing process ended well but left no report; update mole-worker to this version");
  return task::parse_report(*text);
}

// The plugin-free helpers of the worker: what fails there is the node's fault, not a plugin's.
Result<> Attempt::helper(const char* verb, const std::vector<std::string>& more) {
  Command command;
  command.launcher = here_.options.launcher;
  command.program = here_.options.worker;
  command.arguments = {verb, folder_.string()};
  command.arguments.insert(command.arguments.end(), more.begin(), more.end());
  command.folder = folder_;
  command.log = folder_ / "log";
  Watch watch;
  watch.wall_limit = sealing_limit;
  watch.cancel = &cancel_;
  const auto ending = run_child(command, watch);
  if (!ending) return ending.error();
  if (ending->clean()) return {};
  const std::string how = ending->kind == Ending::Kind::exited ? "exit code " : "signal ";
  const std::string text =
      std::string("mole-worker ") + verb + " ended with " + how + std::to_string(ending->value) + "; see the log";
  if (ending->kind == Ending::Kind::exited && ending->value == 75) return transient(text);  // EX_TEMPFAIL
  return internal(text);
}

// Before the coordinator hears of a state, this node can serve it.
Result<> Attempt::keep_states(task::Report& report) const {
  for (const auto& step : report.steps) {
    if (step.state_blob.empty()) continue;
    const auto file = folder_ / "out" / ("step" + std::to_string(step.step) + ".state");
    if (auto kept = here_.states.adopt(file, step.state_blob); !kept) return kept;
  }
  return {};
}

Finished Attempt::finished(task::Report report) const {
  Finished out{.spec = spec_, .report = std::move(report), .blobs = {}};
  for (const auto& step : out.report.steps)
    if (!step.rows_blob.empty()) out.blobs[step.rows_blob] = folder_ / "out" / ("step" + std::to_string(step.step) + ".parquet");
  return out;
}

// The task as a whole failed before or after its run.
Finished Attempt::failed(const Error& error) const {
  task::Report report;
  report.task = spec_.id;
  report.code = text_of(error.code);
  report.message = error.message;
  report.log_tail = log_tail(folder_ / "log");
  return {.spec = spec_, .report = std::move(report), .blobs = {}};
}

}  // namespace mole::nodes
