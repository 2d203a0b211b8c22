#include "nodes/process/spawn.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

extern char** environ;

namespace mole::nodes {
namespace {

// Returns the null-terminated array that exec expects. It points into `words`.
std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (const auto& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace

std::filesystem::path own_folder() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::filesystem::path(".") : self.parent_path();
}

Spawn::Spawn() {
  ::posix_spawn_file_actions_init(&actions_);
  ::posix_spawnattr_init(&attributes_);
}

Spawn::~Spawn() {
  ::posix_spawnattr_destroy(&attributes_);
  ::posix_spawn_file_actions_destroy(&actions_);
}

Spawn& Spawn::own_group() {
  ::posix_spawnattr_setpgroup(&attributes_, 0);
  return set(POSIX_SPAWN_SETPGROUP);
}

Spawn& Spawn::default_signals(const sigset_t& reset) {
  ::posix_spawnattr_setsigdefault(&attributes_, &reset);
  return set(POSIX_SPAWN_SETSIGDEF);
}

Spawn& Spawn::empty_signal_mask() {
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes_, &none);
  return set(POSIX_SPAWN_SETSIGMASK);
}

Spawn& Spawn::set(int flag) {
  flags_ = static_cast<short>(flags_ | flag);
  ::posix_spawnattr_setflags(&attributes_, flags_);
  return *this;
}

Result<pid_t> Spawn::start(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                           const std::optional<std::vector<std::string>>& environment) const {
  if (::access(program.c_str(), X_OK) != 0) return missing("cannot start " + program.string() + ": " + std::strerror(errno));
  std::vector<std::string> words{program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, program.c_str(), &actions_, &attributes_, pointers(words).data(),
                                   environment ? pointers(*environment).data() : environ);
  if (failed == 0) return pid;
  return transient("cannot start " + program.string() + ": " + std::strerror(failed) +
                   "; try again when the machine is less busy");
}

}  // namespace mole::nodes
