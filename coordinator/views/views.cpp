#include "coordinator/views/views.hpp"

#include "coordinator/dag/graph.hpp"
#include "coordinator/store/keys.hpp"
#include "coordinator/views/request_folder.hpp"

#include <map>

namespace mole::coordinator::views {

using nlohmann::json;
using store::Table;
namespace keys = store::keys;

void Views::write(const Update& update) {
  MutexLock lock(mutex_);
  for (const auto& module : update.relink) relink(module);
  link(update.links);
  for (const auto number : update.folders) write_folder(number);
  for (const auto number : update.missing_folders)
    if (!has_folder(number)) write_folder(number);
}

void Views::link(const std::vector<Update::Link>& links) {
  std::map<std::string, Digest> current;
  for (const auto& [module, fingerprint, from, rows] : links) {
    auto [known, added] = current.try_emplace(module);
    if (added) known->second = current_fingerprint(module);
    if (known->second != fingerprint) continue;
    // A later change may have written its files first: link only blobs that are still in the catalogue.
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

// request.json is written last, so a folder that has it is complete.
bool Views::has_folder(std::uint64_t number) const {
  return std::filesystem::exists(state_ / "requests" / requests::request_id(number) / "request.json");
}

// <state>/requests/<id>/: request.json and a link to the rows of every block.
void Views::write_folder(std::uint64_t number) {
  const auto folder = state_ / "requests" / requests::request_id(number);
  const auto row = records_.json(Table::requests, keys::number(number));
  if (!row.is_object()) return;
  const auto request = requests::request_from_row(number, row);
  std::vector<FinishedJob> jobs;
  std::vector<std::pair<std::string, std::filesystem::path>> links;
  if (request.kind == RequestKind::run) {
    const auto stored = records_.json(Table::revisions, keys::text(request.revision));
    if (!stored.is_object()) return;
    const auto graph = dag::graph_from_json(stored);
    for (const auto& module : graph.modules) {
      if (!request.module.empty() && module.name != request.module) continue;
      records_.scan_catalogue(module.fingerprint, request.range, [&](Micros from, const store::CatalogueRow& r) {
        if (r.rows_blob.empty()) return;
        jobs.push_back({.job = graph.full_name(module) + "@" + format_time(from),
                        .coverage = r.coverage,
                        .result_key = r.result_key,
                        .rows_blob = r.rows_blob,
                        .rows = r.rows});
        links.emplace_back(module.name + "/" + TableLinks::file_of(from), blobs_.path_of(r.rows_blob));
      });
    }
  }
  json document = requests::describe(request, request.counts, true);
  document["job_list"] = jobs;
  (void)write_request_folder(folder, document, links);
}

}  // namespace mole::coordinator::views
