#include "coordinator/leases/staging_forecast.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace mole::coordinator::leases {
namespace {

constexpr std::uint64_t request = 1;
constexpr double never = std::numeric_limits<double>::infinity();
constexpr double drives_period = 600, longest_pause = 8 * 86'400;  // seconds; "drives" repeat every day

class Simulation {
 public:
  explicit Simulation(ForecastInput input) : input_(std::move(input)) {
    for (const auto& node : input_.nodes) {
      stager_.set_node(node.name, node.cache_limit);
      slots_.push_back(std::max(1u, node.slots));
    }
    std::uint64_t largest_cache = 0;
    for (const auto& node : input_.nodes) largest_cache = std::max(largest_cache, node.cache_limit);
    for (auto& block : input_.blocks) {
      Waiting waiting;
      for (const auto& file : block.files) {
        files_.emplace(file.key, file);
        libraries_.insert(file.medium.library);
        waiting.bytes += file.size;
      }
      if (waiting.bytes > largest_cache) {
        waiting.fetched_by_task = std::exchange(block.files, {});
        ready_.insert(block.ref);
      }
      waiting_.emplace(block.ref, std::move(waiting));
    }
    std::erase_if(input_.blocks, [](const WantedBlock& block) { return block.files.empty(); });
    set_drives();
    stager_.set_request(request, 0, input_.in_order, std::exchange(input_.blocks, {}));
    for (const auto& [node, file] : input_.held) {
      if (input_.nodes.empty()) break;
      const bool known = std::ranges::find(input_.nodes, node, &ForecastNode::name) != input_.nodes.end();
      stager_.add_ready(known ? node : input_.nodes.front().name, file);
    }
    add_ready_blocks();
  }

  Forecast run() {
    while (true) {
      start_what_can_start();
      double next = next_event();
      const bool may_change = next == never ? now_ - active_ < longest_pause : next - now_ < longest_pause;
      if (input_.drives && !waiting_.empty() && may_change) next = std::min(next, drives_set_ + drives_period);
      if (next == never) break;
      now_ = next;
      end_what_has_ended();
      if (now_ >= drives_set_ + drives_period) set_drives();
    }
    out_.elapsed_seconds = active_;
    out_.media = media_.size();
    return out_;
  }

 private:
  struct Transfer {
    Batch batch;
    std::size_t at = 0;  // of batch.files
    double ends = 0;     // of that file
    std::size_t drive = 0;
  };
  struct Computing {
    BlockRef ref;
    std::size_t node;
    double ends;
  };
  struct Waiting {
    std::uint64_t bytes = 0;
    std::vector<MediumFile> fetched_by_task = {};
  };

  const StagingRates& rates_of(const std::string& library) const {
    static const StagingRates assumed;
    const auto known = input_.rates.find(library);
    return known == input_.rates.end() ? assumed : known->second;
  }

  void set_drives() {
    drives_set_ = now_;
    for (const auto& library : libraries_) {
      const auto drives = input_.drives ? input_.drives(library, now_) : default_drives;
      allowed_[library] = drives;
      stager_.set_drives(library, drives);
    }
  }

  void add_ready_blocks() {
    for (const auto& [number, ref] : stager_.take_staged())
      if (waiting_.contains(ref)) ready_.insert(ref);
  }

  // Until nothing more can start at this time.
  void start_what_can_start() {
    bool started = true;
    while (std::exchange(started, false)) {
      for (std::size_t n = 0; n < input_.nodes.size(); ++n) {
        while (start_block(n)) started = true;
        while (start_batch(n)) started = true;
      }
    }
  }

  bool start_block(std::size_t n) {
    if (slots_[n] == 0) return false;
    const auto& name = input_.nodes[n].name;
    // Blocks in order depend on the earlier ones.
    for (auto ref = ready_.begin(); ref != ready_.end(); ++ref) {
      if (input_.in_order && *ref != waiting_.begin()->first) return false;
      if (!stager_.may_run(name, request, *ref)) continue;
      const auto block = waiting_.find(*ref);
      const double seconds = input_.compute_seconds_per_byte * static_cast<double>(block->second.bytes);
      computing_.push_back({*ref, n, now_ + seconds + fetch(block->second.fetched_by_task)});
      out_.compute_seconds += seconds;
      waiting_.erase(block);
      ready_.erase(ref);
      --slots_[n];
      return true;
    }
    return false;
  }

  // Returns how long it takes to fetch the files of a block that is larger than every cache.
  double fetch(const std::vector<MediumFile>& files) {
    double seconds = 0;
    std::set<Medium> media;
    for (const auto& file : files) {
      const bool mounts = media.insert(file.medium).second;
      seconds += seconds_of(rates_of(file.medium.library), mounts, 1, file.size);
      out_.mounts += mounts;
      out_.bytes += file.size;
    }
    out_.files += files.size();
    out_.drive_seconds += seconds;
    media_.merge(media);
    return seconds;
  }

  bool all_drives_are_busy() const {
    return std::ranges::all_of(libraries_, [&](const std::string& library) {
      const auto busy = std::ranges::count(transfers_, library, [](const Transfer& t) { return t.batch.medium.library; });
      return static_cast<std::uint32_t>(busy) >= allowed_.at(library);
    });
  }

