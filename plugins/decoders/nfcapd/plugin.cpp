#include "nfcapd.hpp"

MOLE_PLUGINS(mole::plugins::Nfcapd)
