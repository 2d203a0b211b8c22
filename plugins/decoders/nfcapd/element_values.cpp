#include "element_values.hpp"

#include "file_header.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <vector>

namespace mole::plugins::nfcapd {
namespace {

enum class Form : std::uint8_t { u8, u16, u32, u64, milliseconds, mac, address4, address6, label, octets, text };

// Where a record has the information element `id` of IANA.
struct Source {
  std::uint16_t id;
  Element element;
  std::uint8_t at;
  Form form;
};

constexpr std::array sources{
    Source{3, Element::counters, 0, Form::u64},
    Source{18, Element::bgp_next_hop4, 0, Form::address4},
    Source{55, Element::misc, 11, Form::u8},
    Source{56, Element::mac, 0, Form::mac},
    Source{57, Element::mac, 8, Form::mac},
    Source{63, Element::bgp_next_hop6, 0, Form::address6},
    Source{70, Element::mpls, 0, Form::label},
    Source{71, Element::mpls, 4, Form::label},
    Source{72, Element::mpls, 8, Form::label},
    Source{73, Element::mpls, 12, Form::label},
    Source{74, Element::mpls, 16, Form::label},
    Source{75, Element::mpls, 20, Form::label},
    Source{76, Element::mpls, 24, Form::label},
    Source{77, Element::mpls, 28, Form::label},
    Source{78, Element::mpls, 32, Form::label},
    Source{79, Element::mpls, 36, Form::label},
    Source{80, Element::mac, 16, Form::mac},
    Source{81, Element::mac, 24, Form::mac},
    Source{89, Element::generic, 46, Form::u8},
    Source{95, Element::application, 0, Form::octets},
    Source{128, Element::adjacent_as, 0, Form::u32},
    Source{129, Element::adjacent_as, 4, Form::u32},
    Source{148, Element::firewall_event, 8, Form::u32},
    Source{230, Element::nat_event, 12, Form::u8},
    Source{233, Element::firewall_event, 14, Form::u8},
    Source{239, Element::misc, 12, Form::u8},
    Source{258, Element::generic, 16, Form::milliseconds},
    Source{283, Element::nat_event, 8, Form::u32},
    Source{323, Element::firewall_event, 0, Form::milliseconds},
    Source{323, Element::nat_event, 0, Form::milliseconds},
    Source{361, Element::port_block, 0, Form::u16},
    Source{362, Element::port_block, 2, Form::u16},
    Source{363, Element::port_block, 4, Form::u16},
    Source{364, Element::port_block, 6, Form::u16},
    Source{371, Element::user, 0, Form::text},
};

// The fields of an element in a record, whose size precedes them.
std::span<const std::byte> fields_at(const std::byte* record, std::size_t at) {
  return {record + at, load<std::uint16_t>(record + at - 2) - element_header_size};
}

class Values {
 public:
  Values(FlowBuilder& out, std::uint32_t row) : out_(out), row_(row) {}

  // Adds the value of requested element `index`. Fields that are too short have none.
  void add(std::size_t index, const Source& source, std::span<const std::byte> fields) {
    const std::byte* p = fields.data() + source.at;
    const auto has = [&](std::size_t size) { return fields.size() >= source.at + size; };
    switch (source.form) {
      case Form::u8:
        return has(1) ? number(index, load<std::uint8_t>(p)) : void();
      case Form::u16:
        return has(2) ? number(index, load<std::uint16_t>(p)) : void();
      case Form::u32:
        return has(4) ? number(index, load<std::uint32_t>(p)) : void();
      case Form::u64:
        return has(8) ? number(index, load<std::uint64_t>(p)) : void();
      case Form::milliseconds:
        return has(8) ? number(index, std::min<std::uint64_t>(load<std::uint64_t>(p), INT64_MAX / 1000) * 1000) : void();
      case Form::mac:
        return has(8) ? big_endian_octets(index, load<std::uint64_t>(p), 6) : void();
      case Form::label:
        return has(4) ? big_endian_octets(index, load<std::uint32_t>(p), 3) : void();
      case Form::address4:
        return has(4) && load<std::uint32_t>(p) != 0 ? address(index, Addr::v4(load<std::uint32_t>(p))) : void();
      case Form::address6:
        return has(16) ? address(index, load_address6(p)) : void();
      case Form::octets:
        return put(index, p, fields.size());
      case Form::text: {
        const std::string_view text(reinterpret_cast<const char*>(p), fields.size());
        const std::size_t size = std::min(text.find('\0'), text.size());
        return size == 0 ? void() : put(index, text.data(), size);
      }
    }
  }

 private:
  void put(std::size_t index, const void* data, std::size_t size) {
    if (!out_.put(index, row_, data, size)) throw Failure(exhausted("no memory is left for the values of information elements"));
  }
  void number(std::size_t index, std::uint64_t value) {
    if (value != 0) put(index, &value, sizeof value);
  }
  void address(std::size_t index, const Addr& value) {
    if (value != Addr{}) put(index, value.bytes.data(), value.bytes.size());
  }
  void big_endian_octets(std::size_t index, std::uint64_t value, std::size_t size) {
    std::array<std::byte, 8> octets{};
    for (std::size_t i = 0; i < size; ++i) octets[i] = static_cast<std::byte>(value >> 8 * (size - 1 - i));
    if (value != 0) put(index, octets.data(), size);
  }

  FlowBuilder& out_;
  std::uint32_t row_;
};

}  // namespace

void put_elements(FlowBuilder& out, const BlockRecords& records, std::span<const Flow> flows) {
  struct Wanted {
    std::size_t index;
    const Source* source;
  };
  std::vector<Wanted> wanted;
  const auto elements = out.elements();
  for (std::size_t i = 0; i < elements.size(); ++i)
    for (const Source& source : sources)
      if (elements[i].enterprise == 0 && elements[i].id == source.id) wanted.push_back({i, &source});
  if (wanted.empty()) return;
  for (std::uint32_t row = 0; row < flows.size(); ++row) {
    const std::byte* record = records.data() + flows[row].record;
    const Shape& shape = records.shape(flows[row]);
    for (const auto& [index, source] : wanted)
      if (const std::size_t at = shape.at[static_cast<std::size_t>(source->element)]; at != 0)
        Values(out, row).add(index, *source, fields_at(record, at));
  }
}

}  // namespace mole::plugins::nfcapd
