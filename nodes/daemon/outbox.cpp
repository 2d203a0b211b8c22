#include "nodes/daemon/outbox.hpp"

#include "coordinator/wire/limits.hpp"
#include "nodes/daemon/backoff.hpp"
#include "sdk/model/durable_file.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <fstream>

namespace mole::nodes {
namespace fs = std::filesystem;
using coordinator::Completion;
namespace {

constexpr std::size_t batch_tasks = 100;
constexpr std::uint64_t largest_completion = std::uint64_t{128} << 20;

constexpr std::size_t most_inline_entries = 5000;  // of an archive's list; more travel as a blob

fs::path blob_name(const Digest& digest) { return digest.hex() + ".parquet"; }
fs::path index_name(const Digest& digest) { return digest.hex() + ".index"; }

// A list of files beyond what a message takes becomes a blob, written into `folder`.
Result<task::Report> with_index_apart(task::Report report, const fs::path& folder) {
  if (report.index.size() <= most_inline_entries) return report;
  const auto text = task::index_text(report.index);
  if (report.index.size() > task::most_index_entries || text.size() > task::largest_index_bytes)
    return exhausted("the archive lists " + std::to_string(report.index.size()) +
                     " files, more than one archive may; split it into several");
  report.index_blob = digest_of(std::string_view(text));
  report.index.clear();
  if (auto written = durable_write(folder / index_name(report.index_blob), text); !written) return written.error();
  return report;
}

std::string text_of(const task::Spec& spec, const task::Report& report) {
  const nlohmann::json both{{"spec", spec}, {"report", report}};
  return both.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Completion> read_completion(const fs::path& path) {
  const auto text = read_file(path, largest_completion);
  if (!text) return text.error();
  const auto both = nlohmann::json::parse(*text, nullptr, false);
  if (!both.is_object() || !both.contains("spec") || !both.contains("report"))
    return corrupt(path.string() + " is not a completion");
  auto spec = task::parse_spec(both["spec"].dump());
  if (!spec) return spec.error();
  auto report = task::parse_report(both["report"].dump());
  if (!report) return report.error();
  return Completion{.node = {}, .incarnation = {}, .spec = std::move(*spec), .report = std::move(*report)};
}

// The same completion with no result and with words small enough to travel.
Completion failed_instead(Completion completion, const Error& error) {
  task::Report report;
  report.task = completion.spec.id;
  report.code = error.code == Code::exhausted ? "exhausted" : "internal";
  report.message = error.message;
  completion.report = std::move(report);
  completion.spec.files.clear();
  return completion;
}

bool try_again(const Error& error) { return error.code == Code::transient; }

}  // namespace

Outbox::Outbox(fs::path folder, coordinator::NodeApi& coordinator, std::string node, std::string incarnation)
    : folder_(std::move(folder)), coordinator_(coordinator), node_(std::move(node)), incarnation_(std::move(incarnation)) {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder_, failed)) {
    const auto name = entry.path().filename().string();
    std::error_code gone;
    if (fs::exists(entry.path() / "completion.json", gone) && !name.starts_with('.'))
      entries_.push_back({.task = name, .of_this_life = false, .kept = std::nullopt});
    else
      fs::remove_all(entry.path(), gone);
  }
}

Outbox::~Outbox() { stop(); }

void Outbox::add(const Finished& finished) {
  Entry entry{.task = finished.spec.id, .of_this_life = true, .kept = std::nullopt};
  if (const auto stored = store(finished); !stored) {
    spdlog::error("task {}: its result cannot be kept: {}", entry.task, stored.error().message);
    Completion completion{.node = {}, .incarnation = {}, .spec = finished.spec, .report = finished.report};
    entry.kept = failed_instead(std::move(completion), exhausted("the node cannot keep the result: " + stored.error().message));
  }
  const std::lock_guard lock(mutex_);
  entries_.push_back(std::move(entry));
  changed_.notify_all();
}

// Under a hidden name until it is whole.
Result<> Outbox::store(const Finished& finished) const {
  const fs::path hidden = folder_ / (".tmp." + finished.spec.id);
  std::error_code failed;
  fs::remove_all(hidden, failed);
  fs::create_directory(hidden, failed);
  if (failed) return exhausted(hidden.string() + ": " + failed.message());
  for (const auto& [digest, file] : finished.blobs) {
    fs::create_hard_link(file, hidden / blob_name(digest), failed);
    if (failed) return exhausted(file.string() + ": " + failed.message());
    if (auto synced = sync_file(file); !synced) return synced;
  }
  const auto report = with_index_apart(finished.report, hidden);
  if (!report) return report.error();
  if (auto written = durable_write(hidden / "completion.json", text_of(finished.spec, *report)); !written) return written;
  fs::remove_all(place(finished.spec.id), failed);
  fs::rename(hidden, place(finished.spec.id), failed);
  if (failed) return exhausted(hidden.string() + ": " + failed.message());
  return sync_folder(folder_);
}

