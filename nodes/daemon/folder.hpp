// The folder a node owns: its layout, its lock, its persistent name (docs/formats/node_folder.md).
#pragma once

#include <mole/result.hpp>

#include <filesystem>
#include <string>

namespace mole::nodes {

class NodeFolder {
 public:
  // Makes the layout, takes the lock, removes what attempts of an earlier life left. invalid: another daemon works here, or
  // the folder cannot be written.
  static Result<NodeFolder> open(const std::filesystem::path& folder);

  NodeFolder(NodeFolder&& other) noexcept;
  NodeFolder& operator=(NodeFolder&&) = delete;
  ~NodeFolder();  // gives the lock back

  const std::string& name() const { return name_; }  // "node-3f9c…", the same at every start
  std::filesystem::path cache() const { return folder_ / "cache"; }
  std::filesystem::path plugins() const { return folder_ / "plugins"; }
  std::filesystem::path states() const { return folder_ / "states"; }
  std::filesystem::path tables() const { return folder_ / "tables"; }
  std::filesystem::path attempts() const { return folder_ / "attempts"; }
  std::filesystem::path finished() const { return folder_ / "finished"; }

 private:
  NodeFolder(std::filesystem::path folder, int lock) : folder_(std::move(folder)), lock_(lock) {}
  Result<> prepare();

  std::filesystem::path folder_;
  int lock_ = -1;
  std::string name_;
};

// 128 random bits as 32 hex digits.
std::string random_hex();

// A task id as it may become a file name: letters, digits, '-' and '_', at most 64.
bool is_plain_name(const std::string& id);

}  // namespace mole::nodes
