// Inputs other than flows: columns of other modules.
//
//   static constexpr auto inputs = mole::inputs(
//       mole::values("values", "Column to take the mean of"),                          // any unit; for add(const mole::Values&)
//       mole::context("centre", mole::same("values"), "Centre for the sums"));         // for begin(role, value)
//
// The manifest binds each role to a column of any numeric type. A context is passed to
// `begin(std::string_view role, std::optional<double> value)` once per state, before `add`; nullopt means that upstream has no
// value for the interval and group. Integers above 2^53 are rounded to the nearest double.
#pragma once

#include <mole/abi.h>
#include <mole/columns.hpp>
#include <mole/detail/boundary.hpp>
#include <mole/detail/describe.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mole {

struct InputSpec {
  const char* role;
  const char* kind;  // "rows" or "context"
  Unit unit;
  const char* doc;
};

constexpr InputSpec values(const char* role, const char* doc) { return {role, "rows", unit::any, doc}; }
constexpr InputSpec values(const char* role, Unit unit, const char* doc) { return {role, "rows", unit, doc}; }
constexpr InputSpec context(const char* role, Unit unit, const char* doc) { return {role, "context", unit, doc}; }
template <class... S>
constexpr std::array<InputSpec, sizeof...(S)> inputs(S... specs) {
  return {specs...};
}

// One upstream row. `for (auto [value, coverage, interval_start] : values)`.
struct Value {
  double value;
  double coverage;  // 0 to 1
  Time interval_start;
};

// The rows of one upstream column, without nulls. Valid only during `add`.
class Values {
 public:
  Values(std::string_view role, std::span<const double> values, std::span<const double> coverage, std::span<const Time> starts)
      : role_(role), values_(values), coverage_(coverage), starts_(starts) {}

  std::string_view role() const { return role_; }
  std::size_t size() const { return values_.size(); }
  std::span<const double> values() const { return values_; }
  std::span<const double> coverage() const { return coverage_; }
  std::span<const Time> interval_starts() const { return starts_; }

  class Iterator {
   public:
    Iterator(const Values* values, std::size_t at) : values_(values), at_(at) {}
    Value operator*() const { return {values_->values_[at_], values_->coverage_[at_], values_->starts_[at_]}; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator!=(const Iterator& o) const { return at_ != o.at_; }

   private:
    const Values* values_;
    std::size_t at_;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  std::string_view role_;
  std::span<const double> values_, coverage_;
  std::span<const Time> starts_;
};

namespace detail {

inline std::string describe_input(const InputSpec& s) {
  return JsonObject()
      .text("role", s.role)
      .text("kind", s.kind)
      .text("type", "number")
      .text("unit", s.unit.text())
      .text("doc", s.doc)
      .str();
}

inline bool is_valid(const ArrowArray& column, std::size_t i) {
  const auto* bits = static_cast<const std::uint8_t*>(column.n_buffers > 0 ? column.buffers[0] : nullptr);
  return !bits || (bits[i / 8] >> (i % 8) & 1);
}

inline double number_at(const ArrowArray& column, std::int32_t type, std::size_t i) {
  const void* data = column.buffers[1];
  if (type == MOLE_TYPE_F64) return static_cast<const double*>(data)[i];
  if (type == MOLE_TYPE_I64) return static_cast<double>(static_cast<const std::int64_t*>(data)[i]);
  return static_cast<double>(static_cast<const std::uint64_t*>(data)[i]);
}

}  // namespace detail
}  // namespace mole
