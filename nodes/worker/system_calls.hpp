// Takes from this process the system calls that no plugin needs (Linux seccomp, docs/decisions/0214).
#pragma once

namespace mole::nodes {

// Irreversible, and inherited by all threads that are started later: call it while there is one thread. From then on the process
// can start threads but no processes and no programs, send signals only to itself, open no socket unless `network`, and neither
// trace, mount, change its user, raise its limits nor load code into the kernel: such calls fail with EPERM. False: this kernel
// has no seccomp or this machine is not known here; errno states why. Set no_new_privs before.
struct KeptCalls {
  bool network = false;     // sockets of IP
  bool file_locks = false;  // locks and leases: on a file that others use, they would stop these
};
bool refuse_system_calls(const KeptCalls& kept);

}  // namespace mole::nodes
