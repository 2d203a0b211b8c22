#include "runtime/metric/flow_routing.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace mole::runtime {
namespace {

constexpr std::uint32_t empty_slot = 0xffffffffu;

std::uint64_t mix(std::uint64_t h, std::uint64_t word) {
  const auto product = static_cast<unsigned __int128>(h ^ word) * 0x9e3779b97f4a7c15ull;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t hash_of(const std::uint64_t* key, std::size_t words) {
  std::uint64_t h = 0x2545f4914f6cdd1dull;
  for (std::size_t i = 0; i < words; ++i) h = mix(h, key[i]);
  return h;
}

// Both families in two words, IPv4 as its mapped address.
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

template <class T>
void spread(const FlowView& flows, int column, std::uint64_t* out, std::size_t stride) {
  const T* values = flows.column<T>(column);
  for (std::uint32_t i = 0; i < flows.rows; ++i) out[i * stride] = values[i];
}

void spread_number(const FlowView& flows, int column, std::uint64_t* out, std::size_t stride) {
  switch (column) {
    case MOLE_COLUMN_SRC_PORT:
    case MOLE_COLUMN_DST_PORT:
      return spread<std::uint16_t>(flows, column, out, stride);
    case MOLE_COLUMN_PROTOCOL:
    case MOLE_COLUMN_TOS:
      return spread<std::uint8_t>(flows, column, out, stride);
    default:
      return spread<std::uint32_t>(flows, column, out, stride);
  }
}

void spread_address(const FlowView& flows, int column, std::uint64_t* out, std::size_t stride) {
  if (flows.family == 6) {
    const auto* bytes = flows.column<std::uint8_t>(column);
    for (std::uint32_t i = 0; i < flows.rows; ++i) {
      std::uint64_t words[2];
      std::memcpy(words, bytes + std::size_t{16} * i, 16);
      out[i * stride] = __builtin_bswap64(words[0]);
      out[i * stride + 1] = __builtin_bswap64(words[1]);
    }
    return;
  }
  const auto* values = flows.column<std::uint32_t>(column);
  for (std::uint32_t i = 0; i < flows.rows; ++i) {
    out[i * stride] = 0;
    out[i * stride + 1] = std::uint64_t{0xffff} << 32 | values[i];
  }
}

}  // namespace

std::string RoutingPlan::key() const {
  std::string out = filter.canonical();
  const auto add = [&](const std::string& part) { (out += '\n') += part; };
  for (const auto& d : by) add("by " + d.name);
  if (by_direction()) add(home.source.canonical() + " to " + home.destination.canonical());
  add(by_end ? "end" : "start");
  for (const auto& r : routers) add("router " + r);
  for (const Micros t : {range.from, range.to, interval, lateness}) add(std::to_string(t));
  add(routes);
  return out;
}

bool RoutingPlan::by_direction() const {
  return std::any_of(by.begin(), by.end(), [](const Dimension& d) { return d.kind == Dimension::Kind::direction; });
}

std::vector<int> RoutingPlan::columns() const {
  std::vector<int> out = filter.columns();
  out.push_back(by_end ? MOLE_COLUMN_END : MOLE_COLUMN_START);
  for (const auto& d : by)
    if (d.column >= 0) out.push_back(d.column);
  if (by_direction())
    for (const Filter* side : {&home.source, &home.destination})
      out.insert(out.end(), side->columns().begin(), side->columns().end());
  return out;
}

namespace {

// Members of a closed dimension that is taken from the flows; 1 for what is a fact of the file, 0 for an open one.
std::uint32_t codes_of(const Dimension& d) {
  switch (d.kind) {
    case Dimension::Kind::router:
      return 1;
    case Dimension::Kind::direction:
      return std::size(directions);
    case Dimension::Kind::protocol_class:
      return std::size(protocol_classes);
    default:
      return 0;
  }
}

// protocol -> protocol class
constexpr auto class_table = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned p = 0; p < 256; ++p) table[p] = protocol_class_of(static_cast<std::uint8_t>(p));
  return table;
}();

}  // namespace

FlowRouting::FlowRouting(RoutingPlan plan, IntervalGrid grid)
    : plan_(std::move(plan)), grid_(grid), filter_(plan_.filter), direction_(plan_.home) {
  constexpr std::uint64_t most_cells = 1 << 20;  // a table of 4 MiB, cleared at every file
  std::uint64_t codes = 1;
  for (const auto& d : plan_.by) {
    words_ += d.kind == Dimension::Kind::address ? 2 : 1;
    codes *= codes_of(d);
  }
  direct_ = codes > 0 && codes <= 256 && codes * grid_.size() <= most_cells;
  if (direct_) codes_ = static_cast<std::uint32_t>(codes);
  table_.assign(1024, empty_slot);
}

bool FlowRouting::reads(const task::File& file) const {
  return plan_.routers.empty() || std::find(plan_.routers.begin(), plan_.routers.end(), file.router) != plan_.routers.end();
}

