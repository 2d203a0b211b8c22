#include "coordinator/views/table_links.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <set>
#include <vector>

namespace mole::coordinator::views {
namespace fs = std::filesystem;
namespace {

bool same_file(const fs::path& a, const fs::path& b) {
  struct stat x {
  }, y{};
  return ::stat(a.c_str(), &x) == 0 && ::stat(b.c_str(), &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

Error link_error(const fs::path& path, int error) {
  return transient("cannot link " + path.string() + ": " + std::strerror(error) +
                   "; tables/ and blobs/ must be on one file system");
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
  // Remove stale files first: beside new blocks, blocks of another grid would repeat intervals.
  for (const auto& path : stale) {
    fs::remove(path, problem);
    fs::remove(path.parent_path(), problem);  // fails unless it is empty
  }
  Result<> done;
  for (const auto& [from, digest] : rows)
    if (auto linked = link(module, from, digest); !linked) done = linked;  // continue with the others
  return done;
}

}  // namespace mole::coordinator::views
