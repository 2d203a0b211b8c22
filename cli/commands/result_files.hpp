// Finds the Parquet files with the results of a module.
#pragma once

#include "cli/context.hpp"
#include "cli/export/scratch_folder.hpp"
#include "runtime/rows/row_table.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mole::cli {

// Returns "pipeline/module". The pipeline may be omitted if only one has this module. missing: unknown; invalid: ambiguous.
Result<std::string> full_module_name(coordinator::ClientApi& api, const std::string& name);

// Provides blobs as files: those of a local state folder, else copies in a temporary folder that this object owns.
class BlobFiles {
 public:
  explicit BlobFiles(Session& session) : session_(session) {}
  // Returns the path of a blob. missing, transient, exhausted.
  Result<std::filesystem::path> path(const Digest& digest);

 private:
  Result<> fetch(const Digest& digest, const std::filesystem::path& to);
  Session& session_;
  std::optional<ScratchFolder> fetched_;  // null: not created
};

struct FoundResults {
  coordinator::ModuleResults document;
  std::vector<std::filesystem::path> files;
};
// what_if: as for ClientApi::results. missing: there are no rows in the range.
Result<FoundResults> results_of(Session& session, BlobFiles& blobs, const std::string& module, TimeRange range,
                                const std::string& what_if);

// Returns the overrides as "--set A --set B"; "" for results of the unchanged manifest.
std::string what_if(const coordinator::ModuleResults& results);
// Returns a note on results that are not the current ones of the manifest, or will soon not be; "" if there is nothing to say.
std::string note_on(const coordinator::ModuleResults& results);

// Converts each row to an object with column names as keys; times become RFC 3339.
nlohmann::json rows_json(const runtime::RowTable& rows);

}  // namespace mole::cli
