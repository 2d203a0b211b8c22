// Runs a metric through its C function table, as the runtime does.
#pragma once

#include <mole/metric.hpp>
#include <mole/testkit/table.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace mole::testkit {

// Inputs from the manifest and the runtime: parameters, context values by role, and the interval passed to `finish`.
template <class M>
struct Given {
  typename mole::detail::ParamsOf<M>::type params{};
  std::vector<std::pair<std::string_view, std::optional<double>>> contexts{};
  Interval interval{};
};

// Thrown when a function of the C table does not return MOLE_OK.
class CallFailed : public std::runtime_error {
 public:
  CallFailed(std::int32_t code, const std::string& message) : std::runtime_error(message), code_(static_cast<Code>(code)) {}
  Code code() const { return code_; }

 private:
  Code code_;
};

namespace detail {

// Calls a function whose last argument is the error buffer; throws CallFailed.
template <class Call>
void checked(Call call) {
  std::array<char, 500> text{};
  mole_error error{text.data(), text.size(), 0};
  const auto code = call(&error);
  if (code != MOLE_OK) throw CallFailed(code, std::string(text.data(), error.size));
}

// An Arrow array and its memory.
struct Batch {
  std::vector<std::vector<std::uint8_t>> data;  // per column
  std::vector<std::uint8_t> validity;           // of column 0; empty if there are no nulls
  std::vector<std::array<const void*, 2>> buffers;
  std::vector<ArrowArray> columns;
  std::vector<ArrowArray*> pointers;
  const void* no_buffer[1] = {nullptr};
  std::deque<std::string> element_texts;  // memory of the values of information elements; a deque keeps its addresses
  std::deque<std::vector<mole_text>> element_lists;
  std::deque<std::vector<std::uint64_t>> element_numbers;
  ArrowArray array{};
  mole_batch batch{};

  void close(std::size_t rows, std::uint32_t input, std::uint32_t family) {
    const auto n = static_cast<std::int64_t>(rows);
    buffers.resize(data.size());
    columns.resize(data.size());
    for (std::size_t i = 0; i < data.size(); ++i) {
      buffers[i] = {i == 0 && !validity.empty() ? validity.data() : nullptr, data[i].data()};
      columns[i] = {n, -1, 0, 2, 0, buffers[i].data(), nullptr, nullptr, nullptr, nullptr};
      pointers.push_back(&columns[i]);
    }
    array = {n, 0, 0, 1, static_cast<std::int64_t>(data.size()), no_buffer, pointers.data(), nullptr, nullptr, nullptr};
    batch = {sizeof(mole_batch), input, family, 0, rows, &array};
  }
  template <class T>
  void put(std::size_t column, const T& value) {
    const auto* p = reinterpret_cast<const std::uint8_t*>(&value);
    data[column].insert(data[column].end(), p, p + sizeof value);
  }
};

template <class T>
std::uint64_t element_word(const std::string& text) {
  if constexpr (std::is_same_v<T, Time>) {
    return static_cast<std::uint64_t>(time_us(text));
  } else if constexpr (std::is_same_v<T, double>) {
    const double value = number(text);
    std::uint64_t word;
    std::memcpy(&word, &value, sizeof word);
    return word;
  } else {
    return static_cast<std::uint64_t>(std::stoll(text));
  }
}

// Adds the values of an information element to the memory of the batch.
template <class C>
mole_values element_cell(Batch& b, const FlowTable::Row& row) {
  using T = typename C::single;
  const auto found = row.elements.find(std::string_view(C::name));
  if (found == row.elements.end() || found->second.empty()) return {nullptr, 0};
  const auto& cells = found->second;
  if constexpr (std::is_same_v<T, std::string_view>) {
    auto& list = b.element_lists.emplace_back();
    for (const auto& cell : cells) {
      const auto& text = b.element_texts.emplace_back(cell);
      list.push_back({text.data(), text.size()});
    }
    return {list.data(), list.size()};
  } else if constexpr (std::is_same_v<T, Addr>) {
    auto& bytes = b.element_texts.emplace_back();
    std::uint32_t family = 0;
    for (const auto& cell : cells) {
      const auto value = address(cell, family);
      bytes.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
    }
    return {bytes.data(), cells.size()};
  } else {
    auto& numbers = b.element_numbers.emplace_back();
    for (const auto& cell : cells) numbers.push_back(element_word<T>(cell));
    return {numbers.data(), numbers.size()};
  }
}

template <class C>
void put_cell(Batch& b, std::size_t column, const FlowTable::Row& row) {
  if constexpr (is_element<C>) {
    b.put(column, element_cell<C>(b, row));
  } else if constexpr (is_address<C>) {
    const Addr& a = row.addresses[C::index];
    if (row.family == 6)
      b.put(column, a);
    else
      b.put(column, row.family == 4 ? a.v4_value() : 0u);
  } else if constexpr (std::is_same_v<typename C::stored, Addr>) {
    b.put(column, row.addresses[C::index]);
  } else if constexpr (std::is_same_v<typename C::stored, Time>) {
    b.put(column, Time{static_cast<std::int64_t>(row.cells[C::index])});
  } else {
    b.put(column, static_cast<typename C::stored>(row.cells[C::index]));
  }
}

// Rows of one address family.
template <class... C>
std::unique_ptr<Batch> batch_of(const FlowTable& t, mole::Flows<C...>*) {
  auto b = std::make_unique<Batch>();
  b->data.resize(sizeof...(C));
  for (const auto& row : t.rows) {
    std::size_t i = 0;
    (put_cell<C>(*b, i++, row), ...);
  }
  const bool addresses = (is_address<C> || ... || false);
  b->close(t.size(), 0, !addresses || t.rows.empty() ? 0 : t.rows[0].family ? t.rows[0].family : 4);
  return b;
}

inline std::unique_ptr<Batch> batch_of(const ValueTable& t, mole::Values*) {
  auto b = std::make_unique<Batch>();
  b->data.resize(3);
  b->validity.resize((t.size() + 7) / 8);
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (t.rows[i].value) mole::detail::set_bit(b->validity, i);
    b->put(0, t.rows[i].value.value_or(0));
    b->put(1, t.rows[i].coverage);
    b->put(2, t.rows[i].start);
  }
  b->close(t.size(), 0, 0);
  return b;
}

