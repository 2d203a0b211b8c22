#include "runtime/metric/flow_grouping.hpp"

#include "runtime/decode/element_text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace mole::runtime {
namespace {

constexpr std::uint32_t no_slot = GroupTable::no_slot;
static_assert(no_slot == MOLE_NO_STATE);

// An address in two words, IPv4 as its IPv4-mapped IPv6 address.
std::string address_text(std::uint64_t high, std::uint64_t low) {
  char text[INET6_ADDRSTRLEN] = {};
  if (high == 0 && low >> 32 == 0xffff) {
    const std::uint32_t v4 = htonl(static_cast<std::uint32_t>(low));
    inet_ntop(AF_INET, &v4, text, sizeof text);
  } else {
    const std::uint64_t words[2] = {__builtin_bswap64(high), __builtin_bswap64(low)};
    inet_ntop(AF_INET6, words, text, sizeof text);
  }
  return text;
}

void spread_number(const FlowBatch& flows, int column, std::uint64_t* out, std::size_t stride) {
  with_numbers(flows, column, [&](auto values) {
    for (std::uint32_t i = 0; i < flows.rows; ++i) out[i * stride] = values[i];
  });
}

void spread_address(const FlowBatch& flows, int column, std::uint64_t* out, std::size_t stride) {
  if (column_width(column, flows.address_family) == 16) {
    const auto* bytes = flows.column<std::uint8_t>(column).data();
    for (std::uint32_t i = 0; i < flows.rows; ++i) {
      std::uint64_t words[2];
      std::memcpy(words, bytes + std::size_t{16} * i, 16);
      out[i * stride] = __builtin_bswap64(words[0]);
      out[i * stride + 1] = __builtin_bswap64(words[1]);
    }
    return;
  }
  const auto* values = flows.column<std::uint32_t>(column).data();
  for (std::uint32_t i = 0; i < flows.rows; ++i) {
    out[i * stride] = 0;
    out[i * stride + 1] = std::uint64_t{0xffff} << 32 | values[i];
  }
}

}  // namespace

bool GroupingPlan::operator==(const GroupingPlan& other) const {
  const auto same_name = [](const Dimension& a, const Dimension& b) { return a.name == b.name; };
  const auto same_home = [&] {
    return home.source.canonical() == other.home.source.canonical() &&
           home.destination.canonical() == other.home.destination.canonical();
  };
  return time_column == other.time_column && routers == other.routers && range == other.range && interval == other.interval &&
         lateness == other.lateness && std::equal(by.begin(), by.end(), other.by.begin(), other.by.end(), same_name) &&
         filter.canonical() == other.filter.canonical() && (!by_direction() || same_home());
}

bool GroupingPlan::by_direction() const {
  return std::any_of(by.begin(), by.end(), [](const Dimension& d) { return d.kind == Dimension::Kind::direction; });
}

std::vector<int> GroupingPlan::columns() const {
  std::vector<int> out = filter.columns();
  out.push_back(time_column);
  for (const auto& d : by)
    if (d.column >= 0) out.push_back(d.column);
  if (by_direction())
    for (const Filter* side : {&home.source, &home.destination})
      out.insert(out.end(), side->columns().begin(), side->columns().end());
  return out;
}

namespace {

// Number of members of a dense dimension within one file; 0 for an open one.
std::uint32_t codes_of(const Dimension& d) {
  constexpr std::uint32_t members[] = {1, std::size(directions), std::size(protocol_classes), 0, 0, 0};  // by Kind
  return members[static_cast<int>(d.kind)];
}

// protocol -> protocol class
constexpr auto class_table = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned p = 0; p < 256; ++p) table[p] = protocol_class_of(static_cast<std::uint8_t>(p));
  return table;
}();

