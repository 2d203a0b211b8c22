#include "coordinator/views/views.hpp"

#include "coordinator/views/request_folder.hpp"
#include "coordinator/views/shown.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace mole::coordinator::views {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::size_t max_queued = 64;  // changes
constexpr const char* switching_folder = "switching";

Error link_error(const fs::path& path, int error) {
  return transient("cannot link " + path.string() + ": " + std::strerror(error) +
                   "; move tables/ and blobs/ to the same file system");
}

}  // namespace

std::string TableLinks::file_of(Micros block_from) {
  auto text = format_time(block_from);  // 2007-09-22T18:00:00Z
  const auto date = text.substr(0, text.find('T'));
  std::string compact;
  for (const char c : text)
    if (c != '-' && c != ':') compact += c;
  return "block_date=" + date + "/" + compact + ".parquet";
}

Result<> TableLinks::link(const std::string& module, Micros block_from, const Digest& rows) const {
  static std::atomic<unsigned> counter{0};
  const auto target = path_of(module, block_from), blob = blobs_.path_of(rows);
  if (::link(blob.c_str(), target.c_str()) == 0) return {};  // a new block, the common case
  if (errno == EEXIST && same_file(target, blob)) return {};
  std::error_code problem;
  fs::create_directories(target.parent_path(), problem);
  if (problem) return transient("cannot create " + target.parent_path().string() + ": " + problem.message());
  const auto temporary = target.parent_path() / (".tmp." + std::to_string(::getpid()) + "." + std::to_string(counter++));
  if (::link(blob.c_str(), temporary.c_str()) != 0) return link_error(temporary, errno);
  if (::rename(temporary.c_str(), target.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return link_error(target, error);
  }
  return {};
}

Result<> TableLinks::link_exactly(const std::string& module, const std::map<Micros, Digest>& rows) {
  std::set<fs::path> wanted;
  for (const auto& [from, digest] : rows) wanted.insert(path_of(module, from));
  std::error_code problem;
  std::vector<fs::path> stale;
  for (fs::recursive_directory_iterator at(root_ / module, problem), end; !problem && at != end; at.increment(problem)) {
    if (!at->is_regular_file(problem)) continue;
    const auto name = at->path().filename().string();
    if ((name.ends_with(".parquet") && !wanted.contains(at->path())) || name.starts_with(".tmp.")) stale.push_back(at->path());
  }
  // Remove stale files first: old blocks of a different grid would cover the same intervals as new blocks.
  for (const auto& path : stale) {
    fs::remove(path, problem);
    fs::remove(path.parent_path(), problem);  // fails unless it is empty
  }
  Result<> done;
  for (const auto& [from, digest] : rows)
    if (auto linked = link(module, from, digest); !linked) done = linked;  // continue with the others
  return done;
}

Result<> TableLinks::replace(const std::string& module, const std::map<Micros, Digest>& rows) {
  if (rows.empty()) return link_exactly(module, rows);
  const auto beside = root_ / switching_folder, complete = beside / module, shown = root_ / module;
  std::error_code problem;
  fs::remove_all(beside, problem);
  fs::create_directories(complete, problem);
  fs::create_directories(shown, problem);
  const TableLinks fresh(beside, blobs_);
  Result<> done;
  for (const auto& [from, digest] : rows)
    if (auto linked = fresh.link(module, from, digest); !linked) done = linked;
  const bool exchanged = done && ::renameat2(AT_FDCWD, complete.c_str(), AT_FDCWD, shown.c_str(), RENAME_EXCHANGE) == 0;
  fs::remove_all(beside, problem);
  return exchanged ? done : link_exactly(module, rows);  // not every file system can exchange folders
}

Views::~Views() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Views::write(Update update, std::unique_ptr<InFlightTickets::Ticket> ticket) {
  MutexLock lock(mutex_);
  while (queue_.size() >= max_queued) changed_.wait(mutex_);
  queue_.push_back({std::move(update), std::move(ticket)});
  changed_.notify_all();
}

void Views::run() {
  std::error_code ignored;
  fs::remove_all(state_ / switching_folder, ignored);  // left by a process that was killed
  MutexLock lock(mutex_);
  for (;;) {
    while (queue_.empty() && !stopping_) changed_.wait(mutex_);
    if (queue_.empty()) return;
    auto next = std::move(queue_.front());
    queue_.pop_front();
    changed_.notify_all();
    lock.unlock();
    write_files(next.update);
    next.ticket.reset();
    lock.lock();
  }
}

void Views::write_files(const Update& update) {
  const auto attempt = [](auto write) {
    try {
      write();
    } catch (const json::exception&) {  // a row of a different version: only its files are left out
    }
  };
  for (const auto& module : update.switched) attempt([&] { switch_table(module); });
  for (const auto& module : update.relink) attempt([&] { relink(module); });
  attempt([&] { link(update.links); });
  for (const auto number : update.folders) attempt([&] { write_request_folder(state_, number, records_, blobs_); });
  for (const auto number : update.missing_folders) {
    std::error_code unreadable;  // then try to write it
    if (!fs::exists(request_folder(state_, number) / "request.json", unreadable))
      attempt([&] { write_request_folder(state_, number, records_, blobs_); });
  }
}

void Views::link(const std::vector<Update::Link>& links) {
  std::map<std::string, std::vector<Shown>> shown;
  for (const auto& [module, fingerprint, from, rows] : links) {
    const auto [known, added] = shown.try_emplace(module);
    if (added) known->second = shown_of(records_, module);
    for (const auto& [folder, current] : known->second) {
      if (current != fingerprint) continue;
      // A later change may have replaced the blob: link only those that are still in the catalogue.
      if (const auto row = records_.catalogue(fingerprint, from); row && row->rows_blob == rows)
        (void)tables_.link(folder, from, rows);
    }
  }
}

// Rebuilds the module's links, and removes the folders of what-ifs that are no longer shown.
void Views::relink(const std::string& module) {
  std::set<std::string> folders;
  for (const auto& [folder, fingerprint] : shown_of(records_, module)) {
    (void)tables_.link_exactly(folder, rows_of(records_, fingerprint));
    folders.insert(folder);
  }
  std::error_code problem;
  for (fs::directory_iterator at(state_ / "what_if", problem), end; !problem && at != end; at.increment(problem)) {
    const auto folder = "what_if/" + at->path().filename().string() + "/" + module;
    std::error_code ignored;
    if (!folders.contains(folder)) fs::remove_all(state_ / folder, ignored);
  }
}

// Shows the module's current results in place of those of an earlier fingerprint, all at once.
void Views::switch_table(const std::string& module) {
  for (const auto& [folder, fingerprint] : shown_of(records_, module))
    if (folder == "tables/" + module) (void)tables_.replace(folder, rows_of(records_, fingerprint));
}

}  // namespace mole::coordinator::views
