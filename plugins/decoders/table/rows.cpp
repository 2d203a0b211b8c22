#include "rows.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

namespace mole::plugins::table {
namespace {

std::uint32_t family_of(const Flow& flow) {
  return flow.addresses[MOLE_COLUMN_SRC_ADDR].is_v4() && flow.addresses[MOLE_COLUMN_DST_ADDR].is_v4() ? 4 : 6;
}

std::uint32_t as_number(const Addr& address) {
  std::uint32_t number;
  std::memcpy(&number, address.bytes.data() + 12, 4);
  return __builtin_bswap32(number);
}

}  // namespace

void Flow::reset() {
  numbers = {};
  numbers[MOLE_COLUMN_SAMPLING] = 1;
  numbers[MOLE_COLUMN_FLOW_DIRECTION] = 255;
  addresses = {};
  received = 0;
  has_exporter = false;
  values.clear();
  bytes.clear();
}

void Flow::put(std::size_t element, const void* data, std::size_t size) {
  values.push_back({element, bytes.size(), size});
  const auto* from = static_cast<const char*>(data);
  bytes.insert(bytes.end(), from, from + size);
}

// ---- reports

void Exports::add(std::int64_t end, std::int64_t received, std::uint32_t exporter) {
  constexpr std::int64_t second_us = 1'000'000, max_delay = 3600 * second_us;
  const auto difference = received > end ? received - end : end - received;
  const bool is_received = received != 0 && difference <= max_delay;
  const bool same = exporter == exporter_ && (is_received ? count_ == 0 && received / second_us == received_ / second_us
                                                          : received_count_ == 0 && count_ < max_group);
  if (!same) flush();
  exporter_ = exporter;
  if (is_received) {
    if (received_count_++ == 0) received_ = received;
  } else {
    ends_[count_++] = end;
  }
}

void Exports::flush() {
  if (received_count_ > 0) sink_.datagram({received_}, std::exchange(received_count_, 0), 0, false, exporter_);
  if (count_ == 0) return;
  constexpr std::int64_t max_delay = 3'600'000'000;
  const auto last = ends_.begin() + static_cast<std::ptrdiff_t>(count_),
             middle = ends_.begin() + static_cast<std::ptrdiff_t>(count_ / 2);
  std::nth_element(ends_.begin(), middle, last);
  std::int64_t latest = *middle;  // times far from the others are wrong
  for (auto end = middle; end != last; ++end)
    if (*end <= *middle + max_delay) latest = std::max(latest, *end);
  sink_.datagram({latest}, static_cast<std::uint32_t>(std::exchange(count_, 0)), 0, false, exporter_);
}

// ---- batches

Result<bool> Rows::begin(FlowBuilder& out) {
  out_ = &out;
  rows_ = 0;
  capacity_ = out.capacity();
  family_ = 0;
  const auto get = [&]<class C>(C) {
    if constexpr (!std::is_same_v<C, any_element>) columns_[C::index] = out.column<C>();
  };
  [&]<class... C>(Writes<C...>) { (get(C()), ...); }(Columns());
  if (held_.empty()) return false;
  std::size_t taken = 0;
  for (; taken < held_.size() && rows_ < capacity_; ++taken) {
    if (auto written = write(held_[taken]); !written) return written.error();
    held_bytes_ -= held_[taken].bytes.size();
  }
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(taken));
  end(out);
  return true;
}

Result<> Rows::add() {
  exports_.add(static_cast<std::int64_t>(flow.numbers[MOLE_COLUMN_END]), flow.received, number_of(flow));
  const auto family = family_of(flow);
  if (family_ != 0 && family != family_) {
    held_.push_back(flow);
    held_bytes_ += flow.bytes.size();
    return {};
  }
  return write(flow);
}

Result<> Rows::write(const Flow& from) {
  if (rows_ == 0) {
    family_ = family_of(from);
    out_->set_address_family(family_);
  }
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c] == nullptr) continue;
    auto* column = static_cast<std::byte*>(columns_[c]);
    if (column_widths[c] == 0 && family_ == 4) {
      // An IPv6 next hop of an IPv4 flow is not representable.
      const std::uint32_t number = from.addresses[c].is_v4() ? as_number(from.addresses[c]) : 0;
      std::memcpy(column + rows_ * sizeof number, &number, sizeof number);
    } else if (column_widths[c] == 0 || column_widths[c] == sizeof(Addr)) {
      std::memcpy(column + rows_ * sizeof(Addr), from.addresses[c].bytes.data(), sizeof(Addr));
    } else {
      std::memcpy(column + rows_ * column_widths[c], &from.numbers[c], column_widths[c]);  // little-endian
    }
  }
  for (const auto& value : from.values)
    if (!out_->put(value.element, rows_, from.bytes.data() + value.offset, value.size))
      return Error{Code::exhausted, "the host has no memory left for values of information elements"};
  ++rows_;
  return {};
}

bool Rows::end(FlowBuilder& out) {
  out.set_rows(rows_);
  return rows_ > 0 || !held_.empty();
}

std::uint32_t Rows::number_of(const Flow& from) {
  constexpr std::size_t max_exporters = 256;
  if (!from.has_exporter) return 0;
  const auto& address = from.addresses[MOLE_COLUMN_EXPORTER_ADDR];
  const auto number = static_cast<std::size_t>(std::ranges::find(exporters_, address) - exporters_.begin());
  if (number == exporters_.size() && number < max_exporters) exporters_.push_back(address);
  return static_cast<std::uint32_t>(number);
}

}  // namespace mole::plugins::table