// Words of a key.
std::size_t words_of(const Dimension& d) { return d.kind == Dimension::Kind::address ? 2 : 1; }
std::size_t words_of(const std::vector<Dimension>& by) {
  return std::accumulate(by.begin(), by.end(), std::size_t{1},
                         [](std::size_t sum, const Dimension& d) { return sum + words_of(d); });
}

}  // namespace

FlowGrouping::FlowGrouping(GroupingPlan plan, IntervalGrid grid)
    : plan_(std::move(plan)),
      grid_(grid),
      filter_(plan_.filter),
      direction_(plan_.home),
      words_(words_of(plan_.by)),
      table_(words_, max_slots) {
  constexpr std::uint64_t max_cells = 1 << 20;  // an array of 4 MiB, cleared for every file
  std::uint64_t codes = 1;
  for (const auto& d : plan_.by) codes *= codes_of(d);
  by_code_ = codes > 0 && codes <= 256 && codes * grid_.size() <= max_cells;
  if (by_code_) codes_ = static_cast<std::uint32_t>(codes);
}

bool FlowGrouping::reads(const task::File& file) const {
  return plan_.routers.empty() || std::find(plan_.routers.begin(), plan_.routers.end(), file.router) != plan_.routers.end();
}

std::uint32_t FlowGrouping::first_interval(const task::File& file) const {
  const Micros from = floor_to(file.covers.from - plan_.lateness, grid_.interval());
  if (!reads(file) || from >= grid_.range().to) return grid_.size();
  return from <= grid_.range().from ? 0 : grid_.index_of(from);
}

bool FlowGrouping::start_file(const task::File& file) {
  if (!reads(file)) return false;
  const auto found = std::find(routers_.begin(), routers_.end(), file.router);
  router_ = static_cast<std::uint64_t>(found - routers_.begin());
  if (found == routers_.end()) routers_.push_back(file.router);
  file_from_ = file.covers.from;
  // An interval accepts flows of this file if it starts before the end of the file's time range and ends after the start of that
  // range minus `lateness`. This depends on whole intervals only, so that every block classifies a flow the same way.
  counts_from_ = floor_to(file.covers.from - plan_.lateness, grid_.interval());
  counts_to_ = ceil_to(file.covers.to, grid_.interval());
  grid_from_ = std::max(counts_from_, grid_.range().from);
  grid_to_ = std::max(grid_from_, std::min(counts_to_, grid_.range().to));
  slot_of_cell_.assign(by_code_ ? std::size_t{grid_.size()} * codes_ : 0, no_slot);
  return true;
}

FlowGrouping::TimeClass FlowGrouping::classify(Micros t) const {
  if (t >= grid_from_ && t < grid_to_) return {TimeClass::in_time, grid_.index_of(t)};
  if ((t < counts_from_ || t >= counts_to_) && grid_.contains(file_from_)) return {TimeClass::late, grid_.index_of(file_from_)};
  return {};
}

void FlowGrouping::load_codes(const FlowBatch& flows) {
  const std::uint32_t rows = flows.rows;
  code_of_row_.assign(rows, 0);
  std::uint8_t* const __restrict codes = code_of_row_.data();
  for (const auto& d : plan_.by) {
    const auto members = static_cast<std::uint8_t>(codes_of(d));
    if (d.kind == Dimension::Kind::direction) {
      const auto* direction = direction_.evaluate(flows, routers_[router_]);
      for (std::uint32_t i = 0; i < rows; ++i) codes[i] = static_cast<std::uint8_t>(codes[i] * members + direction[i]);
    } else if (d.kind == Dimension::Kind::protocol_class) {
      const auto* protocols = flows.column<std::uint8_t>(MOLE_COLUMN_PROTOCOL).data();
      for (std::uint32_t i = 0; i < rows; ++i)
        codes[i] = static_cast<std::uint8_t>(codes[i] * members + class_table[protocols[i]]);
    }
  }
}

