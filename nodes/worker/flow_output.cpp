#include "nodes/worker/flow_output.hpp"

#include "runtime/decode/element_text.hpp"
#include "runtime/rows/rows_format.hpp"
#include "sdk/model/flow_columns.hpp"
#include "sdk/model/time.hpp"

#include <mole/addr.hpp>

#include <arpa/inet.h>
#include <nlohmann/json.hpp>

#include <cstring>
#include <span>
#include <utility>

namespace mole::nodes {
namespace {

constexpr std::size_t buffer_size = std::size_t{1} << 20;
constexpr std::size_t max_value_bytes = 128;  // of one value with its key and separators

// Writes an IPv4 address in dotted form, at most 15 characters; returns the end.
char* write_dotted(char* to, char* end, std::uint32_t address) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    to = std::to_chars(to, end, address >> shift & 255).ptr;
    if (shift) *to++ = '.';
  }
  return to;
}

// Writes an address as text, at most INET6_ADDRSTRLEN - 1 characters; returns the end. `mapped`: an IPv4-mapped address is the
// IPv4 address.
char* write_address(char* to, char* end, const Addr& address, bool mapped) {
  if (mapped && address.is_v4()) return write_dotted(to, end, address.v4_value());
  inet_ntop(AF_INET6, address.bytes.data(), to, INET6_ADDRSTRLEN);
  return to + std::strlen(to);
}

// The same for an address of a batch. Writes nothing for an unknown address of a column that has 16 bytes in every batch.
char* write_address(char* to, char* end, const runtime::FlowBatch& batch, int column, std::uint32_t row) {
  if (runtime::column_width(column, batch.address_family) == 4)
    return write_dotted(to, end, batch.column<std::uint32_t>(column)[row]);
  const Addr& address = batch.column<Addr>(column)[row];
  if (is_family_address(column)) return write_address(to, end, address, false);
  return address == Addr{} ? to : write_address(to, end, address, true);
}

// Returns the values of an information element in a flow, separated by semicolons; a semicolon or backslash within a value has a
// backslash before it.
std::string element_values(const runtime::FlowBatch& batch, int column, std::uint32_t row, TimeFormat times) {
  const auto& values = batch.column<mole_values>(column)[row];
  const bool in_ms = times == TimeFormat::epoch_ms && value_type(element_of_column(column)->type) == "time";
  std::string out;
  for (std::uint64_t i = 0; i < values.count; ++i) {
    if (i > 0) out += ';';
    if (in_ms) {
      out += std::to_string(floor_div(static_cast<const std::int64_t*>(values.values)[i], 1000));
      continue;
    }
    const auto from = out.size();
    runtime::append_element_text(out, element_of_column(column)->type, values, i);
    for (auto at = from; (at = out.find_first_of(";\\", at)) != out.npos; at += 2) out.insert(at, 1, '\\');
  }
  return out;
}

// Returns them as a JSON array: numbers and booleans as such, everything else as strings; null if there are none.
std::string element_json(const runtime::FlowBatch& batch, int column, std::uint32_t row, TimeFormat times) {
  const auto& values = batch.column<mole_values>(column)[row];
  const auto type = element_of_column(column)->type;
  const auto seen = value_type(type);
  if (values.count == 0) return "null";
  std::string out = "[";
  for (std::uint64_t i = 0; i < values.count; ++i) {
    if (i > 0) out += ',';
    if (seen == "time" && times == TimeFormat::epoch_ms) {
      out += std::to_string(floor_div(static_cast<const std::int64_t*>(values.values)[i], 1000));
    } else if (seen == "f64") {
      out += nlohmann::json(static_cast<const double*>(values.values)[i]).dump();  // null, if it is not finite
    } else {
      const auto from = out.size();
      runtime::append_element_text(out, type, values, i);
      const bool plain = seen == "u64" || seen == "i64" || seen == "bool";
      if (!plain) out.replace(from, out.npos, nlohmann::json(out.substr(from)).dump());
    }
  }
  return out + "]";
}

// Quotes a value of CSV if it needs that (RFC 4180).
std::string quoted_if_needed(std::string text) {
  if (text.find_first_of("\",\r\n") == text.npos) return text;
  for (std::size_t at = 0; (at = text.find('"', at)) != text.npos; at += 2) text.insert(at, 1, '"');
  return '"' + text + '"';
}

std::string_view unit_of(int column) {
  switch (column) {
    case MOLE_COLUMN_BYTES:
    case MOLE_COLUMN_REVERSE_BYTES:
      return "B";
    case MOLE_COLUMN_PACKETS:
    case MOLE_COLUMN_REVERSE_PACKETS:
      return "packet";
    default:
      return {};
  }
}

