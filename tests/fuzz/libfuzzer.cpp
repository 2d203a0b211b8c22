#include "tests/fuzz/targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mole::runtime::test::MOLE_FUZZ_TARGET(data, size);
  return 0;
}
