#include "plugins/decoders/pcap/pcap.hpp"

MOLE_PLUGINS(mole::plugins::Pcap)
