// mole state dump: prints the rows of a table of the control store.
#include "cli/commands/commands.hpp"

namespace mole::cli {
namespace {

constexpr std::uint32_t rows_per_page = 1000;

struct DumpArgs {
  std::string table, format = "ndjson";
};

Result<Exit> dump(Context& context, const DumpArgs& args) {
  auto session = context.connect(context.options, Need::read);
  if (!session) return session.error();
  auto all = nlohmann::json::array();
  std::string from;
  do {
    const auto page = (*session)->api().dump(args.table, from, rows_per_page);
    if (!page) return page.error();
    for (const auto& row : page->rows) {
      if (context.options.json)
        all.push_back(row);
      else
        context.out << row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    }
    from = page->next;
  } while (!from.empty() && context.out);
  if (context.options.json) print_json(context.out, all);
  return Exit::done;
}

}  // namespace

void add_state(Shell& shell) {
  auto* family = shell.app.add_subcommand("state", "Inspect the coordinator's store");
  family->require_subcommand(1)->fallthrough();
  auto args = std::make_shared<DumpArgs>();
  auto* command = shell.add(*family, "dump", "Print the rows of one table from a snapshot, one JSON object per line", args, dump);
  command->add_option("table", args->table, "requests, files, catalogue, ...")->required()->type_name("TABLE");
  command->add_option("--format", args->format, "ndjson")->check(CLI::IsMember({"ndjson"}));
}

}  // namespace mole::cli
