#include "nodes/daemon/outbox.hpp"

#include "coordinator/wire/limits.hpp"
#include "nodes/daemon/backoff.hpp"
#include "sdk/model/durable_file.hpp"
#include "sdk/model/enums.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <fstream>

namespace mole::nodes {
namespace fs = std::filesystem;
using coordinator::Completion;
namespace {

constexpr std::size_t max_batch = 100;  // tasks
constexpr std::uint64_t max_completion_bytes = std::uint64_t{128} << 20;
constexpr std::size_t max_inline_entries = 5000;  // of an archive's index; a longer one is sent as a blob

fs::path blob_name(const Digest& digest) { return digest.hex() + ".parquet"; }
fs::path index_name(const Digest& digest) { return digest.hex() + ".index"; }

// Moves an archive index that is too long for a message to a blob, written into `folder`.
Result<task::Report> move_index_to_blob(task::Report report, const fs::path& folder) {
  if (report.index.size() <= max_inline_entries) return report;
  const auto text = task::index_text(report.index);
  if (report.index.size() > task::max_index_entries || text.size() > task::max_index_bytes)
    return exhausted("the archive lists " + std::to_string(report.index.size()) +
                     " files, more than an archive may have; split it into several archives");
  report.index_blob = digest_of(std::string_view(text));
  report.index.clear();
  if (auto written = durable_write(folder / index_name(report.index_blob), text); !written) return written.error();
  return report;
}

std::string completion_text(const task::Spec& spec, const task::Report& report) {
  const nlohmann::json document{{"spec", spec}, {"report", report}};
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Completion> read_completion(const fs::path& path) {
  const auto text = read_file(path, max_completion_bytes);
  if (!text) return text.error();
  const auto document = nlohmann::json::parse(*text, nullptr, false);
  if (!document.is_object() || !document.contains("spec") || !document.contains("report"))
    return corrupt(path.string() + " is not a completion; the task will be repeated");
  auto spec = task::parse_spec(document["spec"].dump());
  if (!spec) return spec.error();
  auto report = task::parse_report(document["report"].dump());
  if (!report) return report.error();
  return Completion{.node = {}, .incarnation = {}, .spec = std::move(*spec), .report = std::move(*report)};
}

// Replaces the result with a failure that is small enough for a message.
Completion as_failure(Completion completion, const Error& error) {
  task::Report report;
  report.task = completion.spec.id;
  report.code = error.code == Code::exhausted ? task::FailureCode::exhausted : task::FailureCode::internal;
  report.message = error.message;
  completion.report = std::move(report);
  completion.spec.files.clear();
  return completion;
}

// denied: a different program has taken the coordinator's port.
bool is_retryable(const Error& error) { return error.code == Code::transient || error.code == Code::denied; }

}  // namespace

Outbox::Outbox(fs::path folder, coordinator::NodeApi& coordinator, std::string node, std::string incarnation)
    : folder_(std::move(folder)), coordinator_(coordinator), node_(std::move(node)), incarnation_(std::move(incarnation)) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const auto name = entry.path().filename().string();
    std::error_code ignored;
    if (fs::exists(entry.path() / "completion.json", ignored) && !name.starts_with('.'))
      entries_.push_back({.task = name, .from_this_run = false, .unstored = std::nullopt});
    else
      fs::remove_all(entry.path(), ignored);
  }
}

Outbox::~Outbox() { stop(); }

Result<> Outbox::add(const FinishedTask& finished) {
  if (auto stored = store(finished); !stored) return stored;
  const MutexLock lock(mutex_);
  entries_.push_back({.task = finished.spec.id, .from_this_run = true, .unstored = std::nullopt});
  changed_.notify_all();
  return {};
}

void Outbox::add_failure(const FinishedTask& finished, const Error& error) {
  Entry entry{.task = finished.spec.id, .from_this_run = true, .unstored = std::nullopt};
  Completion completion{.node = {}, .incarnation = {}, .spec = finished.spec, .report = finished.report};
  entry.unstored = as_failure(std::move(completion), exhausted("the node cannot store the result: " + error.message));
  const MutexLock lock(mutex_);
  entries_.push_back(std::move(entry));
  changed_.notify_all();
}

// Writes under a hidden name, then renames.
Result<> Outbox::store(const FinishedTask& finished) const {
  const fs::path hidden = folder_ / (".tmp." + finished.spec.id);
  std::error_code error;
  fs::remove_all(hidden, error);
  fs::create_directory(hidden, error);
  if (error) return exhausted("cannot write " + hidden.string() + ": " + error.message() + "; free up space on the node's disk");
  for (const auto& [digest, file] : finished.blobs) {
    fs::create_hard_link(file, hidden / blob_name(digest), error);
    if (error) return exhausted("cannot link " + file.string() + ": " + error.message() + "; free up space on the node's disk");
    if (auto synced = sync_file(file); !synced) return synced;
  }
  const auto report = move_index_to_blob(finished.report, hidden);
  if (!report) return report.error();
  if (auto written = durable_write(hidden / "completion.json", completion_text(finished.spec, *report)); !written) return written;
  fs::remove_all(folder_of(finished.spec.id), error);
  fs::rename(hidden, folder_of(finished.spec.id), error);
  if (error) return exhausted("cannot write " + hidden.string() + ": " + error.message() + "; free up space on the node's disk");
  return sync_folder(folder_);
}

