#include "cli/context.hpp"

#include "cli/format/human.hpp"

namespace mole::cli {

void print_json(std::ostream& out, const nlohmann::json& document) {
  out << document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

void print(Context& context, const nlohmann::json& document, const std::string& text) {
  if (context.options.json)
    print_json(context.out, document);
  else
    context.out << text;
}

void print_error(Context& context, const Error& error) {
  context.err << context.err_style.paint(Paint::red, "mole:") << ' ' << printable(error.message) << '\n';
}

}  // namespace mole::cli
