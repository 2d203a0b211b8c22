#include <mole/containers/volume_map.hpp>
#include <mole/metric.hpp>
#include <mole/sketches/log_histogram.hpp>

#include <array>
#include <vector>

#include "classes.hpp"
#include "tail.hpp"

// Durations and sizes of flows and sizes of packets: means, quantiles, size classes, and a power law fitted to the tails.
// Durations are whole milliseconds; 0 if a flow ends before it starts. The size of a packet is taken to be the mean packet size
// of its flow, rounded down, since flow records have no more detail. Quantiles are accurate to 0.8 %; means and counts are exact.
struct Distributions {
  static constexpr auto about =
      mole::metric("distributions", "1.0.0", "Duration, size and packet size of flows: means, quantiles, classes, tails");

  // '*' is replaced by the measured quantity, unit::any by its unit.
  struct Shape {
    std::optional<double> mean, p5, p25, p50, p75, p95, p99;
    static constexpr auto output = mole::columns(mole::column("*_mean", &Shape::mean, mole::unit::any, "Mean *"),
                                                 mole::column("*_p5", &Shape::p5, mole::unit::any, "5 % quantile: *"),
                                                 mole::column("*_p25", &Shape::p25, mole::unit::any, "25 % quantile: *"),
                                                 mole::column("*_p50", &Shape::p50, mole::unit::any, "Median: *"),
                                                 mole::column("*_p75", &Shape::p75, mole::unit::any, "75 % quantile: *"),
                                                 mole::column("*_p95", &Shape::p95, mole::unit::any, "95 % quantile: *"),
                                                 mole::column("*_p99", &Shape::p99, mole::unit::any, "99 % quantile: *"));
  };
  struct FlowShape {
    Shape shape;
    std::optional<double> exponent, error, from, share, distance;
    static constexpr auto output =
        mole::columns(mole::group("*", "*", &FlowShape::shape, Shape::output),
                      mole::column("*_tail_exponent", &FlowShape::exponent, mole::unit::one,
                                   "Exponent a of the power law p(x) ~ x^-a fitted to the tail: *; null if there is no tail"),
                      mole::column("*_tail_error", &FlowShape::error, mole::unit::one, "Standard error of the exponent: *"),
                      mole::column("*_tail_from", &FlowShape::from, mole::unit::any, "Start of the tail: *"),
                      mole::column("*_tail_share", &FlowShape::share, mole::unit::one, "Share of the flows in the tail: *"),
                      mole::column("*_tail_distance", &FlowShape::distance, mole::unit::one,
                                   "Kolmogorov-Smirnov distance between the tail and the power law: *"));
  };
  struct Row {
    FlowShape duration, packets, bytes;
    Shape packet_size;
    std::array<std::uint64_t, classes::duration.labels.size()> flows_by_duration;
    std::array<std::uint64_t, classes::packets.labels.size()> flows_by_packets;
    std::array<std::uint64_t, classes::bytes.labels.size()> flows_by_bytes;
    std::array<std::uint64_t, classes::packet_size.size()> size_flows, size_packets, size_bytes;
  };
  static constexpr auto output =
      mole::columns(mole::group("duration", "duration of a flow", &Row::duration, FlowShape::output, mole::unit::second),
                    mole::group("flow_packets", "packets per flow", &Row::packets, FlowShape::output, mole::unit::packet),
                    mole::group("flow_bytes", "bytes per flow", &Row::bytes, FlowShape::output, mole::unit::byte),
                    mole::group("packet_size", "bytes per packet", &Row::packet_size, Shape::output, mole::unit::byte),
                    mole::each(classes::duration.labels, "flows_of_duration_*", &Row::flows_by_duration, mole::unit::flow,
                               "Flows by duration: class starting at *"),
                    mole::each(classes::packets.labels, "flows_of_packets_*", &Row::flows_by_packets, mole::unit::flow,
                               "Flows by number of packets: class starting at *"),
                    mole::each(classes::bytes.labels, "flows_of_bytes_*", &Row::flows_by_bytes, mole::unit::flow,
                               "Flows by number of bytes: class starting at *"),
                    mole::each(classes::packet_size, "flows_of_packet_size_*", &Row::size_flows, mole::unit::flow,
                               "Flows by packet size: * bytes"),
                    mole::each(classes::packet_size, "packets_of_packet_size_*", &Row::size_packets, mole::unit::packet,
                               "Packets by packet size: * bytes"),
                    mole::each(classes::packet_size, "bytes_of_packet_size_*", &Row::size_bytes, mole::unit::byte,
                               "Bytes by packet size: * bytes"));

  struct Module {
    TailFit tail;
  };
  explicit Distributions(const Module& module) : module_(&module) {}

  const Module* module_;
  mole::LogHistogram durations, packets, bytes;  // of flows; durations in ms
  mole::LogHistogram packet_sizes;               // of packets
  std::array<mole::Volume, classes::packet_size.size()> by_packet_size{};
  std::uint64_t flows = 0, sum_us = 0, sum_packets = 0, sum_bytes = 0;  // wrap around at 2^64
  static constexpr auto state = mole::fields(&Distributions::durations, &Distributions::packets, &Distributions::bytes,
                                             &Distributions::packet_sizes, &Distributions::by_packet_size, &Distributions::flows,
                                             &Distributions::sum_us, &Distributions::sum_packets, &Distributions::sum_bytes);

