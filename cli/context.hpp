// The environment of a command: output streams, global options, and access to a coordinator.
#pragma once

#include "cli/exit_code.hpp"
#include "cli/format/style.hpp"
#include "cli/session/session.hpp"
#include "coordinator/wire/documents/documents.hpp"

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

// Writes indented JSON with a final newline; invalid UTF-8 is replaced.
void print_json(std::ostream& out, const nlohmann::json& document);
// Prints the document if --json is set, otherwise the text.
void print(Context& context, const nlohmann::json& document, const std::string& text);
// Prints "mole: cause; remedy" to stderr.
void print_error(Context& context, const Error& error);

}  // namespace mole::cli
