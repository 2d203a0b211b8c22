// mole-bench-hand-written < raw NetFlow v5
//
// A baseline for the framework: one small program that reads from `lbzip2 -dc`, written only for this measurement. By 15 minutes
// of export time, direction (nfgen's home networks, 10.16/15 and 198.18/15) and protocol class, it computes flows, packets,
// bytes, distinct source and destination addresses and their entropies, entropies of ports and ASes, and three distributions.
// Exact and single-threaded; no coverage, no handling of damage, and datagrams must be in time order.
#include <arpa/inet.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

namespace {

// Counts by key in one open-addressing table.
class Counts {
 public:
  void add(std::uint32_t key) {
    if ((used_ + 1) * 8 > table_.size() * 5) grow();
    std::uint64_t& cell = find(key);
    if (cell == 0) {
      ++used_;
      cell = std::uint64_t{key} << 32;
    }
    ++cell;
  }
  std::uint64_t distinct() const { return used_; }
  double entropy() const {
    double sum = 0, total = 0;
    for (const auto cell : table_)
      if (const double n = static_cast<double>(cell & 0xffffffff); n > 0) {
        total += n;
        sum += n * std::log2(n);
      }
    return total > 0 ? std::log2(total) - sum / total : 0;
  }

 private:
  std::uint64_t& find(std::uint32_t key) {
    std::size_t i = (key * 0x9e3779b97f4a7c15u) >> 32 & (table_.size() - 1);
    while ((table_[i] & 0xffffffff) != 0 && table_[i] >> 32 != key) i = (i + 1) & (table_.size() - 1);
    return table_[i];
  }
  void grow() {
    auto old = std::move(table_);
    table_.assign(old.empty() ? 1024 : old.size() * 2, 0);
    for (const auto cell : old)
      if ((cell & 0xffffffff) != 0) find(static_cast<std::uint32_t>(cell >> 32)) = cell;
  }
  std::vector<std::uint64_t> table_;
  std::size_t used_ = 0;
};

struct Cell {
  std::uint64_t flows = 0, packets = 0, bytes = 0;
  Counts addresses[2], ports[2], systems[2];
  std::array<std::uint64_t, 33> duration{}, size{}, packet{};
};
using Interval = std::array<Cell, 16>;

std::uint32_t u32(const unsigned char* p) {
  std::uint32_t v;
  std::memcpy(&v, p, 4);
  return ntohl(v);
}
std::uint32_t u16(const unsigned char* p) { return static_cast<std::uint32_t>(p[0] << 8 | p[1]); }

bool at_home(std::uint32_t address) { return address >> 17 == 0x0a10 >> 1 || address >> 17 == 0xc612 >> 1; }

void add(Interval& interval, const unsigned char* r) {
  const std::uint32_t source = u32(r), destination = u32(r + 4), packets = u32(r + 16), bytes = u32(r + 20);
  const unsigned direction = (at_home(source) ? 2 : 0) + (at_home(destination) ? 1 : 0);
  const unsigned protocol = r[38] == 6 ? 0 : r[38] == 17 ? 1 : r[38] == 1 ? 2 : 3;
  Cell& cell = interval[direction * 4 + protocol];
  ++cell.flows;
  cell.packets += packets;
  cell.bytes += bytes;
  cell.addresses[0].add(source);
  cell.addresses[1].add(destination);
  cell.ports[0].add(u16(r + 32));
  cell.ports[1].add(u16(r + 34));
  cell.systems[0].add(u16(r + 40));
  cell.systems[1].add(u16(r + 42));
  ++cell.duration[static_cast<std::size_t>(std::bit_width(u32(r + 28) - u32(r + 24)))];
  ++cell.size[static_cast<std::size_t>(std::bit_width(bytes))];
  ++cell.packet[static_cast<std::size_t>(std::bit_width(packets ? bytes / packets : 0))];
}

void print(std::uint32_t start, const Interval& interval) {
  for (std::size_t i = 0; i < interval.size(); ++i) {
    const Cell& c = interval[i];
    std::printf("%u,%zu,%llu,%llu,%llu", start, i, static_cast<unsigned long long>(c.flows),
                static_cast<unsigned long long>(c.packets), static_cast<unsigned long long>(c.bytes));
    for (int side = 0; side < 2; ++side)
      std::printf(",%llu,%.6f,%.6f,%.6f", static_cast<unsigned long long>(c.addresses[side].distinct()),
                  c.addresses[side].entropy(), c.ports[side].entropy(), c.systems[side].entropy());
    for (const auto* classes : {&c.duration, &c.size, &c.packet})
      for (const auto n : *classes) std::printf(",%llu", static_cast<unsigned long long>(n));
    std::puts("");
  }
}

}  // namespace

int main() {
  std::vector<unsigned char> buffer(1 << 20);
  std::size_t held = 0;
  std::uint32_t now = 0;
  auto interval = std::make_unique<Interval>();
  while (true) {
    const std::size_t got = std::fread(buffer.data() + held, 1, buffer.size() - held, stdin);
    held += got;
    std::size_t at = 0;
    while (held - at >= 24) {
      const unsigned char* d = buffer.data() + at;
      const std::uint32_t records = u16(d + 2);
      if (u16(d) != 5 || held - at < 24 + 48 * std::size_t{records}) break;
      if (const std::uint32_t start = u32(d + 8) / 900 * 900; start != now) {
        if (now != 0) print(now, *interval);
        *interval = Interval{};
        now = start;
      }
      for (std::uint32_t i = 0; i < records; ++i) add(*interval, d + 24 + 48 * std::size_t{i});
      at += 24 + 48 * std::size_t{records};
    }
    std::memmove(buffer.data(), buffer.data() + at, held - at);
    held -= at;
    if (got == 0) break;
  }
  if (now != 0) print(now, *interval);
}
