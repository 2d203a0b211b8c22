#include "runtime/metric/direction.hpp"

namespace mole::runtime {

const std::uint8_t* DirectionEvaluator::evaluate(const FlowView& flows, std::string_view router) {
  if (direction_.size() < flows.rows) direction_.resize(flows.rows);
  const std::uint8_t* from_home = source_.evaluate(flows, router);
  const std::uint8_t* to_home = destination_.evaluate(flows, router);
  // From home: internal or out; from elsewhere: in or transit.
  for (std::uint32_t i = 0; i < flows.rows; ++i)
    direction_[i] = static_cast<std::uint8_t>(from_home[i] ? 2 - to_home[i] : 3 - 3 * to_home[i]);
  return direction_.data();
}

}  // namespace mole::runtime
