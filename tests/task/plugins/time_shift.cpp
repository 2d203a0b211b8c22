// Generates an archive of any length from one hour: every file contains `times` copies of the base file's NetFlow v5 datagrams,
// with their clocks shifted to the file's hour. This allows tests of memory and speed with more flows than fit on a test
// machine's disk.
#include <mole/downloader.hpp>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <span>
#include <string>

namespace {

constexpr std::size_t header = 24, record = 48;

std::uint32_t read32(const char* at) {
  const auto* b = reinterpret_cast<const unsigned char*>(at);
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}
void write32(char* at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<char>(value >> (24 - 8 * i));
}
std::size_t flows_of(const char* datagram) {
  return static_cast<std::size_t>(static_cast<unsigned char>(datagram[2])) << 8 | static_cast<unsigned char>(datagram[3]);
}

}  // namespace

struct TimeShift {
  static constexpr auto about = mole::downloader("time_shift", "1.0.0", "Repeats one hour of NetFlow v5 for many hours");

  struct Params {
    std::string base;
    std::uint64_t start = 0, hours = 1, times = 1;
  };
  static constexpr auto params =
      mole::params(mole::param("base", &Params::base, mole::format::path, "A file of NetFlow v5 datagrams"),
                   mole::param("start", &Params::start, mole::unit::second, "Start of its hour, in seconds since 1970"),
                   mole::param("hours", &Params::hours, mole::unit::one, "Number of files, one per hour"),
                   mole::param("times", &Params::times, mole::unit::one, "Copies of the base file's flows in each file"));

  explicit TimeShift(const Params& p) : given(p) {}
  Params given;

  mole::Result<> index(mole::ObjectSink& found) const {
    const auto size = bytes().size() * given.times;
    for (std::uint64_t h = 0; h < given.hours; ++h) {
      const std::string id = "1_" + std::to_string(h) + "_" + std::to_string(given.start + 3600 * h) + ".dat";
      if (auto added = found.found({id, size, "1", {}, 0}); !added) return added;
    }
    return {};
  }

  mole::Result<mole::Staged> stage(std::span<const std::string_view>) const { return mole::Staged::ready; }

  // 1_<number>_<start>.dat
  mole::Result<> fetch(std::string_view id, mole::ByteSink& out) const {
    const auto hour = std::strtoull(std::string(id.substr(2)).c_str(), nullptr, 10);
    std::string content = bytes();
    std::uint32_t flows = 0;
    for (std::size_t at = 0; at + header <= content.size(); at += header + record * flows_of(content.data() + at)) {
      write32(content.data() + at + 8, read32(content.data() + at + 8) + static_cast<std::uint32_t>(3600 * hour));
      flows += static_cast<std::uint32_t>(flows_of(content.data() + at));
    }
    for (std::uint64_t copy = 0; copy < given.times; ++copy) {
      if (auto written = out.write(std::as_bytes(std::span(content))); !written) return written;
      for (std::size_t at = 0; at + header <= content.size(); at += header + record * flows_of(content.data() + at))
        write32(content.data() + at + 16, read32(content.data() + at + 16) + flows);  // continues the sequence
    }
    return {};
  }

 private:
  std::string bytes() const {
    std::ifstream in(given.base, std::ios::binary);
    if (!in) throw mole::Failure(mole::missing("cannot read " + given.base));
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

MOLE_PLUGINS(TimeShift)
