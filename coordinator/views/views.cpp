#include "coordinator/views/views.hpp"

#include "coordinator/store/keys.hpp"
#include "sdk/model/durable_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace mole::coordinator::views {
namespace fs = std::filesystem;
namespace keys = store::keys;
using nlohmann::json;
using store::Table;

namespace {

constexpr std::size_t max_queued = 64;  // changes

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
  return "date=" + date + "/" + compact + ".parquet";
}

Result<> TableLinks::link(const std::string& module, Micros block_from, const Digest& rows) {
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
  for (const auto& module : update.relink) attempt([&] { relink(module); });
  attempt([&] { link(update.links); });
  for (const auto number : update.folders) attempt([&] { write_folder(number); });
  for (const auto number : update.missing_folders) {
    std::error_code unreadable;  // then try to write it
    if (!fs::exists(folder_of(number) / "request.json", unreadable)) attempt([&] { write_folder(number); });
  }
}

void Views::link(const std::vector<Update::Link>& links) {
  std::map<std::string, Digest> current;
  for (const auto& [module, fingerprint, from, rows] : links) {
    auto [known, added] = current.try_emplace(module);
    if (added) known->second = current_fingerprint(module);
    if (known->second != fingerprint) continue;
    // A later change may have replaced the blob: link only those that are still in the catalogue.
    if (const auto row = records_.catalogue(fingerprint, from); row && row->rows_blob == rows)
      (void)tables_.link(module, from, rows);
  }
}

// Rebuilds the module's links for its current fingerprint.
void Views::relink(const std::string& module) {
  std::map<Micros, Digest> rows;
  records_.scan_catalogue(current_fingerprint(module), {INT64_MIN, INT64_MAX}, [&](Micros from, const store::CatalogueRow& r) {
    if (!r.rows_blob.empty()) rows[from] = r.rows_blob;
  });
  (void)tables_.link_exactly(module, rows);
}

Digest Views::current_fingerprint(const std::string& module) const {
  const auto row = records_.json(Table::modules, module);
  return row.is_object() ? row.at("fingerprint").get<Digest>() : Digest{};
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
