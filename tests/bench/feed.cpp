// mole-bench-feed [--steps N] [--by D,D..] [--repeat N]
//
// Measures the cost of the runtime itself per flow: grouping decoded batches and passing them to N steps of a trivial metric
// (sums of three columns), without files or decoding. Flows start within the last half hour before their export, so a batch
// covers several intervals, as in real files. Prints one line of JSON, in ns per flow.
#include "runtime/decode/flow_batch.hpp"
#include "runtime/metric/flow_step.hpp"

#include <mole/metric.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace mole;
using namespace mole::runtime;

struct Sum {
  static constexpr auto about = mole::metric("sum", "1.0.0", "Sums of three columns");
  struct Row {
    std::uint64_t sum;
  };
  static constexpr auto output = mole::columns(mole::column("sum", &Row::sum, mole::unit::one, "Sum"));
  std::uint64_t total = 0;
  static constexpr auto state = mole::fields(&Sum::total);
  void add(const mole::Flows<mole::bytes, mole::packets, mole::src_port>& flows) {
    std::uint64_t sum = 0;
    for (auto [bytes, packets, port] : flows) sum += bytes + packets + port;
    total += sum;
  }
  void merge(const Sum& other) { total += other.total; }
  Row finish() const { return {total}; }
};

constexpr Micros noon = Micros{1178712000} * second_us;

struct GeneratedFlows {
  explicit GeneratedFlows(std::uint32_t rows) : start(rows), bytes(rows), packets(rows), port(rows), protocol(rows) {
    std::mt19937_64 random(7);
    std::exponential_distribution<double> age(1.0 / (6 * 60));
    for (std::uint32_t i = 0; i < rows; ++i) {
      start[i] = noon + hour_us + static_cast<Micros>(i) * 2000 - static_cast<Micros>(age(random) * 1e6);
      bytes[i] = 40 + random() % 1400;
      packets[i] = 1 + random() % 20;
      port[i] = static_cast<std::uint16_t>(random());
      const auto dice = random() % 100;
      protocol[i] = dice < 70 ? 6 : dice < 92 ? 17 : dice < 97 ? 1 : 50;
    }
  }
  FlowBatch view() const {
    FlowBatch v;
    v.rows = static_cast<std::uint32_t>(start.size());
    v.columns[MOLE_COLUMN_START] = start.data();
    v.columns[MOLE_COLUMN_BYTES] = bytes.data();
    v.columns[MOLE_COLUMN_PACKETS] = packets.data();
    v.columns[MOLE_COLUMN_SRC_PORT] = port.data();
    v.columns[MOLE_COLUMN_PROTOCOL] = protocol.data();
    return v;
  }
  std::vector<Micros> start;
  std::vector<std::uint64_t> bytes, packets;
  std::vector<std::uint16_t> port;
  std::vector<std::uint8_t> protocol;
};

}  // namespace

int main(int argc, char** argv) {
  int steps = 20, repeat = 200;
  std::vector<std::string> by{"router", "protocol_class"};
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string word = argv[i];
    if (word == "--steps")
      steps = std::atoi(argv[i + 1]);
    else if (word == "--repeat")
      repeat = std::atoi(argv[i + 1]);
    else if (word == "--by") {
      by.clear();
      for (const char* name = std::strtok(argv[i + 1], ","); name; name = std::strtok(nullptr, ",")) by.emplace_back(name);
    }
  }
  task::Step step;
  step.interval = 15 * minute_us;
  step.by = by;
  const TimeRange block{noon - 4 * hour_us, noon + 8 * hour_us};
  GroupingPlan plan;
  plan.by = *dimensions_named(by);
  plan.range = block;
  plan.interval = step.interval;
  plan.lateness = hour_us;
  const auto grid = *IntervalGrid::over(block, step.interval);
  FlowGrouping grouping(plan, grid);
  const auto record = CallRecord::in_memory();
  std::vector<OpenStep> open(static_cast<std::size_t>(steps));
  std::vector<std::unique_ptr<FlowStep>> fed;
  for (auto& o : open) {
    o.step = &step;
    o.block = block;
    o.grid = grid;
    o.by = plan.by;
    MetricModule::OpenArguments arguments;
    arguments.module = "sum";
    arguments.inputs = {{"flows", InputKind::flows, "archive", "", "", "", {}, {}}};
    o.module =
        std::move(*MetricModule::open(&detail::Glue<Kind::metric>::vtable<Sum>,
                                      *Descriptor::parse(detail::Glue<Kind::metric>::describe<Sum>()), arguments, *record));
    fed.push_back(std::make_unique<FlowStep>(o, grouping, 0,
                                             std::vector<int>{MOLE_COLUMN_BYTES, MOLE_COLUMN_PACKETS, MOLE_COLUMN_SRC_PORT},
                                             std::vector<std::string>{"r1"}, ""));
  }
  const GeneratedFlows flows(batch_rows);
  grouping.start_file({"f", 1, 1, "r1", 0, {noon + hour_us, noon + 2 * hour_us}, true, ""});
  FlowRuns runs;
  double grouping_seconds = 0, arranging_seconds = 0, adding_seconds = 0;
  for (int i = 0; i < repeat; ++i) {
    const auto a = std::chrono::steady_clock::now();
    const auto assignment = grouping.assign(flows.view());
    const auto b = std::chrono::steady_clock::now();
    const bool arranged = runs.arrange(flows.view(), *assignment, grouping.slots().size());
    for (const int column : fed[0]->reads()) runs.gather(column);
    const auto c = std::chrono::steady_clock::now();
    for (auto& f : fed)
      if (!f->create_states() || !(arranged ? f->add(runs, 0, runs.runs().size(), 1) : f->add(flows.view(), *assignment, 1)))
        return 1;
    const auto d = std::chrono::steady_clock::now();
    if (i == 0) continue;
    grouping_seconds += std::chrono::duration<double>(b - a).count();
    arranging_seconds += std::chrono::duration<double>(c - b).count();
    adding_seconds += std::chrono::duration<double>(d - c).count();
  }
  const double n = static_cast<double>(repeat - 1) * batch_rows / 1e9;
  std::printf(
      "{\"steps\": %d, \"states\": %zu, \"group_ns\": %.2f, \"arrange_ns\": %.2f, \"add_ns\": %.2f, \"add_ns_per_step\": %.2f}\n",
      steps, grouping.slots().size(), grouping_seconds / n, arranging_seconds / n, adding_seconds / n,
      adding_seconds / n / steps);
}
