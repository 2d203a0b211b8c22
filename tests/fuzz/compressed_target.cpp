#include "runtime/decode/compressed_source.hpp"
#include "tests/fuzz/targets.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace mole::runtime::test {
namespace {

struct Read {
  std::string bytes;
  std::vector<std::size_t> gaps;
  std::vector<std::string> reasons;

  bool operator==(const Read&) const = default;
};

void require(bool holds) {
  if (!holds) std::abort();
}

Read read_all(const std::string& path, const StreamFormat& format, std::size_t size, std::size_t read_bytes) {
  constexpr std::uint64_t limit = 1 << 20;
  auto file = FileBytes::open(path);
  require(bool(file));
  CompressedSource source(std::move(*file), format, {.max_content = limit, .memory = 8 << 20}, read_bytes);
  Read read;
  while (true) {
    auto chunk = source.next();
    require(bool(chunk));
    if (!*chunk) break;
    require(!(*chunk)->bytes.empty() && (*chunk)->offset == read.bytes.size());
    if ((*chunk)->gap) read.gaps.push_back(read.bytes.size());
    read.bytes.append(reinterpret_cast<const char*>((*chunk)->bytes.data()), (*chunk)->bytes.size());
  }
  require(read.bytes.size() <= limit);
  for (const auto& range : source.lost()) {
    require(range.from <= range.to && range.to <= size);
    read.reasons.push_back(range.reason);
  }
  require(!source.ends_in_damage() || !source.sound());
  require(read.gaps.size() <= source.lost().size());
  return read;
}

}  // namespace

void fuzz_compressed(const std::uint8_t* data, std::size_t size) {
  const auto* format = stream_format_of({data, size});
  if (format == nullptr) return;
  const int fd = ::memfd_create("fuzz", MFD_CLOEXEC);
  require(fd >= 0 && ::write(fd, data, size) == static_cast<ssize_t>(size));
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  const Read large = read_all(path, *format, size, std::size_t{256} << 10), small = read_all(path, *format, size, 13);
  ::close(fd);
  require(large == small);
}

}  // namespace mole::runtime::test
