#include "columns.hpp"

#include "file_header.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <vector>

namespace mole::plugins::nfcapd {
namespace {

constexpr std::uint8_t icmp = 1, icmp6 = 58;

Time time_of(std::uint64_t ms) {
  constexpr std::uint64_t limit = std::numeric_limits<std::int64_t>::max() / 1000;
  return {static_cast<std::int64_t>(std::min(ms, limit) * 1000)};
}

// Reads a field of an element as a value of a column, from an unsigned number in the file.
template <class Field>
auto number(std::size_t at) {
  return [=](const std::byte* fields) { return load<Field>(fields + at); };
}

class Writer {
 public:
  // `row`: of the first flow in the batch.
  Writer(FlowBuilder& out, const BlockRecords& records, std::span<const Flow> flows, std::size_t row)
      : out_(out), records_(records), flows_(flows), row_(row) {
    for (std::size_t first = 0, next = 0; first < flows.size(); first = next) {
      while (next < flows.size() && flows[next].shape == flows[first].shape) ++next;
      runs_.push_back({flows.subspan(first, next - first), &records.shape(flows[first])});
    }
  }

  // The cells of these flows; nullptr if the column is not needed. Those of addresses of family 6 need column6.
  template <class Column>
  auto* cells() const {
    auto* column = out_.column<Column>();
    return column == nullptr ? nullptr : column + row_;
  }
  template <class Column>
  Addr* cells6() const {
    auto* column = out_.column6<Column>();
    return column == nullptr ? nullptr : column + row_;
  }

  // Fills a column with `value` of the fields of an element, and with `absent` in flows without it.
  template <class Column, class Value>
  void fill(Element element, typename Column::stored absent, Value value) {
    if (auto* to = cells<Column>()) fill_cells(to, element, absent, value);
  }
  template <class Column, class Value>
  void fill(Element element, Value value) {
    fill<Column>(element, {}, value);
  }
  // The same for an element that can be in two places, the first of which is preferred.
  template <class Cell, class Value, class Second>
  void fill_either(Cell* cells, Element first, Value value, Element second, Second second_value) {
    if (cells == nullptr) return;
    for (const Run& run : runs_) {
      if (at(run, first) != 0)
        cells = fill_run(cells, run, at(run, first), value);
      else if (at(run, second) != 0)
        cells = fill_run(cells, run, at(run, second), second_value);
      else
        cells = std::fill_n(cells, run.flows.size(), Cell{});
    }
  }
  template <class Cell, class Value>
  void fill_cells(Cell* cells, Element element, Cell absent, Value value) {
    for (const Run& run : runs_)
      cells =
          at(run, element) == 0 ? std::fill_n(cells, run.flows.size(), absent) : fill_run(cells, run, at(run, element), value);
  }
  // Fills a column with `value` of a flow.
  template <class Column, class Value>
  void fill_by_flow(Value value) {
    auto* cell = cells<Column>();
    if (cell == nullptr) return;
    for (const Flow& flow : flows_) *cell++ = value(flow);
  }
  // Changes the cells of flows that have the element.
  template <class Column, class Change>
  void change(Element element, Change change) {
    auto* cells = this->cells<Column>();
    if (cells == nullptr) return;
    for (const Run& run : runs_) {
      if (at(run, element) != 0)
        for (std::size_t i = 0; i < run.flows.size(); ++i)
          change(cells[i], records_.data() + run.flows[i].record + at(run, element));
      cells += run.flows.size();
    }
  }
  // Replaces the cells of flows that have the element by `value` of their records.
  template <class Column, class Value>
  void replace(Element element, Value value) {
    auto* cells = this->cells<Column>();
    if (cells == nullptr) return;
    for (const Run& run : runs_) {
      if (at(run, element) != 0)
        for (std::size_t i = 0; i < run.flows.size(); ++i) cells[i] = value(records_.data() + run.flows[i].record, *run.shape);
      cells += run.flows.size();
    }
  }

 private:
  struct Run {
    std::span<const Flow> flows;
    const Shape* shape;
  };
  static std::size_t at(const Run& run, Element element) { return run.shape->at[static_cast<std::size_t>(element)]; }
  template <class Cell, class Value>
  Cell* fill_run(Cell* cells, const Run& run, std::size_t at, Value value) {
    const std::byte* fields = records_.data() + at;
    for (const Flow& flow : run.flows) *cells++ = Cell{static_cast<Cell>(value(fields + flow.record))};
    return cells;
  }

