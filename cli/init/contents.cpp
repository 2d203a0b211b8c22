#include "cli/init/contents.hpp"

#include "cli/session/child.hpp"

#include <algorithm>
#include <thread>

namespace mole::cli {
namespace fs = std::filesystem;

Result<std::vector<task::FileReport>> read_contents(const Context& context, const fs::path& folder,
                                                    const std::vector<std::string>& names, const std::string& decoder,
                                                    ExportTime export_time) {
  std::vector<task::FileReport> reports;
  if (names.empty()) return reports;
  const auto threads = context.options.threads ? context.options.threads : std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::string> command{"mole-worker",           "--flows",       "--format",          "report", "--threads",
                                   std::to_string(threads), "--export-time", name_of(export_time)};
  if (!decoder.empty()) command.insert(command.end(), {"--decoder", decoder});
  add_plugin_folders(command, context.options);
  command.push_back("--");
  for (const auto& name : names) command.push_back((folder / name).string());
  MOLE_TRY(auto worker, Child::start_piped(command));
  std::string text, chunk(1 << 16, '\0');
  for (;;) {
    MOLE_TRY(const auto n, worker.read(chunk.data(), chunk.size()));
    if (n == 0) break;
    text.append(chunk, 0, n);
  }
  MOLE_TRY(const auto code, worker.wait());
  for (std::size_t from = 0; from < text.size();) {
    const auto to = std::min(text.find('\n', from), text.size());
    const auto line = nlohmann::json::parse(text.substr(from, to - from), nullptr, false);
    MOLE_TRY(auto report, read_document<task::FileReport>(line));
    report.id = fs::path(report.id).lexically_relative(folder).generic_string();
    reports.push_back(std::move(report));
    from = to + 1;
  }
  if (reports.empty())
    return internal("mole-worker read none of the files (exit code " + std::to_string(code) +
                    "); see its message above, and mole plugin list for the installed decoders");
  return reports;
}

std::vector<std::string> sample_of(const fs::path& folder, const std::vector<std::string>& names, std::size_t count,
                                   std::uint64_t bytes) {
  std::vector<std::string> sample;
  std::uint64_t total = 0;
  count = std::min(count, names.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto& name = names[count == 1 ? 0 : i * (names.size() - 1) / (count - 1)];
    std::error_code error;
    const auto size = fs::file_size(folder / name, error);
    if (error || size == 0 || (total + size > bytes && sample.size() >= 2)) continue;
    total += size;
    sample.push_back(name);
  }
  return sample;
}

}  // namespace mole::cli
