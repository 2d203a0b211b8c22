// Connects an author's metric class to the C function table of abi.h.
#pragma once

#include <mole/columns.hpp>
#include <mole/detail/entry.hpp>
#include <mole/detail/export_rows.hpp>
#include <mole/detail/members.hpp>
#include <mole/detail/scatter.hpp>
#include <mole/fields.hpp>
#include <mole/inputs.hpp>
#include <mole/output.hpp>
#include <mole/params.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace mole::detail {

// True for the one valid signature of `merge`, which a base class may declare if it also declares the whole state.
template <class M, class B>
constexpr bool is_merge_of(void (B::*)(const B&)) {
  if constexpr (std::is_same_v<B, M>)
    return true;
  else
    return std::is_base_of_v<B, M> && requires { requires std::is_same_v<decltype(B::state), decltype(M::state)>; };
}
template <class M>
concept Mergeable = requires {
  requires is_merge_of<M>(&M::merge);
};

template <class A>
struct FlowsArgument : std::false_type {
  static std::string describe() { return {}; }
};
template <class... C>
struct FlowsArgument<Flows<C...>> : std::true_type {
  static std::string describe() {
    JsonObject input, elements;
    input.text("role", "flows").text("kind", "flows").raw("reads", json_array({json_text(C::name)...}));
    const auto add = [&]<class E>(const E*) {
      if constexpr (is_element<E>) elements.text(E::name, E::type);
    };
    (add(static_cast<const C*>(nullptr)), ...);
    if constexpr ((is_element<C> || ...)) input.raw("elements", elements.str());
    return input.str();
  }
};

template <class M, class A>
A add_argument(void (M::*)(A));
template <class M>
using AddArgument = std::remove_cvref_t<decltype(add_argument(&M::add))>;

template <class M>
inline constexpr bool reads_flows = FlowsArgument<AddArgument<M>>::value;

template <class M>
concept Adds = requires(M& m, const AddArgument<M>& rows) {
  m.add(rows);
};
template <class M>
concept TakesContext = requires(M& m) {
  m.begin(std::string_view{}, std::optional<double>{});
};
template <class M>
concept Finishes = requires(M& m, const Interval& interval) {
  m.finish(interval);
}
|| requires(M& m) { m.finish(); };

// Whether an input of M is a context, which arrives through `begin`.
template <class M>
constexpr bool has_context() {
  if constexpr (requires { M::inputs; })
    for (const auto& input : M::inputs)
      if (std::string_view(input.kind) == "context") return true;
  return false;
}

template <class M>
struct ModuleOf {
  using type = NoParams;
};
template <class M>
requires requires { typename M::Module; }
struct ModuleOf<M> {
  using type = typename M::Module;
};

// Constructs a T from `from` if T has such a constructor, else with the default constructor.
template <class T, class From>
T made_from(const From& from) {
  if constexpr (std::is_constructible_v<T, const From&> && !std::is_same_v<T, From>)
    return T(from);
  else
    return T();
}

template <class M>
auto finished(M& m, const Interval& interval) {
  if constexpr (requires { m.finish(interval); })
    return m.finish(interval);
  else
    return m.finish();
}

template <class M>
struct MetricModule {
  typename ParamsOf<M>::type params;
  typename ModuleOf<M>::type shared;
  std::vector<std::int32_t> input_types;  // of the bound columns, in the order of the descriptor's inputs

  M* make_state() const {
    if constexpr (requires { typename M::Module; })
      return new M(shared);
    else if constexpr (requires { M::params; })
      return new M(params);
    else
      return new M();
  }
  static const InputSpec& spec(std::uint32_t input) { return M::inputs[input - (reads_flows<M> ? 1u : 0u)]; }
};

template <class M>
struct MetricCalls {
  using Module = MetricModule<M>;

  static M& state(mole_state* s) { return *reinterpret_cast<M*>(s); }
  static const M& state(const mole_state* s) { return *reinterpret_cast<const M*>(s); }

  static constexpr std::uint32_t input_count() {
    if constexpr (requires { M::inputs; })
      return static_cast<std::uint32_t>(M::inputs.size()) + (reads_flows<M> ? 1u : 0u);
    else
      return 1;
  }

  static std::int32_t open(const mole_host*, const mole_binding* bindings, std::uint32_t binding_count, const mole_value* params,
                           std::uint32_t param_count, mole_module** out, mole_error* e) {
    return guarded(e, [&] {
      if (binding_count != input_count())
        throw Failure(invalid("got " + std::to_string(binding_count) + " inputs, expected " + std::to_string(input_count()) +
                              ": the sidecar does not match this library; rebuild the plugin"));
      std::vector<std::int32_t> types;
      for (std::uint32_t i = 0; i < binding_count; ++i) types.push_back(bindings[i].type);
      const auto p = read_params<M>(params, param_count);
      *out = as_module(new Module{p, made_from<typename ModuleOf<M>::type>(p), std::move(types)});
    });
  }
  static void close(mole_module* m) { delete reinterpret_cast<Module*>(m); }

