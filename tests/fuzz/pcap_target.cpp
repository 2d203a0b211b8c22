#include "plugins/decoders/pcap/pcap.hpp"
#include "tests/capture/support.hpp"
#include "tests/fuzz/export_check.hpp"
#include "tests/fuzz/targets.hpp"

namespace mole::runtime::test {

void fuzz_pcap(const std::uint8_t* data, std::size_t size) {
  (void)plugins::Pcap::recognises({reinterpret_cast<const std::byte*>(data), std::min<std::size_t>(size, 4096)});
  const auto decode = [](const std::string& bytes, const mole::testing::DecodeOptions& options) {
    return mole::testing::decode_capture(bytes, options);
  };
  check_decoder(decode, data, size);
}

}  // namespace mole::runtime::test
