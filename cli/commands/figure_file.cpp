#include "cli/commands/figure_file.hpp"

#include "cli/export/scratch_folder.hpp"
#include "cli/export/target.hpp"
#include "cli/session/child.hpp"
#include "sdk/model/durable_file.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace mole::cli {
namespace {

// Returns the path of an installed program; empty if there is none.
std::string find_program(const char* name) {
  const char* folders = std::getenv("PATH");
  std::stringstream path(folders ? folders : "");
  for (std::string folder; std::getline(path, folder, ':');)
    if (const auto file = std::filesystem::path(folder) / name; file.is_absolute() && ::access(file.c_str(), X_OK) == 0)
      return file.string();
  return "";
}

// Converts a figure with rsvg-convert (librsvg) and writes it to `out`.
Result<> convert(const std::string& svg, PlotFormat format, Target& out) {
  const auto program = find_program("rsvg-convert");
  if (program.empty())
    return unsupported(
        fmt::format("writing {} needs the program rsvg-convert, which is not installed; install it (Debian: "
                    "librsvg2-bin), or write a file that ends in .svg",
                    name_of(format)));
  MOLE_TRY(const auto scratch, ScratchFolder::create());
  const auto source = scratch.path() / "figure.svg";
  if (auto written = write_file(source, svg); !written) return written;
  MOLE_TRY(auto converter, Child::start_piped({program, "--format", name_of(format), source.string()}));
  std::string chunk(std::size_t{1} << 20, '\0');
  for (;;) {
    MOLE_TRY(const auto n, converter.read(chunk.data(), chunk.size()));
    if (n == 0) break;
    if (auto done = out.write(std::string_view(chunk).substr(0, n)); !done) return done;
  }
  MOLE_TRY(const auto code, converter.wait());
  if (code != 0) return internal(fmt::format("rsvg-convert exited with {}; write a file that ends in .svg instead", code));
  return {};
}

}  // namespace

Result<Exit> write_figure(Context& context, const std::string& svg, PlotFormat format, const std::string& path) {
  if (path.empty()) {
    context.out << svg;
    return Exit::done;
  }
  MOLE_TRY(auto target, Target::open(path));
  if (auto done = format == PlotFormat::svg ? target->write(svg) : convert(svg, format, *target); !done) return done.error();
  if (auto done = target->finish(); !done) return done.error();
  context.out << path << '\n';
  return Exit::done;
}

}  // namespace mole::cli
