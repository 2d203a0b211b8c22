#include "plugins/decoders/export/rows.hpp"

#include <bit>
#include <cstring>
#include <string_view>
#include <utility>

namespace mole::plugins::flow_export {
namespace {

template <class... C>
struct ColumnList {};
using AllColumns =
    ColumnList<start, mole::end, src_addr, dst_addr, src_port, dst_port, protocol, packets, bytes, tcp_flags, tos, src_as, dst_as,
               src_mask, dst_mask, next_hop, in_if, out_if, sampling, application_label, observation_domain, exporter_addr,
               src_vlan, dst_vlan, mpls_label, post_src_addr, post_dst_addr, post_src_port, post_dst_port, reverse_packets,
               reverse_bytes, icmp_type, icmp_code, end_reason, flow_direction, scaled, sampling_source>;

template <class... C>
Columns columns_of(const FlowBuilder& out, ColumnList<C...>) {
  Columns columns{};
  ((columns[C::index] = reinterpret_cast<std::byte*>(out.column<C>())), ...);
  return columns;
}

}  // namespace

Wanted wanted_columns(const FlowBuilder& out) {
  Wanted wanted{};
  const Columns columns = columns_of(out, AllColumns{});
  for (std::size_t i = 0; i < columns.size(); ++i) wanted[i] = columns[i] != nullptr;
  return wanted;
}

void HostRows::bind(FlowBuilder& out) {
  out_ = &out;
  rows = out.rows();
  if (rows == 0) {
    value_bytes_ = 0;
    absent = all;
  }
  capacity = out.capacity();
  columns = columns_of(out, AllColumns{});
}

void HostRows::put(std::size_t element, std::uint32_t row, const void* data, std::size_t size) {
  constexpr std::size_t other_bytes = 32;  // that the host needs for a value
  value_bytes_ += size + other_bytes;
  if (!out_->put(element, row, data, size)) throw Failure(exhausted("no memory is left for the values of information elements"));
}

void KeptRows::allocate(const Wanted& wanted, std::uint32_t max_rows) {
  capacity = max_rows;
  memory_.assign(wanted.size(), {});
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i]) continue;
    memory_[i].resize(std::size_t{max_rows} * cell_size(static_cast<int>(i), 6));
    columns[i] = memory_[i].data();
  }
}

void KeptRows::put(std::size_t element, std::uint32_t row, const void* data, std::size_t size) {
  puts_.push_back({static_cast<std::uint32_t>(element), row, values_.size(), size});
  const auto* bytes = static_cast<const std::byte*>(data);
  values_.insert(values_.end(), bytes, bytes + size);
}

void KeptRows::move_to(Rows& out) {
  const std::uint32_t moved = std::min(rows, out.capacity);
  out.family = family;
  out.rows = moved;
  out.absent &= absent;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] == nullptr) continue;
    const std::size_t cell = cell_size(static_cast<int>(i), family);
    std::memcpy(out.columns[i], columns[i], moved * cell);
    std::memmove(columns[i], columns[i] + moved * cell, (rows - moved) * cell);
  }
  std::vector<Put> left;
  for (const Put& p : puts_) {
    if (p.row < moved)
      out.put(p.element, p.row, values_.data() + p.at, p.size);
    else
      left.push_back({p.element, p.row - moved, p.at, p.size});
  }
  rows -= moved;
  puts_ = std::move(left);
  if (puts_.empty()) values_.clear();
  if (rows > 0) return;
  family = 0;
  absent = all;
}

void put_element(Rows& rows, std::size_t index, const mole_element& element, std::uint32_t row, const Value& value,
                 const Context& context) {
  if (value.size == 0 && element.type != MOLE_TYPE_TEXT && element.type != MOLE_TYPE_BYTES) return;
  const std::uint64_t number = read_unsigned(value.data, value.size);
  const auto put_number = [&](std::uint64_t v) { rows.put(index, row, &v, sizeof v); };
  switch (element.type) {
    case MOLE_TYPE_U64:
      return put_number(number);
    case MOLE_TYPE_I64: {
      const unsigned unused = value.size < 8 ? 64 - 8 * value.size : 0;
      return put_number(static_cast<std::uint64_t>(static_cast<std::int64_t>(number << unused) >> unused));
    }
    case MOLE_TYPE_F64:
      if (value.size == 8) put_number(number);
      if (value.size == 4)
        put_number(std::bit_cast<std::uint64_t>(double{std::bit_cast<float>(static_cast<std::uint32_t>(number))}));
      return;
    case MOLE_TYPE_BOOL:
      return put_number(number == 1 ? 1 : 0);  // 2 is false (RFC 7011, section 6.1.5)
    case MOLE_TYPE_TIME:
      return put_number(static_cast<std::uint64_t>(time_of(element.id, value, context)));
    case MOLE_TYPE_ADDR: {
      if (value.size != 4 && value.size != 16) return;
      const Addr address = value.size == 4 ? Addr::v4(static_cast<std::uint32_t>(number)) : Addr::v6(value.data);
      return rows.put(index, row, address.bytes.data(), address.bytes.size());
    }
    case MOLE_TYPE_TEXT: {  // strings of fixed length are padded with zeros
      std::string_view text(reinterpret_cast<const char*>(value.data), value.size);
      while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
      return rows.put(index, row, text.data(), text.size());
    }
    default:
      return rows.put(index, row, value.data, value.size);
  }
}

}  // namespace mole::plugins::flow_export
