#include "cli/simulate/exporter.hpp"

#include "cli/simulate/datagram.hpp"
#include "cli/simulate/network.hpp"
#include "cli/simulate/nfcapd_file.hpp"
#include "cli/simulate/random.hpp"

#include <algorithm>
#include <array>

namespace mole::cli {
namespace {

constexpr Millis hour_ms = hour_us / 1000;
constexpr Millis flush_timeout_ms = 5'000;  // a partly filled datagram is sent after this time
constexpr std::size_t records_per_datagram = 30;

enum Stream : std::uint64_t { traffic_stream = 1, loss_stream, boot_stream, sequence_stream };

// ---- rate

constexpr std::uint64_t noise_stream = 16;
constexpr std::int64_t million = 1'000'000;

// Share of each hour in the flows of a day, in ten thousandths; 07:00 to 19:00 sums to 8000.
constexpr std::array<std::uint64_t, 24> day_shape{140, 120, 110, 110, 120, 150, 190,                           // 00-06
                                                  500, 620, 700, 740, 720, 660, 680, 740, 740, 700, 640, 560,  // 07-18
                                                  270, 240, 210, 180, 160};                                    // 19-23
constexpr std::uint64_t sum_of(std::size_t from, std::size_t to) {
  std::uint64_t sum = 0;
  for (auto h = from; h < to; ++h) sum += day_shape[h];
  return sum;
}
static_assert(sum_of(0, 24) == 10'000 && sum_of(7, 19) == 8'000);

// Returns eight times the share at the centre of a quarter, interpolated between the centres of two hours; the sum over a day
// is unchanged.
std::uint64_t interpolated_share_times_eight(std::size_t quarter_of_day) {
  const auto hour = quarter_of_day / 4, quarter = quarter_of_day % 4;
  const auto here = day_shape[hour], before = day_shape[(hour + 23) % 24], after = day_shape[(hour + 1) % 24];
  constexpr std::array<std::uint64_t, 4> neighbour_weights{3, 1, 1, 3};
  const auto weight = neighbour_weights[quarter];
  return (8 - weight) * here + weight * (quarter < 2 ? before : after);
}

std::uint64_t integer_sqrt(std::uint64_t n) {
  std::uint64_t root = 0;
  for (std::uint64_t bit = 1ULL << 31; bit > 0; bit >>= 1)
    if ((root + bit) * (root + bit) <= n) root += bit;
  return root;
}

// Returns noise in millionths that is drawn at every multiple of `step` and interpolated linearly in between.
std::int64_t slow_noise(std::uint64_t seed, Micros at, Micros step) {
  const auto from = floor_to(at, step);
  const auto drawn = [&](Micros t) {
    return Random(seed, noise_stream + static_cast<std::uint64_t>(step / quarter_us), static_cast<std::uint64_t>(t)).normal();
  };
  const auto part = (at - from) / minute_us, whole = step / minute_us;
  return (drawn(from) * (whole - part) + drawn(from + step) * part) / whole;
}

// ---- datagrams

// Returns the SysUptime of a router at the start of the range. The counter of every second router wraps inside the range.
std::uint32_t uptime_at_start(const SimulationSpec& spec, std::size_t router_index) {
  Random random(spec.seed, boot_stream, spec.routers[router_index]);
  const auto length_ms = static_cast<std::uint64_t>((spec.range.to - spec.range.from) / 1000);
  if (router_index % 2 == 1) return static_cast<std::uint32_t>(-(length_ms * (25 + random.below(50)) / 100));
  return static_cast<std::uint32_t>(2 * hour_ms + random.below(1ULL << 30));
}

// Generates the background traffic of one hour in order of export, spread evenly over each quarter. A reply follows its
// request.
class BackgroundTraffic {
 public:
  BackgroundTraffic(const SimulationSpec& spec, std::uint32_t router, Micros hour)
      : spec_(spec),
        router_(router),
        random_(spec.seed ^ router, traffic_stream, static_cast<std::uint64_t>(hour)),
        hour_(hour / 1000) {}

  // Returns the next flow; nullopt at the end of the hour.
  std::optional<Flow> next() {
    while (i_ == n_) {
      if (quarter_ == 4) return std::nullopt;
      i_ = 0;
      n_ = flows_of_quarter(spec_, router_, hour_ * 1000 + quarter_++ * quarter_us);
    }
    const auto from = hour_ + (quarter_ - 1) * quarter_ms;
    Flow f;
    f.queued = from + static_cast<Millis>((i_ * quarter_ms + random_.below(quarter_ms)) / n_);
    ++i_;
    if (request_) {
      reply(f);
    } else {
      f.conversation = draw_request(random_);
      set_times(f);
      if (f.conversation.answered) request_ = f;
    }
    if (f.conversation.packets == 1) f.last = f.first;
    return f;
  }

