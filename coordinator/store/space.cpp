#include "coordinator/store/space.hpp"

#include <sys/statvfs.h>

namespace mole::coordinator::store {

std::uint64_t free_bytes(const std::filesystem::path& folder) {
  struct statvfs room {};
  if (::statvfs(folder.c_str(), &room) != 0) return UINT64_MAX;
  return std::uint64_t{room.f_bavail} * room.f_frsize;
}

}  // namespace mole::coordinator::store
