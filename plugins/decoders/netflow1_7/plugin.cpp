#include "plugins/decoders/netflow1_7/netflow1_7.hpp"

MOLE_PLUGINS(mole::plugins::NetFlow1, mole::plugins::NetFlow7)
