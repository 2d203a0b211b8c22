#include "parquet.hpp"

MOLE_PLUGINS(mole::plugins::Parquet)
