#include "cli/commands/result_files.hpp"

#include "cli/export/column.hpp"
#include "cli/export/selection.hpp"
#include "cli/format/human.hpp"

#include <fmt/format.h>

#include <fstream>
#include <set>

namespace mole::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::uint32_t chunk_bytes = 1 << 20;

json cell(const runtime::Column& column, std::size_t row) {
  if (column.is_null(row)) return nullptr;
  if (type_of(column) == ColumnType::time) return format_time(std::get<1>(column.values)[row]);
  if (type_of(column) == ColumnType::boolean) return std::get<1>(column.values)[row] != 0;
  json value;
  std::visit(
      [&](const auto& values) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(values)>, std::vector<Addr>>) value = values[row];
      },
      column.values);
  return value;
}

}  // namespace

Result<std::string> full_module_name(coordinator::ClientApi& api, const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  MOLE_TRY(const auto status, api.status());
  std::set<std::string> names;
  for (const auto* strips : {&status.modules, &status.variants})
    for (const auto& m : *strips) names.insert(printable(m.module));
  std::vector<std::string> matches;
  const std::vector<std::string> known(names.begin(), names.end());
  for (const auto& module : known)
    if (module.ends_with("/" + name)) matches.push_back(module);
  if (matches.size() == 1) return matches.front();
  if (matches.empty())
    return missing(fmt::format("no module is named {}; known modules: {}", name, known.empty() ? "none" : listed(known)));
  return invalid(fmt::format("several pipelines have a module {}; use one of {}", name, listed(matches)));
}

Result<fs::path> BlobFiles::path(const Digest& digest) {
  const auto hex = digest.hex();
  std::error_code error;
  if (!session_.folder().empty())
    if (auto local = session_.folder() / "blobs" / hex.substr(0, 2) / hex; fs::exists(local, error)) return local;
  if (!fetched_) {
    MOLE_TRY(auto folder, ScratchFolder::create());
    fetched_.emplace(std::move(folder));
  }
  const auto file = fetched_->path() / hex;
  if (!fs::exists(file, error))
    if (auto done = fetch(digest, file); !done) return done.error();
  return file;
}

Result<> BlobFiles::fetch(const Digest& digest, const fs::path& to) {
  std::ofstream out(to, std::ios::binary);
  for (std::uint64_t offset = 0;;) {
    MOLE_TRY(const auto chunk, session_.api().get_blob(digest, offset, chunk_bytes));
    if (chunk.empty()) break;
    out.write(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    offset += chunk.size();
  }
  if (!out.flush()) return exhausted(fmt::format("cannot write {}; free some space or set TMPDIR", to.string()));
  out.close();
  MOLE_TRY(const auto actual, digest_of_file(to));
  if (actual != digest) return corrupt(fmt::format("result {} was damaged in transfer; try again", digest.hex()));
  return {};
}

Result<FoundResults> results_of(Session& session, BlobFiles& blobs, const std::string& module, TimeRange range,
                                const std::string& what_if) {
  MOLE_TRY(auto document, session.api().results(module, range, what_if));
  FoundResults found{std::move(document), {}};
  for (const auto& block : found.document.blocks) {
    if (block.rows_blob.empty()) continue;
    MOLE_TRY(auto path, blobs.path(block.rows_blob));
    found.files.push_back(std::move(path));
  }
  if (found.files.empty()) {
    const auto& request = found.document.what_if;
    return missing(
        fmt::format("{} has no results in this range{}; compute them with mole run, or list the existing ones with mole status",
                    module, request.empty() ? "" : " with the settings of request " + printable(request)));
  }
  return found;
}

std::string what_if(const coordinator::ModuleResults& results) {
  std::string text;
  for (const auto& override : results.overrides) text += (text.empty() ? "--set " : " --set ") + printable(override);
  return text;
}

std::string note_on(const coordinator::ModuleResults& results) {
  if (results.what_if.empty()) return printable(results.note);
  const auto overrides = what_if(results);
  return fmt::format("these are the results of {} in request {}{}; leave --what-if out to see those of the manifest",
                     printable(results.module), printable(results.what_if), overrides.empty() ? "" : ", with " + overrides);
}

json rows_json(const runtime::RowTable& rows) {
  auto all = json::array();
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    auto row = json::object();
    for (const auto& column : rows.columns) row[column.name] = cell(column, i);
    all.push_back(std::move(row));
  }
  return all;
}

}  // namespace mole::cli
