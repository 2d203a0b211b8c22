// Flow columns as types, and Flows<...>: the rows of a batch with the given columns.
//
//   std::uint64_t sum(const mole::Flows<mole::bytes, mole::packets>& flows) {
//     std::uint64_t sum = 0;
//     for (auto [bytes, packets] : flows) sum += bytes + packets;
//     return sum;
//   }
//
// The runtime decodes only the columns that the parameter of `add` names. Times are Time, addresses Addr, all others integers.
#pragma once

#include <mole/abi.h>
#include <mole/addr.hpp>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace mole {
namespace detail {

// A string literal as a template argument.
template <std::size_t N>
struct Literal {
  char text[N];
  constexpr Literal(const char (&literal)[N]) {  // NOLINT: implicit by design
    for (std::size_t i = 0; i < N; ++i) text[i] = literal[i];
  }
};

}  // namespace detail

// Microseconds since 1970-01-01T00:00:00Z.
struct Time {
  std::int64_t us = 0;
  auto operator<=>(const Time&) const = default;
};

// A time interval, [start, end).
struct Interval {
  Time start, end;
  double seconds() const { return static_cast<double>(end.us - start.us) / 1e6; }
  auto operator<=>(const Interval&) const = default;
};

// `stored`: the type of an element in a column. Addresses are stored as uint32_t in IPv4 batches, as Addr in IPv6 batches.
template <detail::Literal Name, int Index, class T, class Stored = T>
struct FlowColumn {
  static constexpr const char* name = Name.text;
  static constexpr int index = Index;
  using value = T;
  using stored = Stored;
};

struct start : FlowColumn<"start", MOLE_COLUMN_START, Time> {};
struct end : FlowColumn<"end", MOLE_COLUMN_END, Time> {};
struct src_addr : FlowColumn<"src_addr", MOLE_COLUMN_SRC_ADDR, Addr, std::uint32_t> {};
struct dst_addr : FlowColumn<"dst_addr", MOLE_COLUMN_DST_ADDR, Addr, std::uint32_t> {};
struct src_port : FlowColumn<"src_port", MOLE_COLUMN_SRC_PORT, std::uint16_t> {};
struct dst_port : FlowColumn<"dst_port", MOLE_COLUMN_DST_PORT, std::uint16_t> {};
struct protocol : FlowColumn<"protocol", MOLE_COLUMN_PROTOCOL, std::uint8_t> {};
struct packets : FlowColumn<"packets", MOLE_COLUMN_PACKETS, std::uint64_t> {};
struct bytes : FlowColumn<"bytes", MOLE_COLUMN_BYTES, std::uint64_t> {};
struct tcp_flags : FlowColumn<"tcp_flags", MOLE_COLUMN_TCP_FLAGS, std::uint16_t> {};
struct tos : FlowColumn<"tos", MOLE_COLUMN_TOS, std::uint8_t> {};
struct src_as : FlowColumn<"src_as", MOLE_COLUMN_SRC_AS, std::uint32_t> {};
struct dst_as : FlowColumn<"dst_as", MOLE_COLUMN_DST_AS, std::uint32_t> {};
struct src_mask : FlowColumn<"src_mask", MOLE_COLUMN_SRC_MASK, std::uint8_t> {};
struct dst_mask : FlowColumn<"dst_mask", MOLE_COLUMN_DST_MASK, std::uint8_t> {};
struct next_hop : FlowColumn<"next_hop", MOLE_COLUMN_NEXT_HOP, Addr, std::uint32_t> {};
struct in_if : FlowColumn<"in_if", MOLE_COLUMN_IN_IF, std::uint32_t> {};
struct out_if : FlowColumn<"out_if", MOLE_COLUMN_OUT_IF, std::uint32_t> {};
struct router : FlowColumn<"router", MOLE_COLUMN_ROUTER, std::uint32_t> {};
struct sampling : FlowColumn<"sampling", MOLE_COLUMN_SAMPLING, std::uint32_t> {};
struct application_label : FlowColumn<"application_label", MOLE_COLUMN_APPLICATION_LABEL, std::uint32_t> {};
struct observation_domain : FlowColumn<"observation_domain", MOLE_COLUMN_OBSERVATION_DOMAIN, std::uint32_t> {};
struct exporter_addr : FlowColumn<"exporter_addr", MOLE_COLUMN_EXPORTER_ADDR, Addr> {};
struct src_vlan : FlowColumn<"src_vlan", MOLE_COLUMN_SRC_VLAN, std::uint16_t> {};
struct dst_vlan : FlowColumn<"dst_vlan", MOLE_COLUMN_DST_VLAN, std::uint16_t> {};
struct mpls_label : FlowColumn<"mpls_label", MOLE_COLUMN_MPLS_LABEL, std::uint32_t> {};
struct post_src_addr : FlowColumn<"post_src_addr", MOLE_COLUMN_POST_SRC_ADDR, Addr> {};
struct post_dst_addr : FlowColumn<"post_dst_addr", MOLE_COLUMN_POST_DST_ADDR, Addr> {};
struct post_src_port : FlowColumn<"post_src_port", MOLE_COLUMN_POST_SRC_PORT, std::uint16_t> {};
struct post_dst_port : FlowColumn<"post_dst_port", MOLE_COLUMN_POST_DST_PORT, std::uint16_t> {};
struct reverse_packets : FlowColumn<"reverse_packets", MOLE_COLUMN_REVERSE_PACKETS, std::uint64_t> {};
struct reverse_bytes : FlowColumn<"reverse_bytes", MOLE_COLUMN_REVERSE_BYTES, std::uint64_t> {};
struct icmp_type : FlowColumn<"icmp_type", MOLE_COLUMN_ICMP_TYPE, std::uint8_t> {};
struct icmp_code : FlowColumn<"icmp_code", MOLE_COLUMN_ICMP_CODE, std::uint8_t> {};
struct end_reason : FlowColumn<"end_reason", MOLE_COLUMN_END_REASON, std::uint8_t> {};
struct flow_direction : FlowColumn<"flow_direction", MOLE_COLUMN_FLOW_DIRECTION, std::uint8_t> {};
struct scaled : FlowColumn<"scaled", MOLE_COLUMN_SCALED, std::uint8_t> {};
struct sampling_source : FlowColumn<"sampling_source", MOLE_COLUMN_SAMPLING_SOURCE, std::uint8_t> {};

