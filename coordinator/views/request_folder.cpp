#include "coordinator/views/request_folder.hpp"

#include "coordinator/requests/request.hpp"
#include "coordinator/store/keys.hpp"
#include "coordinator/store/temporary.hpp"
#include "coordinator/views/views.hpp"
#include "sdk/model/durable_file.hpp"

#include <unistd.h>

namespace mole::coordinator::views {
namespace fs = std::filesystem;
using nlohmann::json;
using store::Table;

namespace {

std::string text_of(const json& document) { return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n"; }

// Adds the digest of the text without it.
std::string text_with_digest(json document) {
  document["digest"] = digest_of(std::string_view(text_of(document)));
  return text_of(document);
}

// Whether a text has its digest. Earlier versions wrote none.
bool is_intact(const std::string& text, const json& document) {
  if (!document.is_object()) return false;
  auto without = document;
  return without.erase("digest") == 0 || text_with_digest(without) == text;
}

// `links`: (path within the folder, target file).
Result<> write_folder(const fs::path& folder, const json& document, const std::vector<std::pair<std::string, fs::path>>& links) {
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
  store::remove_temporary_files(folder);
  return durable_write(folder / "request.json", text_with_digest(document));
}

// Returns the link of a job: "PIPELINE/MODULE@START". Empty: it is not one.
fs::path link_of(const std::string& job) {
  const auto slash = job.find('/'), at = job.rfind('@');
  if (slash == std::string::npos || at == std::string::npos || at < slash) return {};
  const auto from = parse_time(job.substr(at + 1));
  return from ? fs::path(job.substr(slash + 1, at - slash - 1)) / TableLinks::file_of(*from) : fs::path();
}

}  // namespace

fs::path request_folder(const fs::path& state, std::uint64_t number) { return state / "requests" / requests::request_id(number); }

void write_request_folder(const fs::path& state, std::uint64_t number, const store::Records& records, const store::Blobs& blobs) {
  const auto row = records.json(Table::requests, store::keys::number(number));
  if (!row.is_object()) return;
  const auto request = requests::request_from_row(number, row);
  std::vector<FinishedJob> jobs;
  std::vector<std::pair<std::string, fs::path>> links;
  if (request.kind == RequestKind::run) {
    const auto stored = records.json(Table::revisions, store::keys::bytes_of(request.revision));
    if (!stored.is_object()) return;
    const auto graph = dag::graph_from_json(stored);
    for (const auto& module : graph.modules) {
      if (!request.module.empty() && module.name != request.module) continue;
      records.scan_catalogue(module.fingerprint, request.range(), [&](Micros from, const store::CatalogueRow& r) {
        if (r.rows_blob.empty()) return;
        jobs.push_back({.job = graph.job_name(module, from),
                        .coverage = r.coverage,
                        .result_key = r.result_key,
                        .rows_blob = r.rows_blob,
                        .rows = r.rows});
        links.emplace_back(module.name + "/" + TableLinks::file_of(from), blobs.path_of(r.rows_blob));
      });
    }
  }
  json document = requests::describe(request, request.jobs, true);
  document["job_list"] = jobs;
  (void)write_folder(request_folder(state, number), document, links);
}

RequestFolderCheck check_request_folder(const fs::path& folder, const store::Blobs& blobs, bool repair, const Pace& pace) {
  RequestFolderCheck check;
  const auto text = read_file(folder / "request.json");
  if (!text) return check;  // not complete, or it cannot be read now
  const auto document = json::parse(*text, nullptr, false);
  if (!is_intact(*text, document)) {
    check.wrong.push_back(folder / "request.json");
    check.rewrite = true;
    return check;
  }
  for (const auto& entry : document.value("job_list", json::array())) {
    const auto job = entry.get<FinishedJob>();
    const auto link = link_of(job.job);
    if (link.empty() || job.rows_blob.empty() || shows_blob(folder / link, job.rows_blob, blobs, pace)) continue;
    check.wrong.push_back(folder / link);
    const bool lost = !blobs.has(job.rows_blob) || !blobs.verify(job.rows_blob);
    if (lost) check.lost.push_back(folder / link);
    check.rewrite = check.rewrite || lost;
    if (!repair) continue;
    std::error_code ignored;
    fs::rename(folder / link, folder / (link.string() + ".damaged"), ignored);
    fs::create_directories((folder / link).parent_path(), ignored);
    if (!lost) fs::create_hard_link(blobs.path_of(job.rows_blob), folder / link, ignored);
  }
  return check;
}

}  // namespace mole::coordinator::views
