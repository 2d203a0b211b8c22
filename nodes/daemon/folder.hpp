// The folder of a node: layout, lock, persistent name (docs/formats/node_folder.md).
#pragma once

#include "sdk/model/digest.hpp"

#include <mole/result.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace mole::nodes {

class NodeFolder {
 public:
  // Creates the layout, acquires the lock, removes attempts left by an earlier run. invalid: another daemon uses the folder, or
  // it cannot be written.
  static Result<NodeFolder> open(const std::filesystem::path& folder);

  NodeFolder(NodeFolder&& other) noexcept;
  NodeFolder& operator=(NodeFolder&&) = delete;
  ~NodeFolder();  // releases the lock

  const std::string& name() const { return name_; }  // "node-3f9c…", the same after every start
  std::filesystem::path cache() const { return folder_ / "cache"; }
  // Returns the names of complete files in the cache, at most 50,000.
  std::vector<Digest> cached_files() const;
  // Returns the size of the files in the cache and of the space reserved for others, in bytes.
  std::uint64_t cached_bytes() const;
  std::filesystem::path plugins() const { return folder_ / "plugins"; }
  std::filesystem::path states() const { return folder_ / "states"; }
  std::filesystem::path tables() const { return folder_ / "tables"; }
  std::filesystem::path listings() const { return folder_ / "listings"; }
  std::filesystem::path attempts() const { return folder_ / "attempts"; }
  std::filesystem::path finished() const { return folder_ / "finished"; }

 private:
  NodeFolder(std::filesystem::path folder, int lock) : folder_(std::move(folder)), lock_(lock) {}
  Result<> prepare();

  std::filesystem::path folder_;
  int lock_ = -1;
  std::string name_;
};

// Returns 128 random bits as 32 hex digits.
std::string random_hex();

// Returns whether a task id can be a file name: at most 64 letters, digits, '-' and '_'.
bool is_plain_name(const std::string& id);

}  // namespace mole::nodes
