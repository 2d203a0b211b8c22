#include "cli/tape_library/library.hpp"

#include "cli/simulate/random.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <numeric>

namespace mole::cli {
namespace {

namespace fs = std::filesystem;

Result<std::vector<TapeFile>> files_below(const std::string& folder) {
  std::vector<TapeFile> files;
  std::error_code failed;
  fs::recursive_directory_iterator entries(folder, failed);
  for (; !failed && entries != fs::recursive_directory_iterator(); entries.increment(failed)) {
    struct stat st {};
    if (::lstat(entries->path().c_str(), &st) != 0 || !S_ISREG(st.st_mode)) continue;
    files.push_back({entries->path().lexically_relative(folder).native(),
                     static_cast<std::uint64_t>(st.st_size),
                     Micros{st.st_mtim.tv_sec} * second_us + st.st_mtim.tv_nsec / 1000,
                     {}});
  }
  if (failed) return invalid("cannot list " + folder + ": " + failed.message() + "; name a readable folder");
  if (files.empty()) return invalid(folder + " contains no files; name a folder with the files of an archive");
  std::ranges::sort(files, {}, &TapeFile::path);
  return files;
}

Micros share_of_tape(const TapeSettings& settings, Micros time, std::uint64_t blocks) {
  const auto all = static_cast<double>(std::max<std::uint64_t>(1, settings.capacity / tape_block_bytes));
  return static_cast<Micros>(static_cast<double>(time) * static_cast<double>(blocks) / all);
}

// The indexes of the files on each tape, in the order of their positions.
std::vector<std::vector<std::size_t>> tapes_of(const TapeLibrary& library, const LayoutSpec& spec, std::uint64_t copy) {
  std::vector<std::size_t> order(library.files.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (spec.layout == TapeLayout::shuffled) {
    Random random(library.settings.seed, 1, copy);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  }
  std::vector<std::vector<std::size_t>> tapes(spec.tapes);
  for (std::size_t i = 0; i < order.size(); ++i)
    tapes[spec.layout == TapeLayout::interleaved ? i % spec.tapes : i * spec.tapes / order.size()].push_back(order[i]);
  return tapes;
}

void write_copy(TapeLibrary& library, const LayoutSpec& spec, std::uint64_t copy) {
  const auto blocks_of_tape = library.settings.capacity / tape_block_bytes;
  std::uint64_t number = copy * spec.tapes;
  for (const auto& files : tapes_of(library, spec, copy)) {
    const auto tape = fmt::format("MT{:04}", ++number);
    std::uint64_t used = 0, at = 0;
    for (const auto i : files) used += blocks_of(library.settings, library.files[i].size);
    const auto unused = blocks_of_tape > used ? (blocks_of_tape - used) / files.size() : 0;
    for (const auto i : files) {
      library.files[i].copies.push_back({tape, at});
      at += blocks_of(library.settings, library.files[i].size) + unused;
    }
  }
}

Result<> check(const TapeLibrary& library, const LayoutSpec& spec) {
  const auto& settings = library.settings;
  if (settings.read_rate == 0 || settings.capacity == 0) return invalid("--read-rate and --capacity must be greater than zero");
  if (spec.tapes == 0 || spec.tapes > library.files.size())
    return invalid(
        fmt::format("{} tapes cannot hold {} files; choose between 1 and the number of files", spec.tapes, library.files.size()));
  for (const auto& fault : settings.faults)
    if (!library.find(fault.file))
      return invalid(fmt::format("--fault names '{}', which is not a file below {}; write its path below that folder", fault.file,
                                 library.folder));
  for (const auto& fault : settings.drive_faults)
    if (fault.drive == 0 || fault.drive > settings.drives)
      return invalid(fmt::format("--drive-fails names drive {}; choose one between 1 and {}", fault.drive, settings.drives));
  for (const auto& file : library.files)
    for (const auto& copy : file.copies)
      if (copy.position > 0xffffffffU) return invalid("a tape has more than 2^32 blocks; choose a smaller --scale or --capacity");
  return {};
}

}  // namespace

std::uint64_t blocks_of(const TapeSettings& settings, std::uint64_t size) {
  return std::max<std::uint64_t>(1, (size * settings.scale + tape_block_bytes - 1) / tape_block_bytes);
}

Micros seek_time(const TapeSettings& settings, std::uint64_t from, std::uint64_t to) {
  if (from == to) return 0;
  return settings.locate + share_of_tape(settings, settings.traverse, from < to ? to - from : from - to);
}

Micros read_time(const TapeSettings& settings, std::uint64_t size) {
  const auto bytes = static_cast<double>(size * settings.scale);
  return static_cast<Micros>(bytes * second_us / static_cast<double>(settings.read_rate)) + 1;
}

Micros rewind_time(const TapeSettings& settings, std::uint64_t from) { return share_of_tape(settings, settings.rewind, from); }

std::optional<std::uint64_t> TapeLibrary::find(std::string_view path) const {
  const auto found = std::ranges::lower_bound(files, path, {}, [](const TapeFile& f) { return std::string_view(f.path); });
  if (found == files.end() || found->path != path) return std::nullopt;
  return static_cast<std::uint64_t>(found - files.begin());
}

Result<> fill_library(TapeLibrary& library, const LayoutSpec& spec) {
  MOLE_TRY(library.files, files_below(library.folder));
  if (spec.tapes > 0 && spec.tapes <= library.files.size())
    for (std::uint64_t copy = 0; copy < spec.copies; ++copy) write_copy(library, spec, copy);
  return check(library, spec);
}

Result<FileFault> parse_file_fault(std::string_view text) {
  const auto wrong = [&] {
    return invalid(
        fmt::format("'{}' is not KIND:FILE[:TIMES]; KIND is one of {}", text, fmt::join(all_names<TapeFault>(), ", ")));
  };
  const auto first = text.find(':');
  if (first == std::string_view::npos) return wrong();
  const auto kind = from_name<TapeFault>(text.substr(0, first));
  if (!kind) return wrong();
  FileFault fault{*kind, std::string(text.substr(first + 1)), 0};
  if (const auto last = fault.file.rfind(':'); last != std::string::npos) {
    const auto* end = fault.file.data() + fault.file.size();
    const auto [read, error] = std::from_chars(fault.file.data() + last + 1, end, fault.times);
    if (error != std::errc{} || read != end) return wrong();
    fault.file.resize(last);
  }
  if (fault.file.empty()) return wrong();
  return fault;
}

Result<DriveFault> parse_drive_fault(std::string_view text) {
  DriveFault fault;
  const auto at = text.find('@');
  const auto* end = text.data() + std::min(at, text.size());
  const auto [read, error] = std::from_chars(text.data(), end, fault.drive);
  if (at == std::string_view::npos || error != std::errc{} || read != end)
    return invalid(fmt::format("'{}' is not DRIVE@DURATION; write a drive and a time, such as 1@2h", text));
  MOLE_TRY(fault.after, parse_duration(text.substr(at + 1)));
  return fault;
}

}  // namespace mole::cli