Addr address_of(const runtime::FlowBatch& batch, int column, std::uint32_t row) {
  return runtime::column_width(column, batch.address_family) == 4 ? Addr::v4(batch.column<std::uint32_t>(column)[row])
                                                                  : batch.column<Addr>(column)[row];
}

// Sets the values of an address column. An unknown address is null.
void set_addresses(runtime::Column& out, AddressFormat format, const runtime::FlowBatch& batch, int column) {
  if (!is_family_address(column))
    for (std::uint32_t row = 0; row < batch.rows; ++row) out.valid.push_back(address_of(batch, column, row) != Addr{});
  if (format == AddressFormat::bytes) {
    std::vector<Addr> values(batch.rows);
    for (std::uint32_t row = 0; row < batch.rows; ++row) values[row] = address_of(batch, column, row);
    out.values = std::move(values);
    return;
  }
  std::vector<std::string> values;
  values.reserve(batch.rows);
  char text[INET6_ADDRSTRLEN];
  for (std::uint32_t row = 0; row < batch.rows; ++row)
    values.emplace_back(text, write_address(text, std::end(text), batch, column, row));
  out.values = std::move(values);
}

// Returns the column type in which the values of an element are exported (docs/decisions/0198).
std::string_view exported_type(ElementType type, AddressFormat addresses) {
  using enum ElementType;
  switch (type) {
    case unsigned8:
      return "u8";
    case unsigned16:
      return "u16";
    case unsigned32:
      return "u32";
    case octet_array:
    case unsigned256:
      return "bytes";
    case ipv4_address:
    case ipv6_address:
      return addresses == AddressFormat::text ? "text" : "addr";
    default:
      return value_type(type);
  }
}

template <class T>
T exported_value(ElementType type, const mole_values& values, std::uint64_t i) {
  if constexpr (std::is_same_v<T, std::string>) {
    if (type == ElementType::octet_array || type == ElementType::unsigned256) {
      const auto& octets = static_cast<const mole_text*>(values.values)[i];
      return {octets.data, static_cast<std::size_t>(octets.size)};
    }
    std::string text;
    runtime::append_element_text(text, type, values, i);
    return text;
  } else if constexpr (sizeof(T) < 8) {
    return static_cast<T>(static_cast<const std::uint64_t*>(values.values)[i]);
  } else {
    return static_cast<const T*>(values.values)[i];
  }
}

// Returns the lists of an element's values. invalid: a value does not fit the type in the registry.
Result<runtime::Column> element_column(const runtime::FlowBatch& batch, int column, AddressFormat addresses) {
  const auto& element = *element_of_column(column);
  runtime::Column out{element.name, std::string(exported_type(element.type, addresses)), "", "", {}, {}, element.name, true, {}};
  out.values = *runtime::empty_values(out.type);
  bool fits = true;
  std::visit(
      [&]<class T>(std::vector<T>& to) {
        for (std::uint32_t row = 0; row < batch.rows; ++row) {
          const auto& values = batch.column<mole_values>(column)[row];
          for (std::uint64_t i = 0; i < values.count; ++i) {
            to.push_back(exported_value<T>(element.type, values, i));
            if constexpr (std::is_integral_v<T> && sizeof(T) < 8)
              fits = fits && to.back() == static_cast<const std::uint64_t*>(values.values)[i];
          }
          out.ends.push_back(to.size());
          out.valid.push_back(values.count > 0);
        }
      },
      out.values);
  if (!fits)
    return invalid("a value of " + element.name + " exceeds the type " + std::string(name_of(element.type)) +
                   " that the registry defines; export it as csv or ndjson");
  return out;
}

Result<runtime::Column> column_of(const runtime::FlowBatch& batch, int column, AddressFormat addresses) {
  if (is_element_column(column)) return element_column(batch, column, addresses);
  runtime::Column out{std::string(flow_column_name(column)),    "", std::string(unit_of(column)), "", {}, {},
                      std::string(ipfix_name_of_column(column))};
  if (is_time_column(column)) {
    const auto values = batch.column<std::int64_t>(column);
    out.type = "time";
    out.values = std::vector<std::int64_t>(values.begin(), values.end());
  } else if (is_address_column(column)) {
    out.type = addresses == AddressFormat::text ? "text" : "addr";
    set_addresses(out, addresses, batch, column);
  } else {
    out.type = "u" + std::to_string(8 * runtime::column_width(column));
    with_numbers(batch, column,
                 [&]<class T>(std::span<const T> values) { out.values = std::vector<T>(values.begin(), values.end()); });
  }
  return out;
}

std::string length_bytes(std::uint64_t length) { return {reinterpret_cast<const char*>(&length), sizeof length}; }

}  // namespace

std::string address_text(const Addr& address) {
  char text[INET6_ADDRSTRLEN];
  return {text, write_address(text, std::end(text), address, true)};
}

