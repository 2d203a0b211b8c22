#include "runtime/decode/content_source.hpp"
#include "tests/fuzz/targets.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace mole::runtime::test {
namespace {

struct Read {
  std::string bytes;
  std::vector<task::ByteRange> lost;
  std::vector<std::size_t> gaps;
};

void require(bool holds) {
  if (!holds) std::abort();
}

Read read_all(const std::string& path, std::size_t size, unsigned threads, Bzip2Decoder decode) {
  constexpr std::uint64_t limit = 1 << 20;
  auto source = open_content(path, {.threads = threads, .decode = decode, .max_content = limit});
  require(bool(source));
  Read read;
  while (true) {
    auto chunk = (*source)->next();
    require(bool(chunk));
    if (!*chunk) break;
    require(!(*chunk)->bytes.empty() && (*chunk)->offset == read.bytes.size());
    if ((*chunk)->gap) read.gaps.push_back(read.bytes.size());
    read.bytes.append(reinterpret_cast<const char*>((*chunk)->bytes.data()), (*chunk)->bytes.size());
  }
  require(read.bytes.size() <= std::max<std::uint64_t>(limit, size));
  read.lost = (*source)->lost();
  for (const auto& range : read.lost) require(range.from <= range.to && range.to <= size);
  require(read.gaps.empty() || !read.lost.empty());
  return read;
}

}  // namespace

void fuzz_content(const std::uint8_t* data, std::size_t size) {
  const int fd = ::memfd_create("fuzz", MFD_CLOEXEC);
  require(fd >= 0 && ::write(fd, data, size) == static_cast<ssize_t>(size));
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  const Read one = read_all(path, size, 1, Bzip2Decoder::libbzip2), three = read_all(path, size, 3, Bzip2Decoder::interleaved);
  ::close(fd);
  require(one.bytes == three.bytes && one.gaps == three.gaps && one.lost.size() == three.lost.size());
  for (std::size_t i = 0; i < one.lost.size(); ++i)
    require(one.lost[i].from == three.lost[i].from && one.lost[i].to == three.lost[i].to &&
            one.lost[i].reason == three.lost[i].reason);
}

}  // namespace mole::runtime::test
