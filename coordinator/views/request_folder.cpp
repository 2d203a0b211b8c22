#include "coordinator/views/request_folder.hpp"

#include "sdk/model/durable_file.hpp"

#include <unistd.h>

namespace mole::coordinator::views {
namespace fs = std::filesystem;

Result<> write_request_folder(const fs::path& folder, const nlohmann::json& document,
                              const std::vector<std::pair<std::string, fs::path>>& links) {
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
  return durable_write(folder / "request.json", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace mole::coordinator::views
