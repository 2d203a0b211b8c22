#include "nodes/daemon/attempt.hpp"

#include "nodes/daemon/fault.hpp"
#include "nodes/daemon/sandbox.hpp"
#include "nodes/daemon/staging_process.hpp"
#include "sdk/model/durable_file.hpp"
#include "sdk/model/enums.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace mole::nodes {
namespace fs = std::filesystem;
namespace {

constexpr Micros sealing_limit = hour_us;
constexpr Micros fetch_limit = 7 * day_us;  // a tape may take hours; a worker that makes no progress is noticed earlier
// For the stacks of a computing and a decoding thread and for the blocks they process; 44 MiB was measured. All threads share
// one heap (runtime/task/flow_pass.cpp).
constexpr std::uint64_t thread_address_space = std::uint64_t{64} << 20;
constexpr std::uint64_t max_report_bytes = task::max_index_bytes + (std::uint64_t{64} << 20);  // may include an archive's index

// The numbers of the files that a fetch task has put into the cache, as its worker notes them. Plugins may have replaced the file
// or written anything into it.
std::vector<std::uint32_t> ready_files(const fs::path& file, std::size_t count) {
  constexpr std::size_t max_digits = 11;
  std::vector<std::uint32_t> out;
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  struct stat st {};
  if (fd >= 0 && ::fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
    std::string text(std::min<std::size_t>(static_cast<std::size_t>(st.st_size), count * max_digits), '\0');
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(::pread(fd, text.data(), text.size(), 0), 0)));
    std::istringstream in(text);
    for (std::uint32_t number = 0; out.size() < count && in >> number;)
      if (number < count) out.push_back(number);
  }
  if (fd >= 0) ::close(fd);
  return out;
}

std::uint64_t input_bytes(const task::Spec& spec) {
  std::uint64_t bytes = 0;
  for (const auto& file : spec.files)
    if (file.present) bytes += file.size;
  return bytes;
}

// Variables with which downloaders reach their archives; workers that use no downloader do not get them.
constexpr std::array archive_variables{"AWS_ACCESS_KEY_ID",           "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                                       "AWS_SHARED_CREDENTIALS_FILE", "MOLE_HTTP_HOST",        "MOLE_HTTP_USER",
                                       "MOLE_HTTP_PASSWORD",          "MOLE_HTTP_TOKEN",       "MOLE_HTTP_CREDENTIALS_FILE",
                                       "MOLE_SSH_KEY_FILE",           "SSL_CERT_FILE"};

std::vector<std::string> archive_environment() {
  std::vector<std::string> environment;
  for (const char* name : archive_variables)
    if (const char* value = std::getenv(name)) environment.push_back(std::string(name) + "=" + value);  // NOLINT: never changed
  return environment;
}

}  // namespace

const char* phase_name(Phase phase) {
  static constexpr std::array names{"fetch", "run", "seal", "upload"};
  return names.at(static_cast<std::size_t>(phase));
}

Attempt::Attempt(const NodeContext& node, task::Spec spec)
    : node_(node),
      spec_(std::move(spec)),
      folder_(node_.folder.attempts() / spec_.id),
      staging_(node_.folder.attempts() / (spec_.id + ".staging")),
      bytes_total_(input_bytes(spec_)) {}

Attempt::~Attempt() {
  std::error_code ignored;
  for (const auto& folder : {folder_, staging_}) fs::remove_all(folder, ignored);
}

coordinator::TaskProgress Attempt::progress() const {
  const auto phase = phase_.load();
  const bool read = phase > Phase::run;
  coordinator::TaskProgress out{
      .task = spec_.id, .phase = phase_name(phase), .bytes_done = read ? bytes_total_ : 0, .bytes_total = bytes_total_};
  if (spec_.kind != task::Kind::fetch) return out;
  out.ready = ready_files(folder_ / "ready", spec_.files.size());
  out.bytes_done = 0;
  for (const auto number : out.ready) out.bytes_done += spec_.files[number].size;
  return out;
}

std::optional<FinishedTask> Attempt::run() {
  auto done = prepare();
  Fetcher fetcher(node_, cancel_);
  if (done) done = fetcher.fetch(spec_, folder_);
  std::error_code error;
  if (done && !fs::is_empty(folder_ / "rows", error)) done = run_sealer("--unseal");
  if (cancel_.requested()) return std::nullopt;
  if (!done) {
    auto failed = fail(done.error());
    failed.report.missing_blobs = fetcher.missing_blobs();
    failed.report.unstaged = fetcher.unstaged();
    failed.report.bad_copies = fetcher.bad_copies();
    return failed;
  }

  phase_ = Phase::run;
  const auto observed = run_worker();
  if (cancel_.requested()) return std::nullopt;
  if (!observed) return fail(observed.error());
  if (done = take_back(); !done) return fail(done.error());

  phase_ = Phase::seal;
  auto sealed = seal();
  if (cancel_.requested()) return std::nullopt;
  if (!sealed) return fail(sealed.error());
  auto report = assign_fault(std::move(*sealed), spec_, *observed);
  if (auto stored = store_states(report); !stored) return fail(stored.error());
  report.bad_copies.insert(report.bad_copies.end(), fetcher.bad_copies().begin(), fetcher.bad_copies().end());
  if (!report.listing.empty()) keep_listing();
  phase_ = Phase::upload;
  return finish(std::move(report));
}

