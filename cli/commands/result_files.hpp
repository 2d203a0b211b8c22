// From a module's name to the Parquet files of its results.
#pragma once

#include "cli/context.hpp"
#include "runtime/rows/row_table.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace mole::cli {

// "pipeline/module" for a name as typed; a bare module's name is enough if one pipeline knows it. missing, invalid.
Result<std::string> full_module_name(coordinator::ClientApi& api, const std::string& name);

// Blobs as files: of the state folder if it is here, else fetched into a folder that lives as long as this object.
class BlobFiles {
 public:
  explicit BlobFiles(Session& session) : session_(session) {}
  ~BlobFiles();
  BlobFiles(const BlobFiles&) = delete;
  BlobFiles& operator=(const BlobFiles&) = delete;

  // Path of one blob, by its 32 hex digits. missing, transient, exhausted.
  Result<std::filesystem::path> path(const std::string& hex);

 private:
  Result<> fetch(const Digest& digest, const std::filesystem::path& to);
  Session& session_;
  std::filesystem::path fetched_;  // folder of our own; empty: none yet
};

struct ModuleResults {
  nlohmann::json document;  // Api::results
  std::vector<std::filesystem::path> files;
};
// missing, with what to type, if there are no rows in the range.
Result<ModuleResults> results_of(Session& session, BlobFiles& blobs, const std::string& module, TimeRange range);

// In a document of Api::results, of a module that was last run as another measurement than its manifest says: "--set A --set B";
// else "".
std::string what_if(const nlohmann::json& document);
// A sentence about it for who sees the module's rows. `changed`: from what_if; "" gives "".
std::string what_if_note(const std::string& module, const std::string& changed);

// Rows as objects by column name; times as RFC 3339.
nlohmann::json rows_json(const runtime::RowTable& rows);

}  // namespace mole::cli