  FlowBuilder& out_;
  const BlockRecords& records_;
  std::span<const Flow> flows_;
  std::size_t row_;
  std::vector<Run> runs_;
};

Addr v4_at(const std::byte* p) { return Addr::v4(load<std::uint32_t>(p)); }

template <bool second>
struct AddressOf {  // the first or second address of an element with two
  static Addr v4(const std::byte* fields) { return v4_at(fields + (second ? 4 : 0)); }
  static Addr v6(const std::byte* fields) { return load_address6(fields + (second ? 16 : 0)); }
};

void fill_addresses(Writer& to, std::uint32_t family) {
  if (family == 6) {
    if (auto* cells = to.cells6<src_addr>()) to.fill_cells(cells, Element::addresses6, Addr{}, AddressOf<false>::v6);
    if (auto* cells = to.cells6<dst_addr>()) to.fill_cells(cells, Element::addresses6, Addr{}, AddressOf<true>::v6);
    to.fill_either(to.cells6<next_hop>(), Element::next_hop6, load_address6, Element::next_hop4, v4_at);
  } else {
    to.fill<src_addr>(Element::addresses4, number<std::uint32_t>(0));
    to.fill<dst_addr>(Element::addresses4, number<std::uint32_t>(4));
    to.fill<next_hop>(Element::next_hop4, number<std::uint32_t>(0));
  }
  to.fill_either(to.cells<post_src_addr>(), Element::nat_addresses6, AddressOf<false>::v6, Element::nat_addresses4,
                 AddressOf<false>::v4);
  to.fill_either(to.cells<post_dst_addr>(), Element::nat_addresses6, AddressOf<true>::v6, Element::nat_addresses4,
                 AddressOf<true>::v4);
}

// The application identifier: the number of its classification engine and the number that the engine gave it, 4 bytes or fewer
// or more; here the engine in the upper 8 bits and the lower 24 bits of the number.
std::uint32_t application_of(const std::byte* fields) {
  const std::size_t size = load<std::uint16_t>(fields - 2) - element_header_size;
  std::uint32_t selector = 0;
  for (std::size_t i = 1; i < size; ++i) selector = selector << 8 | load<std::uint8_t>(fields + i);
  return std::uint32_t{load<std::uint8_t>(fields)} << 24 | (selector & 0xff'ffff);
}

// The type (shift 8) or code (shift 0) of an ICMP message, which is stored as the destination port.
auto icmp_field(unsigned shift) {
  return [=](const std::byte* fields) {
    const auto protocol = load<std::uint8_t>(fields + 44);
    return protocol == icmp || protocol == icmp6 ? load<std::uint16_t>(fields + 42) >> shift & 0xff : 0;
  };
}

void fill_origin(Writer& to, const BlockRecords& records) {
  to.fill_by_flow<exporter_addr>([&](const Flow& flow) { return records.origin(flow).exporter; });
  to.change<exporter_addr>(Element::exporter4, [](Addr& cell, const std::byte* fields) { cell = v4_at(fields); });
  to.change<exporter_addr>(Element::exporter6, [](Addr& cell, const std::byte* fields) { cell = load_address6(fields); });
  to.fill_by_flow<observation_domain>([&](const Flow& flow) { return records.origin(flow).domain; });
  to.change<observation_domain>(Element::observation, [](std::uint32_t& cell, const std::byte* fields) {
    if (const auto domain = load<std::uint32_t>(fields + 8); domain != 0) cell = domain;
  });
  to.fill_by_flow<sampling>([&](const Flow& flow) { return std::max<std::uint32_t>(1, records.origin(flow).sampling); });
  to.fill_by_flow<sampling_source>([&](const Flow& flow) {
    return static_cast<std::uint8_t>(records.origin(flow).sampling == 0 ? MOLE_SAMPLING_UNKNOWN : MOLE_SAMPLING_OPTIONS);
  });
  to.fill_by_flow<scaled>([&](const Flow& flow) -> std::uint8_t {
    return (load<std::uint8_t>(records.data() + flow.record + 10) & flow_flag::sampled) != 0;
  });
}

void fill_rows(Writer& to, const BlockRecords& records, std::uint32_t family) {
  using std::uint16_t, std::uint32_t, std::uint64_t, std::uint8_t;
  to.fill<start>(Element::generic, [](const std::byte* fields) { return time_of(load<uint64_t>(fields)); });
  to.fill<end>(Element::generic, [](const std::byte* fields) { return time_of(load<uint64_t>(fields + 8)); });
  for (const auto event : {Element::nat_event, Element::firewall_event}) {
    to.replace<start>(event, [&](const std::byte* record, const Shape& shape) { return time_of(times_of(record, shape).first); });
    to.replace<end>(event, [&](const std::byte* record, const Shape& shape) { return time_of(times_of(record, shape).last); });
  }
  fill_addresses(to, family);
  to.fill<packets>(Element::generic, number<uint64_t>(24));
  to.fill<bytes>(Element::generic, number<uint64_t>(32));
  to.fill<src_port>(Element::generic, number<uint16_t>(40));
  to.fill<dst_port>(Element::generic, number<uint16_t>(42));
  to.fill<protocol>(Element::generic, number<uint8_t>(44));
  to.fill<tcp_flags>(Element::generic, number<uint8_t>(45));
  to.fill<tos>(Element::generic, number<uint8_t>(47));
  to.fill<icmp_type>(Element::generic, icmp_field(8));
  to.fill<icmp_code>(Element::generic, icmp_field(0));
  to.fill<in_if>(Element::misc, number<uint32_t>(0));
  to.fill<out_if>(Element::misc, number<uint32_t>(4));
  to.fill<src_mask>(Element::misc, number<uint8_t>(8));
  to.fill<dst_mask>(Element::misc, number<uint8_t>(9));
  to.fill<flow_direction>(Element::misc, 255, number<uint8_t>(10));
  to.fill<end_reason>(Element::misc, number<uint8_t>(13));
  to.fill<reverse_packets>(Element::counters, number<uint64_t>(8));
  to.fill<reverse_bytes>(Element::counters, number<uint64_t>(16));
  to.fill<src_as>(Element::as_numbers, number<uint32_t>(0));
  to.fill<dst_as>(Element::as_numbers, number<uint32_t>(4));
  to.fill_either(to.cells<src_vlan>(), Element::vlans, number<uint32_t>(0), Element::layer2, number<uint16_t>(0));
  to.fill_either(to.cells<dst_vlan>(), Element::vlans, number<uint32_t>(4), Element::layer2, number<uint16_t>(4));
  to.fill<mpls_label>(Element::mpls, [](const std::byte* fields) { return load<uint32_t>(fields) >> 4 & 0xf'ffff; });
  to.fill<post_src_port>(Element::nat_ports, number<uint16_t>(0));
  to.fill<post_dst_port>(Element::nat_ports, number<uint16_t>(2));
  to.fill<application_label>(Element::application, application_of);
  fill_origin(to, records);
}

// Returns the columns for which flows of a family with these elements (bit e) have no field: bit C::index.
std::uint64_t absent_columns(std::uint64_t present, std::uint32_t family) {
  std::uint64_t absent = 0;
  const auto add = [&]<class... C>(Writes<C...>, auto... elements) {
    if ((((present >> static_cast<unsigned>(elements) & 1) == 0) && ...)) absent |= ((std::uint64_t{1} << C::index) | ...);
  };
  add(Writes<src_addr, dst_addr>(), family == 6 ? Element::addresses6 : Element::addresses4);
  if (family == 6)
    add(Writes<next_hop>(), Element::next_hop6, Element::next_hop4);
  else
    add(Writes<next_hop>(), Element::next_hop4);
  add(Writes<in_if, out_if, src_mask, dst_mask, flow_direction, end_reason>(), Element::misc);
  add(Writes<reverse_packets, reverse_bytes>(), Element::counters);
  add(Writes<src_as, dst_as>(), Element::as_numbers);
  add(Writes<src_vlan, dst_vlan>(), Element::vlans, Element::layer2);
  add(Writes<mpls_label>(), Element::mpls);
  add(Writes<post_src_addr, post_dst_addr>(), Element::nat_addresses4, Element::nat_addresses6);
  add(Writes<post_src_port, post_dst_port>(), Element::nat_ports);
  add(Writes<application_label>(), Element::application);
  return absent;
}

}  // namespace

void fill_columns(FlowBuilder& out, const BlockRecords& records, std::uint32_t family, std::span<const Flow> flows,
                  std::uint64_t absent) {
  constexpr std::size_t step = 256;  // their records stay in the cache from column to column
  for (std::size_t row = 0; row < flows.size(); row += step) {
    Writer to(out, records, flows.subspan(row, std::min(step, flows.size() - row)), row);
    fill_rows(to, records, family);
  }
  std::uint64_t present = 0;
  for (const Flow& flow : flows) present |= records.shape(flow).present;
  out.set_absent(absent | absent_columns(present, family));
}

}  // namespace mole::plugins::nfcapd
