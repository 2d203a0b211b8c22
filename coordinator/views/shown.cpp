#include "coordinator/views/shown.hpp"

#include "coordinator/requests/module_row.hpp"
#include "coordinator/requests/request.hpp"
#include "coordinator/views/views.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <set>

namespace mole::coordinator::views {
namespace fs = std::filesystem;

std::vector<Shown> shown_of(const store::Records& records, const std::string& module) {
  const auto stored = records.json(store::Table::modules, module);
  if (!stored.is_object()) return {};
  const auto row = stored.get<requests::ModuleRow>();
  std::vector<Shown> shown;
  if (!row.fingerprint.empty()) shown.push_back({"tables/" + module, row.fingerprint});
  for (const auto& what_if : row.what_ifs)
    shown.push_back({"what_if/" + requests::request_id(what_if.request) + "/" + module, what_if.fingerprint});
  return shown;
}

std::map<Micros, Digest> rows_of(const store::Records& records, const Digest& fingerprint) {
  std::map<Micros, Digest> rows;
  records.scan_catalogue(fingerprint, {INT64_MIN, INT64_MAX}, [&](Micros from, const store::CatalogueRow& r) {
    if (!r.rows_blob.empty()) rows[from] = r.rows_blob;
  });
  return rows;
}

bool same_file(const fs::path& a, const fs::path& b) {
  struct stat x {
  }, y{};
  return ::stat(a.c_str(), &x) == 0 && ::stat(b.c_str(), &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

bool shows_blob(const fs::path& file, const Digest& blob, const store::Blobs& blobs, const Pace& pace) {
  if (same_file(file, blobs.path_of(blob))) return true;
  std::error_code error;
  const auto bytes = fs::file_size(file, error);
  if (error) return error != std::errc::no_such_file_or_directory;
  if (!pace(bytes)) return true;
  const auto found = digest_of_file(file);
  if (!found) return found.error().code != Code::corrupt && found.error().code != Code::missing;  // not known
  return *found == blob;
}

WrongLinks wrong_links(const fs::path& folder, const std::map<Micros, Digest>& rows, const store::Blobs& blobs,
                       const Pace& pace) {
  WrongLinks wrong;
  std::set<fs::path> wanted;
  for (const auto& [from, blob] : rows) {
    auto path = folder / TableLinks::file_of(from);
    std::error_code absent;
    if (!fs::exists(path, absent) && !absent)
      ++wrong.stale;
    else if (!shows_blob(path, blob, blobs, pace))
      wrong.damaged.push_back(path);
    wanted.insert(std::move(path));
  }
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->path().extension() == ".parquet" && !wanted.contains(at->path())) ++wrong.stale;
  return wrong;
}

}  // namespace mole::coordinator::views
