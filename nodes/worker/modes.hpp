// The modes of mole-worker. Each parses its own options and returns an exit code; 2: the options are wrong.
#pragma once

#include <CLI/CLI.hpp>

namespace mole::nodes {

// --run: runs one task in this process, from <attempt folder>/spec.json to the handover on descriptor 3. 0: the handover is
// complete, even if it reports failed steps. EX_IOERR: it is, but the process that stages the files ended too early. 1 otherwise.
int run_task(int argc, char** argv);

// --stage: stages the files of a task for the worker at the other end of the socket on descriptor 3, until that ends. The worker
// gets its errors.
int stage_files(int argc, char** argv);

// --flows: decodes files with a decoder plugin and prints their flows to stdout, as text or as frames of rows, and any damage to
// stderr (used by `mole flows`). 1: a file cannot be read at all; 3: one is damaged.
int print_flows(int argc, char** argv);

// Returns whether the arguments are valid; if not, `exit_code` is set and the cause is printed.
bool parse(CLI::App& app, int argc, char** argv, int& exit_code);

}  // namespace mole::nodes
