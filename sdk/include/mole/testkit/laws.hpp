// check_laws: checks the properties that the runtime relies on, for every way to cut a table in two.
//
//  - save, load, save gives the same bytes; truncated states are rejected; corrupt bytes never crash
//  - an empty batch changes nothing, and neither does merging a fresh state
//  - rows scattered over several states give the same result as adding them separately
//  - mergeable: both parts merged, in either order, equal the whole
//  - sequential: resuming from a saved checkpoint equals the uninterrupted run
//
// Metrics with `deterministic = false` are compared by their rows within a relative `tolerance`, not by saved bytes.
#pragma once

#include <mole/testkit/driver.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace mole::testkit {

class LawBroken : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

namespace detail {

template <class T>
bool same(const T& a, const T& b, double tolerance) {
  if constexpr (mole::detail::Nullable<T>::value) {
    return a.has_value() == b.has_value() && (!a || same(*a, *b, tolerance));
  } else if constexpr (std::is_same_v<T, double>) {
    return a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= tolerance * std::max(std::abs(a), std::abs(b));
  } else {
    return a == b;
  }
}

template <class M, class Table>
class Laws {
 public:
  using State = typename Metric<M>::State;
  using Rows = std::vector<typename Metric<M>::Row>;

  Laws(const Table& table, const Given<M>& given, double tolerance) : metric_(given), table_(table), tolerance_(tolerance) {}

  void check() {
    check_empty();
    check_scatter();
    for (std::size_t cut = 0; cut <= table_.size(); ++cut) {
      const std::string where = " (table cut before row " + std::to_string(cut) + ")";
      check_saving(cut, where);
      if constexpr (Metric<M>::mergeable)
        check_merge(cut, where);
      else
        check_resume(cut, where);
    }
  }

 private:
  [[noreturn]] static void broken(const std::string& how) { throw LawBroken(std::string(M::about.name) + ": " + how); }

  State state_of(std::size_t from, std::size_t to) const {
    State s = metric_.create();
    s.add(table_.part(from, to));
    return s;
  }
  State loaded(const std::string& bytes) const {
    State s = metric_.create();
    s.load(bytes);
    return s;
  }

  void expect_rows(const Rows& a, const Rows& b, const std::string& law) const {
    bool equal = a.size() == b.size();
    for (std::size_t i = 0; equal && i < a.size(); ++i)
      mole::detail::for_each_column(M::output, [&](const auto& s) { equal = equal && same(s.of(a[i]), s.of(b[i]), tolerance_); });
    if (!equal) broken("law '" + law + "' is violated by the rows");
  }
  // Compares bytes first, since `finish` may change a state.
  void expect_same(State& a, State& b, const std::string& law) const {
    if (mole::detail::is_deterministic<M>() && a.save() != b.save()) broken("law '" + law + "' is violated by the saved bytes");
    expect_rows(a.finish(), b.finish(), law);
  }

  void check_empty() const {
    State plain = state_of(0, table_.size()), with_empty = state_of(0, table_.size());
    with_empty.add(table_.part(0, 0));
    expect_same(plain, with_empty, "an empty batch changes nothing");
    if constexpr (Metric<M>::mergeable) {
      State merged = state_of(0, table_.size()), from_nothing = metric_.create(), whole = state_of(0, table_.size());
      merged.merge(metric_.create());
      from_nothing.merge(whole);
      State again = state_of(0, table_.size());
      expect_same(merged, again, "merging a fresh state changes nothing");
      expect_same(from_nothing, whole, "merging into a fresh state copies the other state");
    }
  }

  // Adds rows 0, 3, 6, .. to the first state, 1, 4, 7, .. to the second, the others to none.
  void check_scatter() const {
    std::vector<std::uint32_t> to(table_.size());
    Table parts[2];
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] = i % 3 == 2 ? MOLE_NO_STATE : static_cast<std::uint32_t>(i % 3);
      if (i % 3 < 2) parts[i % 3].rows.push_back(table_.rows[i]);
    }
    State a = metric_.create(), b = metric_.create(), alone_a = metric_.create(), alone_b = metric_.create();
    metric_.scatter({&a, &b}, table_, to.data());
    alone_a.add(parts[0]);
    alone_b.add(parts[1]);
    expect_same(a, alone_a, "scattering rows over states equals adding them separately");
    expect_same(b, alone_b, "scattering rows over states equals adding them separately");
  }

  void check_saving(std::size_t cut, const std::string& where) const {
    const std::string bytes = state_of(0, cut).save();
    if (loaded(bytes).save() != bytes) broken("save, load, save gives different bytes" + where);
    State read = loaded(bytes), original = state_of(0, cut);
    expect_rows(read.finish(), original.finish(), "a loaded state finishes like the saved one" + where);
    for (std::size_t n = 0; n < bytes.size(); n += 1 + bytes.size() / 64)
      if (accepts(bytes.substr(0, n))) broken("a truncated state is accepted" + where);
    if (accepts(bytes + '\0')) broken("a state with an extra byte is accepted" + where);
    for (std::size_t n = 0; n < bytes.size(); n += 1 + bytes.size() / 64) {
      std::string damaged = bytes;
      damaged[n] = static_cast<char>(damaged[n] ^ 0xff);
      accepts(damaged);
    }
  }
  bool accepts(const std::string& bytes) const {
    try {
      loaded(bytes);
      return true;
    } catch (const CallFailed&) {
      return false;
    }
  }

  void check_merge(std::size_t cut, const std::string& where) const {
    for (const bool swapped : {false, true}) {
      State left = state_of(0, cut), right = state_of(cut, table_.size()), whole = state_of(0, table_.size());
      State& into = swapped ? right : left;
      into.merge(swapped ? left : right);
      const std::string law = swapped ? "right merged with left" : "left merged with right";
      expect_same(into, whole, law + " equals the whole" + where);
    }
  }

  void check_resume(std::size_t cut, const std::string& where) const {
    State straight = state_of(0, cut), before = state_of(0, cut);
    expect_rows(straight.finish(), before.finish(), "computing the same rows twice gives the same result" + where);
    State resumed = loaded(before.save());
    straight.add(table_.part(cut, table_.size()));
    resumed.add(table_.part(cut, table_.size()));
    expect_same(resumed, straight, "resuming from a checkpoint equals the uninterrupted run" + where);
  }

  Metric<M> metric_;
  Table table_;
  double tolerance_;
};

}  // namespace detail

// Throws LawBroken, which names the law and the cut.
template <class M, class Table>
void check_laws(const Table& table, const Given<M>& given = {}, double tolerance = 0) {
  detail::Laws<M, Table>(table, given, tolerance).check();
}

}  // namespace mole::testkit
