// A metric in the test's process that counts rows and sums values. Its function table is plain C, so no plugin has to be built.
#pragma once

#include "runtime/host/metric_module.hpp"
#include "runtime/metric/step_states.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace mole::runtime::testing {

struct FakeState {
  std::uint64_t count = 0, sum = 0;
};
struct FakeCalls {
  std::uint64_t merges = 0, loads = 0, live = 0;
};
inline FakeCalls& fake_calls() {
  static FakeCalls calls;
  return calls;
}

inline FakeState* fake(mole_state* s) { return reinterpret_cast<FakeState*>(s); }
inline const FakeState* fake(const mole_state* s) { return reinterpret_cast<const FakeState*>(s); }

inline const mole_metric_v1& fake_metric() {
  static const mole_metric_v1 table = [] {
    mole_metric_v1 t{};
    t.struct_size = sizeof t;
    t.open = [](const mole_host*, const mole_binding*, std::uint32_t, const mole_value*, std::uint32_t, mole_module** out,
                mole_error*) {
      static int unused;
      *out = reinterpret_cast<mole_module*>(&unused);
      return std::int32_t{MOLE_OK};
    };
    t.close = [](mole_module*) {};
    t.create = [](const mole_module*, mole_state** out, mole_error*) {
      *out = reinterpret_cast<mole_state*>(new FakeState);
      ++fake_calls().live;
      return std::int32_t{MOLE_OK};
    };
    t.destroy = [](const mole_module*, mole_state* s) {
      delete fake(s);
      --fake_calls().live;
    };
    t.begin = [](const mole_module*, mole_state*, std::uint32_t, const ArrowArray*, mole_error*) {
      return std::int32_t{MOLE_OK};
    };
    t.add = [](const mole_module*, mole_state* const* states, std::uint32_t, const std::uint32_t* of_row, const mole_batch* b,
               mole_error*) {
      const auto* values = static_cast<const std::uint64_t*>(b->columns->children[0]->buffers[1]);
      for (std::uint64_t i = 0; i < b->rows; ++i) {
        if (of_row && of_row[i] == MOLE_NO_STATE) continue;
        FakeState* s = fake(states[of_row ? of_row[i] : 0]);
        ++s->count;
        s->sum += values[i];
      }
      return std::int32_t{MOLE_OK};
    };
    t.merge = [](const mole_module*, mole_state* s, const mole_state* o, mole_error*) {
      ++fake_calls().merges;
      fake(s)->count += fake(o)->count;
      fake(s)->sum += fake(o)->sum;
      return std::int32_t{MOLE_OK};
    };
    t.finish = nullptr;
    t.save = [](const mole_module*, const mole_state* s, const mole_writer* w, mole_error*) {
      return w->write(w->self, fake(s), sizeof(FakeState));
    };
    t.load = [](const mole_module*, mole_state* s, const void* data, std::uint64_t size, mole_error*) {
      ++fake_calls().loads;
      if (size != sizeof(FakeState)) return std::int32_t{MOLE_CORRUPT};
      std::memcpy(fake(s), data, size);
      return std::int32_t{MOLE_OK};
    };
    return t;
  }();
  return table;
}

inline Descriptor fake_descriptor(bool deterministic) {
  auto d = Descriptor::parse(
      std::string(R"({"deterministic":)") + (deterministic ? "true" : "false") +
      R"(,"execution":"mergeable","inputs":[{"kind":"flows","reads":["bytes"],"role":"flows"}],"kind":"metric","name":"fake",)"
      R"("output":[{"doc":"Rows","name":"n","nullable":false,"type":"u64","unit":"flow"}],"params":[],"state":{"revision":1,"shape":"0123456789abcdef"},"summary":"A fake.","version":"1.0.0"})");
  EXPECT_TRUE(d) << d.error().message;
  return *d;
}

// Returns an open step with the fake metric. The task::Step must outlive it.
inline OpenStep fake_step(const task::Step& step, TimeRange block, bool deterministic = true) {
  static auto record = CallRecord::in_memory();
  OpenStep out;
  out.step = &step;
  out.block = block;
  out.grid = *IntervalGrid::over(block, step.interval);
  out.by = *dimensions_named(step.by);
  MetricModule::OpenArguments arguments;
  arguments.module = "fake";
  arguments.inputs = {{"flows", InputKind::flows, "archive", "", "", "", {}, {}, {}}};
  auto module = MetricModule::open(&fake_metric(), fake_descriptor(deterministic), arguments, *record);
  EXPECT_TRUE(module) << module.error().message;
  out.module = std::move(*module);
  return out;
}

}  // namespace mole::runtime::testing
