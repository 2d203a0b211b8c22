#include "nodes/worker/flow_selection.hpp"

#include <algorithm>
#include <cstring>

namespace mole::nodes {
namespace {

bool selects_router(const FilterNode& node) {
  return node.kind == FilterNode::Kind::router || std::ranges::any_of(node.children, selects_router);
}

template <std::size_t width>
void gather(std::byte* to, const std::byte* from, const std::vector<std::uint32_t>& rows) {
  for (const auto row : rows) {
    std::memcpy(to, from + row * width, width);
    to += width;
  }
}

}  // namespace

Result<Filter> flow_filter(std::string_view text) {
  auto filter = parse_filter(text);
  if (!filter) return invalid("--filter: " + filter.error().message);
  if (selects_router(filter->root()))
    return invalid("--filter: files have no router without a manifest; select by exporter_addr or observation_domain");
  return filter;
}

void FlowSelection::apply(runtime::FlowBatch& batch) {
  if (filter_.filter().any()) return;
  const std::uint8_t* passes = filter_.evaluate(batch, {});
  rows_.clear();
  for (std::uint32_t row = 0; row < batch.rows; ++row)
    if (passes[row]) rows_.push_back(row);
  if (rows_.size() == batch.rows) return;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (batch.columns[c] == nullptr) continue;
    const auto width = runtime::column_width(static_cast<int>(c), batch.address_family);
    auto& kept = columns_[c];
    kept.resize(rows_.size() * width);
    const auto* from = static_cast<const std::byte*>(batch.columns[c]);
    switch (width) {
      case 1:
        gather<1>(kept.data(), from, rows_);
        break;
      case 2:
        gather<2>(kept.data(), from, rows_);
        break;
      case 4:
        gather<4>(kept.data(), from, rows_);
        break;
      case 8:
        gather<8>(kept.data(), from, rows_);
        break;
      default:  // an address, or the values of an information element
        gather<16>(kept.data(), from, rows_);
    }
    batch.columns[c] = kept.data();
  }
  batch.rows = static_cast<std::uint32_t>(rows_.size());
}

}  // namespace mole::nodes
