// mole-bench-stages FILE.bz2 [--narrow]
//
// Measures the steps of the interleaved block decoder. Prints one line of JSON with nanoseconds per byte of content for each step
// and for libbzip2 on the same blocks; each block is decoded three times, and the fastest round counts. --narrow: without AVX2.
// docs/decode_speed.md explains the steps.
#include "runtime/decode/block_content.hpp"
#include "runtime/decode/inverse_bwt.hpp"
#include "runtime/decode/segment_scanner.hpp"
#include "runtime/decode/symbol_decoder.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace mole::runtime;

constexpr int rounds = 3;
constexpr std::size_t limit = std::size_t{64} << 20;

// Adds up the fastest time of each block.
class Stopwatch {
 public:
  template <class Work>
  void run(const Work& work) {
    const double begin = now();
    work();
    best_ = std::min(best_, now() - begin);
  }
  void close() { total_ += std::exchange(best_, std::numeric_limits<double>::infinity()); }
  double total() const { return total_; }

 private:
  static double now() {  // CPU time of this thread, without other threads on its core
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
  }

  double best_ = std::numeric_limits<double>::infinity(), total_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  std::string path;
  bool wide = true;
  for (int i = 1; i < argc; ++i) std::string(argv[i]) == "--narrow" ? void(wide = false) : void(path = argv[i]);
  auto file = FileBytes::open(path);
  if (!file) {
    std::fprintf(stderr, "mole-bench-stages: %s\nusage: mole-bench-stages FILE.bz2 [--narrow]\n", file.error().message.c_str());
    return 2;
  }
  SegmentScanner scanner(std::move(*file));
  Segment segment;
  SymbolDecoder symbols(wide);
  InverseBwt inverse;
  const auto libbzip2 = make_block_decoder(mole::Bzip2Decoder::libbzip2);
  DecodedBlock block;
  std::vector<std::uint8_t> text;
  Stopwatch reference, read, link, walk, runs, checksum;
  std::uint64_t blocks = 0, bytes = 0;
  volatile std::uint32_t sum = 0;
  for (auto more = scanner.next(segment); more && *more; more = scanner.next(segment)) {
    const unsigned first = segment.from % 8;
    const std::uint64_t bits = segment.to - segment.from;
    if (segment.kind != Segment::Kind::block || !symbols.read(segment.bytes, first, bits)) continue;
    text.resize(symbols.column().size());
    for (int round = 0; round < rounds; ++round) {
      reference.run([&] { libbzip2->decode(segment.bytes, first, bits, limit, block); });
      read.run([&] { symbols.read(segment.bytes, first, bits); });
      link.run([&] { inverse.link(symbols.column(), symbols.counts(), symbols.origin()); });
      walk.run([&] { inverse.walk(text); });
      runs.run([&] { expand_runs(text, limit, block.content); });
      checksum.run([&] { sum = bzip2_checksum(block.content.view()); });
    }
    ++blocks;
    bytes += block.content.size();
    for (auto* stopwatch : {&reference, &read, &link, &walk, &runs, &checksum}) stopwatch->close();
  }
  const auto per_byte = [&](const Stopwatch& s) { return s.total() / static_cast<double>(std::max<std::uint64_t>(bytes, 1)); };
  std::printf(
      "{\"blocks\":%llu,\"bytes\":%llu,\"libbzip2\":%.3f,\"symbols\":%.3f,\"link\":%.3f,\"walk\":%.3f,\"runs\":%.3f,"
      "\"checksum\":%.3f}\n",
      static_cast<unsigned long long>(blocks), static_cast<unsigned long long>(bytes), per_byte(reference), per_byte(read),
      per_byte(link), per_byte(walk), per_byte(runs), per_byte(checksum));
  return 0;
}
