// Restricts a process, and all that it starts, to files below given paths (Linux Landlock, docs/decisions/0214).
#pragma once

#include <string>
#include <vector>

namespace mole::nodes {

struct FileAccess {
  std::vector<std::string> read;   // files and folders that may be read and executed; those that do not exist are left out
  std::vector<std::string> write;  // those that may also be changed
};

// Irreversible, for this process. From then on it can also neither send signals to processes without the same restriction nor
// trace them, as far as the kernel supports it. `network`: false: no TCP, as far as the kernel supports it. False: this kernel
// has no Landlock; errno states why. Set no_new_privs before.
bool restrict_files(const FileAccess& access, bool network);

}  // namespace mole::nodes