std::vector<std::string> Outbox::held() const {
  const MutexLock lock(mutex_);
  std::vector<std::string> out;
  for (const auto& entry : entries_)
    if (entry.from_this_run) out.push_back(entry.task);
  return out;
}

void Outbox::start() {
  const MutexLock lock(mutex_);
  retry_now_ = true;
  unreachable_ = false;
  changed_.notify_all();
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void Outbox::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool Outbox::flush() {
  MutexLock lock(mutex_);
  if (!thread_.joinable()) return entries_.empty();
  while (!entries_.empty() && !stopping_ && (sending_ || !unreachable_)) changed_.wait(mutex_);
  return entries_.empty();
}

void Outbox::run() {
  Backoff backoff;
  MutexLock lock(mutex_);
  for (;;) {
    while (!stopping_ && entries_.empty()) changed_.wait(mutex_);
    if (stopping_) return;
    retry_now_ = false;
    sending_ = true;
    lock.unlock();
    const auto done = deliver();
    lock.lock();
    sending_ = false;
    unreachable_ = !done;
    changed_.notify_all();
    if (done) {
      backoff.reset();
      continue;
    }
    const auto retry_at = std::chrono::steady_clock::now() + std::chrono::microseconds(backoff.next());
    while (!stopping_ && !retry_now_ && changed_.wait_until(mutex_, retry_at) == std::cv_status::no_timeout) {
    }
  }
}

// Sends one batch: first the blobs, then the completions. Returns an error if nothing more can be sent now.
Result<> Outbox::deliver() {
  auto batch = next_batch();
  for (auto& [task, completion] : batch) {
    auto sent = upload(task, completion);
    if (sent) continue;
    if (is_retryable(sent.error()) || sent.error().code == Code::exhausted) {  // exhausted: the coordinator's disk is full
      spdlog::warn("cannot send results, retrying: {}", sent.error().message);
      return sent;
    }
    completion = as_failure(std::move(completion), sent.error());
  }
  return complete(std::move(batch));
}

Outbox::Batch Outbox::next_batch() {
  std::vector<Entry> taken;
  {
    const MutexLock lock(mutex_);
    const auto n = std::min(max_batch, entries_.size());
    taken.assign(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(n));
  }
  Batch batch;
  for (auto& entry : taken) {
    auto completion =
        entry.unstored ? Result<Completion>(*entry.unstored) : read_completion(folder_of(entry.task) / "completion.json");
    if (!completion) {  // removed in the meantime, or damaged: the lease expires and the task is repeated
      spdlog::warn("task {}: {}", entry.task, completion.error().message);
      remove(entry.task);
      continue;
    }
    completion->node = node_;
    completion->incarnation = incarnation_;
    batch.emplace_back(entry.task, std::move(*completion));
  }
  return batch;
}

Result<> Outbox::upload(const std::string& task, const Completion& completion) {
  for (const auto& step : completion.report.steps)
    if (!step.rows_blob.empty())
      if (auto sent = put(step.rows_blob, folder_of(task) / blob_name(step.rows_blob)); !sent) return sent;
  if (const auto& index = completion.report.index_blob; !index.empty()) return put(index, folder_of(task) / index_name(index));
  return {};
}

Result<> Outbox::put(const Digest& digest, const fs::path& path) {
  std::error_code error;
  const auto total = fs::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file)
    return internal("the result " + digest.hex() + " has been removed from the node's disk; the task must be repeated");
  std::string piece(coordinator::piece_bytes, '\0');
  for (std::uint64_t offset = 0;;) {
    file.clear();
    file.seekg(static_cast<std::streamoff>(offset));
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const std::string_view bytes(piece.data(), static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    const auto held = coordinator_.put_blob(digest, offset, bytes, total);
    if (!held) return held.error();
    if (*held >= total) return {};
    if (*held == offset) return internal("the coordinator does not accept more bytes of blob " + digest.hex() + "; see its log");
    offset = *held;
  }
}

Result<> Outbox::complete(Batch batch) {
  if (batch.empty()) return {};
  std::vector<Completion> completions;
  for (const auto& each : batch) completions.push_back(each.second);
  const auto answers = coordinator_.complete(completions);
  if (!answers && is_retryable(answers.error())) {
    spdlog::warn("cannot send results, retrying: {}", answers.error().message);
    return answers.error();
  }
  if (!answers) return complete_one_by_one(batch);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    spdlog::info("{}: report {}", task::title_of(batch[i].second.spec),
                 i < answers->size() ? name_of((*answers)[i]) : "has no verdict");
    remove(batch[i].first);
  }
  return {};
}

// Sends the completions of a rejected batch one at a time, so that only the rejected one fails.
Result<> Outbox::complete_one_by_one(const Batch& batch) {
  for (const auto& [task, completion] : batch) {
    auto answer = coordinator_.complete({completion});
    if (!answer && !is_retryable(answer.error())) answer = coordinator_.complete({as_failure(completion, answer.error())});
    if (!answer && is_retryable(answer.error())) return answer.error();
    if (!answer) spdlog::error("task {}: the coordinator rejected its report: {}", task, answer.error().message);
    remove(task);
  }
  return {};
}

void Outbox::remove(const std::string& task) {
  const MutexLock lock(mutex_);
  if (std::erase_if(entries_, [&](const Entry& entry) { return entry.task == task; }) == 0) return;
  std::error_code ignored;
  fs::remove_all(folder_of(task), ignored);
  changed_.notify_all();
}

}  // namespace mole::nodes
