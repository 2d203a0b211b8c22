#include "coordinator/store/acknowledged.hpp"

#define XXH_INLINE_ALL

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace mole::coordinator::store {
namespace {

constexpr std::uint64_t magic = 0x314b'4341'454c'4f4d;  // "MOLEACK1"
constexpr off_t slot_bytes = 512;                       // each slot is in a sector of its own

// magic, count, sequence, request, checksum of the four
using Slot = std::array<std::uint64_t, 5>;

std::uint64_t checksum(const Slot& slot) { return XXH3_64bits(slot.data(), 4 * sizeof slot[0]); }

}  // namespace

Result<AcknowledgedFile> AcknowledgedFile::open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return invalid("cannot open " + path.string() + ": " + std::strerror(errno) + "; run as the user that owns the state folder");
  AcknowledgedFile file(fd);
  for (off_t at = 0; at < 2 * slot_bytes; at += slot_bytes) {
    Slot slot{};
    const bool read = ::pread(fd, slot.data(), sizeof slot, at) == static_cast<ssize_t>(sizeof slot);
    if (!read || slot[0] != magic || slot[4] != checksum(slot) || slot[1] < file.count_) continue;
    file.count_ = slot[1];
    file.last_ = Acknowledged{slot[2], slot[3]};
  }
  return file;
}

AcknowledgedFile::AcknowledgedFile(AcknowledgedFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), count_(other.count_), last_(other.last_) {}

AcknowledgedFile::~AcknowledgedFile() {
  if (fd_ >= 0) ::close(fd_);
}

void AcknowledgedFile::note(const Acknowledged& acknowledged) {
  last_ = acknowledged;
  Slot slot{magic, ++count_, acknowledged.sequence, acknowledged.request, 0};
  slot[4] = checksum(slot);
  (void)!::pwrite(fd_, slot.data(), sizeof slot, static_cast<off_t>(count_ % 2) * slot_bytes);
}

}  // namespace mole::coordinator::store
