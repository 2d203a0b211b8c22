#include "plugins/decoders/export/plan.hpp"

#include "plugins/decoders/export/compiler.hpp"

#include <algorithm>

namespace mole::plugins::flow_export {

// The age is an unsigned 32-bit difference, correct across a wrap of SysUptime (every 49.7 days).
std::int64_t Context::time_of_uptime(std::uint64_t uptime) const {
  if (!may_wrap) return std::min((start_ms + static_cast<std::int64_t>(uptime & 0xffffffff)) * 1000, max_us);
  return (now_ms + max_ahead_ms - std::int64_t{uptime_ms - static_cast<std::uint32_t>(uptime) + max_ahead_ms}) * 1000;
}

void Context::set_start(std::int64_t ms) {
  has_uptime = true;
  start_ms = ms;
  uptime_ms = static_cast<std::uint32_t>(now_ms - ms);
  may_wrap = now_ms - ms > 0xffffffff;
}

namespace {

// NTP: seconds since 1900 or, after 2036, since 2036, and a fraction of 32 bits.
std::int64_t time_of_ntp(std::uint64_t value) {
  constexpr std::int64_t from_1900_to_1970 = 2'208'988'800;
  std::int64_t seconds = static_cast<std::int64_t>(value >> 32);
  if (seconds < from_1900_to_1970) seconds += std::int64_t{1} << 32;
  const std::uint64_t fraction = value & 0xffffffff;
  return (seconds - from_1900_to_1970) * 1'000'000 + static_cast<std::int64_t>((fraction * 1'000'000 + (1u << 31)) >> 32);
}

// Returns the value of a field in the first record; for records of fixed size.
Value at(const Template& layout, const std::byte* record, std::uint16_t field) {
  if (field == Operation::no_field) return {};
  return {record + layout.offsets[field], layout.fields[field].length};
}

}  // namespace

std::int64_t time_of(std::uint16_t number, const Value& value, const Context& context) {
  const std::uint64_t v = read_unsigned(value.data, value.size);
  switch (number) {
    case 154:
    case 155:
    case 156:
    case 157:
    case 268:
    case 270:
    case 271:
    case 273:
    case 324:
    case 325:
      return time_of_ntp(v);
    case 158:
    case 159:
      return context.exported_us - to_us(v, 1);
    case 21:
    case 22:
      return context.has_uptime ? context.time_of_uptime(v) : context.exported_us;
    default:
      return to_us(v, value.size <= 4 ? 1'000'000 : 1000);
  }
}

std::uint8_t cell_size(int column, std::uint32_t family) {
  switch (column) {
    case MOLE_COLUMN_SRC_ADDR:
    case MOLE_COLUMN_DST_ADDR:
    case MOLE_COLUMN_NEXT_HOP:
      return family == 6 ? 16 : 4;
    case MOLE_COLUMN_EXPORTER_ADDR:
    case MOLE_COLUMN_POST_SRC_ADDR:
    case MOLE_COLUMN_POST_DST_ADDR:
      return 16;
    case MOLE_COLUMN_START:
    case MOLE_COLUMN_END:
    case MOLE_COLUMN_PACKETS:
    case MOLE_COLUMN_BYTES:
    case MOLE_COLUMN_REVERSE_PACKETS:
    case MOLE_COLUMN_REVERSE_BYTES:
      return 8;
    case MOLE_COLUMN_SRC_AS:
    case MOLE_COLUMN_DST_AS:
    case MOLE_COLUMN_IN_IF:
    case MOLE_COLUMN_OUT_IF:
    case MOLE_COLUMN_ROUTER:
    case MOLE_COLUMN_SAMPLING:
    case MOLE_COLUMN_APPLICATION_LABEL:
    case MOLE_COLUMN_OBSERVATION_DOMAIN:
    case MOLE_COLUMN_MPLS_LABEL:
      return 4;
    case MOLE_COLUMN_SRC_PORT:
    case MOLE_COLUMN_DST_PORT:
    case MOLE_COLUMN_TCP_FLAGS:
    case MOLE_COLUMN_SRC_VLAN:
    case MOLE_COLUMN_DST_VLAN:
    case MOLE_COLUMN_POST_SRC_PORT:
    case MOLE_COLUMN_POST_DST_PORT:
      return 2;
    default:
      return 1;
  }
}

List list_in(std::uint32_t enterprise, std::uint16_t n) {
  if (enterprise == 0) {
    switch (n) {
      case 293:
        return List::sub_template_multi;
      case 292:
      case 443:
      case 444:
      case 516:
      case 519:
        return List::sub_template;
      case 291:
      case 484:
      case 485:
      case 487:
      case 488:
      case 490:
      case 491:
      case 496:
      case 511:
      case 512:
      case 523:
      case 524:
      case 528:
      case 529:
        return List::basic;
      default:
        return List::none;
    }
  }
  if (enterprise != cert_enterprise) return List::none;
  if ((n >= 305 && n <= 307) || n == 336 || n == 337 || (n >= 424 && n <= 428) || (n >= 430 && n <= 432) || n == 554)
    return List::sub_template;
  if ((n >= 331 && n <= 335) || (n >= 338 && n <= 422) || n == 429 || (n >= 450 && n <= 459)) return List::basic;
  return List::none;
}

void Plan::run(const Template& layout, const std::byte* records, std::uint32_t count, const Context& context,
               const Columns& columns, std::uint32_t row) const {
  for (const Operation& o : operations)
    o.run({at(layout, records, o.a), at(layout, records, o.b), at(layout, records, o.c), layout.size, count, o.number, &context,
           columns[o.column] + std::size_t{row} * o.cell_size});
}

void Plan::run(const Value* values, const Context& context, const Columns& columns, std::uint32_t row) const {
  const auto value = [&](std::uint16_t field) { return field == Operation::no_field ? Value{} : values[field]; };
  for (const Operation& o : operations)
    o.run({value(o.a), value(o.b), value(o.c), 0, 1, o.number, &context, columns[o.column] + std::size_t{row} * o.cell_size});
}

Plans::Plans(const Template& layout, const Wanted& wanted, std::span<const mole_element> elements, bool keep_biflows) {
  const auto has = [&](std::initializer_list<std::uint16_t> ids, std::uint16_t size, std::vector<std::uint16_t>& out) {
    for (const std::uint16_t id : ids) {
      const std::size_t field = layout.find(0, id);
      if (field == Template::npos || (layout.fields[field].length != size && layout.fields[field].length != variable_length))
        continue;
      out.push_back(static_cast<std::uint16_t>(field));
    }
    return !out.empty();
  };
  const bool v4 = has({8, 12, 44, 45}, 4, addresses_[0]), v6 = has({27, 28, 170, 169}, 16, addresses_[1]);
  family_ = v4 && v6 ? 0 : v6 ? 6 : 4;
  version_field_ = layout.find(0, 60);
  for (const std::uint32_t family : {4u, 6u}) {
    if (family_ != 0 && family_ != family) continue;
    for (const Side side : {Side::forward, Side::reverse}) {
      if (side == Side::reverse && keep_biflows) continue;
      compile(layout, wanted, side, family, keep_biflows, plans_[side == Side::reverse][family == 6]);
    }
  }
  if (!keep_biflows) reverse_counters_ = counters_of_reverse(layout);
  for (std::size_t i = 0; i < layout.fields.size(); ++i) {
    const Field& field = layout.fields[i];
    for (std::size_t e = 0; e < elements.size(); ++e)
      if (field.length > 0 && field.enterprise == elements[e].enterprise && field.id == elements[e].id)
        elements_.push_back({static_cast<std::uint16_t>(e), static_cast<std::uint16_t>(i)});
  }
  const bool flags = layout.find(0, 6) == Template::npos && layout.find(cert_enterprise, 14) == Template::npos &&
                     layout.find(cert_enterprise, 15) == Template::npos;
  flags_in_lists_ = flags && wanted[tcp_flags::index];
  if (elements.empty() && !flags_in_lists_) return;
  for (std::size_t i = 0; i < layout.fields.size(); ++i)
    if (list_in(layout.fields[i].enterprise, layout.fields[i].id) != List::none) lists_.push_back(static_cast<std::uint16_t>(i));
  if (lists_.empty()) flags_in_lists_ = false;
}

// The family of the first address that is not zero; the version field decides if all are zero.
std::uint32_t Plans::family_of(const Value* values) const {
  for (const std::size_t six : {0u, 1u})
    for (const std::uint16_t field : addresses_[six]) {
      const Value& v = values[field];
      if (std::any_of(v.data, v.data + v.size, [](std::byte b) { return b != std::byte{0}; })) return six == 1 ? 6 : 4;
    }
  return version_field_ != Template::npos && read_unsigned(values[version_field_].data, values[version_field_].size) == 6 ? 6 : 4;
}

}  // namespace mole::plugins::flow_export
