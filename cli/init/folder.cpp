#include "cli/init/folder.hpp"

#include "coordinator/manifest/file_names.hpp"
#include "sdk/model/utf8.hpp"

#include <algorithm>

namespace mole::cli {
namespace fs = std::filesystem;

namespace {

void visit(const fs::path& root, const std::string& below, const coordinator::manifest::FileNames& rules, FolderNames& out) {
  std::error_code error;
  fs::directory_iterator entries(below.empty() ? root : root / below, error);
  if (error) return out.unreadable.push_back(below.empty() ? "." : below);
  for (; entries != fs::directory_iterator(); entries.increment(error)) {
    std::error_code ignored;
    const auto name = (below.empty() ? "" : below + "/") + entries->path().filename().string();
    const bool link = entries->is_symlink(ignored);
    if (entries->is_directory(ignored)) {
      if (!link) visit(root, name, rules, out);
      continue;
    }
    if (!entries->is_regular_file(ignored)) continue;
    if (!is_utf8(name)) {
      out.unreadable.push_back(name);
    } else if (rules.read(name).kind == coordinator::manifest::NameKind::temporary) {
      out.left_out.push_back(name);
    } else {
      out.names.push_back(name);
    }
  }
  if (error) out.unreadable.push_back(below.empty() ? "." : below);
}

}  // namespace

Result<FolderNames> names_in(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return missing(folder.string() + " is not a folder; give the folder that contains the archive's files");
  MOLE_TRY(const auto rules, coordinator::manifest::FileNames::make({.files = "{start:unix}"}));
  FolderNames out;
  visit(folder, "", rules, out);
  if (out.names.empty())
    return missing("there are no files in " + folder.string() + "; give the folder that contains the archive's files");
  for (auto* list : {&out.names, &out.left_out, &out.unreadable}) std::ranges::sort(*list);
  return out;
}

}  // namespace mole::cli
