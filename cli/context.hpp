// What every command stands on: where to write, what the global options say, and how to reach a coordinator.
#pragma once

#include "cli/exit_code.hpp"
#include "cli/format/style.hpp"
#include "cli/session/session.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <ostream>

namespace mole::cli {

using Connect = std::function<Result<std::unique_ptr<Session>>(const Options&, Need)>;

struct Context {
  std::ostream& out;
  std::ostream& err;
  Style out_style, err_style;
  bool err_is_terminal = false;
  Options options;
  Connect connect;
};

// Writes a document for machines: two-space indented, invalid UTF-8 replaced, a newline at the end.
void print_json(std::ostream& out, const nlohmann::json& document);
// "mole: cause; remedy" on stderr.
void print_error(Context& context, const Error& error);

}  // namespace mole::cli
