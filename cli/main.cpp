// `mole`, the command-line program (docs/guide/commands.md).
#include "cli/app.hpp"
#include "sdk/model/program.hpp"

#include <unistd.h>

#include <csignal>
#include <exception>
#include <iostream>
#include <vector>

namespace {

using namespace mole::cli;

int run(Context& context, const std::vector<std::string>& arguments) {
  try {
    if (arguments.size() == 1 && arguments.front() == "--reference") {
      context.out << command_reference();
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

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // writing to a closed pipe (`mole results | head`) then returns an error
  mole::StandardOutput out;
  Context context{out, std::cerr, style_of(STDOUT_FILENO), style_of(STDERR_FILENO), is_terminal(STDERR_FILENO), {}, open_session};
  const int exit = run(context, {argv + 1, argv + argc});
  const int written = mole::exit_code_of(out, "mole");
  return written != 0 ? written : exit;
}
