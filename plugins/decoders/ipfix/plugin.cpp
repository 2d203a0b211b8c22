#include "plugins/decoders/ipfix/ipfix.hpp"

MOLE_PLUGINS(mole::plugins::Ipfix)
