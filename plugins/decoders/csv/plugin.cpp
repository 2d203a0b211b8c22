#include "csv.hpp"

MOLE_PLUGINS(mole::plugins::Csv)
