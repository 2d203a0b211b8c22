// The operations of plans. Each computes the cells of one column from a field of consecutive records, or from two.
#pragma once

#include "plugins/decoders/export/plan.hpp"

#include <algorithm>

namespace mole::plugins::flow_export {

// Reads numbers of N bytes; 0: of any length.
template <int N>
std::uint64_t read(const std::byte* p, [[maybe_unused]] std::size_t size) {
  if constexpr (N == 1) return u8(p);
  if constexpr (N == 2) return u16(p);
  if constexpr (N == 4) return u32(p);
  if constexpr (N == 8) return u64(p);
  if constexpr (N == 0) return read_unsigned(p, size);
}

// F: computes a value from a number and the context.
template <class To, class F, int N>
void run_number(const Input& in) {
  To* out = static_cast<To*>(in.cells);
  const std::byte* p = in.a.data;
  for (std::uint32_t i = 0; i < in.count; ++i, p += in.stride) out[i] = static_cast<To>(F{}(read<N>(p, in.a.size), *in.context));
}

template <class To, class F>
Run number_run(std::uint16_t length) {
  switch (length) {
    case 1:
      return run_number<To, F, 1>;
    case 2:
      return run_number<To, F, 2>;
    case 4:
      return run_number<To, F, 4>;
    case 8:
      return run_number<To, F, 8>;
    default:
      return run_number<To, F, 0>;
  }
}

struct Same {
  std::uint64_t operator()(std::uint64_t value, const Context&) const { return value; }
};
struct HighByte {
  std::uint64_t operator()(std::uint64_t value, const Context&) const { return value >> 8; }
};
struct OfSeconds {
  std::int64_t operator()(std::uint64_t value, const Context&) const { return to_us(value, 1'000'000); }
};
struct OfMilliseconds {
  std::int64_t operator()(std::uint64_t value, const Context&) const { return to_us(value, 1000); }
};
struct OfUptime {
  std::int64_t operator()(std::uint64_t value, const Context& c) const { return c.time_of_uptime(value); }
};

inline std::uint32_t clamp_interval(std::uint64_t interval) {
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(interval, 1, 0xffffffff));
}
// Calls cell(i, a, b) for each record; a and b are positions of the fields.
template <class To, class F>
void for_records(const Input& in, F cell) {
  To* out = static_cast<To*>(in.cells);
  for (std::uint32_t i = 0; i < in.count; ++i) {
    const std::size_t at = i * in.stride;
    const auto field = [at](const Value& v) { return Value{v.data == nullptr ? nullptr : v.data + at, v.size}; };
    out[i] = cell(field(in.a), field(in.b), field(in.c));
  }
}

inline std::uint64_t number(const Value& value) { return read_unsigned(value.data, value.size); }

// A constant: the default of the column.
template <class To, auto value>
void run_constant(const Input& in) {
  std::fill_n(static_cast<To*>(in.cells), in.count, static_cast<To>(value));
}
inline void run_zero_address(const Input& in) { std::fill_n(static_cast<Addr*>(in.cells), in.count, Addr{}); }

// Addresses. A value of the wrong length, possible only with variable lengths, is 0.
inline void run_address6(const Input& in) {
  for_records<Addr>(in, [](Value a, Value, Value) { return a.size == 16 ? Addr::v6(a.data) : Addr{}; });
}
inline Addr mapped(const Value& v) {
  if (v.data == nullptr) return {};
  if (v.size == 16) return Addr::v6(v.data);
  return v.size == 4 && u32(v.data) != 0 ? Addr::v4(u32(v.data)) : Addr{};
}
// Field a if it is not zero, else field b, of any family.
inline void run_any_address(const Input& in) {
  for_records<Addr>(in, [](Value a, Value b, Value) {
    const Addr first = mapped(a);
    return first == Addr{} ? mapped(b) : first;
  });
}
inline void run_exporter(const Input& in) {
  for_records<Addr>(in, [&](Value a, Value b, Value) {
    Addr exporter = mapped(a);
    if (exporter == Addr{}) exporter = mapped(b);
    return exporter == Addr{} ? in.context->exporter : exporter;
  });
}
inline void run_domain(const Input& in) { std::fill_n(static_cast<std::uint32_t*>(in.cells), in.count, in.context->domain); }

// Times of any kind.
inline void run_time(const Input& in) {
  for_records<std::int64_t>(in, [&](Value a, Value, Value) { return time_of(in.number, a, *in.context); });
}
// Field a is a time, b a duration in ms, c one in µs; sign: the direction from a.
template <int sign>
void run_time_and_duration(const Input& in) {
  for_records<std::int64_t>(in, [&](Value a, Value b, Value c) {
    const std::int64_t duration_us = c.data != nullptr ? to_us(number(c), 1) : to_us(number(b), 1000);
    return std::min(time_of(in.number, a, *in.context) + sign * duration_us, max_us);
  });
}
// SysUptime in field a, the exporter's start in field b.
inline void run_uptime_since(const Input& in) {
  for_records<std::int64_t>(in, [&](Value a, Value b, Value) {
    Context context = *in.context;
    context.set_start(to_us(number(b), 1000) / 1000);
    return context.time_of_uptime(number(a));
  });
}
// SysUptime in field a, at the end of the flow in field b. Without the exporter's start, the flow is taken to end when it was
// exported.
inline void run_uptime_without_start(const Input& in) {
  for_records<std::int64_t>(in, [&](Value a, Value b, Value) {
    if (in.context->has_uptime) return in.context->time_of_uptime(number(a));
    const auto age = static_cast<std::int32_t>(static_cast<std::uint32_t>(b.data == nullptr ? 0 : number(b) - number(a)));
    return in.context->exported_us - std::int64_t{std::max(age, 0)} * 1000;
  });
}
inline void run_export_time(const Input& in) {
  std::fill_n(static_cast<std::int64_t*>(in.cells), in.count, in.context->exported_us);
}
// Field a: the start of the forward flow, b: how many ms later the reverse flow starts. Returns the start of the reverse flow.
inline void run_start_after_delta(const Input& in) {
  for_records<std::int64_t>(
      in, [&](Value a, Value b, Value) { return std::min(time_of(in.number, a, *in.context) + to_us(number(b), 1000), max_us); });
}

