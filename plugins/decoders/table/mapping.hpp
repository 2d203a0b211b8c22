// Which columns of a table are which columns of flows.
//
// A name in the header is known if it is a flow column's name or one of its aliases (mole/names.hpp), one of some further names
// of nfdump and SiLK, or the name of an information element that the host needs. The parameter `columns` gives other names.
#pragma once

#include <mole/decoder.hpp>

#include "params.hpp"
#include "times.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mole::plugins::table {

// Targets of columns besides MOLE_COLUMN_*. `received`: when a collector received the flow. From first_element: the elements of
// the host.
inline constexpr int duration_target = MOLE_COLUMN_LIMIT, received_target = MOLE_COLUMN_LIMIT + 1,
                     first_element_target = MOLE_COLUMN_LIMIT + 2;

struct Use {
  std::size_t column;  // in the file, from 0
  int target;
  TimeUnit unit;  // of numbers that are times or durations
};

class Mapping {
 public:
  // invalid: the parameter `columns` is wrong. corrupt: the file lacks a column; the message names the key of `columns`.
  static Result<Mapping> make(std::span<const std::string> header, std::span<const mole_element> elements, const Params& params);
  // Whether the header has the known names of a start time and both addresses.
  static bool recognises(std::span<const std::string> header);

  // In the order of targets. Several columns can have the same target: the first value that is not empty counts.
  std::span<const Use> uses() const { return uses_; }
  bool has(int target) const;
  // The flow columns that no column of the file is for: bit C::index.
  std::uint64_t absent() const;
  // The elements of the host that the file has columns for: bit e.
  std::uint64_t known() const;
  // The name of a target, for messages.
  static std::string name_of(int target);

 private:
  std::vector<Use> uses_;
};

}  // namespace mole::plugins::table
