#include "runtime/host/metric_module.hpp"

#include "runtime/host/arrow_columns.hpp"
#include "runtime/host/host_services.hpp"
#include "runtime/host/plugin_call.hpp"

#include <algorithm>
#include <numeric>

namespace mole::runtime {
namespace {

std::int32_t type_number(std::string_view type) {
  static constexpr std::string_view types[] = {"u64", "i64", "f64", "bool", "text", "time"};  // from MOLE_TYPE_U64 on
  const auto* found = std::find(std::begin(types), std::end(types), type);
  return found == std::end(types) ? 0 : static_cast<std::int32_t>(MOLE_TYPE_U64 + (found - types));
}

struct SavedBytes {
  std::string bytes;
  std::uint64_t limit;

  static std::int32_t write(void* self, const void* data, std::uint64_t size) {
    auto* saved = static_cast<SavedBytes*>(self);
    if (size > saved->limit - saved->bytes.size()) return MOLE_EXHAUSTED;
    try {
      saved->bytes.append(static_cast<const char*>(data), size);
    } catch (const std::bad_alloc&) {
      return MOLE_EXHAUSTED;
    }
    return MOLE_OK;
  }
};

struct ReleaseArray {
  void operator()(ArrowArray* array) const {
    if (array->release) array->release(array);
  }
};

}  // namespace

void DestroyState::operator()(mole_state* state) const { module->vtable_->destroy(module->module_, state); }

template <class F>
Result<> MetricModule::call(Call which, std::uint64_t number, F&& body) const {
  MOLE_TRY(auto outcome, plugin_call(record_, which, arguments_.step, arguments_.module, number, body));
  if (outcome != MOLE_OK) return call_error(arguments_.module, which, outcome, {});
  return {};
}

Result<std::unique_ptr<MetricModule>> MetricModule::open(const mole_metric_v1* vtable, Descriptor descriptor,
                                                         OpenArguments arguments, CallRecord& record) {
  std::unique_ptr<MetricModule> module(new MetricModule(vtable, std::move(descriptor), std::move(arguments), record));
  if (auto started = module->start(); !started) return started.error();
  return module;
}

Result<> MetricModule::start() {
  const auto& d = descriptor_;
  if (d.inputs.size() != arguments_.inputs.size())
    return invalid(name() + ": '" + d.name + "' has " + std::to_string(d.inputs.size()) + " inputs, but the task has " +
                   std::to_string(arguments_.inputs.size()) + "; submit the manifest again");
  std::map<std::string, Binding> bound;
  std::vector<mole_binding> bindings;
  for (std::size_t i = 0; i < d.inputs.size(); ++i) {
    const auto& input = arguments_.inputs[i];
    if (input.role != d.inputs[i].role || input.kind != d.inputs[i].kind)
      return invalid(name() + ": input " + std::to_string(i) + " is '" + input.role + "', but '" + d.name + "' needs '" +
                     d.inputs[i].role + "'; submit the manifest again");
    if (input.kind == InputKind::context) context_input_ = static_cast<int>(i);
    if (input.kind != InputKind::flows && !input.column.empty()) bound[input.role] = {input.column, input.unit, input.type};
    bindings.push_back({sizeof(mole_binding), input.kind == InputKind::flows ? 0 : type_number(input.type), to_text(input.role),
                        to_text(input.module), to_text(input.column), to_text(input.unit)});
  }
  MOLE_TRY(outputs_, prefixed(name() + ": ", resolve_outputs(d, bound)));
  MOLE_TRY(auto params, prefixed(name() + ": ", resolve_params(d, arguments_.params)));
  MOLE_TRY(auto values, to_values(d, params));
  auto opened = call(Call::open, 0, [&](mole_error* e) {
    return vtable_->open(host_services_for(name()), bindings.data(), static_cast<std::uint32_t>(bindings.size()), values.data(),
                         static_cast<std::uint32_t>(values.size()), &module_, e);
  });
  if (!opened) module_ = nullptr;
  return opened;
}

MetricModule::~MetricModule() {
  if (!module_) return;
  record_.mark(Call::close, arguments_.step, arguments_.module);
  vtable_->close(module_);
  record_.clear();
}

Result<MetricState> MetricModule::create() const {
  mole_state* state = nullptr;
  auto created = call(Call::create, 0, [&](mole_error* e) { return vtable_->create(module_, &state, e); });
  if (!created) return created.error();
  return MetricState(state, {this});
}

Result<> MetricModule::begin(const MetricState& state, const ArrowArray* rows) const {
  return call(Call::begin, 0, [&](mole_error* e) {
    return vtable_->begin(module_, state.get(), static_cast<std::uint32_t>(context_input_), rows, e);
  });
}

Result<> MetricModule::add(std::span<mole_state* const> states, const std::uint32_t* state_of_row, const mole_batch& batch,
                           std::uint64_t number) const {
  return call(Call::add, number, [&](mole_error* e) {
    return vtable_->add(module_, states.data(), static_cast<std::uint32_t>(states.size()), state_of_row, &batch, e);
  });
}

Result<> MetricModule::add_all(std::uint64_t number, const std::function<std::int32_t(mole_error*)>& body) const {
  return call(Call::add, number, body);
}

Result<> MetricModule::merge(const MetricState& into, const MetricState& other) const {
  return call(Call::merge, 0, [&](mole_error* e) { return vtable_->merge(module_, into.get(), other.get(), e); });
}

Result<FinishedRows> MetricModule::finish(std::span<mole_state* const> states, std::span<const mole_interval> intervals) const {
  FinishedRows out;
  out.rows_of_state.assign(states.size(), 0);
  ArrowArray rows{};
  const std::unique_ptr<ArrowArray, ReleaseArray> release(&rows);
  auto finished = call(Call::finish, 0, [&](mole_error* e) {
    return vtable_->finish(module_, states.data(), intervals.data(), static_cast<std::uint32_t>(states.size()),
                           out.rows_of_state.data(), &rows, e);
  });
  if (!finished) return finished.error();
  const auto total = std::accumulate(out.rows_of_state.begin(), out.rows_of_state.end(), std::uint64_t{0});
  MOLE_TRY(out.columns, prefixed(name() + ": ", to_columns(rows, total, outputs_)));
  return out;
}

Result<std::string> MetricModule::save(const MetricState& state, std::uint64_t limit) const {
  SavedBytes saved{{}, limit};
  const mole_writer writer{&saved, &SavedBytes::write};
  auto done = call(Call::save, 0, [&](mole_error* e) { return vtable_->save(module_, state.get(), &writer, e); });
  if (!done) return done.error();
  return std::move(saved.bytes);
}

Result<> MetricModule::load(const MetricState& state, std::string_view bytes) const {
  return call(Call::load, 0, [&](mole_error* e) { return vtable_->load(module_, state.get(), bytes.data(), bytes.size(), e); });
}

}  // namespace mole::runtime