std::uint32_t FlowRouting::first_interval(const task::File& file) const {
  const Micros from = floor_to(file.covers.from - plan_.lateness, grid_.interval());
  if (!reads(file) || from >= grid_.range().to) return grid_.size();
  return from <= grid_.range().from ? 0 : grid_.index_of(from);
}

bool FlowRouting::start_file(const task::File& file) {
  if (!reads(file)) return false;
  const auto found = std::find(routers_.begin(), routers_.end(), file.router);
  router_ = static_cast<std::uint64_t>(found - routers_.begin());
  if (found == routers_.end()) routers_.push_back(file.router);
  file_from_ = file.covers.from;
  // An interval takes flows of this file iff it begins before the file's time ends and ended less than `lateness` before it
  // began. Said of intervals, not of flows, so that it does not matter which block the flow is looked at from.
  counts_from_ = floor_to(file.covers.from - plan_.lateness, grid_.interval());
  counts_to_ = ceil_to(file.covers.to, grid_.interval());
  open_from_ = std::max(counts_from_, grid_.range().from);
  open_to_ = std::max(open_from_, std::min(counts_to_, grid_.range().to));
  slot_of_cell_.assign(direct_ ? std::size_t{grid_.size()} * codes_ : 0, empty_slot);
  return true;
}

FlowRouting::Fate FlowRouting::fate_of(Micros t) const {
  if (t >= open_from_ && t < open_to_) return {Fate::counts, grid_.index_of(t)};
  if ((t < counts_from_ || t >= counts_to_) && grid_.contains(file_from_)) return {Fate::late, grid_.index_of(file_from_)};
  return {};
}

void FlowRouting::load_codes(const FlowView& flows) {
  const std::uint32_t rows = flows.rows;
  code_of_row_.assign(rows, 0);
  std::uint8_t* const __restrict codes = code_of_row_.data();
  for (const auto& d : plan_.by) {
    const auto members = static_cast<std::uint8_t>(codes_of(d));
    if (d.kind == Dimension::Kind::direction) {
      const auto* direction = direction_.evaluate(flows, routers_[router_]);
      for (std::uint32_t i = 0; i < rows; ++i) codes[i] = static_cast<std::uint8_t>(codes[i] * members + direction[i]);
    } else if (d.kind == Dimension::Kind::protocol_class) {
      const auto* protocols = flows.column<std::uint8_t>(MOLE_COLUMN_PROTOCOL);
      for (std::uint32_t i = 0; i < rows; ++i)
        codes[i] = static_cast<std::uint8_t>(codes[i] * members + class_table[protocols[i]]);
    }
  }
}

void FlowRouting::load_keys(const FlowView& flows) {
  if (row_keys_.size() < words_ * flows.rows) row_keys_.resize(words_ * flows.rows);
  std::size_t at = 1;
  for (const auto& d : plan_.by) {
    std::uint64_t* out = row_keys_.data() + at;
    switch (d.kind) {
      case Dimension::Kind::router:
        for (std::uint32_t i = 0; i < flows.rows; ++i) out[i * words_] = router_;
        break;
      case Dimension::Kind::direction: {
        const auto* direction = direction_.evaluate(flows, routers_[router_]);
        for (std::uint32_t i = 0; i < flows.rows; ++i) out[i * words_] = direction[i];
        break;
      }
      case Dimension::Kind::protocol_class: {
        const auto* protocols = flows.column<std::uint8_t>(MOLE_COLUMN_PROTOCOL);
        for (std::uint32_t i = 0; i < flows.rows; ++i) out[i * words_] = protocol_class_of(protocols[i]);
        break;
      }
      case Dimension::Kind::number:
        spread_number(flows, d.column, out, words_);
        break;
      case Dimension::Kind::address:
        spread_address(flows, d.column, out, words_);
        break;
    }
    at += d.kind == Dimension::Kind::address ? 2 : 1;
  }
}

void FlowRouting::grow() {
  std::vector<std::uint32_t> larger(table_.size() * 2, empty_slot);
  const std::size_t mask = larger.size() - 1;
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    std::size_t at = hash_of(keys_.data() + slot * words_, words_) & mask;
    while (larger[at] != empty_slot) at = (at + 1) & mask;
    larger[at] = slot;
  }
  table_ = std::move(larger);
}

std::uint32_t FlowRouting::find_or_add(const std::uint64_t* key) {
  const std::size_t mask = table_.size() - 1;
  std::size_t at = hash_of(key, words_) & mask;
  while (table_[at] != empty_slot) {
    if (std::equal(key, key + words_, keys_.data() + table_[at] * words_)) return table_[at];
    at = (at + 1) & mask;
  }
  if (slots_.size() >= most_slots) {
    full_ = true;
    return MOLE_NO_STATE;
  }
  const auto slot = static_cast<std::uint32_t>(slots_.size());
  slots_.push_back({static_cast<std::uint32_t>(key[0]), 0});
  keys_.insert(keys_.end(), key, key + words_);
  table_[at] = slot;
  if (slots_.size() * 2 > table_.size()) grow();
  return slot;
}