 private:
  static constexpr Millis quarter_ms = quarter_us / 1000;

  void set_times(Flow& f) {
    // Long flows last half the active timeout on average, so a quarter of them begin before their hour. Their ends are spread
    // over the whole hour, so file boundaries are not visible in the number of flows by start time.
    const bool is_long = random_.chance(std::min<std::uint64_t>(4 * spec_.late_per_million, 1'000'000));
    f.last = f.queued - (is_long ? 0 : static_cast<Millis>(random_.below(inactive_ms)));
    f.first = f.last - static_cast<Millis>(is_long ? random_.below(static_cast<std::uint64_t>(active_timeout / 1000))
                                                   : random_.skewed_below(f.conversation.packets <= 2 ? 200 : 120'000));
    if (spec_.late_per_million == 0) f.first = std::max(hour_, f.first);
    f.last = std::max(f.first, f.last);
  }

  void reply(Flow& f) {
    f.conversation = draw_reply(random_, request_->conversation);
    f.first = request_->first + static_cast<Millis>(random_.below(200));
    f.last = std::min(f.queued, request_->last + static_cast<Millis>(random_.below(200)));
    f.first = std::min(f.first, f.last);
    request_.reset();
  }

  const SimulationSpec& spec_;
  std::uint32_t router_;
  Random random_;
  Millis hour_;
  int quarter_ = 0;
  std::uint64_t i_ = 0, n_ = 0;
  std::optional<Flow> request_;  // waits for its reply
};

class Exporter {
 public:
  Exporter(const SimulationSpec& spec, std::size_t router_index, Micros hour, std::uint32_t flow_sequence)
      : spec_(spec),
        router_(spec.routers[router_index]),
        background_(spec, router_, hour),
        loss_(spec.seed ^ router_, loss_stream, static_cast<std::uint64_t>(hour)),
        hour_(hour / 1000),
        uptime_base_(uptime_at_start(spec, router_index) - static_cast<std::uint32_t>(spec.range.from / 1000)),
        sequence_(flow_sequence + static_cast<std::uint32_t>(Random(spec.seed, sequence_stream, router_).next())),
        router_index_(router_index) {
    exported_.content = file_header(spec.format);
    exported_.by_event.resize(spec.events.size());
    for (std::size_t e = 0; e < spec.events.size(); ++e) {
      if (!affects(spec.events[e], router_, hour)) continue;
      if (spec.events[e].kind == EventKind::outage) outages_.push_back(e);
      auto flows = added_flows(spec, e, router_, hour);
      exported_.by_event[e] = flows.size();
      added_.insert(added_.end(), flows.begin(), flows.end());
    }
    std::stable_sort(added_.begin(), added_.end(), [](const Flow& a, const Flow& b) { return a.queued < b.queued; });
  }

  ExportedHour run() {
    auto added = added_.begin();
    while (auto flow = background_.next()) {
      for (; added != added_.end() && added->queued <= flow->queued; ++added) export_flow(*added);
      if (!is_removed(*flow)) export_flow(*flow);
    }
    for (; added != added_.end(); ++added) export_flow(*added);
    if (!queue_.empty()) send(std::min(queue_.front().queued + flush_timeout_ms, hour_ + hour_ms - 1));
    if (spec_.format == SimulatedFormat::nfcapd)
      exported_.content = nfcapd_file(
          exported_.content, {spec_.block_compression, exporter_address(router_index_), static_cast<std::uint32_t>(router_index_),
                              hour_, exported_.datagrams, sequence_failures_});
    return std::move(exported_);
  }

 private:
  bool is_removed(const Flow& flow) {
    for (const auto e : outages_)
      if (removes(spec_, e, router_, flow)) {
        ++exported_.by_event[e];
        return true;
      }
    return false;
  }

  void export_flow(const Flow& flow) {
    if (!queue_.empty() && flow.queued - queue_.front().queued >= flush_timeout_ms)
      send(queue_.front().queued + flush_timeout_ms);
    queue_.push_back(flow);
    if (queue_.size() == records_per_datagram) send(flow.queued);
  }

  void send(Millis now) {
    const bool lost = loss_.chance(spec_.loss_per_million);
    const DatagramPlace at = place(now);
    if (!lost) write_datagram(exported_.content, at, queue_, spec_.ipv6_per_million);
    (lost ? exported_.datagrams_lost : exported_.datagrams) += 1;
    if (!lost && last_is_lost_) ++sequence_failures_;
    last_is_lost_ = lost;
    for (const auto& flow : queue_) count(flow, lost);
    sequence_ += sequence_step(at, queue_.size());
    queue_.clear();
  }

  DatagramPlace place(Millis now) const {
    return {spec_.format,
            router_index_,
            now,
            uptime_base_,
            sequence_,
            exported_.datagrams + exported_.datagrams_lost,
            spec_.sampling,
            spec_.sampling_in == SamplingSource::record};
  }

  void count(const Flow& flow, bool lost) {
    const Volume one{1, flow.conversation.packets, flow.conversation.bytes};
    const Truth truth{one, lost ? Volume{} : one};
    exported_.truth.merge(truth);
    exported_.by_interval[floor_to(flow.first * 1000, truth_interval)].merge(truth);
  }

  const SimulationSpec& spec_;
  std::uint32_t router_;
  BackgroundTraffic background_;
  Random loss_;                       // a separate stream: loss does not change the traffic
  std::vector<Flow> added_;           // flows added by events, in order of export
  std::vector<std::size_t> outages_;  // that affect this hour
  Millis hour_;
  std::uint32_t uptime_base_, sequence_;
  std::size_t router_index_;
  std::vector<Flow> queue_;
  bool last_is_lost_ = false;            // the datagram sent last
  std::uint32_t sequence_failures_ = 0;  // as counted by a collector
  ExportedHour exported_;
};

}  // namespace

std::uint64_t expected_milliflows(const SimulationSpec& spec, Micros quarter) {
  const auto day = floor_div(quarter, day_us);
  const auto quarter_of_day = static_cast<std::size_t>((quarter - day * day_us) / quarter_us);
  const auto weekday = ((day + 3) % 7 + 7) % 7;  // 1970-01-01 was a Thursday; 0 is Monday
  auto milliflows = spec.flows_per_hour * 24 * interpolated_share_times_eight(quarter_of_day) * 1000 / (8 * 4 * 10'000);
  if (weekday >= 5) milliflows = milliflows * 3 / 10;
  const auto grown = million + spec.growth_per_million * ((quarter - spec.range.from) / hour_us) / (365 * 24);
  return milliflows * static_cast<std::uint64_t>(std::max<std::int64_t>(grown, 0)) / million;
}

std::uint64_t flows_of_quarter(const SimulationSpec& spec, std::uint32_t router, Micros quarter) {
  const auto expected = expected_milliflows(spec, quarter);
  Random random(spec.seed ^ router, noise_stream, static_cast<std::uint64_t>(quarter));
  const auto rounding = random.below(1000);
  if (spec.noise_per_million == 0) return (expected + rounding) / 1000;
  const auto common = slow_noise(spec.seed, quarter, day_us), own = slow_noise(spec.seed ^ router, quarter, 3 * hour_us);
  // Shares of the variance: 0.3, 0.4 and 0.3. Interpolation leaves two thirds of the variance of the draws.
  const auto deviation = (common * 67 + own * 77 + random.normal() * 55) / 100;
  const auto noise = static_cast<std::int64_t>(spec.noise_per_million) * deviation / million;
  const auto factor = static_cast<std::uint64_t>(std::max(million + noise, million / 10));
  const auto milliflows = expected * factor / million;
  const auto counting = static_cast<std::int64_t>(integer_sqrt(milliflows * 1000)) * random.normal() / million;
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, (static_cast<std::int64_t>(milliflows + rounding) + counting) / 1000));
}

std::uint64_t flows_of_hour(const SimulationSpec& spec, std::size_t router_index, Micros hour) {
  const auto router = spec.routers[router_index];
  for (const auto& event : spec.events)
    if (affects(event, router, hour)) return export_hour(spec, router_index, hour, 0).truth.measured.flows;
  std::uint64_t flows = 0;
  for (int quarter = 0; quarter < 4; ++quarter) flows += flows_of_quarter(spec, router, hour + quarter * quarter_us);
  return flows;
}

ExportedHour export_hour(const SimulationSpec& spec, std::size_t router_index, Micros hour, std::uint32_t flow_sequence) {
  return Exporter(spec, router_index, hour, flow_sequence).run();
}

}  // namespace mole::cli
