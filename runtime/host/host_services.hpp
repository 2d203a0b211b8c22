// What the host offers to a plugin: a log and the wish to stop. One mole_host per plugin name, so that log lines say who
// speaks; all live until the process ends.
#pragma once

#include <mole/abi.h>

#include <string>

namespace mole::runtime {

// The table to pass to `open` of the plugin or module `name`. Any thread.
const mole_host* host_services_for(const std::string& name);

// From now on every plugin's cancelled() says 1. Async-signal-safe.
void cancel_plugins();
bool plugins_cancelled();

}  // namespace mole::runtime
