#include "cli/commands/result_files.hpp"

#include "cli/export/selection.hpp"
#include "cli/format/document.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <fstream>

namespace mole::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::uint32_t piece_bytes = 1 << 20;

json cell(const runtime::Column& column, std::size_t row) {
  if (!column.valid.empty() && !column.valid[row]) return nullptr;
  if (column.type == "time") return format_time(std::get<std::vector<std::int64_t>>(column.values)[row]);
  if (column.type == "bool") return std::get<std::vector<std::int64_t>>(column.values)[row] != 0;
  return std::visit([row](const auto& values) { return json(values[row]); }, column.values);
}

}  // namespace

Result<std::string> full_module_name(coordinator::ClientApi& api, const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const auto status = api.status();
  if (!status) return status.error();
  std::vector<std::string> matches, known;
  for (const auto& m : field(*status, "modules")) {
    known.push_back(text_of(m, "module"));
    if (known.back().ends_with("/" + name)) matches.push_back(known.back());
  }
  if (matches.size() == 1) return matches.front();
  if (matches.empty())
    return missing(fmt::format("no module {} has been asked for; known: {}", name, known.empty() ? "none" : listed(known)));
  return invalid(fmt::format("several pipelines have a module {}; name one of {}", name, listed(matches)));
}

BlobFiles::~BlobFiles() {
  std::error_code ignored;
  if (!fetched_.empty()) fs::remove_all(fetched_, ignored);
}

Result<fs::path> BlobFiles::path(const std::string& hex) {
  const auto digest = Digest::from_hex(hex);
  if (!digest) return digest.error();
  std::error_code error;
  if (!session_.folder().empty())
    if (auto here = session_.folder() / "blobs" / hex.substr(0, 2) / hex; fs::exists(here, error)) return here;
  if (fetched_.empty()) {
    auto name = (fs::temp_directory_path(error) / "mole-results-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) return exhausted("cannot make a temporary folder; free some space or set TMPDIR");
    fetched_ = name;
  }
  const auto file = fetched_ / hex;
  if (!fs::exists(file, error))
    if (auto done = fetch(*digest, file); !done) return done.error();
  return file;
}

Result<> BlobFiles::fetch(const Digest& digest, const fs::path& to) {
  std::ofstream out(to, std::ios::binary);
  for (std::uint64_t offset = 0;;) {
    const auto piece = session_.api().get_blob(digest, offset, piece_bytes);
    if (!piece) return piece.error();
    if (piece->empty()) break;
    out.write(piece->data(), static_cast<std::streamsize>(piece->size()));
    offset += piece->size();
  }
  if (!out.flush()) return exhausted(fmt::format("cannot write {}; free some space or set TMPDIR", to.string()));
  out.close();
  const auto got = digest_of_file(to);
  if (!got) return got.error();
  if (*got != digest) return corrupt(fmt::format("result {} arrived with other bytes; try again", digest.hex()));
  return {};
}

Result<ModuleResults> results_of(Session& session, BlobFiles& blobs, const std::string& module, TimeRange range) {
  auto document = session.api().results(module, range);
  if (!document) return document.error();
  ModuleResults found{std::move(*document), {}};
  for (const auto& block : field(found.document, "blocks")) {
    const auto hex = text_of(block, "rows_blob");
    if (hex.empty()) continue;
    auto path = blobs.path(hex);
    if (!path) return path.error();
    found.files.push_back(std::move(*path));
  }
  if (found.files.empty()) {
    const auto changed = what_if(found.document);
    return missing(
        fmt::format("{} has no results in this range{}; mole run computes them, mole status shows where there are some", module,
                    changed.empty() ? "" : " with " + changed + ", as it was last run"));
  }
  return found;
}

std::string what_if(const json& document) {
  std::string text;
  for (const auto& override : field(document, "overrides")) text += (text.empty() ? "--set " : " --set ") + text_of(override);
  return text;
}

std::string what_if_note(const std::string& module, const std::string& changed) {
  if (changed.empty()) return "";
  return fmt::format("{} is shown as it was last run, with {}; mole run without it brings back the results of the manifest",
                     module, changed);
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