template <class P, class T>
mole_value value_of(const P& params, const mole::detail::ParamSpec<P, T>& s) {
  mole_value v{mole::detail::param_type<T>(), 0, {}};
  const T& x = params.*s.member;
  if constexpr (std::is_same_v<T, std::string>)
    v.as.text = mole::detail::text_of(x);
  else if constexpr (std::is_same_v<T, double>)
    v.as.f64 = x;
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    v.as.u64 = x;
  else
    v.as.i64 = x;
  return v;
}

// Converts parameters to the values that the host passes. Strings point into `params`.
template <class M>
std::vector<mole_value> values_of(const typename mole::detail::ParamsOf<M>::type& params) {
  std::vector<mole_value> out;
  if constexpr (requires { M::params; })
    std::apply([&](const auto&... s) { (out.push_back(value_of(params, s)), ...); }, M::params.specs);
  return out;
}

template <class S>
void read_cell(const S& s, const ArrowArray& column, std::size_t i, typename S::Row& row) {
  using T = typename S::Cell;
  using Value = typename mole::detail::Nullable<T>::type;
  if constexpr (mole::detail::Nullable<T>::value) {
    if (!mole::detail::is_valid(column, i)) return void(s.of(row).reset());
  }
  const auto* data = static_cast<const char*>(column.buffers[1]);
  if constexpr (std::is_same_v<Value, std::string>) {
    std::int32_t from[2];
    std::memcpy(from, data + 4 * i, sizeof from);
    s.of(row) = std::string(static_cast<const char*>(column.buffers[2]) + from[0], static_cast<std::size_t>(from[1] - from[0]));
  } else if constexpr (std::is_same_v<Value, bool>) {
    s.of(row) = (data[i / 8] >> (i % 8) & 1) != 0;
  } else if constexpr (std::is_integral_v<Value>) {
    std::int64_t wide;
    std::memcpy(&wide, data + 8 * i, 8);
    s.of(row) = static_cast<Value>(wide);
  } else {
    Value value;
    std::memcpy(&value, data + 8 * i, 8);
    s.of(row) = value;
  }
}

}  // namespace detail

// A metric opened with parameters. It must outlive its states.
template <class M>
class Metric {
 public:
  using Row = typename std::remove_cvref_t<decltype(M::output)>::Row;
  static constexpr const mole_metric_v1& calls = mole::detail::Glue<mole::Kind::metric>::template vtable<M>;
  static constexpr bool mergeable = mole::detail::Mergeable<M>;

  explicit Metric(Given<M> given = {}) : given_(std::move(given)) {
    std::vector<mole_binding> bindings(mole::detail::MetricCalls<M>::input_count());
    for (auto& b : bindings) b = {sizeof b, MOLE_TYPE_F64, {}, {}, {}, {}};
    const auto params = detail::values_of<M>(given_.params);
    detail::checked([&](mole_error* e) {
      return calls.open(nullptr, bindings.data(), static_cast<std::uint32_t>(bindings.size()), params.data(),
                        static_cast<std::uint32_t>(params.size()), &module_, e);
    });
  }
  Metric(const Metric&) = delete;
  Metric& operator=(const Metric&) = delete;
  ~Metric() {
    if (module_) calls.close(module_);
  }

