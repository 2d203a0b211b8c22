#include "netflow5.hpp"

MOLE_PLUGINS(mole::plugins::NetFlow5)
