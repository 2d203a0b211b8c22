#include "coordinator/store/temporary.hpp"

#include <vector>

namespace mole::coordinator::store {
namespace fs = std::filesystem;

void remove_temporary_files(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().filename().string().starts_with(".tmp.")) found.push_back(entry.path());
  for (const auto& path : found) fs::remove(path, ignored);
}

}  // namespace mole::coordinator::store
