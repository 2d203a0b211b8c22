#include "runtime/staging/cached_piece.hpp"

#include "runtime/staging/cache_folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

namespace mole::runtime {

using namespace cache_folder;

Result<CachedPiece> read_cached_piece(const fs::path& folder, const Digest& name, std::uint64_t offset, std::uint32_t limit) {
  std::optional<CompleteFile> file;
  {
    MOLE_TRY(const auto locked, lock(folder));
    MOLE_TRY(file, open_complete(folder, name.hex(), std::nullopt, Use::does_not_count));
  }
  if (file && offset == 0) {
    MOLE_TRY(const auto intact, has_digest(file->pin, file->digest));
    if (!intact) {
      MOLE_TRY(const auto locked, lock(folder));
      remove(folder, {name.hex(), false, 0, {}});
      file.reset();
    }
  }
  if (!file)
    return missing("file " + name.hex() + " is not in the cache of this node; the node that fetched it computes the block");
  struct stat status {};
  const auto failed = [&] {
    return transient("reading file " + name.hex() + " of the cache failed: " + std::strerror(errno) +
                     "; check the disk that holds the cache");
  };
  if (::fstat(file->pin.get(), &status) != 0) return failed();
  CachedPiece piece{file->digest, static_cast<std::uint64_t>(status.st_size), {}};
  piece.bytes.resize(std::min<std::uint64_t>(limit, piece.size - std::min(offset, piece.size)));
  for (std::size_t read = 0; read < piece.bytes.size();) {
    const auto n =
        ::pread(file->pin.get(), piece.bytes.data() + read, piece.bytes.size() - read, static_cast<off_t>(offset + read));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = EIO;  // it became shorter
    if (n <= 0) return failed();
    read += static_cast<std::size_t>(n);
  }
  return piece;
}

}  // namespace mole::runtime