// The values of an information element in one flow, in the order of the record: none, one, or several if it is in a list. Valid
// only during `add`. T: std::uint64_t, std::int64_t, double, bool, Time, Addr or std::string_view (strings and octets).
template <class T>
class ElementValues {
 public:
  std::size_t size() const { return static_cast<std::size_t>(raw_.count); }
  bool empty() const { return raw_.count == 0; }
  T operator[](std::size_t i) const {
    if constexpr (std::is_same_v<T, std::string_view>) {
      const auto& text = static_cast<const mole_text*>(raw_.values)[i];
      return {text.data, static_cast<std::size_t>(text.size)};
    } else if constexpr (std::is_same_v<T, bool>) {
      return static_cast<const std::uint64_t*>(raw_.values)[i] != 0;
    } else {
      return static_cast<const T*>(raw_.values)[i];
    }
  }

  class Iterator {
   public:
    Iterator(const ElementValues* of, std::size_t at) : of_(of), at_(at) {}
    T operator*() const { return (*of_)[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const ElementValues* of_;
    std::size_t at_;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  mole_values raw_{};
};

// Any information element by its name in the IANA registry or CERT's list, as a column:
//
//   void add(const mole::Flows<mole::bytes, mole::element<"dnsQName", std::string_view>>& flows) {
//     for (auto [bytes, names] : flows)
//       for (std::string_view name : names) names_.insert(std::string(name));
//   }
template <detail::Literal Name, class T>
struct element {
  static_assert(
      std::is_same_v<T, std::uint64_t> || std::is_same_v<T, std::int64_t> || std::is_same_v<T, double> ||
          std::is_same_v<T, bool> || std::is_same_v<T, Time> || std::is_same_v<T, Addr> || std::is_same_v<T, std::string_view>,
      "the type of an element is std::uint64_t, std::int64_t, double, bool, mole::Time, mole::Addr or std::string_view");
  static constexpr const char* name = Name.text;
  static constexpr int index = -1;  // not one of the flow columns
  static constexpr const char* type = std::is_same_v<T, std::uint64_t>  ? "u64"
                                      : std::is_same_v<T, std::int64_t> ? "i64"
                                      : std::is_same_v<T, double>       ? "f64"
                                      : std::is_same_v<T, bool>         ? "bool"
                                      : std::is_same_v<T, Time>         ? "time"
                                      : std::is_same_v<T, Addr>         ? "addr"
                                                                        : "text";
  using single = T;
  using value = ElementValues<T>;
  using stored = value;
};
static_assert(sizeof(ElementValues<double>) == sizeof(mole_values));

template <class C>
inline constexpr bool is_element = C::index < 0;

// Whether column C has addresses of the family of the batch, and not 16 bytes in every batch, as exporter_addr has.
template <class C>
inline constexpr bool is_address = std::is_same_v<typename C::value, Addr> && !std::is_same_v<typename C::stored, Addr>;

// Bytes of one element of column C in a batch of this address family.
template <class C>
constexpr std::size_t stored_size(std::uint32_t family) {
  return is_address<C> && family == 6 ? sizeof(Addr) : sizeof(typename C::stored);
}

// The rows of one batch, stored by column. Valid only during `add`.
template <class... C>
class Flows {
 public:
  using Row = std::tuple<typename C::value...>;
  using Columns = std::array<const void*, sizeof...(C)>;

  Flows(const Columns& columns, std::size_t size, std::uint32_t family) : columns_(columns), size_(size), family_(family) {}

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::uint32_t address_family() const { return family_; }  // 4 or 6; 0: no address columns

  // One column. For addresses use span4 and span6.
  template <class X>
  std::span<const typename X::value> span() const {
    static_assert(!is_address<X>, "for an address column use span4 or span6, depending on address_family()");
    return {static_cast<const typename X::value*>(columns_[position<X>()]), size_};
  }
  // Addresses as numbers; only if address_family() is 4.
  template <class X>
  std::span<const std::uint32_t> span4() const {
    return {static_cast<const std::uint32_t*>(columns_[position<X>()]), size_};
  }
  // Only if address_family() is 6.
  template <class X>
  std::span<const Addr> span6() const {
    return {static_cast<const Addr*>(columns_[position<X>()]), size_};
  }

  struct Sentinel {
    std::size_t size;
  };
  // Copies the column pointers, so that the compiler can keep them in registers.
  class Iterator {
   public:
    Iterator(const Columns& columns, std::uint32_t family) : columns_(columns), family_(family) {}
    Row operator*() const { return row(std::index_sequence_for<C...>{}); }
    Iterator& operator++() {
      ++row_;
      return *this;
    }
    bool operator!=(Sentinel s) const { return row_ != s.size; }

   private:
    template <std::size_t... I>
    Row row(std::index_sequence<I...>) const {
      return Row{value<C>(columns_[I])...};
    }
    template <class X>
    typename X::value value(const void* column) const {
      if constexpr (is_address<X>) {
        if (family_ == 6) return static_cast<const Addr*>(column)[row_];
        return Addr::v4(static_cast<const std::uint32_t*>(column)[row_]);
      } else {
        return static_cast<const typename X::value*>(column)[row_];
      }
    }
    Columns columns_;
    std::uint32_t family_;
    std::size_t row_ = 0;
  };
  Iterator begin() const { return {columns_, family_}; }
  Sentinel end() const { return {size_}; }

 private:
  template <class X>
  static constexpr std::size_t position() {
    static_assert((std::is_same_v<X, C> || ...), "the parameter type of `add` does not name this column");
    std::size_t at = 0, found = 0;
    ((std::is_same_v<X, C> ? (found = at++, 0) : (++at, 0)), ...);
    return found;
  }

  Columns columns_;
  std::size_t size_;
  std::uint32_t family_;
};

}  // namespace mole