Result<> Attempt::prepare() {
  std::error_code error;
  for (const auto& folder : {folder_, staging_}) fs::remove_all(folder, error);
  const auto parts = {folder_ / "rows",    folder_ / "states", folder_ / "tables",
                      folder_ / "scratch", folder_ / "out",    staging_ / "scratch"};
  for (const auto& part : parts) {
    fs::create_directories(part, error);
    if (error)
      return exhausted("cannot create the attempt folder " + folder_.string() + ": " + error.message() +
                       "; free up space on the node's disk");
  }
  // Absent if the node has none: then the worker reports the whole listing.
  if (spec_.kind == task::Kind::index) fs::create_hard_link(kept_listing(), folder_ / "listing", error);
  std::ofstream(folder_ / "call").close();  // the workers may write these three, but make no files beside them
  std::ofstream(staging_ / "call").close();
  if (spec_.kind == task::Kind::fetch) std::ofstream(folder_ / "ready").close();
  return write_spec();
}

Result<> Attempt::write_spec() const {
  std::error_code ignored;
  const auto path = folder_ / "spec.json";
  fs::remove_all(path, ignored);  // never written through a link that a plugin has put there
  std::ofstream file(path, std::ios::binary);
  file << nlohmann::json(spec_).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  file.close();
  if (!file) return exhausted("cannot write " + path.string() + "; free up space on the node's disk");
  return {};
}

// Called when the worker has ended: what its plugins may have replaced, removed or linked to other places is as the daemon made
// it, except the handover and regular files in scratch/ and out/listing, whose content is checked by the one who reads it.
Result<> Attempt::take_back() const {
  std::error_code error;
  for (const char* part : {"rows", "states", "tables", "scratch"}) {
    if (fs::symlink_status(folder_ / part, error).type() == fs::file_type::directory) continue;
    fs::remove_all(folder_ / part, error);
    fs::create_directory(folder_ / part, error);
  }
  const auto out = folder_ / "out", listing = out / "listing", kept = folder_ / "listing.made";
  fs::remove_all(kept, error);
  const bool real = fs::symlink_status(out, error).type() == fs::file_type::directory;
  const bool listed =
      real && spec_.kind == task::Kind::index && fs::symlink_status(listing, error).type() == fs::file_type::regular;
  if (listed) fs::rename(listing, kept, error);
  fs::remove_all(out, error);
  fs::create_directory(out, error);
  if (listed) fs::rename(kept, listing, error);
  if (error) return exhausted("cannot prepare " + out.string() + ": " + error.message() + "; check the node's disk");
  return write_spec();
}