void FlowGrouping::spread_element(const FlowBatch& flows, int column, std::uint64_t* out) {
  const auto type = element_of_column(column)->type;
  const auto values = flows.column<mole_values>(column);
  std::string text;
  for (std::uint32_t i = 0; i < flows.rows; ++i) {
    text.clear();
    if (values[i].count > 0) append_element_text(text, type, values[i], 0);
    const auto number = texts_.number_of(text);
    out[i * words_] = number.value_or(0);
    full_ = full_ || !number;
  }
}

void FlowGrouping::load_keys(const FlowBatch& flows) {
  if (row_keys_.size() < words_ * flows.rows) row_keys_.resize(words_ * flows.rows);
  std::size_t at = 1;
  for (const auto& d : plan_.by) {
    std::uint64_t* out = row_keys_.data() + at;
    const auto fill = [&](auto value) {
      for (std::uint32_t i = 0; i < flows.rows; ++i) out[i * words_] = value(i);
    };
    switch (d.kind) {
      case Dimension::Kind::router:
        fill([&](std::uint32_t) { return router_; });
        break;
      case Dimension::Kind::direction:
        fill([direction = direction_.evaluate(flows, routers_[router_])](std::uint32_t i) { return direction[i]; });
        break;
      case Dimension::Kind::protocol_class:
        fill([protocols = flows.column<std::uint8_t>(MOLE_COLUMN_PROTOCOL)](std::uint32_t i) {
          return class_table[protocols[i]];
        });
        break;
      case Dimension::Kind::number:
        spread_number(flows, d.column, out, words_);
        break;
      case Dimension::Kind::address:
        spread_address(flows, d.column, out, words_);
        break;
      case Dimension::Kind::element:
        spread_element(flows, d.column, out);
        break;
    }
    at += words_of(d);
  }
}

std::uint32_t FlowGrouping::find_or_add(const std::uint64_t* key) {
  const std::uint32_t slot = table_.find_or_add(key);
  if (slot == no_slot)
    full_ = true;
  else if (slot == slots_.size())
    slots_.push_back({static_cast<std::uint32_t>(key[0]), 0});
  return slot;
}

std::uint32_t FlowGrouping::slot_of_code(std::uint32_t interval, std::uint32_t code) {
  std::uint32_t& slot = slot_of_cell_[std::size_t{interval} * codes_ + code];
  if (slot != no_slot) return slot;
  std::vector<std::uint64_t> key(words_, router_);  // the router dimension has no digit in the code
  key[0] = interval;
  std::uint32_t rest = code;
  for (std::size_t d = plan_.by.size(); d-- > 0;) {
    const std::uint32_t members = codes_of(plan_.by[d]);
    if (members == 1) continue;
    key[d + 1] = rest % members;
    rest /= members;
  }
  return slot = find_or_add(key.data());
}

std::uint32_t FlowGrouping::slot_of_row(std::uint32_t interval, std::uint32_t row) {
  std::uint64_t* key = row_keys_.data() + row * words_;
  key[0] = interval;
  return find_or_add(key);
}

// Assigns all rows to one slot if they are in one interval, as most batches of a step without groups are.
bool FlowGrouping::assign_whole(const Micros* times, std::uint32_t rows, Assignment& out) {
  Micros earliest = times[0], latest = times[0];
  for (std::uint32_t i = 1; i < rows; ++i) {
    earliest = std::min(earliest, times[i]);
    latest = std::max(latest, times[i]);
  }
  const TimeClass first = classify(earliest), last = classify(latest);
  if (first.kind != TimeClass::in_time || last.kind != TimeClass::in_time || first.interval != last.interval) return false;
  out.empty = false;
  out.slot = slot_of_code(first.interval, 0);
  counted_ += rows;
  return true;
}