  class State {
   public:
    // Creates a state and passes the contexts.
    explicit State(const Metric& metric) : metric_(&metric) {
      detail::checked([&](mole_error* e) { return calls.create(metric_->module_, &state_, e); });
      metric.begin(state_);
    }
    State(State&& o) noexcept : metric_(o.metric_), state_(std::exchange(o.state_, nullptr)) {}
    State& operator=(State&&) = delete;
    ~State() {
      if (state_) calls.destroy(metric_->module_, state_);
    }

    template <class Table>
    void add(const Table& table) {
      std::vector<State*> self{this};
      metric_->scatter(self, table, nullptr);
    }
    void merge(const State& other) {
      detail::checked([&](mole_error* e) { return calls.merge(metric_->module_, state_, other.state_, e); });
    }
    std::vector<Row> finish() {
      std::uint32_t count = 0;
      ArrowArray rows{};
      const mole_interval interval{metric_->given_.interval.start.us, metric_->given_.interval.end.us};
      detail::checked([&](mole_error* e) { return calls.finish(metric_->module_, &state_, &interval, 1, &count, &rows, e); });
      std::vector<Row> out(static_cast<std::size_t>(rows.length));
      for (std::size_t i = 0; i < out.size(); ++i) {
        std::size_t column = 0;
        mole::detail::for_each_column(M::output,
                                      [&](const auto& s) { detail::read_cell(s, *rows.children[column++], i, out[i]); });
      }
      rows.release(&rows);
      return out;
    }
    std::string save() const {
      std::string out;
      const mole_writer writer{&out, [](void* self, const void* data, std::uint64_t size) -> std::int32_t {
                                 static_cast<std::string*>(self)->append(static_cast<const char*>(data), size);
                                 return MOLE_OK;
                               }};
      detail::checked([&](mole_error* e) { return calls.save(metric_->module_, state_, &writer, e); });
      return out;
    }
    // Throws CallFailed(corrupt) for bytes that save did not write. The bytes are copied to memory of exactly their size, so
    // that a sanitizer detects reads beyond the end.
    void load(const std::string& bytes) {
      const std::vector<char> exact(bytes.begin(), bytes.end());
      detail::checked([&](mole_error* e) { return calls.load(metric_->module_, state_, exact.data(), exact.size(), e); });
    }

   private:
    friend class Metric;
    const Metric* metric_;
    mole_state* state_ = nullptr;
  };

  State create() const { return State(*this); }

  // Calls `add` once per run of rows of the same address family. state_of_row: see abi.h.
  template <class Table>
  void scatter(const std::vector<State*>& states, const Table& table, const std::uint32_t* state_of_row) const {
    std::vector<mole_state*> raw;
    for (auto* s : states) raw.push_back(s->state_);
    for (std::size_t from = 0, to = 0; from < table.size() || from == 0; from = to) {
      to = from;
      while (to < table.size() && same_family(table, from, to)) ++to;
      const auto batch = detail::batch_of(table.part(from, to), static_cast<mole::detail::AddArgument<M>*>(nullptr));
      detail::checked([&](mole_error* e) {
        return calls.add(module_, raw.data(), static_cast<std::uint32_t>(raw.size()),
                         state_of_row ? state_of_row + from : nullptr, &batch->batch, e);
      });
      if (to >= table.size()) break;
    }
  }

 private:
  static bool same_family(const FlowTable& t, std::size_t a, std::size_t b) { return t.rows[a].family == t.rows[b].family; }
  static bool same_family(const ValueTable&, std::size_t, std::size_t) { return true; }

  void begin(mole_state* state) const {
    if constexpr (requires { M::inputs; }) {
      for (std::size_t i = 0; i < M::inputs.size(); ++i) {
        if (std::string_view(M::inputs[i].kind) != "context") continue;
        ValueTable table;
        for (const auto& [role, value] : given_.contexts)
          if (role == M::inputs[i].role) table.rows.push_back({value, 1, {}});
        const auto batch = detail::batch_of(table, static_cast<mole::Values*>(nullptr));
        const auto input = static_cast<std::uint32_t>(i) + (mole::detail::reads_flows<M> ? 1u : 0u);
        detail::checked([&](mole_error* e) { return calls.begin(module_, state, input, &batch->array, e); });
      }
    }
  }

  Given<M> given_;
  mole_module* module_ = nullptr;
};

// Computes one interval and returns what `finish` returns, Row or std::vector<Row>.
template <class M, class Table>
auto run(const Table& table, Given<M> given = {}) {
  Metric<M> metric(std::move(given));
  auto state = metric.create();
  state.add(table);
  auto rows = state.finish();
  if constexpr (std::is_same_v<decltype(mole::detail::finished(std::declval<M&>(), Interval{})), typename Metric<M>::Row>)
    return rows.at(0);
  else
    return rows;
}

}  // namespace mole::testkit