  static std::int32_t create(const mole_module* m, mole_state** out, mole_error* e) {
    return guarded(e, [&] { *out = reinterpret_cast<mole_state*>(module_of<Module>(m).make_state()); });
  }
  static void destroy(const mole_module*, mole_state* s) { delete reinterpret_cast<M*>(s); }

  static std::int32_t begin(const mole_module* m, mole_state* s, std::uint32_t input, const ArrowArray* rows, mole_error* e) {
    return guarded(e, [&] {
      if constexpr (TakesContext<M>) {
        const auto& module = module_of<Module>(m);
        const auto& column = *rows->children[0];
        std::optional<double> value;
        if (rows->length > 0 && is_valid(column, 0)) value = number_at(column, module.input_types.at(input), 0);
        state(s).begin(Module::spec(input).role, value);
      }
    });
  }

  static std::int32_t add(const mole_module* m, mole_state* const* states, std::uint32_t state_count,
                          const std::uint32_t* state_of_row, const mole_batch* batch, mole_error* e) {
    return guarded(e, [&] {
      if (batch->rows == 0) return;
      if constexpr (reads_flows<M>)
        add_flows(states, state_count, state_of_row, *batch, static_cast<AddArgument<M>*>(nullptr));
      else
        add_values(module_of<Module>(m), states, state_count, state_of_row, *batch);
    });
  }

  template <class... C>
  static void add_flows(mole_state* const* states, std::uint32_t state_count, const std::uint32_t* state_of_row,
                        const mole_batch& batch, Flows<C...>*) {
    using Columns = typename Flows<C...>::Columns;
    Columns columns;
    for (std::size_t i = 0; i < sizeof...(C); ++i) columns[i] = batch.columns->children[i]->buffers[1];
    const auto rows = static_cast<std::uint32_t>(batch.rows);
    if (!state_of_row) return state(states[0]).add(Flows<C...>(columns, rows, batch.address_family));
    thread_local Scatter scatter;
    const std::array<std::size_t, sizeof...(C)> sizes{stored_size<C>(batch.address_family)...};
    scatter.group(state_of_row, rows, state_count);
    for (std::size_t i = 0; i < sizeof...(C); ++i) columns[i] = scatter.arranged(columns[i], sizes[i], i);
    for (const auto& run : scatter.runs()) {
      Columns part;
      for (std::size_t i = 0; i < sizeof...(C); ++i) part[i] = static_cast<const std::byte*>(columns[i]) + run.first * sizes[i];
      state(states[run.state]).add(Flows<C...>(part, run.count, batch.address_family));
    }
  }

  static void add_values(const Module& module, mole_state* const* states, std::uint32_t state_count,
                         const std::uint32_t* state_of_row, const mole_batch& batch) {
    const auto& column = *batch.columns->children[0];
    const auto* all_coverage = static_cast<const double*>(batch.columns->children[1]->buffers[1]);
    const auto* all_starts = static_cast<const Time*>(batch.columns->children[2]->buffers[1]);
    const auto type = module.input_types.at(batch.input);
    std::vector<double> value, coverage;
    std::vector<Time> start;
    std::vector<std::uint32_t> state_of;
    for (std::size_t i = 0; i < batch.rows; ++i) {
      if (!is_valid(column, i)) continue;
      value.push_back(number_at(column, type, i));
      coverage.push_back(all_coverage[i]);
      start.push_back(all_starts[i]);
      state_of.push_back(state_of_row ? state_of_row[i] : 0);
    }
    Scatter scatter;
    scatter.group(state_of.data(), static_cast<std::uint32_t>(state_of.size()), state_count);
    const auto* v = static_cast<const double*>(scatter.arranged(value.data(), sizeof(double), 0));
    const auto* c = static_cast<const double*>(scatter.arranged(coverage.data(), sizeof(double), 1));
    const auto* t = static_cast<const Time*>(scatter.arranged(start.data(), sizeof(Time), 2));
    for (const auto& r : scatter.runs())
      state(states[r.state])
          .add(Values(Module::spec(batch.input).role, {v + r.first, r.count}, {c + r.first, r.count}, {t + r.first, r.count}));
  }

  static std::int32_t merge(const mole_module*, mole_state* s, const mole_state* other, mole_error* e) {
    return guarded(e, [&] { state(s).merge(state(other)); });
  }

  static std::int32_t finish(const mole_module*, mole_state* const* states, const mole_interval* intervals, std::uint32_t count,
                             std::uint32_t* rows_of_state, ArrowArray* rows, mole_error* e) {
    return guarded(e, [&] {
      using Row = typename std::remove_cvref_t<decltype(M::output)>::Row;
      std::vector<Row> all;
      all.reserve(count);
      for (std::uint32_t i = 0; i < count; ++i) {
        auto result = finished(state(states[i]), Interval{{intervals[i].start_us}, {intervals[i].end_us}});
        if constexpr (std::is_same_v<decltype(result), Row>) {
          all.push_back(std::move(result));
          rows_of_state[i] = 1;
        } else {
          rows_of_state[i] = static_cast<std::uint32_t>(result.size());
          for (auto& row : result) all.push_back(std::move(row));
        }
      }
      export_rows<M>(all, rows);
    });
  }

