#include "coordinator/control/allowed_roots.hpp"

#include <algorithm>

namespace mole::coordinator::control {
namespace fs = std::filesystem;

Result<> check_allowed(const std::vector<fs::path>& roots, const fs::path& path) {
  std::error_code error;
  const auto real = fs::weakly_canonical(path, error);
  for (const auto& root : roots) {
    if (error) break;
    std::error_code gone;
    const auto folder = fs::canonical(root, gone);
    if (!gone && std::mismatch(folder.begin(), folder.end(), real.begin(), real.end()).first == folder.end()) return {};
  }
  return denied("the path " + path.string() +
                " is in none of the folders that submissions over TCP may name; start mole-coordinator with --allow-root FOLDER, "
                "or submit over its Unix socket");
}

}  // namespace mole::coordinator::control
