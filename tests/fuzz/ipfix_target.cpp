#include "tests/fuzz/export_check.hpp"
#include "tests/fuzz/targets.hpp"

namespace mole::runtime::test {

void fuzz_ipfix(const std::uint8_t* data, std::size_t size) { check_export_decoder(mole::testing::ipfix(), data, size); }

}  // namespace mole::runtime::test