  static std::int32_t save(const mole_module*, const mole_state* s, const mole_writer* to, mole_error* e) {
    return guarded(e, [&] {
      StateWriter w(to);
      save_value(w, state(s));
      w.flush();
    });
  }
  static std::int32_t load(const mole_module*, mole_state* s, const void* data, std::uint64_t size, mole_error* e) {
    return guarded(e, [&] {
      StateReader r(data, size);
      load_value(r, state(s));
      if (r.left() > 0) StateReader::reject("bytes follow the last field");
    });
  }
};

template <class M>
std::string describe_inputs() {
  std::vector<std::string> items;
  if constexpr (reads_flows<M>) items.push_back(FlowsArgument<AddArgument<M>>::describe());
  if constexpr (requires { M::inputs; })
    for (const auto& s : M::inputs) items.push_back(describe_input(s));
  return json_array(items);
}

template <class M>
constexpr bool returns_one_row() {
  using Row = typename std::remove_cvref_t<decltype(M::output)>::Row;
  return std::is_same_v<decltype(finished(std::declval<M&>(), Interval{})), Row>;
}

template <class M>
constexpr bool returns_rows() {
  using Row = typename std::remove_cvref_t<decltype(M::output)>::Row;
  if constexpr (Finishes<M>)
    return returns_one_row<M>() || std::is_same_v<decltype(finished(std::declval<M&>(), Interval{})), std::vector<Row>>;
  return true;
}

template <class M>
constexpr bool is_deterministic() {
  if constexpr (requires { M::deterministic; }) {
    static_assert(
        std::is_same_v<decltype(M::deterministic), const bool> && !std::is_member_object_pointer_v<decltype(&M::deterministic)>,
        "declare: static constexpr bool deterministic = false");
    return M::deterministic;
  }
  return true;
}

// Functions that the host would not call, or not as the author means, are errors.
template <class M>
constexpr void check_functions() {
  static_assert(Adds<M>, "declare one public member: void add(const mole::Flows<...>&), or void add(const mole::Values&)");
  static_assert(Finishes<M>,
                "declare a public member: Row finish() const; it may take const mole::Interval& and return std::vector<Row>");
  static_assert(returns_rows<M>(), "`finish` must return Row or std::vector<Row>");
  static_assert(TakesContext<M> || !has_begin<M>(),
                "`begin` must be a public member declared as: void begin(std::string_view role, std::optional<double> value)");
  static_assert(!TakesContext<M> || has_context<M>(), "`begin` is called only with an input declared with mole::context(...)");
  static_assert(
      TakesContext<M> || !has_context<M>(),
      "an input declared with mole::context(...) needs: void begin(std::string_view role, std::optional<double> value)");
}

template <class M>
constexpr auto merge_of() -> decltype(mole_metric_v1::merge) {
  static_assert(Mergeable<M> || !has_merge<M>(),
                "`merge` must be a public member declared as: void merge(const METRIC& other); "
                "one inherited from a base class must merge the whole state");
  if constexpr (Mergeable<M>)
    return &MetricCalls<M>::merge;
  else
    return nullptr;
}

template <>
struct Glue<Kind::metric> {
  static constexpr const char* kind_id = "mole.metric/1";

  template <class M>
  static std::string describe() {
    check_functions<M>();
    static_assert(
        requires { M::state.members; }, "declare the state: static constexpr auto state = mole::fields(&M::member...)");
    static_assert(reads_flows<M> || std::is_same_v<AddArgument<M>, Values>,
                  "the parameter of `add` must be const mole::Flows<...>& or const mole::Values&");
    static_assert(
        reads_flows<M> || requires { M::inputs; }, "declare the inputs: static constexpr auto inputs = mole::inputs(...)");
    auto state = JsonObject().raw("revision", json_number(M::state.revision)).text("shape", shape_hash(shape_of<M>()));
    auto about = describe_about(M::about);
    if constexpr (!returns_one_row<M>()) about.text("rows", "many");
    return about.text("execution", Mergeable<M> ? "mergeable" : "sequential")
        .raw("deterministic", is_deterministic<M>() ? "true" : "false")
        .raw("inputs", describe_inputs<M>())
        .raw("params", describe_params<M>())
        .raw("output", describe_output<M>())
        .raw("state", state.str())
        .str();
  }

  template <class M>
  static constexpr mole_metric_v1 vtable{sizeof(mole_metric_v1), 0,
                                         MetricCalls<M>::open,   MetricCalls<M>::close,
                                         MetricCalls<M>::create, MetricCalls<M>::destroy,
                                         MetricCalls<M>::begin,  MetricCalls<M>::add,
                                         merge_of<M>(),          MetricCalls<M>::finish,
                                         MetricCalls<M>::save,   MetricCalls<M>::load};
};

}  // namespace mole::detail
