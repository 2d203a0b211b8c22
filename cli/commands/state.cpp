// mole state dump: a look into the control store with ordinary tools.
#include "cli/commands/commands.hpp"
#include "cli/format/document.hpp"

namespace mole::cli {
namespace {

constexpr std::uint32_t rows_at_once = 1000;

struct DumpArgs {
  std::string table, format = "ndjson";
};

Result<Exit> dump(Context& context, const DumpArgs& args) {
  auto session = context.connect(context.options, Need::look);
  if (!session) return session.error();
  auto all = nlohmann::json::array();
  std::string from;
  do {
    const auto page = (*session)->api().dump(args.table, from, rows_at_once);
    if (!page) return page.error();
    for (const auto& row : field(*page, "rows")) {
      if (context.options.json)
        all.push_back(row);
      else
        context.out << row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    }
    const auto& next = field(*page, "next");  // a cursor, not for reading: as it is
    from = next.is_string() ? next.get<std::string>() : "";
  } while (!from.empty() && context.out);
  if (context.options.json) print_json(context.out, all);
  return Exit::done;
}

}  // namespace

void add_state(Shell& shell) {
  auto* family = shell.app.add_subcommand("state", "The coordinator's store");
  family->require_subcommand(1)->fallthrough();
  auto args = std::make_shared<DumpArgs>();
  auto* command = shell.add(*family, "dump", "The rows of one table, one JSON object a line, from a snapshot", args, dump);
  command->add_option("table", args->table, "requests, files, catalogue, ...")->required()->type_name("TABLE");
  command->add_option("--format", args->format, "ndjson")->check(CLI::IsMember({"ndjson"}));
}

}  // namespace mole::cli
