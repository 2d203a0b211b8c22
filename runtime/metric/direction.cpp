#include "runtime/metric/direction.hpp"

namespace mole::runtime {

const std::uint8_t* DirectionEvaluator::evaluate(const FlowBatch& flows, std::string_view router) {
  if (direction_.size() < flows.rows) direction_.resize(flows.rows);
  const std::uint8_t* from_home = source_.evaluate(flows, router);
  const std::uint8_t* to_home = destination_.evaluate(flows, router);
  // From home: internal or out, 2 - to; from elsewhere: in or transit, 3 - 3 to. Without a branch, and with __restrict, so that
  // the compiler can vectorise the loop.
  std::uint8_t* const __restrict direction = direction_.data();
  for (std::uint32_t i = 0, rows = flows.rows; i < rows; ++i) {
    const unsigned from = from_home[i], to = to_home[i];
    direction[i] = static_cast<std::uint8_t>(3 - from - (-to & (3 - 2 * from)));
  }
  return direction;
}

}  // namespace mole::runtime
