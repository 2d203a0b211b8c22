#include "runtime/metric/flow_routing.hpp"

#include <arpa/inet.h>

#include <algorithm>
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
    case MOLE_COLUMN_SRC_PORT: case MOLE_COLUMN_DST_PORT: return spread<std::uint16_t>(flows, column, out, stride);
    case MOLE_COLUMN_PROTOCOL: case MOLE_COLUMN_TOS: return spread<std::uint8_t>(flows, column, out, stride);
    default: return spread<std::uint32_t>(flows, column, out, stride);
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
  add(by_end ? "end" : "start");
  for (const auto& r : routers) add("router " + r);
  for (const Micros t : {range.from, range.to, interval, lateness}) add(std::to_string(t));
  return out;
}

std::vector<int> RoutingPlan::columns() const {
  std::vector<int> out = filter.columns();
  out.push_back(by_end ? MOLE_COLUMN_END : MOLE_COLUMN_START);
  for (const auto& d : by)
    if (d.column >= 0) out.push_back(d.column);
  return out;
}

// What holds for all times in [from, to).
struct FlowRouting::Bounds {
  enum class Fate { counts, elsewhere, late };
  Micros from = 1, to = 0;
  Fate fate = Fate::elsewhere;
  std::uint32_t interval = 0;
};

FlowRouting::FlowRouting(RoutingPlan plan, IntervalGrid grid) : plan_(std::move(plan)), grid_(grid), filter_(plan_.filter) {
  for (const auto& d : plan_.by) {
    words_ += d.kind == Dimension::Kind::address ? 2 : 1;
    per_row_ = per_row_ || d.column >= 0;
  }
  table_.assign(1024, empty_slot);
}

bool FlowRouting::start_file(const task::File& file) {
  if (!plan_.routers.empty() && std::find(plan_.routers.begin(), plan_.routers.end(), file.router) == plan_.routers.end())
    return false;
  const auto found = std::find(routers_.begin(), routers_.end(), file.router);
  router_ = static_cast<std::uint64_t>(found - routers_.begin());
  if (found == routers_.end()) routers_.push_back(file.router);
  file_from_ = file.covers.from;
  // An interval takes flows of this file iff it begins before the file's time ends and ended less than `lateness` before it
  // began. Said of intervals, not of flows, so that it does not matter which block the flow is looked at from.
  counts_from_ = floor_to(file.covers.from - plan_.lateness, grid_.interval());
  counts_to_ = ceil_to(file.covers.to, grid_.interval());
  of_interval_.assign(per_row_ ? 0 : grid_.size(), empty_slot);
  return true;
}

void FlowRouting::resolve(Micros t, Bounds& b) const {
  using Fate = Bounds::Fate;
  if (t < counts_from_ || t >= counts_to_) {
    b.fate = grid_.contains(file_from_) ? Fate::late : Fate::elsewhere;
    if (b.fate == Fate::late) b.interval = grid_.index_of(file_from_);
    b.from = t < counts_from_ ? INT64_MIN : counts_to_;
    b.to = t < counts_from_ ? counts_from_ : INT64_MAX;
  } else if (!grid_.contains(t)) {
    b.fate = Fate::elsewhere;
    b.from = t < grid_.range().from ? counts_from_ : std::max(grid_.range().to, counts_from_);
    b.to = t < grid_.range().from ? std::min(grid_.range().from, counts_to_) : counts_to_;
  } else {
    b.fate = Fate::counts;
    b.interval = grid_.index_of(t);
    b.from = grid_.at(b.interval).from;
    b.to = grid_.at(b.interval).to;
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
      case Dimension::Kind::protocol_class: {
        const auto* protocols = flows.column<std::uint8_t>(MOLE_COLUMN_PROTOCOL);
        for (std::uint32_t i = 0; i < flows.rows; ++i) out[i * words_] = protocol_class_of(protocols[i]);
        break;
      }
      case Dimension::Kind::number: spread_number(flows, d.column, out, words_); break;
      case Dimension::Kind::address: spread_address(flows, d.column, out, words_); break;
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

std::uint32_t FlowRouting::slot_of(std::uint32_t interval, std::uint32_t row) {
  if (per_row_) {
    std::uint64_t* key = row_keys_.data() + row * words_;
    key[0] = interval;
    return find_or_add(key);
  }
  std::uint32_t& slot = of_interval_[interval];
  if (slot == empty_slot) {
    const std::vector<std::uint64_t> key = [&] {
      std::vector<std::uint64_t> k(words_, router_);  // a dimension that is not in the flows is the router
      k[0] = interval;
      return k;
    }();
    slot = find_or_add(key.data());
  }
  return slot;
}

Result<FlowRouting::Route> FlowRouting::route(const FlowView& flows) {
  Route out;
  if (flows.rows == 0) return out;
  const std::uint8_t* keep = plan_.filter.any() ? nullptr : filter_.evaluate(flows, routers_[router_]);
  const auto* times = flows.column<Micros>(plan_.by_end ? MOLE_COLUMN_END : MOLE_COLUMN_START);

  Bounds b;
  if (!keep && !per_row_) {  // most batches of an aggregate lie within one interval
    const auto [earliest, latest] = std::minmax_element(times, times + flows.rows);
    resolve(*earliest, b);
    if (*latest < b.to && b.fate != Bounds::Fate::late) {
      out.nothing = b.fate != Bounds::Fate::counts;
      if (!out.nothing) out.slot = slot_of(b.interval, 0);
      if (full_) return exhausted("more than 64 million groups in one block; group by fewer dimensions or filter");
      return out;
    }
  }

  if (per_row_) load_keys(flows);
  if (state_of_row_.size() < flows.rows) state_of_row_.resize(flows.rows);
  std::uint32_t constant = MOLE_NO_STATE;  // slot of the current bounds, if rows do not tell groups apart
  b = Bounds{};
  for (std::uint32_t i = 0; i < flows.rows; ++i) {
    std::uint32_t state = MOLE_NO_STATE;
    if (!keep || keep[i]) {
      if (times[i] < b.from || times[i] >= b.to) {
        resolve(times[i], b);
        if (!per_row_) constant = b.fate == Bounds::Fate::counts ? slot_of(b.interval, i) : MOLE_NO_STATE;
      }
      if (b.fate == Bounds::Fate::counts) {
        state = per_row_ ? slot_of(b.interval, i) : constant;
        out.nothing = false;
      } else if (b.fate == Bounds::Fate::late) {
        const auto slot = slot_of(b.interval, i);
        if (slot != MOLE_NO_STATE) ++slots_[slot].late;
      }
    }
    state_of_row_[i] = state;
  }
  if (full_) return exhausted("more than 64 million groups in one block; group by fewer dimensions or filter");
  out.state_of_row = state_of_row_.data();
  return out;
}

Group FlowRouting::group_of(std::uint32_t slot) const {
  const std::uint64_t* key = keys_.data() + slot * words_ + 1;
  Group group;
  for (const auto& d : plan_.by) {
    switch (d.kind) {
      case Dimension::Kind::router: group.push_back(routers_[*key]); break;
      case Dimension::Kind::protocol_class: group.emplace_back(protocol_classes[*key]); break;
      case Dimension::Kind::number: group.push_back(std::to_string(*key)); break;
      case Dimension::Kind::address: group.push_back(address_text(key[0], key[1])); break;
    }
    key += d.kind == Dimension::Kind::address ? 2 : 1;
  }
  return group;
}

}  // namespace mole::runtime