std::uint32_t FlowRouting::slot_of_code(std::uint32_t interval, std::uint32_t code) {
  std::uint32_t& slot = slot_of_cell_[std::size_t{interval} * codes_ + code];
  if (slot != empty_slot) return slot;
  std::vector<std::uint64_t> key(words_, router_);  // a dimension that is not in the flows is the router
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

std::uint32_t FlowRouting::slot_of_row(std::uint32_t interval, std::uint32_t row) {
  std::uint64_t* key = row_keys_.data() + row * words_;
  key[0] = interval;
  return find_or_add(key);
}

// Most batches of an aggregate without groups lie within one interval.
bool FlowRouting::one_state(const Micros* times, std::uint32_t rows, Route& out) {
  Micros earliest = times[0], latest = times[0];
  for (std::uint32_t i = 1; i < rows; ++i) {
    earliest = std::min(earliest, times[i]);
    latest = std::max(latest, times[i]);
  }
  const Fate first = fate_of(earliest), last = fate_of(latest);
  if (first.kind != Fate::counts || last.kind != Fate::counts || first.interval != last.interval) return false;
  out.nothing = false;
  out.slot = slot_of_code(first.interval, 0);
  return true;
}

void FlowRouting::route_direct(const Micros* times, const std::uint8_t* keep, std::uint32_t rows) {
  const std::uint8_t* const codes = codes_ > 1 ? code_of_row_.data() : nullptr;
  std::uint32_t* const out = state_of_row_.data();
  // The interval of the flow before, none at first: the next one is often of the same.
  std::uint64_t from = 0, length = 0;
  const std::uint32_t* cells = nullptr;
  for (std::uint32_t i = 0; i < rows; ++i) {
    out[i] = MOLE_NO_STATE;
    if (keep && !keep[i]) continue;
    const Micros t = times[i];
    const std::uint32_t code = codes ? codes[i] : 0;
    if (static_cast<std::uint64_t>(t) - from < length && cells[code] != empty_slot) {
      out[i] = cells[code];
      continue;
    }
    const Fate fate = fate_of(t);
    if (fate.kind == Fate::elsewhere) continue;
    const std::uint32_t slot = slot_of_code(fate.interval, code);
    if (fate.kind == Fate::late) {
      if (slot != empty_slot) ++slots_[slot].late;
      continue;
    }
    out[i] = slot;
    from = static_cast<std::uint64_t>(grid_.at(fate.interval).from);
    length = static_cast<std::uint64_t>(grid_.interval());
    cells = slot_of_cell_.data() + std::size_t{fate.interval} * codes_;
  }
}

void FlowRouting::route_hashed(const Micros* times, const std::uint8_t* keep, std::uint32_t rows) {
  for (std::uint32_t i = 0; i < rows; ++i) {
    state_of_row_[i] = MOLE_NO_STATE;
    if (keep && !keep[i]) continue;
    const Fate fate = fate_of(times[i]);
    if (fate.kind == Fate::counts) {
      state_of_row_[i] = slot_of_row(fate.interval, i);
    } else if (fate.kind == Fate::late) {
      const auto slot = slot_of_row(fate.interval, i);
      if (slot != MOLE_NO_STATE) ++slots_[slot].late;
    }
  }
}

Result<FlowRouting::Route> FlowRouting::route(const FlowView& flows) {
  Route out;
  if (flows.rows == 0) return out;
  const std::uint8_t* keep = plan_.filter.any() ? nullptr : filter_.evaluate(flows, routers_[router_]);
  const auto* times = flows.column<Micros>(plan_.by_end ? MOLE_COLUMN_END : MOLE_COLUMN_START);
  if (!keep && direct_ && codes_ == 1 && one_state(times, flows.rows, out)) return out;

  if (state_of_row_.size() < flows.rows) state_of_row_.resize(flows.rows);
  if (direct_) {
    if (codes_ > 1) load_codes(flows);
    route_direct(times, keep, flows.rows);
  } else {
    load_keys(flows);
    route_hashed(times, keep, flows.rows);
  }
  if (full_) return exhausted("more than 64 million groups in one block; group by fewer dimensions or filter");
  const auto end = state_of_row_.begin() + flows.rows;
  out.nothing = std::all_of(state_of_row_.begin(), end, [](std::uint32_t s) { return s == MOLE_NO_STATE; });
  out.state_of_row = state_of_row_.data();
  return out;
}

Group FlowRouting::group_of(std::uint32_t slot) const {
  const std::uint64_t* key = keys_.data() + slot * words_ + 1;
  Group group;
  for (const auto& d : plan_.by) {
    switch (d.kind) {
      case Dimension::Kind::router:
        group.push_back(routers_[*key]);
        break;
      case Dimension::Kind::direction:
        group.emplace_back(directions[*key]);
        break;
      case Dimension::Kind::protocol_class:
        group.emplace_back(protocol_classes[*key]);
        break;
      case Dimension::Kind::number:
        group.push_back(std::to_string(*key));
        break;
      case Dimension::Kind::address:
        group.push_back(address_text(key[0], key[1]));
        break;
    }
    key += d.kind == Dimension::Kind::address ? 2 : 1;
  }
  return group;
}

}  // namespace mole::runtime