  void add(const mole::Flows<mole::start, mole::end, mole::packets, mole::bytes>& batch) {
    thread_local std::vector<std::uint64_t> duration, size;  // ms; bytes per packet
    const auto start = batch.span<mole::start>(), end = batch.span<mole::end>();
    const auto p = batch.span<mole::packets>(), b = batch.span<mole::bytes>();
    const std::size_t n = batch.size();
    duration.resize(n);
    size.resize(n);
    // Locals stay in registers. *_bits: the OR of all values.
    std::uint64_t batch_us = 0, batch_packets = 0, batch_bytes = 0, ms_bits = 0, packet_bits = 0, byte_bits = 0, size_bits = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const auto us = end[i] > start[i] ? static_cast<std::uint64_t>(end[i].us) - static_cast<std::uint64_t>(start[i].us) : 0;
      batch_us += us;
      duration[i] = us / 1000;
      ms_bits |= duration[i];
    }
    for (std::size_t i = 0; i < n; ++i) {
      batch_packets += p[i];
      batch_bytes += b[i];
      size[i] = packet_size(p[i], b[i]);
      packet_bits |= p[i];
      byte_bits |= b[i];
      size_bits |= size[i];
    }
    flows += n;
    sum_us += batch_us;
    sum_packets += batch_packets;
    sum_bytes += batch_bytes;
    // Fills all histograms in one loop: while an increment waits for the previous flow's increment of the same counter,
    // the others proceed.
    auto *const by_duration = durations.counters_for(ms_bits), *const by_packets = packets.counters_for(packet_bits),
                *const by_bytes = bytes.counters_for(byte_bits), *const by_size = packet_sizes.counters_for(size_bits);
    for (std::size_t i = 0; i < n; ++i) {
      ++by_duration[mole::LogHistogram::bucket(duration[i])];
      ++by_packets[mole::LogHistogram::bucket(p[i])];
      ++by_bytes[mole::LogHistogram::bucket(b[i])];
      by_size[mole::LogHistogram::bucket(size[i])] += p[i];
      by_packet_size[classes::packet_size_class(size[i])].merge({p[i] > 0, p[i], p[i] > 0 ? b[i] : 0});
    }
  }
  void merge(const Distributions& other) { mole::merge_fields(*this, other); }
  Row finish() const {
    Row row{};
    row.duration = flow_shape(durations, static_cast<double>(sum_us) / 1000, 1000);
    row.packets = flow_shape(packets, static_cast<double>(sum_packets), 1);
    row.bytes = flow_shape(bytes, static_cast<double>(sum_bytes), 1);
    std::uint64_t packet_bytes = 0;  // a flow without packets may have bytes
    for (std::size_t i = 0; i < by_packet_size.size(); ++i) {
      const auto& v = by_packet_size[i];
      row.size_flows[i] = v.flows;
      row.size_packets[i] = v.packets;
      row.size_bytes[i] = v.bytes;
      packet_bytes += v.bytes;
    }
    row.packet_size = shape(packet_sizes, static_cast<double>(packet_bytes), sum_packets, 1);
    split(durations, classes::duration, row.flows_by_duration);
    split(packets, classes::packets, row.flows_by_packets);
    split(bytes, classes::bytes, row.flows_by_bytes);
    return row;
  }

 private:
  // A 32-bit division takes a third of the time of a 64-bit division.
  static std::uint64_t packet_size(std::uint64_t packets, std::uint64_t bytes) {
    if (packets == 0) return 0;
    if ((packets | bytes) >> 32 == 0) [[likely]]
      return static_cast<std::uint32_t>(bytes) / static_cast<std::uint32_t>(packets);
    return bytes / packets;
  }

  // `per_unit`: number of histogram units in one unit of the result; 1000 if the histogram is in ms and the result in s.
  static Shape shape(const mole::LogHistogram& h, double sum, std::uint64_t count, double per_unit) {
    const auto at = [&](double q) {
      const auto value = h.quantile(q);
      return value ? std::optional(*value / per_unit) : std::nullopt;
    };
    const auto mean = count > 0 ? std::optional(sum / static_cast<double>(count) / per_unit) : std::nullopt;
    return {mean, at(0.05), at(0.25), at(0.5), at(0.75), at(0.95), at(0.99)};
  }
  FlowShape flow_shape(const mole::LogHistogram& h, double sum, double per_unit) const {
    const auto all = shape(h, sum, flows, per_unit);
    const auto tail = module_->tail(h);
    if (!tail) return {all, {}, {}, {}, {}, {}};
    const double from = static_cast<double>(tail->from) / per_unit;
    return {all, tail->exponent, tail->error, from, mole::share(tail->count, flows), tail->distance};
  }
  template <std::size_t N>
  static void split(const mole::LogHistogram& h, const classes::Octaves<N>& octaves, std::array<std::uint64_t, N>& out) {
    for (std::size_t i = 0; i < N; ++i) {
      const auto below = [&](std::size_t c) {
        return c < N ? h.count_below(mole::LogHistogram::bucket(octaves.lower_bound(c))) : h.total();
      };
      out[i] = below(i + 1) - below(i);
    }
  }
};

MOLE_PLUGINS(Distributions)
