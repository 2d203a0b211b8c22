// The services of the host for plugins: logging and cancellation. There is one mole_host per plugin name; log lines begin with
// this name. All live until the process ends.
#pragma once

#include <mole/abi.h>

#include <string>

namespace mole::runtime {

// Returns the table to pass to `open` of the plugin or module `name`. Any thread.
const mole_host* host_services_for(const std::string& name);

// Makes cancelled() return 1 for every plugin from now on. Async-signal-safe.
void cancel_plugins();
bool plugins_cancelled();

}  // namespace mole::runtime
