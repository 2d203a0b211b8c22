#include "runtime/rows/row_table.hpp"

namespace mole::runtime {

std::optional<ColumnValues> empty_values(std::string_view type) {
  if (type == "u64") return std::vector<std::uint64_t>{};
  if (type == "i64" || type == "bool" || type == "time") return std::vector<std::int64_t>{};
  if (type == "f64") return std::vector<double>{};
  if (type == "text") return std::vector<std::string>{};
  return std::nullopt;
}

}  // namespace mole::runtime
