#include "coordinator/dag/module_order.hpp"

#include <algorithm>
#include <map>

namespace mole::coordinator::dag {
namespace {

constexpr std::size_t max_depth = 16;

// Depth-first search over the inputs; reaching a module that is still open closes a cycle.
class Sorter {
 public:
  explicit Sorter(const std::vector<manifest::Module>& modules)
      : modules_(modules), marks_(modules.size(), Mark::none), depths_(modules.size()) {
    for (std::size_t i = 0; i < modules.size(); ++i) {
      index_[modules[i].name] = i;
      names_.push_back(modules[i].name);
    }
  }

  Result<std::vector<std::size_t>> run() {
    for (std::size_t i = 0; i < modules_.size(); ++i)
      if (auto visited = visit(i); !visited) return visited.error();
    return std::move(order_);
  }

 private:
  enum class Mark : std::uint8_t { none, open, done };

  Result<> visit(std::size_t i) {
    if (marks_[i] == Mark::done) return {};
    path_.push_back(i);
    if (marks_[i] == Mark::open) return cycle_at(i);
    marks_[i] = Mark::open;
    std::size_t depth = 1;
    for (const auto& input : modules_[i].inputs) {
      if (input.module.empty()) continue;
      const auto found = index_.find(input.module);
      if (found == index_.end())
        return missing(input.where + ": there is no module \"" + input.module + "\"" +
                       manifest::suggestion(input.module, names_));
      if (auto visited = visit(found->second); !visited) return visited;
      depth = std::max(depth, 1 + depths_[found->second]);
    }
    path_.pop_back();
    marks_[i] = Mark::done;
    order_.push_back(i);
    depths_[i] = depth;
    if (depth > max_depth)
      return invalid(modules_[i].where + ": modules are chained deeper than " + std::to_string(max_depth) +
                     "; shorten the chain");
    return {};
  }

  Error cycle_at(std::size_t i) const {
    std::string cycle;
    for (auto at = std::find(path_.begin(), path_.end(), i); at != path_.end(); ++at)
      cycle += (cycle.empty() ? "" : " -> ") + names_[*at];
    return invalid(modules_[i].where + ": the modules depend on each other in a cycle: " + cycle +
                   "; remove one of these inputs");
  }

  const std::vector<manifest::Module>& modules_;
  std::map<std::string, std::size_t> index_;
  std::vector<std::string> names_;
  std::vector<Mark> marks_;
  std::vector<std::size_t> depths_;  // length of the longest chain that ends in the module
  std::vector<std::size_t> order_, path_;
};

}  // namespace

Result<std::vector<std::size_t>> order_modules(const manifest::Manifest& manifest) { return Sorter(manifest.modules).run(); }

}  // namespace mole::coordinator::dag
