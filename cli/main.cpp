// `mole`, the command-line program (docs/guide/commands.md).
#include "cli/app.hpp"

#include <unistd.h>

#include <csignal>
#include <exception>
#include <iostream>

int main(int argc, char** argv) {
  using namespace mole::cli;
  std::signal(SIGPIPE, SIG_IGN);  // writing to a closed pipe (`mole results | head`) then returns an error
  std::ios::sync_with_stdio(false);
  Context context{std::cout, std::cerr,   style_of(STDOUT_FILENO), style_of(STDERR_FILENO), is_terminal(STDERR_FILENO),
                  {},        open_session};
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (arguments.size() == 1 && arguments.front() == "--reference") {
      std::cout << command_reference();
      return 0;
    }
    return static_cast<int>(run_command_line(arguments, context));
  } catch (const std::bad_alloc&) {
    print_error(context, mole::exhausted("out of memory; choose a shorter range, or free some memory"));
  } catch (const std::exception& error) {
    print_error(context, mole::internal(std::string("a bug in mole: ") + error.what() + "; please report it with the command"));
  }
  return static_cast<int>(Exit::failed);
}