  bool start_batch(std::size_t n) {
    if (all_drives_are_busy()) return false;
    const bool idle = std::ranges::none_of(computing_, [&](const Computing& c) { return c.node == n; }) && transfers_.empty();
    auto batch = stager_.next(input_.nodes[n].name, static_cast<Micros>(now_ * 1e6), idle);
    if (!batch) return false;
    Transfer transfer{std::move(*batch)};
    out_.cache_bytes = std::max(out_.cache_bytes, stager_.reserved(input_.nodes[n].name));
    const bool mounts = mount(transfer);
    media_.insert(transfer.batch.medium);
    begin_file(transfer, mounts);
    transfers_.push_back(std::move(transfer));
    return true;
  }

  // Chooses a drive. Returns whether the medium must be mounted.
  bool mount(Transfer& transfer) {
    const auto& medium = transfer.batch.medium;
    auto& drives = drives_[medium.library];
    drives.resize(std::max<std::size_t>(drives.size(), allowed_.at(medium.library)));
    std::optional<std::size_t> oldest;
    for (std::size_t d = 0; d < drives.size(); ++d) {
      if (drives[d].medium == medium.name) {
        transfer.drive = d;
        return false;
      }
      const bool busy = std::ranges::any_of(
          transfers_, [&](const Transfer& t) { return t.batch.medium.library == medium.library && t.drive == d; });
      if (!busy && (!oldest || drives[d].used < drives[*oldest].used)) oldest = d;
    }
    transfer.drive = oldest.value_or(0);
    drives[transfer.drive].medium = medium.name;
    ++out_.mounts;
    return true;
  }

  void begin_file(Transfer& transfer, bool mounts) {
    const auto& file = files_.at(transfer.batch.files[transfer.at]);
    const double seconds = seconds_of(rates_of(transfer.batch.medium.library), mounts, 1, file.size);
    transfer.ends = now_ + seconds;
    out_.drive_seconds += seconds;
    ++out_.files;
    out_.bytes += file.size;
  }

  double next_event() const {
    double next = never;
    for (const auto& transfer : transfers_) next = std::min(next, transfer.ends);
    for (const auto& block : computing_) next = std::min(next, block.ends);
    return next;
  }

  void end_what_has_ended() {
    std::erase_if(computing_, [&](const Computing& block) {
      if (block.ends > now_) return false;
      stager_.finish(request, block.ref, true);
      ++slots_[block.node];
      active_ = now_;
      return true;
    });
    std::erase_if(transfers_, [&](Transfer& transfer) {
      if (transfer.ends > now_) return false;
      stager_.add_ready(transfer.batch.node, transfer.batch.files[transfer.at]);
      add_ready_blocks();
      active_ = out_.staged_seconds = now_;
      if (++transfer.at < transfer.batch.files.size()) {
        begin_file(transfer, false);
        return false;
      }
      drives_[transfer.batch.medium.library][transfer.drive].used = now_;
      stager_.end(transfer.batch.number);
      return true;
    });
  }

  struct Drive {
    std::string medium;
    double used = -1;
  };

  ForecastInput input_;
  Stager stager_;
  std::map<Digest, MediumFile> files_;
  std::map<BlockRef, Waiting> waiting_;
  std::set<BlockRef> ready_;          // waiting blocks whose files are all in a cache
  std::vector<std::uint32_t> slots_;  // free ones, by node
  std::vector<Transfer> transfers_;
  std::vector<Computing> computing_;
  std::map<std::string, std::vector<Drive>> drives_;  // by library
  std::map<std::string, std::uint32_t> allowed_;      // number of drives that may be used now, by library
  std::set<std::string> libraries_;
  std::set<Medium> media_;
  double now_ = 0, drives_set_ = 0, active_ = 0;  // active_: when something ended last
  Forecast out_;
};

// The bytes of different files that are not held.
std::uint64_t bytes_of(const std::vector<WantedBlock>& blocks, const std::set<Digest>& held) {
  std::map<Digest, std::uint64_t> sizes;
  for (const auto& block : blocks)
    for (const auto& file : block.files)
      if (!held.contains(file.key)) sizes[file.key] = file.size;
  std::uint64_t sum = 0;
  for (const auto& [key, size] : sizes) sum += size;
  return sum;
}

}  // namespace

Forecast forecast(ForecastInput input) {
  if (input.blocks.size() <= max_forecast_blocks) return Simulation(std::move(input)).run();
  std::set<Digest> held;
  for (const auto& [node, file] : input.held) held.insert(file);
  const auto fetches = [&](const WantedBlock& block) {
    return std::ranges::any_of(block.files, [&](const MediumFile& file) { return !held.contains(file.key); });
  };
  std::stable_partition(input.blocks.begin(), input.blocks.end(), fetches);  // the others only need decoding
  if (!fetches(input.blocks.front())) held.clear();                          // nothing is fetched: in proportion to all bytes
  const auto all = static_cast<double>(bytes_of(input.blocks, held));
  input.blocks.resize(max_forecast_blocks);
  const auto simulated = static_cast<double>(bytes_of(input.blocks, held));
  auto out = Simulation(std::move(input)).run();
  const double more = simulated > 0 ? all / simulated : 1;
  const auto scale = [&](std::uint64_t& value) { value = static_cast<std::uint64_t>(static_cast<double>(value) * more); };
  for (auto* value : {&out.files, &out.bytes, &out.media, &out.mounts}) scale(*value);
  for (auto* value : {&out.drive_seconds, &out.compute_seconds, &out.elapsed_seconds, &out.staged_seconds}) *value *= more;
  out.complete = false;
  return out;
}

}  // namespace mole::coordinator::leases
