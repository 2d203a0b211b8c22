// Starts a program with posix_spawn, which does not copy the address space of a large process as fork does.
//
//   Spawn spawn;
//   spawn.open(STDIN_FILENO, "/dev/null", O_RDONLY).own_group();
//   auto pid = spawn.start("/usr/bin/env", {"-0"});
#pragma once

#include <mole/result.hpp>

#include <spawn.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mole::nodes {

// Returns the folder of the running program.
std::filesystem::path own_folder();

// Attributes that the child inherits. Descriptor actions are performed in the order of the calls.
class Spawn {
 public:
  Spawn();
  ~Spawn();
  Spawn(const Spawn&) = delete;
  Spawn& operator=(const Spawn&) = delete;

  Spawn& open(int fd, const std::filesystem::path& file, int flags, mode_t mode = 0) {
    return add(::posix_spawn_file_actions_addopen, fd, file.c_str(), flags, mode);
  }
  Spawn& duplicate(int from, int to) { return add(::posix_spawn_file_actions_adddup2, from, to); }
  Spawn& close_from(int fd) { return add(::posix_spawn_file_actions_addclosefrom_np, fd); }
  Spawn& working_folder(const std::filesystem::path& folder) {
    return add(::posix_spawn_file_actions_addchdir_np, folder.c_str());
  }
  Spawn& own_group();                             // the child leads a new process group
  Spawn& default_signals(const sigset_t& reset);  // resets these signals to their default action
  Spawn& empty_signal_mask();

  // Returns the process id. `environment`: "NAME=value"; nullopt: inherited. missing: the program is not executable; transient:
  // it cannot be started now.
  Result<pid_t> start(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                      const std::optional<std::vector<std::string>>& environment = {}) const;

 private:
  Spawn& add(auto action, auto... values) {
    action(&actions_, values...);
    return *this;
  }
  Spawn& set(int flag);

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  short flags_ = 0;
};

}  // namespace mole::nodes
