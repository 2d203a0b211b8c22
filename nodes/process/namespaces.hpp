// Runs a program in namespaces of its own: it sees no other process, mount, shared memory and, if wished, no network.
#pragma once

#include <sys/types.h>

#include <functional>

namespace mole::nodes {

// Starts `run`, which executes the program and does not return, in new namespaces, waits for it and ends as it ended: with its
// exit code or by its signal. Every process that it has started ends with it; SIGTERM ends them all at once, and so does the end
// of this process. Its only capability is to read and write files as before. Returns only if the namespaces cannot be made; errno
// states why.
void run_in_namespaces(bool network, const std::function<void()>& run);

}  // namespace mole::nodes
