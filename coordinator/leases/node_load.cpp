#include "coordinator/leases/node_load.hpp"

#include <algorithm>
#include <cmath>

namespace mole::coordinator::leases {
namespace {

constexpr std::uint64_t max_amount = std::uint64_t{1} << 60;  // of one value, and of a sum
constexpr std::uint32_t max_slots = 1'000'000;
constexpr std::uint64_t least_heartbeats = 6;
constexpr double busy_share = 0.7, least_busy = 0.05, all_fetches = 0.9;

std::uint64_t limited(std::uint64_t value) { return std::min(value, max_amount); }
std::uint64_t sum(std::uint64_t a, std::uint64_t b) { return limited(limited(a) + limited(b)); }

double limited_slots(std::uint32_t slots) { return std::min(slots, max_slots); }

// Reports contain any double.
double limited_seconds(double seconds) {
  return std::isfinite(seconds) ? std::clamp(seconds, 0.0, static_cast<double>(day_us / second_us)) : 0;
}

LoadSample& minute_at(Minutes& minutes, Micros at) {
  const auto from = floor_to(at, minute_us);
  auto& sample = minutes[from];
  sample.from = from;
  sample.to = from + minute_us;
  return sample;
}

// What is spread over an interval.
struct Work {
  std::uint64_t fetched_bytes = 0, decoded_bytes = 0, decoded_flows = 0;
  bool waits = false, transfers = false;
};

// Spreads work evenly over [from, to]; every minute has its part, and the parts add up to the whole.
void spread(const Work& work, Micros from, Micros to, Minutes& minutes) {
  const auto part = [&](std::uint64_t amount, Micros begin, Micros end) {
    const auto until = [&](Micros at) {
      if (at >= to) return limited(amount);
      return static_cast<std::uint64_t>(static_cast<double>(limited(amount)) * static_cast<double>(at - from) /
                                        static_cast<double>(to - from));
    };
    return until(end) - (begin <= from ? 0 : until(begin));
  };
  auto begin = from;
  do {
    const auto end = std::min(to, floor_to(begin, minute_us) + minute_us);
    auto& minute = minute_at(minutes, begin);
    minute.fetched_bytes = sum(minute.fetched_bytes, part(work.fetched_bytes, begin, end));
    minute.decoded_bytes = sum(minute.decoded_bytes, part(work.decoded_bytes, begin, end));
    minute.decoded_flows = sum(minute.decoded_flows, part(work.decoded_flows, begin, end));
    const double seconds = static_cast<double>(end - begin) / second_us;
    if (work.waits) minute.wait_seconds += seconds;
    if (work.transfers) minute.transfer_seconds += seconds;
    begin = end;
  } while (begin < to);
}

}  // namespace

Minutes minutes_of(const NodeLoad& load, MediaWait wait, Micros at) {
  Minutes out;
  auto& minute = minute_at(out, at);
  minute.heartbeats = 1;
  minute.measured_seconds = minute_us / second_us;
  minute.cache_most = limited(load.cache_bytes);
  minute.cache_bytes = static_cast<double>(minute.cache_most);
  minute.cache_limit = static_cast<double>(limited(load.cache_limit));
  minute.slots = limited_slots(load.slots);
  minute.busy_slots = limited_slots(std::min(load.busy_slots, load.slots));
  minute.fetches = limited_slots(load.fetches);
  minute.busy_fetches = limited_slots(std::min(load.busy_fetches, load.fetches));
  minute.waiting = wait.waiting;
  minute.unfetched = wait.unfetched;
  return out;
}

Minutes minutes_of(const task::Report& report, Micros at) {
  Minutes out;
  const auto earliest = at - day_us;
  const auto before = [&](Micros end, double seconds) {
    return std::max(earliest, end - static_cast<Micros>(limited_seconds(seconds) * second_us));
  };
  auto end = at;  // the waits and transfers follow each other
  for (auto file = report.fetched.rbegin(); file != report.fetched.rend(); ++file) {
    const auto begin = before(end, file->transfer_seconds), idle = before(begin, file->wait_seconds);
    if (file->bytes > 0 || begin < end) spread({.fetched_bytes = file->bytes, .transfers = true}, begin, end, out);
    if (idle < begin) spread({.waits = true}, idle, begin, out);
    end = idle;
  }
  Work decoded;
  for (const auto& file : report.files) {
    if (file.source != task::FlowSource::archive) continue;
    decoded.decoded_bytes = sum(decoded.decoded_bytes, file.size);
    decoded.decoded_flows = sum(decoded.decoded_flows, file.flows);
  }
  if (decoded.decoded_bytes > 0 || decoded.decoded_flows > 0) spread(decoded, before(at, report.seconds), at, out);
  return out;
}

void merge(const LoadSample& sample, LoadSample& into) {
  const double more = static_cast<double>(sample.heartbeats), all = more + static_cast<double>(into.heartbeats);
  for (const auto mean : {&LoadSample::cache_bytes, &LoadSample::cache_limit, &LoadSample::slots, &LoadSample::busy_slots,
                          &LoadSample::fetches, &LoadSample::busy_fetches, &LoadSample::waiting, &LoadSample::unfetched})
    if (more > 0) into.*mean += (sample.*mean - into.*mean) * more / all;
  into.cache_most = std::max(into.cache_most, sample.cache_most);
  for (const auto total :
       {&LoadSample::heartbeats, &LoadSample::fetched_bytes, &LoadSample::decoded_bytes, &LoadSample::decoded_flows})
    into.*total = sum(into.*total, sample.*total);
  into.wait_seconds += sample.wait_seconds;
  into.transfer_seconds += sample.transfer_seconds;
  const bool same = sample.from == into.from && sample.to == into.to;
  const auto length = static_cast<std::uint64_t>(std::max<Micros>(into.to - into.from, 0) / second_us);
  into.measured_seconds = same ? std::max(into.measured_seconds, sample.measured_seconds)
                               : std::min(sum(into.measured_seconds, sample.measured_seconds), length);
}

Bound bound_of(const LoadSample& recent, const LoadSample& hour) {
  if (recent.heartbeats < least_heartbeats || recent.slots <= 0) return Bound::unknown;
  if (recent.busy_slots >= busy_share * recent.slots) return Bound::cpu;
  if (recent.waiting < 0.5) return recent.busy_slots < least_busy ? Bound::idle : Bound::cpu;
  if (recent.fetches <= 0) return Bound::unknown;
  if (recent.unfetched >= 0.5) return recent.busy_fetches >= all_fetches * recent.fetches ? Bound::network : Bound::cache;
  return hour.transfer_seconds > hour.wait_seconds ? Bound::network : Bound::tape;
}

}  // namespace mole::coordinator::leases
