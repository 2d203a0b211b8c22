#include <mole/abi.h>

extern "C" __attribute__((visibility("default"))) const mole_entry mole_plugin_entry;
const mole_entry mole_plugin_entry{MOLE_ABI_MAGIC, MOLE_ABI_MAJOR + 1, 0, [] { return 0u; },
                                   [](unsigned) { return static_cast<const mole_plugin*>(nullptr); }};
