// Batches of IPv4 and IPv6 flows: for_families() passes addresses by family, and ByFamily has one object per family.
//
//   template <class Address>
//   struct Counter {
//     std::uint64_t rows = 0;
//     static constexpr auto state = mole::fields(&Counter::rows);
//   };
//   struct Sources {
//     mole::ByFamily<Counter> counts;   // Counter<std::uint32_t> and Counter<mole::Addr>
//     static constexpr auto state = mole::fields(&Sources::counts);
//
//     void add(const mole::Flows<mole::src_addr>& flows) {
//       counts.update<mole::src_addr>(flows, [](auto& count, auto addresses, std::size_t) { count.rows += addresses.size(); });
//     }
//   };
#pragma once

#include <mole/columns.hpp>
#include <mole/fields.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace mole {

// Calls f(a, b, first) for all rows of the batch, in runs: with std::span<const std::uint32_t> where both addresses are IPv4 or
// IPv4-mapped, else with std::span<const Addr>. Element i of a run is row first + i of the batch. An IPv4 address and its mapped
// form are therefore always the same address.
template <class ColumnA, class ColumnB, class Flows, class F>
void for_families(const Flows& flows, F f) {
  if (flows.address_family() != 6) return f(flows.template span4<ColumnA>(), flows.template span4<ColumnB>(), std::size_t{0});
  const auto a = flows.template span6<ColumnA>(), b = flows.template span6<ColumnB>();
  std::size_t first = 0;
  for (std::size_t i = 0; i <= a.size(); ++i) {
    const bool mapped = i < a.size() && a[i].is_v4() && b[i].is_v4();
    if (i < a.size() && !mapped) continue;
    if (i > first) f(a.subspan(first, i - first), b.subspan(first, i - first), first);
    if (mapped) {
      const std::uint32_t a4 = a[i].v4_value(), b4 = b[i].v4_value();
      f(std::span(&a4, 1), std::span(&b4, 1), i);
    }
    first = i + 1;
  }
}

// A T for IPv4 addresses and one for IPv6 addresses, as a member of a state.
template <template <class Address> class T>
struct ByFamily {
  T<std::uint32_t> v4;
  T<Addr> v6;
  static constexpr auto state = fields(&ByFamily::v4, &ByFamily::v6);

  // Calls f(T of the family, addresses, first) for the runs of one column, or with the addresses of two columns.
  template <class Column, class Flows, class F>
  void update(const Flows& flows, F f) {
    update<Column, Column>(flows, [&](auto& t, auto addresses, auto, std::size_t first) { f(t, addresses, first); });
  }
  template <class ColumnA, class ColumnB, class Flows, class F>
  void update(const Flows& flows, F f) {
    for_families<ColumnA, ColumnB>(flows, [&]<class A>(std::span<const A> a, std::span<const A> b, std::size_t first) {
      if constexpr (std::is_same_v<A, Addr>)
        f(v6, a, b, first);
      else
        f(v4, a, b, first);
    });
  }
  void merge(const ByFamily& other) { merge_fields(*this, other); }
  // Calls `for_each(f)` of both members.
  template <class F>
  void for_each(F f) const {
    v4.for_each(f);
    v6.for_each(f);
  }
  std::size_t size() const { return v4.size() + v6.size(); }
};

}  // namespace mole
