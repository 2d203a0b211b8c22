#include <mole/downloader.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

// An archive behind a script that recalls files from a slow medium. The file `list` names the files of the archive, one a line:
// NAME SIZE SHA256. To request a file, an empty file of its name is written to `requests`; the script puts the file into
// `folder`.
struct RecalledFiles {
  static constexpr auto about = mole::downloader("recalled_files", "0.1.0-dev", "Files that a script recalls into a folder");

  struct Params {
    std::string list, requests, folder;
  };
  static constexpr auto params =
      mole::params(mole::param("list", &Params::list, mole::format::path, "File with the names, sizes and digests of the files"),
                   mole::param("requests", &Params::requests, mole::format::path, "Folder into which requests are written"),
                   mole::param("folder", &Params::folder, mole::format::path, "Folder in which recalled files appear"));

  explicit RecalledFiles(const Params& p) : given(p) {}
  Params given;

  mole::Result<> index(mole::ObjectSink& found, const mole::IndexRange& range) const {
    std::ifstream list(given.list);
    if (!list) return mole::invalid("cannot read " + given.list + "; check params.list");
    std::string name, sha256;
    for (std::uint64_t size = 0; list >> name >> size >> sha256;) {
      const auto begins_with = [&](std::string_view prefix) { return name.starts_with(prefix); };
      if (!range.prefixes.empty() && std::none_of(range.prefixes.begin(), range.prefixes.end(), begins_with)) continue;
      if (!stays_below(name)) {
        found.passed_over(name, "a path outside the folder");
        continue;
      }
      const std::string digest = "sha256:" + sha256;
      if (auto taken = found.found({.id = name, .size = size, .digest = digest, .offline = !is_present(name)}); !taken)
        return taken;
    }
    if (!list.eof()) return mole::invalid(given.list + " has a line that is not NAME SIZE SHA256; correct it");
    return {};
  }

  mole::Result<> stage(std::span<const std::string_view> names, mole::StageSink& states) const {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (is_present(names[i])) {
        states.ready(i);
      } else if (std::ofstream(fs::path(given.requests) / names[i])) {
        states.pending(i);
      } else {
        return mole::invalid("cannot write to " + given.requests + "; check params.requests");
      }
    }
    return {};
  }

  mole::Result<> fetch(std::string_view name, mole::ByteSink& out) const { return copy(name, 0, out); }
  mole::Result<> fetch(const mole::Object& expected, std::uint64_t offset, mole::ByteSink& out) const {
    std::error_code failed;
    if (fs::file_size(fs::path(given.folder) / expected.id, failed) != expected.size || failed)
      return mole::missing(std::string(expected.id) + " is not the file that was listed; index the archive again");
    return copy(expected.id, offset, out);
  }

  // The script may delete them.
  mole::Result<> release(std::span<const std::string_view> names) const {
    std::error_code ignored;
    for (const auto name : names) fs::remove(fs::path(given.requests) / name, ignored);
    return {};
  }

 private:
  // Names become paths below `requests` and `folder`.
  static bool stays_below(const fs::path& name) {
    return name.is_relative() && std::find(name.begin(), name.end(), "..") == name.end();
  }
  bool is_present(std::string_view name) const {
    std::error_code failed;
    return fs::is_regular_file(fs::path(given.folder) / name, failed);
  }

  mole::Result<> copy(std::string_view name, std::uint64_t offset, mole::ByteSink& out) const {
    std::ifstream file(fs::path(given.folder) / name, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    if (!file) return mole::missing(std::string(name) + " is not in " + given.folder + "; index the archive again");
    std::vector<char> buffer(std::size_t{1} << 20);
    while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), file.gcount() > 0)
      if (auto taken = out.write(std::as_bytes(std::span(buffer.data(), static_cast<std::size_t>(file.gcount())))); !taken)
        return taken;
    return file.bad() ? mole::Result<>(mole::transient("reading " + std::string(name) + " failed; try again")) : mole::Result<>();
  }
};

MOLE_PLUGINS(RecalledFiles)
