#include "tests/fuzz/export_check.hpp"
#include "tests/fuzz/targets.hpp"

namespace mole::runtime::test {

void fuzz_netflow9(const std::uint8_t* data, std::size_t size) { check_export_decoder(mole::testing::netflow9(), data, size); }

}  // namespace mole::runtime::test
