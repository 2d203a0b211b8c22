#include "plugins/decoders/export/compiler.hpp"

#include "plugins/decoders/export/operations.hpp"

#include <initializer_list>
#include <iterator>

namespace mole::plugins::flow_export {
namespace {

constexpr std::uint32_t iana = 0, reverse_iana = reverse_enterprise, cert = cert_enterprise;
constexpr std::uint16_t reverse_bit = 0x4000;  // of CERT's elements

struct Source {
  std::uint32_t enterprise;
  std::uint16_t id;
  bool only_v9 = false;
};
using Sources = std::initializer_list<Source>;

// Columns that are copies of a number in a field. `mirror`: the column with the same meaning in the other direction.
struct Rule {
  int column, mirror;
  std::uint32_t family;  // 4, 6; 0: both
  std::vector<Source> sources;
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all{
      {src_port::index, dst_port::index, 0, {{iana, 7}, {iana, 180}, {iana, 182}}},
      {dst_port::index, src_port::index, 0, {{iana, 11}, {iana, 181}, {iana, 183}}},
      {protocol::index, protocol::index, 0, {{iana, 4}}},
      {packets::index, reverse_packets::index, 0, {{iana, 2}, {iana, 86}, {iana, 298}, {iana, 24, true}}},
      {bytes::index, reverse_bytes::index, 0, {{iana, 1}, {iana, 85}, {iana, 231}, {iana, 23, true}}},
      {tos::index, tos::index, 0, {{iana, 5}}},
      {src_as::index, dst_as::index, 0, {{iana, 16}}},
      {dst_as::index, src_as::index, 0, {{iana, 17}}},
      {src_mask::index, dst_mask::index, 4, {{iana, 9}}},
      {src_mask::index, dst_mask::index, 6, {{iana, 29}}},
      {dst_mask::index, src_mask::index, 4, {{iana, 13}}},
      {dst_mask::index, src_mask::index, 6, {{iana, 30}}},
      {in_if::index, out_if::index, 0, {{iana, 10}, {iana, 252}}},
      {out_if::index, in_if::index, 0, {{iana, 14}, {iana, 253}}},
      {src_vlan::index, src_vlan::index, 0, {{iana, 58}, {iana, 243}}},
      {dst_vlan::index, dst_vlan::index, 0, {{iana, 59}, {iana, 254}}},
      {post_src_port::index, post_dst_port::index, 0, {{iana, 227}, {iana, 40'003, true}}},
      {post_dst_port::index, post_src_port::index, 0, {{iana, 228}, {iana, 40'004, true}}},
      {reverse_packets::index, packets::index, 0, {{reverse_iana, 2}, {reverse_iana, 86}, {iana, 299}, {iana, 24, true}}},
      {reverse_bytes::index, bytes::index, 0, {{reverse_iana, 1}, {reverse_iana, 85}, {iana, 232}, {iana, 23, true}}},
      {end_reason::index, end_reason::index, 0, {{iana, 136}}},
      {flow_direction::index, flow_direction::index, 0, {{iana, 61}}},
  };
  return all;
}

class Compiler {
 public:
  Compiler(const Template& layout, const Wanted& wanted, Side side, std::uint32_t family, bool keep, Plan& out)
      : layout_(layout), wanted_(wanted), reverse_(side == Side::reverse), family_(family), keep_(keep), out_(out) {}

  void compile() {
    for (const Rule& rule : rules())
      if (rule.family == 0 || rule.family == family_) copy(rule);
    addresses();
    times();
    flags();
    icmp();
    rest();
    for (int column = 0; column < MOLE_COLUMN_COUNT; ++column)
      if (is_wanted(column)) fill(column);
  }

 private:
  bool is_wanted(int column) const {
    return wanted_[static_cast<std::size_t>(column)] && !done_[static_cast<std::size_t>(column)];
  }

  std::uint16_t find(std::uint32_t enterprise, std::uint16_t id) const {
    const std::size_t found = layout_.find(enterprise, id);
    return found == Template::npos ? Operation::no_field : static_cast<std::uint16_t>(found);
  }
  std::uint16_t length(std::uint16_t field) const { return layout_.fields[field].length; }
  // The field, if it has this length, or a variable one.
  std::uint16_t find_sized(std::uint16_t id, std::uint16_t size) const {
    const std::uint16_t field = find(iana, id);
    return field != Operation::no_field && (length(field) == size || length(field) == variable_length) ? field
                                                                                                       : Operation::no_field;
  }
  // A field with a number.
  std::uint16_t find_number(const Source& source) const {
    if (source.only_v9 && layout_.protocol == Protocol::ipfix) return Operation::no_field;
    const std::uint16_t field = find(source.enterprise, source.id);
    return field != Operation::no_field && (length(field) <= 8 || length(field) == variable_length) ? field : Operation::no_field;
  }
  std::uint16_t find_number(std::uint16_t id) const { return find_number(Source{iana, id}); }

  void add(int column, Run run, std::uint16_t a = Operation::no_field, std::uint16_t b = Operation::no_field,
           std::uint16_t c = Operation::no_field) {
    if (!is_wanted(column)) return;
    done_[static_cast<std::size_t>(column)] = true;
    const std::uint16_t number = a == Operation::no_field ? std::uint16_t{0} : layout_.fields[a].id;
    out_.operations.push_back({run, static_cast<std::uint8_t>(column), cell_size(column, family_), number, a, b, c});
  }

  void add_copy(int column, std::uint16_t field) {
    if (!is_wanted(column)) return;
    switch (cell_size(column, family_)) {
      case 1:
        return add(column, number_run<std::uint8_t, Same>(length(field)), field);
      case 2:
        return add(column, number_run<std::uint16_t, Same>(length(field)), field);
      case 4:
        return add(column, number_run<std::uint32_t, Same>(length(field)), field);
      default:
        return add(column, number_run<std::uint64_t, Same>(length(field)), field);
    }
  }

  void copy(const Rule& rule) {
    const bool counts_reverse = rule.column == reverse_packets::index || rule.column == reverse_bytes::index;
    if (counts_reverse) return copy_reverse(rule);
    const int target = reverse_ ? rule.mirror : rule.column;
    const bool counts = rule.column == packets::index || rule.column == bytes::index;
    if (reverse_ && counts) {  // the second flow has the counters of the other direction
      for (const Rule& other : rules())
        if (other.column == rule.mirror) copy_first(in_ipfix(other.sources), rule.column);
      return;
    }
    if (reverse_ && rule.column == rule.mirror) {
      std::vector<Source> reversed;
      for (const Source& s : rule.sources) reversed.push_back({reverse_iana, s.id});
      copy_first(reversed, target);
      if (rule.column == flow_direction::index) return;
    }
    copy_first(rule.sources, target);
  }

  // OUT_PKTS and OUT_BYTES of NetFlow v9 count the packets of the same flow on their way out: the only counters of a record, or
  // beside those on their way in.
  void copy_reverse(const Rule& rule) {
    if (reverse_) return;
    std::vector<Source> sources = keep_ ? in_ipfix(rule.sources) : std::vector<Source>();
    for (const Rule& other : rules()) {
      if (other.column != rule.mirror) continue;
      const auto received = in_ipfix(other.sources);
      if (std::any_of(received.begin(), received.end(), [&](const Source& s) { return find_number(s) != Operation::no_field; }))
        std::copy_if(rule.sources.begin(), rule.sources.end(), std::back_inserter(sources),
                     [](const Source& s) { return s.only_v9; });
    }
    copy_first(sources, rule.column);
  }
  static std::vector<Source> in_ipfix(std::vector<Source> sources) {
    std::erase_if(sources, [](const Source& source) { return source.only_v9; });
    return sources;
  }

  void copy_first(const std::vector<Source>& sources, int column) {
    for (const Source& source : sources)
      if (const std::uint16_t field = find_number(source); field != Operation::no_field) return add_copy(column, field);
  }

  void addresses() {
    const int source = reverse_ ? dst_addr::index : src_addr::index, destination = reverse_ ? src_addr::index : dst_addr::index;
    if (family_ == 4) {
      for (const std::uint16_t id : std::initializer_list<std::uint16_t>{8, 44}) address4(source, id);
      for (const std::uint16_t id : std::initializer_list<std::uint16_t>{12, 45}) address4(destination, id);
      if (!reverse_)
        for (const std::uint16_t id : std::initializer_list<std::uint16_t>{15, 18}) address4(next_hop::index, id);
    } else {
      for (const std::uint16_t id : std::initializer_list<std::uint16_t>{27, 170}) address6(source, id);
      for (const std::uint16_t id : std::initializer_list<std::uint16_t>{28, 169}) address6(destination, id);
      if (!reverse_)
        for (const std::uint16_t id : std::initializer_list<std::uint16_t>{62, 63}) address6(next_hop::index, id);
    }
    const auto translated = [&](int column, std::uint16_t v4, std::uint16_t v6, std::uint16_t old) {
      std::uint16_t a = find_sized(v4, 4);
      if (a == Operation::no_field && layout_.protocol == Protocol::v9) a = find_sized(old, 4);
      const std::uint16_t b = find_sized(v6, 16);
      if (a != Operation::no_field || b != Operation::no_field) add(column, run_any_address, a, b);
    };
    translated(reverse_ ? post_dst_addr::index : post_src_addr::index, 225, 281, 40'001);
    translated(reverse_ ? post_src_addr::index : post_dst_addr::index, 226, 282, 40'002);
    const std::uint16_t exporter4 = find_sized(130, 4), exporter6 = find_sized(131, 16);
    if (exporter4 == Operation::no_field && exporter6 == Operation::no_field)
      out_.absent |= std::uint64_t{1} << exporter_addr::index;  // unless the sender is known
    add(exporter_addr::index, run_exporter, exporter4, exporter6);
    add(observation_domain::index, run_domain);
  }
  void address4(int column, std::uint16_t id) {
    const std::uint16_t field = find_sized(id, 4);
    if (field != Operation::no_field) add(column, number_run<std::uint32_t, Same>(length(field)), field);
  }
  void address6(int column, std::uint16_t id) {
    const std::uint16_t field = find_sized(id, 16);
    if (field != Operation::no_field) add(column, run_address6, field);
  }

  Run time_run(std::uint16_t field) const {
    switch (layout_.fields[field].id) {
      case 150:
      case 151:
      case 322:
        return number_run<std::int64_t, OfSeconds>(length(field));
      case 152:
      case 153:
      case 323:
        return number_run<std::int64_t, OfMilliseconds>(length(field));
      default:
        return run_time;
    }
  }
  // Adds a time from the first of these elements in the template.
  bool time(int column, std::initializer_list<std::uint16_t> ids, std::uint32_t enterprise = iana) {
    for (const std::uint16_t id : ids)
      if (const std::uint16_t field = find_number({enterprise, id}); field != Operation::no_field) {
        add(column, time_run(field), field);
        return true;
      }
    return false;
  }
  bool uptime(int column, std::uint16_t id) {
    const std::uint16_t field = find_number(id), init = find_number(160);
    if (field == Operation::no_field) return false;
    if (layout_.protocol != Protocol::ipfix)
      add(column, number_run<std::int64_t, OfUptime>(length(field)), field);
    else if (init != Operation::no_field)
      add(column, run_uptime_since, field, init);
    else
      add(column, run_uptime_without_start, field, find_number(21));
    return true;
  }
  bool with_duration(int column, Run run, std::initializer_list<std::uint16_t> ids) {
    const std::uint16_t ms = find_number(161), us = find_number(162);
    if (ms == Operation::no_field && us == Operation::no_field) return false;
    for (const std::uint16_t id : ids)
      if (const std::uint16_t field = find_number(id); field != Operation::no_field) {
        add(column, run, field, ms, us);
        return true;
      }
    return false;
  }
  void times() {
    if (reverse_) {
      time(start::index, {152, 154, 156, 150}, reverse_iana);
      time(mole::end::index, {153, 155, 157, 151}, reverse_iana);
      const std::uint16_t delta = find_number({cert, 21});
      for (const std::uint16_t id : std::initializer_list<std::uint16_t>{152, 154, 156, 150})
        if (const std::uint16_t field = find_number(id); field != Operation::no_field && delta != Operation::no_field)
          add(start::index, run_start_after_delta, field, delta);
    }
    (void)(time(start::index, {152, 154, 156, 150}) || uptime(start::index, 22) ||
           with_duration(start::index, run_time_and_duration<-1>, {153, 155, 157, 151}) ||
           time(start::index, {158, 323, 324, 325, 322, 153, 155, 157, 151}) || uptime(start::index, 21));
    (void)(time(mole::end::index, {153, 155, 157, 151}) || uptime(mole::end::index, 21) ||
           with_duration(mole::end::index, run_time_and_duration<1>, {152, 154, 156, 150}) ||
           time(mole::end::index, {159, 323, 324, 325, 322, 152, 154, 156, 150}) || uptime(mole::end::index, 22));
    add(start::index, run_export_time);
    add(mole::end::index, run_export_time);
  }

  void flags() {
    const std::uint16_t bit = reverse_ ? reverse_bit : std::uint16_t{0};
    copy_first({{reverse_ ? reverse_iana : iana, 6}}, tcp_flags::index);
    const std::uint16_t initial = find_number({cert, static_cast<std::uint16_t>(14 | bit)});
    const std::uint16_t others = find_number({cert, static_cast<std::uint16_t>(15 | bit)});
    if (initial != Operation::no_field || others != Operation::no_field) add(tcp_flags::index, run_flags, initial, others);
  }

  void icmp() {
    const std::uint16_t protocol_field = find_number(4);
    const std::uint16_t type = find_number(family_ == 4 ? 176 : 178), code = find_number(family_ == 4 ? 177 : 179);
    if (type != Operation::no_field) add_copy(icmp_type::index, type);
    if (code != Operation::no_field) add_copy(icmp_code::index, code);
    const std::uint16_t both = find_number(family_ == 4 ? 32 : 139);
    if (both != Operation::no_field) {
      add(icmp_type::index, number_run<std::uint8_t, HighByte>(length(both)), both);
      add_copy(icmp_code::index, both);
      if (protocol_field != Operation::no_field) add(dst_port::index, run_of_icmp<std::uint16_t, 0>, both, protocol_field);
    }
    const std::uint16_t port = find_number(11);
    if (port != Operation::no_field && protocol_field != Operation::no_field) {
      add(icmp_type::index, run_of_icmp<std::uint8_t, 8>, port, protocol_field);
      add(icmp_code::index, run_of_icmp<std::uint8_t, 0>, port, protocol_field);
    }
  }

  void rest() {
    copy_first({{cert, 33}}, application_label::index);
    if (const std::uint16_t field = find(iana, 95); field != Operation::no_field)
      add(application_label::index, run_application, field);
    if (const std::uint16_t field = find(iana, 70); field != Operation::no_field) add(mpls_label::index, run_mpls, field);

    rate<IntervalOf>(sampling::index);
    rate<SourceOf>(sampling_source::index);
  }

  template <class Part>
  void rate(int column) {
    constexpr auto none = Operation::no_field;
    std::uint16_t selector = none;
    for (const std::uint16_t id : std::initializer_list<std::uint16_t>{48, 302, 301})
      if (selector == none) selector = find_number(id);
    for (const std::uint16_t id : std::initializer_list<std::uint16_t>{34, 50})
      if (const std::uint16_t field = find_number(id); field != none)
        add(column, run_stated_interval<Part>, field, selector, find_number(10));
    const std::uint16_t interval = find_number(305), space = find_number(306);
    if (interval != none && space != none) add(column, run_interval_and_space<Part>, interval, space, selector);
    const std::uint16_t size = find_number(309), population = find_number(310);
    if (size != none && population != none) add(column, run_size_and_population<Part>, size, population, selector);
    if (const std::uint16_t field = find_number(311); field != none) add(column, run_probability<Part>, field, selector);
    add(column, run_announced_interval<Part>, selector, find_number(10), find_number(14));
  }

  // The default of a column that the record does not have.
  void fill(int column) {
    out_.absent |= std::uint64_t{1} << column;
    if (column == flow_direction::index) return add(column, run_constant<std::uint8_t, 255>);
    switch (cell_size(column, family_)) {
      case 1:
        return add(column, run_constant<std::uint8_t, 0>);
      case 2:
        return add(column, run_constant<std::uint16_t, 0>);
      case 4:
        return add(column, run_constant<std::uint32_t, 0>);
      case 8:
        return add(column, run_constant<std::uint64_t, 0>);
      default:
        return add(column, run_zero_address);
    }
  }

  const Template& layout_;
  const Wanted& wanted_;
  bool reverse_;
  std::uint32_t family_;
  bool keep_;
  Plan& out_;
  Wanted done_{};
};

}  // namespace

void compile(const Template& layout, const Wanted& wanted, Side side, std::uint32_t family, bool keep_biflows, Plan& out) {
  Compiler(layout, wanted, side, family, keep_biflows, out).compile();
}

std::vector<std::uint16_t> counters_of_reverse(const Template& layout) {
  std::vector<std::uint16_t> found;
  for (const Rule& rule : rules()) {
    if (rule.column != reverse_packets::index && rule.column != reverse_bytes::index) continue;
    for (const Source& source : rule.sources) {
      if (source.only_v9) continue;  // of the same flow
      const std::size_t field = layout.find(source.enterprise, source.id);
      if (field != Template::npos) found.push_back(static_cast<std::uint16_t>(field));
    }
  }
  return found;
}

}  // namespace mole::plugins::flow_export