void FlowGrouping::assign_by_code(const Micros* times, const std::uint8_t* passes, std::uint32_t rows) {
  const std::uint8_t* const codes = codes_ > 1 ? code_of_row_.data() : nullptr;
  std::uint32_t* const out = slot_of_row_.data();
  // The interval of the previous flow, none at first: the next flow is often in the same one.
  std::uint64_t from = 0, length = 0;
  const std::uint32_t* cells = nullptr;
  for (std::uint32_t i = 0; i < rows; ++i) {
    out[i] = MOLE_NO_STATE;
    if (passes && !passes[i]) continue;
    const Micros t = times[i];
    const std::uint32_t code = codes ? codes[i] : 0;
    if (static_cast<std::uint64_t>(t) - from < length && cells[code] != no_slot) {
      out[i] = cells[code];
      continue;
    }
    const TimeClass time_class = classify(t);
    if (time_class.kind == TimeClass::elsewhere) continue;
    const std::uint32_t slot = slot_of_code(time_class.interval, code);
    if (time_class.kind == TimeClass::late) {
      if (slot != no_slot) ++slots_[slot].late, ++late_;
      continue;
    }
    out[i] = slot;
    from = static_cast<std::uint64_t>(grid_.at(time_class.interval).from);
    length = static_cast<std::uint64_t>(grid_.interval());
    cells = slot_of_cell_.data() + std::size_t{time_class.interval} * codes_;
  }
}

void FlowGrouping::assign_by_hash(const Micros* times, const std::uint8_t* passes, std::uint32_t rows) {
  for (std::uint32_t i = 0; i < rows; ++i) {
    slot_of_row_[i] = MOLE_NO_STATE;
    if (passes && !passes[i]) continue;
    const TimeClass time_class = classify(times[i]);
    if (time_class.kind == TimeClass::in_time) {
      slot_of_row_[i] = slot_of_row(time_class.interval, i);
    } else if (time_class.kind == TimeClass::late) {
      const auto slot = slot_of_row(time_class.interval, i);
      if (slot != MOLE_NO_STATE) ++slots_[slot].late, ++late_;
    }
  }
}

Result<FlowGrouping::Assignment> FlowGrouping::assign(const FlowBatch& flows) {
  Assignment out;
  if (flows.rows == 0) return out;
  const std::uint8_t* passes = plan_.filter.any() ? nullptr : filter_.evaluate(flows, routers_[router_]);
  const auto* times = flows.column<Micros>(plan_.time_column).data();
  if (!passes && by_code_ && codes_ == 1 && assign_whole(times, flows.rows, out)) return out;

  if (slot_of_row_.size() < flows.rows) slot_of_row_.resize(flows.rows);
  if (by_code_) {
    if (codes_ > 1) load_codes(flows);
    assign_by_code(times, passes, flows.rows);
  } else {
    load_keys(flows);
    assign_by_hash(times, passes, flows.rows);
  }
  if (full_)
    return exhausted(
        "more than 64 million groups, or more than 1 GiB of group names, in one block; group by fewer dimensions or use a "
        "filter");
  const auto end = slot_of_row_.begin() + flows.rows;
  const auto counted = static_cast<std::uint64_t>(flows.rows - std::count(slot_of_row_.begin(), end, MOLE_NO_STATE));
  counted_ += counted;
  out.empty = counted == 0;
  out.slot_of_row = slot_of_row_.data();
  return out;
}

Group FlowGrouping::group_of(std::uint32_t slot) const {
  const std::uint64_t* key = table_.key(slot) + 1;
  Group group;
  for (const auto& d : plan_.by) {
    group.push_back(d.kind == Dimension::Kind::router           ? routers_[*key]
                    : d.kind == Dimension::Kind::direction      ? std::string(directions[*key])
                    : d.kind == Dimension::Kind::protocol_class ? std::string(protocol_classes[*key])
                    : d.kind == Dimension::Kind::number         ? std::to_string(*key)
                    : d.kind == Dimension::Kind::element        ? texts_.text(*key)
                                                                : address_text(key[0], key[1]));
    key += words_of(d);
  }
  return group;
}

}  // namespace mole::runtime
