// Returns invalid rows. `shape` selects how:
//   0 no column, although one is declared    1 a column without buffers             2 a buffer that is NULL
//   3 a column shorter than the batch        4 a wrong sum of rows_of_state         5 a negative length
//   6 a child that is NULL                   7 rows that are already released       8 MOLE_OK, but nothing is written
#include <mole/metric.hpp>

#include <cstdint>

namespace {

struct Garbler {
  static constexpr auto about = mole::metric("garbler", "1.0.0", "Returns invalid rows");
  struct Row {
    std::uint64_t n;
  };
  static constexpr auto output = mole::columns(mole::column("n", &Row::n, mole::unit::flow, "Flows"));
  struct Params {
    std::uint64_t shape = 0;
  };
  static constexpr auto params = mole::params(mole::param("shape", &Params::shape, mole::range(0, 8), "Kind of invalid rows"));

  explicit Garbler(const Params& given) : shape(given.shape) {}
  std::uint64_t shape;
  std::uint64_t n = 0;
  static constexpr auto state = mole::fields(&Garbler::n);

  void add(const mole::Flows<mole::bytes>& flows) { n += flows.size(); }
  void merge(const Garbler& other) { n += other.n; }
  Row finish() const { return {n}; }
};

using Calls = mole::detail::MetricCalls<Garbler>;

std::int32_t finish(const mole_module* m, mole_state* const* states, const mole_interval* intervals, std::uint32_t count,
                    std::uint32_t* rows_of_state, ArrowArray* rows, mole_error* e) {
  const auto shape = mole::detail::module_of<Calls::Module>(m).params.shape;
  if (shape == 8) return MOLE_OK;
  if (const auto code = Calls::finish(m, states, intervals, count, rows_of_state, rows, e); code != MOLE_OK) return code;
  ArrowArray& column = *rows->children[0];
  if (shape == 0) rows->n_children = 0;
  if (shape == 1) column.n_buffers = 0;
  if (shape == 2) column.buffers[1] = nullptr;
  if (shape == 3) column.length = 0;
  if (shape == 4) rows_of_state[0] += 1'000'000;
  if (shape == 5) rows->length = column.length = -1;
  if (shape == 6) rows->children[0] = nullptr;
  if (shape == 7) rows->release(rows);
  return MOLE_OK;
}

const mole_plugin* plugin(std::uint32_t index) {
  static constexpr mole_metric_v1 calls = [] {
    mole_metric_v1 c = mole::detail::Glue<mole::Kind::metric>::vtable<Garbler>;
    c.finish = &finish;
    return c;
  }();
  static mole_plugin modified = *mole::detail::plugin_of<Garbler>();
  modified.vtable = &calls;
  return index == 0 ? &modified : nullptr;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const mole_entry mole_plugin_entry;
const mole_entry mole_plugin_entry{MOLE_ABI_MAGIC, MOLE_ABI_MAJOR, MOLE_ABI_MINOR, [] { return std::uint32_t{1}; }, &plugin};