void Outbox::drop(const std::string& task) { forget(task); }

std::vector<std::string> Outbox::held() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& entry : entries_)
    if (entry.of_this_life) out.push_back(entry.task);
  return out;
}

void Outbox::start() {
  const std::lock_guard lock(mutex_);
  try_now_ = true;
  away_ = false;
  changed_.notify_all();
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void Outbox::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool Outbox::settle() {
  std::unique_lock lock(mutex_);
  if (!thread_.joinable()) return entries_.empty();
  changed_.wait(lock, [&] { return entries_.empty() || stopping_ || (away_ && !sending_); });
  return entries_.empty();
}

void Outbox::run() {
  Backoff backoff;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || !entries_.empty(); });
    if (stopping_) return;
    try_now_ = false;
    sending_ = true;
    lock.unlock();
    const auto done = deliver();
    lock.lock();
    sending_ = false;
    away_ = !done;
    changed_.notify_all();
    if (done) {
      backoff.reset();
      continue;
    }
    changed_.wait_for(lock, std::chrono::microseconds(backoff.next()), [&] { return stopping_ || try_now_; });
  }
}

// One batch: blobs first, then the word. An error: nothing more can be sent now.
Result<> Outbox::deliver() {
  auto batch = next_batch();
  for (auto& [task, completion] : batch) {
    auto sent = upload(task, completion);
    if (sent) continue;
    if (try_again(sent.error())) {
      spdlog::warn("results wait for the coordinator: {}", sent.error().message);
      return sent;
    }
    completion = failed_instead(std::move(completion), sent.error());
  }
  return complete(std::move(batch));
}

Outbox::Batch Outbox::next_batch() {
  std::vector<Entry> taken;
  {
    const std::lock_guard lock(mutex_);
    const auto n = std::min(batch_tasks, entries_.size());
    taken.assign(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(n));
  }
  Batch batch;
  for (auto& entry : taken) {
    auto completion = entry.kept ? Result<Completion>(*entry.kept) : read_completion(place(entry.task) / "completion.json");
    if (!completion) {  // dropped meanwhile, or damaged: the lease runs out and the task is done again
      spdlog::warn("task {}: {}", entry.task, completion.error().message);
      forget(entry.task);
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
      if (auto sent = put(step.rows_blob, place(task) / blob_name(step.rows_blob)); !sent) return sent;
  if (const auto& index = completion.report.index_blob; !index.empty()) return put(index, place(task) / index_name(index));
  return {};
}

Result<> Outbox::put(const Digest& digest, const fs::path& path) {
  std::error_code failed;
  const auto total = fs::file_size(path, failed);
  std::ifstream file(path, std::ios::binary);
  if (failed || !file) return internal("the result " + digest.hex() + " is gone from the node's disk");
  std::string piece(coordinator::piece_bytes, '\0');
  for (std::uint64_t offset = 0;;) {
    file.clear();
    file.seekg(static_cast<std::streamoff>(offset));
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const std::string_view bytes(piece.data(), static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    const auto held = coordinator_.put_blob(digest, offset, bytes, total);
    if (!held) return held.error();
    if (*held >= total) return {};
    if (*held == offset) return internal("the coordinator takes no more of the blob " + digest.hex() + "; see its log");
    offset = *held;
  }
}

Result<> Outbox::complete(Batch batch) {
  if (batch.empty()) return {};
  std::vector<Completion> completions;
  for (const auto& each : batch) completions.push_back(each.second);
  const auto verdicts = coordinator_.complete(completions);
  if (!verdicts && try_again(verdicts.error())) {
    spdlog::warn("results wait for the coordinator: {}", verdicts.error().message);
    return verdicts.error();
  }
  if (!verdicts) return complete_one_by_one(batch);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    spdlog::info("task {}: {}", batch[i].first, i < verdicts->size() ? (*verdicts)[i] : "no verdict");
    forget(batch[i].first);
  }
  return {};
}

// Something in the batch is refused: only that pays for it.
Result<> Outbox::complete_one_by_one(const Batch& batch) {
  for (const auto& [task, completion] : batch) {
    auto verdict = coordinator_.complete({completion});
    if (!verdict && !try_again(verdict.error())) verdict = coordinator_.complete({failed_instead(completion, verdict.error())});
    if (!verdict && try_again(verdict.error())) return verdict.error();
    if (!verdict) spdlog::error("task {}: the coordinator refuses its report: {}", task, verdict.error().message);
    forget(task);
  }
  return {};
}

void Outbox::forget(const std::string& task) {
  const std::lock_guard lock(mutex_);
  if (std::erase_if(entries_, [&](const Entry& entry) { return entry.task == task; }) == 0) return;
  std::error_code ignored;
  fs::remove_all(place(task), ignored);
  changed_.notify_all();
}

}  // namespace mole::nodes
