#include "runtime/metric/window.hpp"

#include "tests/metric/fake_metric.hpp"

#include <random>

namespace mole::runtime::testing {
namespace {

constexpr Micros noon = Micros{1178712000} * second_us;
constexpr Micros quarter = 15 * minute_us;

struct Expected {
  std::uint64_t count, sum;
  RowCoverage coverage;
  bool operator==(const Expected&) const = default;
};
using Rows = std::map<std::pair<Micros, Group>, Expected>;

// The cells of all intervals that the windows of a block cover. Some cells are missing.
struct Timeline {
  task::Step step;
  OpenStep open;
  std::vector<Cell> cells;
  std::map<std::pair<Micros, Group>, std::pair<FakeState, RowCoverage>> plain;
  std::vector<std::string> kept;  // bytes of saved states

  Timeline(std::size_t rows, std::size_t window, bool exact, bool saved, std::vector<std::string> by, unsigned seed = 1) {
    step.interval = quarter;
    step.window = static_cast<Micros>(window) * quarter;
    step.by = by;
    const TimeRange block{noon, noon + static_cast<Micros>(rows) * quarter};
    open = fake_step(step, block, exact);
    std::mt19937 random(seed);
    const bool sparse = open.sparse();
    kept.reserve(4 * (rows + window));
    for (std::size_t i = 0; i < rows + window - 1; ++i) {
      const Micros start = noon + (static_cast<Micros>(i) - static_cast<Micros>(window - 1)) * quarter;
      if (start < noon && random() % 5 == 0) continue;  // a block that was never computed
      if (sparse) {
        Cell without_state;
        without_state.interval_start = start;
        without_state.group = Group{""};
        without_state.coverage = {0.5, 1, 0, 2, 1};
        cells.push_back(std::move(without_state));
      }
      for (const char* name : {"1", "2", "3"}) {
        if (sparse && random() % 3 == 0) continue;
        Cell cell;
        cell.interval_start = start;
        cell.group = by.empty() ? Group{} : Group{name};
        cell.coverage = {0.5, 1, random() % 3, 2, 1};
        const FakeState state{random() % 10, random() % 1000};
        plain[{start, cell.group}] = {state, cell.coverage};
        if (saved && start < noon) {
          kept.emplace_back(reinterpret_cast<const char*>(&state), sizeof state);
          cell.saved = kept.back();
        } else {
          cell.state = *open.module->create();
          *fake(cell.state.get()) = state;
        }
        cells.push_back(std::move(cell));
        if (by.empty()) break;
      }
    }
    sort_cells(cells, open.by);
  }

  Rows merged() {
    Rows out;
    auto done = merge_windows(cells, open, {"1", "2", "3"}, [&](Cell cell) -> Result<> {
      const auto* s = fake(cell.state.get());
      EXPECT_TRUE(out.insert({{cell.interval_start, cell.group}, {s->count, s->sum, cell.coverage}}).second);
      return {};
    });
    EXPECT_TRUE(done) << done.error().message;
    return out;
  }

  // Merges the window of every row separately.
  Rows brute_force(bool sparse) const {
    Rows out;
    std::set<Group> groups;
    for (const auto& [key, value] : plain) groups.insert(key.second);
    for (std::uint32_t i = 0; i < open.grid.size(); ++i)
      for (const auto& group : groups) {
        Expected expected{};
        bool any = false;
        const Micros end = open.grid.at(i).to;
        const auto length = static_cast<double>(step.window / quarter);
        for (Micros start = end - step.window; start < end; start += quarter) {
          const auto found = plain.find({start, group});
          if (found != plain.end()) {
            any = true;
            expected.count += found->second.first.count;
            expected.sum += found->second.first.sum;
            expected.coverage.flows_late += found->second.second.flows_late;
          }
          const bool known = found != plain.end() || (sparse && interval_known(start));
          if (!known) continue;
          expected.coverage.share += 0.5;
          expected.coverage.flows_lost += 1;
          expected.coverage.files_expected += 2;
          expected.coverage.files_present += 1;
        }
        expected.coverage.share /= length;
        if (any) out[{open.grid.at(i).from, group}] = expected;
      }
    return out;
  }
  bool interval_known(Micros start) const {
    return std::any_of(cells.begin(), cells.end(), [&](const Cell& c) { return c.interval_start == start; });
  }
};

TEST(Window, BothMergeAlgorithmsEqualBruteForce) {
  for (const auto& by : {std::vector<std::string>{}, {"router"}, {"dst_port"}})
    for (const std::size_t rows : {1u, 4u, 40u, 96u})
      for (const std::size_t window : {1u, 2u, 7u, 33u, 100u})
        for (const bool exact : {true, false})
          for (const bool saved : {true, false}) {
            Timeline t(rows, window, exact, saved, by, static_cast<unsigned>(rows * window));
            const auto expected = t.brute_force(by == std::vector<std::string>{"dst_port"});
            EXPECT_EQ(t.merged(), expected) << rows << " rows, window " << window << ", exact " << exact << ", saved " << saved
                                            << ", by " << by.size();
          }
  EXPECT_EQ(fake_calls().live, 0u) << "states were not destroyed";
}

TEST(Window, NeedsFewMergesPerRowForALongWindow) {
  Timeline t(96, 672, true, true, {});
  fake_calls() = {.merges = 0, .loads = 0, .live = fake_calls().live};
  t.merged();
  EXPECT_LT(fake_calls().merges, 96u * 672 / 20);
}

}  // namespace
}  // namespace mole::runtime::testing
