#include "coordinator/views/views.hpp"

#include "coordinator/store/keys.hpp"
#include "sdk/model/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace mole::coordinator::views {
namespace fs = std::filesystem;
namespace keys = store::keys;
using nlohmann::json;
using store::Table;

namespace {

constexpr std::size_t max_queued = 64;  // changes
const std::string tables_folder = "tables", what_if_folder = "what_if";

bool same_file(const fs::path& a, const fs::path& b) {
  struct stat x {
  }, y{};
  return ::stat(a.c_str(), &x) == 0 && ::stat(b.c_str(), &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

Error link_error(const fs::path& path, int error) {
  return transient("cannot link " + path.string() + ": " + std::strerror(error) +
                   "; move tables/ and blobs/ to the same file system");
}

// Writes the folder of a finished request: request.json, and a hard link to the rows of every block in its range. `links`: (path
// within the folder, target file). request.json is written last: a folder that has it is complete.
Result<> write_request_folder(const fs::path& folder, const json& document,
                              const std::vector<std::pair<std::string, fs::path>>& links) {
  std::error_code problem;
  fs::create_directories(folder, problem);
  if (problem) return transient("cannot create " + folder.string() + ": " + problem.message());
  for (const auto& [name, target] : links) {
    const auto link = folder / name;
    if (::link(target.c_str(), link.c_str()) == 0) continue;
    fs::create_directories(link.parent_path(), problem);
    fs::remove(link, problem);  // left by an earlier attempt
    fs::create_hard_link(target, link, problem);
    if (problem) return transient("cannot link " + link.string() + ": " + problem.message());
  }
  return durable_write(folder / "request.json", document.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
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
  const auto beside = root_ / "switching", complete = beside / module, shown = root_ / module;
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
  for (const auto number : update.folders) attempt([&] { write_folder(number); });
  for (const auto number : update.missing_folders) {
    std::error_code unreadable;  // then try to write it
    if (!fs::exists(folder_of(number) / "request.json", unreadable)) attempt([&] { write_folder(number); });
  }
}

void Views::link(const std::vector<Update::Link>& links) {
  std::map<std::string, std::vector<Shown>> shown;
  for (const auto& [module, fingerprint, from, rows] : links) {
    const auto [known, added] = shown.try_emplace(module);
    if (added) known->second = shown_of(module);
    for (const auto& [folder, current] : known->second) {
      if (current != fingerprint) continue;
      // A later change may have replaced the blob: link only those that are still in the catalogue.
      if (const auto row = records_.catalogue(fingerprint, from); row && row->rows_blob == rows)
        (void)tables_.link(folder, from, rows);
    }
  }
}

std::map<Micros, Digest> Views::rows_of(const Digest& fingerprint) const {
  std::map<Micros, Digest> rows;
  records_.scan_catalogue(fingerprint, {INT64_MIN, INT64_MAX}, [&](Micros from, const store::CatalogueRow& r) {
    if (!r.rows_blob.empty()) rows[from] = r.rows_blob;
  });
  return rows;
}

// Rebuilds the module's links, and removes the folders of what-ifs that are no longer shown.
void Views::relink(const std::string& module) {
  std::set<std::string> folders;
  for (const auto& [folder, fingerprint] : shown_of(module)) {
    (void)tables_.link_exactly(folder, rows_of(fingerprint));
    folders.insert(folder);
  }
  std::error_code problem;
  for (fs::directory_iterator at(state_ / what_if_folder, problem), end; !problem && at != end; at.increment(problem)) {
    const auto folder = what_if_folder + "/" + at->path().filename().string() + "/" + module;
    std::error_code ignored;
    if (!folders.contains(folder)) fs::remove_all(state_ / folder, ignored);
  }
}

// Shows the module's current results in place of those of an earlier fingerprint, all at once.
void Views::switch_table(const std::string& module) {
  for (const auto& [folder, fingerprint] : shown_of(module))
    if (folder == tables_folder + "/" + module) (void)tables_.replace(folder, rows_of(fingerprint));
}

std::vector<Views::Shown> Views::shown_of(const std::string& module) const {
  const auto stored = records_.json(Table::modules, module);
  if (!stored.is_object()) return {};
  const auto row = stored.get<requests::ModuleRow>();
  std::vector<Shown> shown;
  if (!row.fingerprint.empty()) shown.push_back({tables_folder + "/" + module, row.fingerprint});
  for (const auto& what_if : row.what_ifs)
    shown.push_back({what_if_folder + "/" + requests::request_id(what_if.request) + "/" + module, what_if.fingerprint});
  return shown;
}

void Views::write_folder(std::uint64_t number) {
  const auto row = records_.json(Table::requests, keys::number(number));
  if (!row.is_object()) return;
  const auto request = requests::request_from_row(number, row);
  std::vector<FinishedJob> jobs;
  std::vector<std::pair<std::string, fs::path>> links;
  if (request.kind == RequestKind::run) {
    const auto stored = records_.json(Table::revisions, keys::bytes_of(request.revision));
    if (!stored.is_object()) return;
    const auto graph = dag::graph_from_json(stored);
    for (const auto& module : graph.modules) {
      if (!request.module.empty() && module.name != request.module) continue;
      records_.scan_catalogue(module.fingerprint, request.range(), [&](Micros from, const store::CatalogueRow& r) {
        if (r.rows_blob.empty()) return;
        jobs.push_back({.job = graph.job_name(module, from),
                        .coverage = r.coverage,
                        .result_key = r.result_key,
                        .rows_blob = r.rows_blob,
                        .rows = r.rows});
        links.emplace_back(module.name + "/" + TableLinks::file_of(from), blobs_.path_of(r.rows_blob));
      });
    }
  }
  json document = requests::describe(request, request.jobs, true);
  document["job_list"] = jobs;
  (void)write_request_folder(folder_of(number), document, links);
}

}  // namespace mole::coordinator::views
