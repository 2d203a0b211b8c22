// Groups of processes that the kernel limits together and ends as a whole: cgroups of version 2, or of version 1
// (docs/decisions/0214).
//
//   auto groups = Cgroups::open(100);
//   auto group = (*groups)->take(2 << 30);
//   start_with((*group)->entries());  // mole-launch --group
//   (*group)->out_of_memory();
#pragma once

#include "sdk/model/mutex.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mole::nodes {

class Cgroup {
 public:
  // The files to which a process writes 0 to enter the group.
  std::vector<std::filesystem::path> entries() const;
  // Whether a process of it was killed since it was taken, because together they needed more memory than they may use.
  bool out_of_memory() const { return memory_kills() > kills_before_; }

 private:
  friend class Cgroups;
  struct Folder {
    std::filesystem::path path;
    int lock = -1;  // held as long as the group is in use: what nobody holds is left from a daemon that was killed
  };
  std::uint64_t memory_kills() const;
  bool has_lost_memory() const;
  void remove();
  std::vector<Folder> folders_;  // version 1: of memory and of pids
  std::uint64_t kills_before_ = 0;
};

// The groups of one daemon, which are used again: the kernel keeps a removed group as long as a file that it has read is in
// memory. Thread-safe. Must outlive the groups that were taken.
class Cgroups {
 public:
  // Makes groups below the one of this process, and removes those that killed daemons have left there. `tasks`: the number of
  // processes and threads in a group. unsupported: this user may not, or the kernel has none; the message states why.
  static Result<std::unique_ptr<Cgroups>> open(std::uint64_t tasks);
  ~Cgroups();  // removes the groups
  Cgroups(const Cgroups&) = delete;
  Cgroups& operator=(const Cgroups&) = delete;

  // Returns an empty group whose processes together may use `memory` bytes, 0: any. That includes what they write to memory file
  // systems, and copies of files in memory, which are dropped when there is no room. When the last copy of the pointer is gone,
  // all processes in it are killed. transient: it cannot be made now.
  Result<std::shared_ptr<const Cgroup>> take(std::uint64_t memory);

 private:
  Cgroups(std::vector<std::filesystem::path> parents, std::uint64_t tasks) : parents_(std::move(parents)), tasks_(tasks) {}
  Result<Cgroup> make() const;
  Result<> set_limits(const Cgroup& group, std::uint64_t memory) const;
  void give_back(std::unique_ptr<Cgroup> group);
  void remove_leftovers() const;

  const std::vector<std::filesystem::path> parents_;  // version 1: one of memory and one of pids
  const std::uint64_t tasks_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Cgroup>> free_ MOLE_GUARDED_BY(mutex_);
};

// Returns the folder of the group of this process. `controller`: of version 1; empty: version 2. `mounts`, `groups`: the content
// of /proc/self/mountinfo and /proc/self/cgroup.
std::optional<std::filesystem::path> own_cgroup(const std::string& mounts, const std::string& groups,
                                                const std::string& controller);

}  // namespace mole::nodes