// ---- text

FlowPrinter::FlowPrinter(FlowSink sink, FlowFormat format, TimeFormat times, std::vector<int> columns)
    : sink_(std::move(sink)), format_(format), times_(times), columns_(std::move(columns)), buffer_(buffer_size) {
  for (const int c : columns_) keys_.push_back((keys_.empty() ? "{\"" : ",\"") + std::string(flow_column_name(c)) + "\":");
}

void FlowPrinter::text(std::string_view s) {
  std::memcpy(buffer_.data() + used_, s.data(), s.size());
  used_ += s.size();
}

// Enlarges the buffer for a text of any length, and for the rest of the line.
void FlowPrinter::long_text(std::string_view s) {
  const auto needed = used_ + s.size() + columns_.size() * max_value_bytes + 8;
  if (buffer_.size() < needed) buffer_.resize(needed);
  text(s);
}

void FlowPrinter::address(const runtime::FlowBatch& batch, int column, std::uint32_t row) {
  char* const end = buffer_.data() + buffer_.size();
  used_ = static_cast<std::size_t>(write_address(buffer_.data() + used_, end, batch, column, row) - buffer_.data());
}

void FlowPrinter::time(std::int64_t us) {
  if (times_ == TimeFormat::epoch_ms) {
    return number(floor_div(us, 1000));
  }
  const std::int64_t second = floor_div(us, second_us);
  if (second != second_) {  // flows are nearly in time order, so the date is rarely formatted
    second_ = second;
    second_text_ = format_time(second * second_us);
    second_text_.pop_back();  // the Z
  }
  text(second_text_);
  if (const auto fraction = static_cast<std::uint32_t>(us - second * second_us); fraction != 0) {
    char digits[8] = {'.'};
    std::uint32_t rest = fraction;
    for (int i = 6; i >= 1; --i, rest /= 10) digits[i] = static_cast<char>('0' + rest % 10);
    std::size_t length = 7;
    while (digits[length - 1] == '0') --length;
    text({digits, length});
  }
  text("Z");
}

void FlowPrinter::value(const runtime::FlowBatch& batch, int column, std::uint32_t row) {
  if (is_time_column(column)) return time(batch.column<std::int64_t>(column)[row]);
  if (is_address_column(column)) return address(batch, column, row);
  if (is_element_column(column))
    return long_text(format_ == FlowFormat::csv ? quoted_if_needed(element_values(batch, column, row, times_))
                                                : element_json(batch, column, row, times_));
  with_numbers(batch, column, [&](const auto& values) { number(values[row]); });
}

Result<> FlowPrinter::print(const runtime::FlowBatch& batch) {
  const std::size_t max_line_bytes = columns_.size() * max_value_bytes + 8;
  for (std::uint32_t row = 0; row < batch.rows; ++row) {
    if (buffer_.size() - used_ < max_line_bytes)
      if (auto flushed = flush(); !flushed) return flushed;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (format_ == FlowFormat::csv) {
        if (i) buffer_[used_++] = ',';
        value(batch, columns_[i], row);
        continue;
      }
      if (flow_column_type(columns_[i]).kind == FlowColumnKind::address16 && batch.column<Addr>(columns_[i])[row] == Addr{}) {
        text(keys_[i]);
        text("null");
        continue;
      }
      const bool quoted = is_address_column(columns_[i]) || (is_time_column(columns_[i]) && times_ == TimeFormat::rfc3339);
      text(keys_[i]);
      if (quoted) buffer_[used_++] = '"';
      value(batch, columns_[i], row);
      if (quoted) buffer_[used_++] = '"';
    }
    text(format_ == FlowFormat::csv ? "\n" : "}\n");
  }
  return {};
}

Result<> FlowPrinter::flush() {
  const auto size = std::exchange(used_, 0);
  return size == 0 ? Result<>() : sink_({buffer_.data(), size});
}

std::string header_of(FlowFormat format, const std::vector<int>& columns) {
  std::string line;
  if (format != FlowFormat::csv) return line;
  for (const int column : columns) line += (line.empty() ? "" : ",") + std::string(flow_column_name(column));
  return line + "\n";
}

// ---- frames

Result<std::string> flow_frame(const std::vector<int>& columns, AddressFormat addresses, const runtime::FlowBatch& batch) {
  runtime::RowTable table;
  for (const int column : columns) {
    MOLE_TRY(auto values, column_of(batch, column, addresses));
    table.columns.push_back(std::move(values));
  }
  MOLE_TRY(const auto bytes, runtime::encode_rows(table));
  return length_bytes(bytes.size()) + bytes;
}

std::string last_frame() { return length_bytes(0); }

}  // namespace mole::nodes
