#include "cli/check/node_folder.hpp"

#include "runtime/decode/column_reader.hpp"
#include "runtime/rows/file_output.hpp"
#include "sdk/model/durable_file.hpp"

#include <fcntl.h>
#include <sys/file.h>

namespace mole::cli {
namespace fs = std::filesystem;
namespace {

class Check {
 public:
  Check(fs::path folder, bool repair) : folder_(std::move(folder)), repair_(repair) {}

  NodeCheck run() {
    check_cache();
    for (const auto* part : {"plugins", "states", "tables"}) check_named(folder_ / part);
    check_unsent();
    return std::move(found_);
  }

 private:
  // false: the file is damaged. `intact`: nullopt if it cannot be read now.
  bool note(const fs::path& file, std::optional<bool> intact) {
    std::error_code gone;
    const auto size = fs::file_size(file, gone);
    ++found_.files;
    found_.bytes += gone ? 0 : size;
    if (intact.value_or(true)) return true;
    found_.damaged.push_back(file.lexically_relative(folder_).string());
    return false;
  }

  static std::optional<bool> has_digest(const fs::path& file, const Digest& digest) {
    const auto found = digest_of_file(file);
    if (found) return *found == digest;
    return found.error().code == Code::corrupt || found.error().code == Code::missing ? std::optional(false) : std::nullopt;
  }

  void check_cache() {
    std::error_code error;
    for (fs::directory_iterator at(folder_ / "cache", error), end; !error && at != end; at.increment(error)) {
      const auto file = at->path();
      if (file.extension() != ".file" || note(file, is_intact(file)) || !repair_) continue;
      std::error_code ignored;
      fs::remove(file, ignored);
      fs::remove(fs::path(file).replace_extension(".digest"), ignored);
    }
  }

  static std::optional<bool> is_intact(const fs::path& file) {
    const auto sidecar = read_file(fs::path(file).replace_extension(".digest"), 1 << 16);
    if (!sidecar) return sidecar.error().code == Code::missing ? std::optional(false) : std::nullopt;
    const auto digest = Digest::from_hex(sidecar->substr(0, 32)), name = Digest::from_hex(file.stem().string());
    std::error_code gone;
    const auto size = fs::file_size(file, gone);
    if (gone) return std::nullopt;
    if (!digest || !name || sidecar->size() < 34 || std::strtoull(sidecar->c_str() + 33, nullptr, 10) != size) return false;
    if (!runtime::is_column_file(file)) return has_digest(file, *digest);
    const auto checked = runtime::check_column_file(file, *name);
    return checked || checked.error().code != Code::corrupt;
  }

  // Files that are named by their digest.
  void check_named(const fs::path& root) {
    std::error_code error;
    for (fs::directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
      const auto digest = Digest::from_hex(at->path().stem().string());
      if (!digest || note(at->path(), has_digest(at->path(), *digest)) || !repair_) continue;
      std::error_code ignored;
      fs::remove(at->path(), ignored);
    }
  }

  void check_unsent() {
    std::error_code error;
    for (fs::directory_iterator task(folder_ / "finished", error), end; !error && task != end; task.increment(error)) {
      const auto completion = task->path() / "completion.json";
      const auto text = read_file(completion);
      bool intact = note(completion, text ? std::optional(is_completion(*text)) : std::nullopt);
      std::error_code ignored;
      for (const auto& entry : fs::directory_iterator(task->path(), ignored))
        if (const auto digest = Digest::from_hex(entry.path().stem().string()))
          intact = note(entry.path(), has_digest(entry.path(), *digest)) && intact;
      if (!intact && repair_) fs::remove_all(task->path(), ignored);  // its lease expires, and the task is repeated
    }
  }

  static bool is_completion(const std::string& text) {
    const auto document = nlohmann::json::parse(text, nullptr, false);
    return document.is_object() && document.contains("spec") && document.contains("report");
  }

  const fs::path folder_;
  const bool repair_;
  NodeCheck found_;
};

}  // namespace

Result<NodeCheck> check_node_folder(const fs::path& folder, bool repair) {
  const runtime::OwnedFd lock(::open((folder / "lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!lock) return missing(folder.string() + " is not the folder of a node: it has no file \"lock\"; check the path");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return invalid("a mole-node uses " + folder.string() + "; stop it, then check its folder");
  return Check(folder, repair).run();
}

}  // namespace mole::cli
