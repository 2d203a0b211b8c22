// Metrics that fail intentionally, each in a different way.
#include <mole/metric.hpp>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace {

struct Row {
  std::uint64_t n;
};
constexpr auto rows = mole::columns(mole::column("n", &Row::n, mole::unit::flow, "A number"));

}  // namespace

struct ThrowsInAdd {
  static constexpr auto about = mole::metric("throws_in_add", "1.0.0", "Throws in the first batch");
  static constexpr auto output = rows;
  std::uint64_t n = 0;
  static constexpr auto state = mole::fields(&ThrowsInAdd::n);
  void add(const mole::Flows<mole::bytes>&) { throw std::runtime_error("the metric failed"); }
  void merge(const ThrowsInAdd&) {}
  ::Row finish() const { return {n}; }
  using Row = ::Row;
};

struct ThrowsEverywhere {
  static constexpr auto about = mole::metric("throws_everywhere", "1.0.0", "Throws in every state, with different messages");
  static constexpr auto output = rows;
  std::uint64_t n = 0;
  static constexpr auto state = mole::fields(&ThrowsEverywhere::n);
  void add(const mole::Flows<mole::protocol>& flows) {
    for (auto [protocol] : flows) throw std::runtime_error("protocol " + std::to_string(protocol) + " is not supported");
  }
  void merge(const ThrowsEverywhere&) {}
  ::Row finish() const { return {n}; }
  using Row = ::Row;
};

struct ThrowsInFinish {
  static constexpr auto about = mole::metric("throws_in_finish", "1.0.0", "Throws in finish");
  static constexpr auto output = rows;
  std::uint64_t n = 0;
  static constexpr auto state = mole::fields(&ThrowsInFinish::n);
  void add(const mole::Flows<mole::bytes>& flows) { n += flows.size(); }
  void merge(const ThrowsInFinish& other) { n += other.n; }
  ::Row finish() const { throw mole::Failure(mole::exhausted("too many rows; increase the limit")); }
  using Row = ::Row;
};

struct Crashes {
  static constexpr auto about = mole::metric("crashes", "1.0.0", "Writes through a null pointer");
  static constexpr auto output = rows;
  std::uint64_t n = 0;
  static constexpr auto state = mole::fields(&Crashes::n);
  void add(const mole::Flows<mole::bytes>&) { std::raise(SIGSEGV); }
  void merge(const Crashes&) {}
  ::Row finish() const { return {n}; }
  using Row = ::Row;
};

struct Exits {
  static constexpr auto about = mole::metric("exits", "1.0.0", "Exits the process with code 0");
  static constexpr auto output = rows;
  std::uint64_t n = 0;
  static constexpr auto state = mole::fields(&Exits::n);
  void add(const mole::Flows<mole::bytes>&) { std::_Exit(0); }
  void merge(const Exits&) {}
  ::Row finish() const { return {n}; }
  using Row = ::Row;
};

MOLE_PLUGINS(ThrowsInAdd, ThrowsEverywhere, ThrowsInFinish, Crashes, Exits)
