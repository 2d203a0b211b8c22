// Plans: a template compiled for the needed columns. An operation of a plan computes one column of consecutive records, so that
// records of fixed size are decoded column by column, without a decision per record and field.
#pragma once

#include "plugins/decoders/export/template.hpp"

#include <mole/decoder.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace mole::plugins::flow_export {

// Sampling intervals that options records of a domain have announced.
struct Sampling {
  std::uint32_t interval = 0;                                              // of the whole domain; 0: not announced
  std::unordered_map<std::uint64_t, std::uint32_t> of_selector;            // flowSamplerId, selectorId
  std::unordered_map<std::uint64_t, std::uint32_t> of_interface;           // the input or output interface
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> sequence;  // selectionSequenceId -> its selectors

  bool empty() const { return interval == 0 && of_selector.empty() && of_interface.empty(); }
};

// A sampling interval, and what states it: MOLE_SAMPLING_*.
struct Rate {
  std::uint32_t interval = 1;
  std::uint8_t source = MOLE_SAMPLING_UNKNOWN;
};

// The latest time and the longest duration, in µs: the end of the year 9999. Longer ones are cut to it where they are read, so
// that sums and differences of a few do not overflow.
constexpr std::int64_t max_us = 253'402'300'799'999'999;
// `value` units of `unit` µs.
constexpr std::int64_t to_us(std::uint64_t value, std::uint64_t unit) {
  return value > static_cast<std::uint64_t>(max_us) / unit ? max_us : static_cast<std::int64_t>(value * unit);
}

// Properties of a message that operations need besides its records.
struct Context {
  std::int64_t exported_us = 0;
  // SysUptime: its value at now_ms. Without a boot time, SysUptime has no relation to absolute time.
  bool has_uptime = false;
  bool may_wrap = true;  // false: the exporter started less than 2^32 ms ago, at start_ms
  std::int64_t now_ms = 0, start_ms = 0;
  std::uint32_t uptime_ms = 0;
  std::uint32_t max_ahead_ms = 0x80000000;  // how much later than the message a time may be
  std::uint32_t domain = 0;
  std::uint32_t sampling = 0;           // of the header (NetFlow v5); 0: not stated
  Addr exporter{};                      // all zero: unknown
  const Sampling* announced = nullptr;  // by options; null: none

  std::int64_t time_of_uptime(std::uint64_t uptime) const;
  // Sets the time when SysUptime was 0.
  void set_start(std::int64_t ms);
};

// Destination: the columns of a batch of one address family. Columns that are not needed are null.
using Columns = std::array<std::byte*, MOLE_COLUMN_COUNT>;

// One operation's view of `count` records: the fields a, b, c of the first one, each null if there is none.
struct Input {
  Value a, b, c;
  std::size_t stride;
  std::uint32_t count;
  std::uint16_t number;  // of the element in field a
  const Context* context;
  void* cells;
};
using Run = void (*)(const Input&);

struct Operation {
  static constexpr std::uint16_t no_field = 0xffff;
  Run run;
  std::uint8_t column;
  std::uint8_t cell_size;
  std::uint16_t number = 0;
  std::uint16_t a = no_field, b = no_field, c = no_field;  // indexes of fields
};

enum class Side : std::uint8_t { forward, reverse };  // reverse: the second flow of a biflow

struct Plan {
  std::vector<Operation> operations;
  std::uint64_t absent = 0;  // columns that get their default because records have no field for them: bit c

  // Returns `absent` for records of a message: without a field, its sender is the exporter, if it is known.
  std::uint64_t absent_in(const Context& context) const {
    return context.exporter == Addr{} ? absent : absent & ~(std::uint64_t{1} << exporter_addr::index);
  }
  // Decodes `count` records of fixed size from `records`, to the rows from `row`.
  void run(const Template& layout, const std::byte* records, std::uint32_t count, const Context& context, const Columns& columns,
           std::uint32_t row) const;
  // Decodes one record with these field values.
  void run(const Value* values, const Context& context, const Columns& columns, std::uint32_t row) const;
};

// Whether a column is needed, by its number.
using Wanted = std::array<bool, MOLE_COLUMN_COUNT>;

// The plans of one template, compiled when they are used first.
class Plans {
 public:
  Plans(const Template& layout, const Wanted& wanted, std::span<const mole_element> elements, bool keep_biflows);

  const Plan& plan(Side side, std::uint32_t family) const { return plans_[side == Side::reverse][family == 6]; }

  // Columns for which no record has a field: bit c.
  std::uint64_t absent() const {
    std::uint64_t absent = ~std::uint64_t{0};
    for (const std::uint32_t family : {4u, 6u})
      if (family_ == 0 || family_ == family) absent &= plan(Side::forward, family).absent;
    return absent;
  }
  // Family of the addresses of all records: 4 or 6; 0: each record has its own.
  std::uint32_t family() const { return family_; }
  std::uint32_t family_of(const Value* values) const;

  // Fields that count the packets and bytes of the other direction; empty if there are none or biflows are kept.
  const std::vector<std::uint16_t>& reverse_counters() const { return reverse_counters_; }

  struct ElementField {
    std::uint16_t element;  // index in FlowBuilder::elements()
    std::uint16_t field;
  };
  const std::vector<ElementField>& elements() const { return elements_; }
  // List fields that must be searched, for elements or for TCP flags.
  const std::vector<std::uint16_t>& lists() const { return lists_; }
  bool flags_in_lists() const { return flags_in_lists_; }
  // Whether field values are needed for each record, besides the operations.
  bool needs_values() const { return !elements_.empty() || !lists_.empty() || !reverse_counters_.empty() || family_ == 0; }

 private:
  std::array<std::array<Plan, 2>, 2> plans_;
  std::uint32_t family_ = 4;
  std::vector<std::uint16_t> addresses_[2];  // source and destination fields of IPv4 and IPv6
  std::size_t version_field_ = Template::npos;
  std::vector<std::uint16_t> reverse_counters_;
  std::vector<ElementField> elements_;
  std::vector<std::uint16_t> lists_;
  bool flags_in_lists_ = false;
};

// Size of a cell of a column in a batch of this family.
std::uint8_t cell_size(int column, std::uint32_t family);
// Microseconds since 1970 in a time element with this number and value.
std::int64_t time_of(std::uint16_t number, const Value& value, const Context& context);

enum class List : std::uint8_t { none, basic, sub_template, sub_template_multi };
// The kind of list in an element. Besides 291 to 293, the registries of IANA and CERT define further elements that are lists.
List list_in(std::uint32_t enterprise, std::uint16_t number);

}  // namespace mole::plugins::flow_export