Result<WorkerRun> Attempt::run_worker() {
  const runtime::Pin handover(::open((folder_ / "handover").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!handover)
    return exhausted("cannot create the handover file in " + folder_.string() + "; free up space on the node's disk");
  const auto& options = node_.options;
  const auto progress = [this] {
    std::uint64_t sum = 0;
    for (const auto& folder : {folder_, staging_})
      if (const auto call = read_call(folder / "call")) sum += call->progress;
    return sum;
  };
  const Watch watch{.wall_limit = spec_.kind == task::Kind::fetch ? fetch_limit : options.wall_limit,
                    .stall_limit = options.stall_limit,
                    .progress = progress,
                    .cancel = &cancel_};
  auto worker = plugin_command("--run", folder_, worker_sandbox(options, node_.folder, spec_, folder_));
  worker.handover = handover.get();
  worker.arguments.insert(worker.arguments.end(), {"--threads", std::to_string(options.threads)});
  if (runs_downloaders_only(spec_)) add_cache(worker);
  if (!is_staged_apart(spec_)) {
    MOLE_TRY(const auto status, run_child(worker, watch));
    return run_of("the worker", status, folder_);
  }
  auto command = plugin_command("--stage", staging_, staging_sandbox(options, node_.folder, spec_, folder_, staging_));
  command.arguments.push_back(folder_.string());
  add_cache(command);
  MOLE_TRY(const auto staging,
           StagingProcess::start(std::move(command), {.stall_limit = options.stall_limit, .progress = progress}));
  worker.files = staging->worker_end();
  const auto status = run_child(worker, watch);
  const auto call = read_call(staging_ / "call");  // what the worker may have waited for
  MOLE_TRY(const auto staged, staging->end(std::chrono::seconds(cancel_.requested() ? 1 : 10)));
  if (!status) return status.error();
  auto staging_run = run_of("the process that stages the files", staged, staging_);
  staging_run.call = call;
  return at_fault(run_of("the worker", *status, folder_), std::move(staging_run));
}

// A process of this attempt that loads plugins; `folder`: its own.
Command Attempt::plugin_command(const char* mode, const fs::path& folder, Sandbox sandbox) const {
  const auto& options = node_.options;
  auto out =
      command({mode, folder.string(), "--plugins", node_.folder.plugins().string(), "--columns", options.columns ? "on" : "off"});
  out.folder = folder;
  out.log = folder / "log";
  if (has(options.sandbox, SandboxPart::seccomp))
    out.arguments.insert(out.arguments.end(), {"--seccomp", sandbox.network ? "network" : "local"});
  if (options.memory > 0) out.address_space = options.memory + options.threads * thread_address_space;
  out.sandbox = std::move(sandbox);
  return out;
}

// Gives a process the cache, and what downloaders need to reach their archives.
void Attempt::add_cache(Command& command) const {
  command.arguments.insert(command.arguments.end(), {"--cache", node_.folder.cache().string(), "--cache-limit",
                                                     std::to_string(node_.options.cache_limit)});
  if (spec_.archive && !spec_.archive->downloader.name.empty()) command.environment = archive_environment();
}

WorkerRun Attempt::run_of(const char* process, const ExitStatus& status, const fs::path& folder) const {
  return {.process = process,
          .exit_status = status,
          .call = read_call(folder / "call"),
          .log_tail = log_tail(folder / "log"),
          .wall_limit = node_.options.wall_limit,
          .stall_limit = node_.options.stall_limit};
}

Result<task::Report> Attempt::seal() {
  if (auto done = run_sealer("--seal", {"--threads", std::to_string(node_.options.threads)}); !done) return done.error();
  const auto text = read_file(folder_ / "out" / "report.json", max_report_bytes);
  if (!text)
    return internal(
        "the sealing process succeeded but wrote no report; install mole-worker and mole-seal of the same version as mole-node");
  return task::parse_report(*text);
}

Command Attempt::command(std::vector<std::string> arguments) const {
  return {.launcher = node_.options.launcher,
          .program = node_.options.worker,
          .arguments = std::move(arguments),
          .folder = folder_,
          .log = folder_ / "log"};
}

// Runs the sealing process. It loads no plugin, so a failure is the node's fault.
Result<> Attempt::run_sealer(const char* verb, const std::vector<std::string>& more) {
  std::vector<std::string> arguments{verb, folder_.string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  auto sealer = command(std::move(arguments));
  sealer.sandbox = sealer_sandbox(node_.options, folder_);
  const auto status = run_child(sealer, {.wall_limit = sealing_limit, .progress = {}, .cancel = &cancel_});
  if (!status) return status.error();
  if (status->clean()) return {};
  const std::string how = status->kind == ExitStatus::Kind::exited ? "exit code " : "signal ";
  const std::string text =
      std::string("mole-worker ") + verb + " ended with " + how + std::to_string(status->value) + "; see its log";
  if (status->kind == ExitStatus::Kind::exited && status->value == 75) return transient(text);  // EX_TEMPFAIL
  return internal(text);
}

// Called before the report is sent, so that this node can serve every state it reports.
Result<> Attempt::store_states(const task::Report& report) const {
  for (const auto& step : report.steps) {
    if (step.state_blob.empty()) continue;
    const auto file = folder_ / "out" / ("step" + std::to_string(step.step) + ".state");
    if (auto stored = node_.states.adopt(file, step.state_blob); !stored) return stored;
  }
  return {};
}

// The last listing of the archive that this node has made.
fs::path Attempt::kept_listing() const {
  const auto tiers = spec_.archive ? nlohmann::json(spec_.archive->tiers).dump() : std::string();
  const auto archive = spec_.archive ? task::cache_name_of(*spec_.archive) : std::string();
  return node_.folder.listings() / Hasher().field(archive).field(tiers).finish().hex();
}

// Keeps the listing for the next refresh. On failure the next report is complete, so errors are ignored.
void Attempt::keep_listing() const {
  constexpr std::size_t max_kept = 32;
  std::error_code ignored;
  fs::rename(folder_ / "out" / "listing", kept_listing(), ignored);
  std::vector<std::pair<fs::file_time_type, fs::path>> kept;
  for (const auto& entry : fs::directory_iterator(node_.folder.listings(), ignored))
    kept.emplace_back(entry.last_write_time(ignored), entry.path());
  std::ranges::sort(kept);
  for (std::size_t i = 0; i + max_kept < kept.size(); ++i) fs::remove(kept[i].second, ignored);
}

FinishedTask Attempt::finish(task::Report report) const {
  report.sandbox = node_.options.sandbox;
  FinishedTask out{.spec = spec_, .report = std::move(report), .blobs = {}};
  for (const auto& step : out.report.steps)
    if (!step.rows_blob.empty()) out.blobs[step.rows_blob] = folder_ / "out" / ("step" + std::to_string(step.step) + ".parquet");
  return out;
}

// Returns the report of a task that failed as a whole, before or after its run.
FinishedTask Attempt::fail(const Error& error) const {
  task::Report report;
  report.task = spec_.id;
  report.code = task::failure_code(error.code);
  report.message = error.message;
  report.log_tail = last_lines(log_tail(staging_ / "log") + log_tail(folder_ / "log"), max_failure_tail);
  report.sandbox = node_.options.sandbox;
  return {.spec = spec_, .report = std::move(report), .blobs = {}};
}

}  // namespace mole::nodes
