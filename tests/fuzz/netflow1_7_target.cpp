#include "tests/fuzz/export_check.hpp"
#include "tests/fuzz/targets.hpp"

namespace mole::runtime::test {

void fuzz_netflow1_7(const std::uint8_t* data, std::size_t size) {
  check_export_decoder(mole::testing::netflow1(), data, size);
  check_export_decoder(mole::testing::netflow7(), data, size);
}

}  // namespace mole::runtime::test
