// Reads captures with the pcap decoder, without a host.
#pragma once

#include "tests/capture/packets.hpp"
#include "tests/export/support.hpp"

#include <string>

namespace mole::testing {

// `ports`: the parameter of the decoder.
Decoded decode_capture(const std::string& bytes, const DecodeOptions& options = {}, const std::string& ports = {});

}  // namespace mole::testing
