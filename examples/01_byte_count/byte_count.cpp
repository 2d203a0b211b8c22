#include <mole/metric.hpp>

// Counts the bytes of all flows in an interval.
struct ByteCount {
  static constexpr auto about = mole::metric("byte_count", "0.1.0-dev", "Bytes per interval");

  struct Row {
    std::uint64_t bytes;
  };
  static constexpr auto output =
      mole::columns(mole::column("bytes", &Row::bytes, mole::unit::byte, "Bytes of the interval's flows"));

  std::uint64_t total = 0;
  static constexpr auto state = mole::fields(&ByteCount::total);

  void add(const mole::Flows<mole::bytes>& flows) {
    for (auto [bytes] : flows) total += bytes;
  }
  void merge(const ByteCount& other) { total += other.total; }
  Row finish() const { return {total}; }
};

MOLE_PLUGINS(ByteCount)