// The bits of fields a and b.
inline void run_flags(const Input& in) {
  for_records<std::uint16_t>(in, [](Value a, Value b, Value) {
    return static_cast<std::uint16_t>((a.data == nullptr ? 0 : number(a)) | (b.data == nullptr ? 0 : number(b)));
  });
}

// ICMP type and code in the destination port, field a, of ICMP flows; field b is the protocol.
inline bool is_icmp(const Value& protocol) {
  return protocol.data != nullptr && (number(protocol) == 1 || number(protocol) == 58);
}
template <class To, int shift>
void run_of_icmp(const Input& in) {
  for_records<To>(in, [](Value a, Value b, Value) { return static_cast<To>(is_icmp(b) ? number(a) >> shift : 0); });
}

// The label of a stack section: the top 20 of 24 bits.
inline void run_mpls(const Input& in) {
  for_records<std::uint32_t>(
      in, [](Value a, Value, Value) { return a.size < 3 ? 0u : static_cast<std::uint32_t>(read_unsigned(a.data, 3) >> 4); });
}
inline void run_application(const Input& in) {
  for_records<std::uint32_t>(in, [](Value a, Value, Value) { return application_number(a); });
}

// Sampling. What the record states takes precedence over the header of its datagram and over options of the exporter.
struct IntervalOf {
  static std::uint32_t value(const Rate& rate) { return rate.interval; }
};
struct SourceOf {
  static std::uint8_t value(const Rate& rate) { return rate.source; }
};

inline Rate stated(std::uint64_t interval) { return {clamp_interval(interval), MOLE_SAMPLING_RECORD}; }
// `parts` of `whole` packets are counted.
inline std::uint32_t interval_of_share(std::uint64_t parts, std::uint64_t whole) {
  return clamp_interval(whole / parts + (whole % parts >= parts - parts / 2 ? 1 : 0));
}
// The interval of a selector, or of the selectors of a selection sequence, each of which selects from the output of the previous
// one. 0: not announced.
std::uint32_t interval_of_selector(const Sampling& announced, std::uint16_t number, std::uint64_t selector);

// 0: not a probability.
std::uint32_t interval_of_probability(const Value& value);

// `number`: of the element that names the selector.
inline Rate announced_rate(const Context& context, std::uint16_t number, const Value& selector, const Value& in_if,
                           const Value& out_if) {
  if (context.sampling != 0) return stated(context.sampling);
  if (context.announced == nullptr) return {};
  const Sampling& announced = *context.announced;
  std::uint32_t interval =
      selector.data == nullptr ? 0 : interval_of_selector(announced, number, read_unsigned(selector.data, selector.size));
  for (const Value* interface : {&in_if, &out_if}) {
    if (interval != 0 || interface->data == nullptr) continue;
    const auto known = announced.of_interface.find(read_unsigned(interface->data, interface->size));
    if (known != announced.of_interface.end()) interval = known->second;
  }
  if (interval == 0) interval = announced.interval;
  return interval == 0 ? Rate{} : Rate{interval, MOLE_SAMPLING_OPTIONS};
}

template <class Part>
void for_rates(const Input& in, auto rate) {
  for_records<decltype(Part::value(Rate{}))>(in, [&](Value a, Value b, Value c) { return Part::value(rate(a, b, c)); });
}
// Field a: the interval; b: a selector; c: the input interface.
template <class Part>
void run_stated_interval(const Input& in) {
  for_rates<Part>(in, [&](Value a, Value b, Value c) {
    const std::uint64_t interval = number(a);
    return interval != 0 ? stated(interval) : announced_rate(*in.context, 0, b, c, {});
  });
}
// Field a: packets that are counted one after the other; b: packets that are then left out.
template <class Part>
void run_interval_and_space(const Input& in) {
  for_rates<Part>(in, [&](Value a, Value b, Value c) {
    const std::uint64_t interval = number(a), space = number(b);
    return interval == 0 ? announced_rate(*in.context, 0, c, {}, {})
                         : stated(interval_of_share(interval, interval + std::min(space, ~interval)));
  });
}
// Field a: packets that are counted of the number in field b.
template <class Part>
void run_size_and_population(const Input& in) {
  for_rates<Part>(in, [&](Value a, Value b, Value c) {
    const std::uint64_t size = number(a), population = number(b);
    return size == 0 || population < size ? announced_rate(*in.context, 0, c, {}, {})
                                          : stated(interval_of_share(size, population));
  });
}
// Field a: the probability that a packet is counted.
template <class Part>
void run_probability(const Input& in) {
  for_rates<Part>(in, [&](Value a, Value b, Value) {
    const std::uint32_t interval = interval_of_probability(a);
    return interval != 0 ? stated(interval) : announced_rate(*in.context, 0, b, {}, {});
  });
}
// Field a: a selector, b: the input interface, c: the output interface.
template <class Part>
void run_announced_interval(const Input& in) {
  for_rates<Part>(in, [&](Value a, Value b, Value c) { return announced_rate(*in.context, in.number, a, b, c); });
}

}  // namespace mole::plugins::flow_export
