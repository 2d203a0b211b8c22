#include "plugins/decoders/netflow9/netflow9.hpp"

MOLE_PLUGINS(mole::plugins::NetFlow9)
