#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <mole/downloader.hpp>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace {
namespace fs = std::filesystem;

struct File {
  int fd;
  ~File() {
    if (fd >= 0) ::close(fd);
  }
};

std::string reason(int error) { return std::generic_category().message(error); }

// Ids are UTF-8, because a manifest cannot contain other names.
bool is_utf8(std::string_view s) {
  for (std::size_t i = 0; i < s.size();) {
    const auto c = static_cast<unsigned char>(s[i]);
    const std::size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 9;
    if (more == 9 || i + more >= s.size()) return false;
    for (std::size_t k = 1; k <= more; ++k)
      if ((static_cast<unsigned char>(s[i + k]) & 0xc0) != 0x80) return false;
    i += more + 1;
  }
  return true;
}

bool is_beneath(const fs::path& path, const fs::path& root) {
  const auto r = (root / "").native();  // with a slash, so that /a/bc is not under /a/b
  return path.native().starts_with(r) && path.native().size() > r.size();
}

}  // namespace

// A folder used as an archive. Follows links to files under the root and ignores other links.
struct Directory {
  static constexpr auto about = mole::downloader("directory", "1.0.0", "Reads a directory as an archive");

  struct Params {
    std::string root;
    bool recursive = true;
  };
  static constexpr auto params = mole::params(mole::param("root", &Params::root, mole::format::path, "Folder with the files"),
                                              mole::param("recursive", &Params::recursive, "Include subfolders"));

  explicit Directory(const Params& p) : given(p) {}
  Params given;

  mole::Result<> index(mole::ObjectSink& found) const {
    auto root = real_root();
    if (!root) return root.error();
    std::uint64_t listed = 0, outside = 0;
    std::error_code failed;
    for (fs::recursive_directory_iterator it(*root, failed), end; !failed && it != end; it.increment(failed)) {
      if (!given.recursive) it.disable_recursion_pending();
      std::error_code ignored;
      const bool link = it->is_symlink(ignored);
      if (link && !is_beneath(fs::canonical(it->path(), ignored), *root)) {
        ++outside;
        continue;
      }
      auto done = list(*root, it->path(), found, listed);
      if (!done) return done;
    }
    if (failed)
      return mole::invalid("listing " + root->string() + " failed: " + failed.message() + "; make every folder in it readable");
    if (listed == 0 && outside > 0)
      return mole::invalid(root->string() + " contains only links to files outside it; set root to the folder they point to");
    return {};
  }

  mole::Result<mole::Staged> stage(std::span<const std::string_view>) const { return mole::Staged::ready; }

  mole::Result<> fetch(std::string_view id, mole::ByteSink& out) const {
    auto root = real_root();
    if (!root) return root.error();
    const fs::path relative(id);
    for (const auto& part : relative)
      if (part == ".." || relative.is_absolute())
        return mole::invalid("'" + std::string(id) + "' is outside the folder " + root->string() + "; index the archive again");
    const auto path = *root / relative;
    const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (file.fd < 0) return cannot_open(path, errno);
    auto allowed = check(file, path, *root);
    return allowed ? copy(file, path, out) : allowed;
  }

 private:
  mole::Result<fs::path> real_root() const {
    if (given.root.empty()) return mole::invalid("directory: 'root' is empty; set params: {root: FOLDER}");
    std::error_code failed;
    auto path = fs::canonical(given.root, failed);
    if (!failed && !fs::is_directory(path, failed)) failed = std::make_error_code(std::errc::not_a_directory);
    if (failed) return mole::invalid("cannot read the folder " + given.root + ": " + failed.message() + "; check params.root");
    return path;
  }

  static mole::Result<> list(const fs::path& root, const fs::path& path, mole::ObjectSink& found, std::uint64_t& listed) {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return {};  // deleted in the meantime, or not a file
    const auto id = path.lexically_relative(root).string();
    if (!is_utf8(id)) return {};
    const auto version = std::to_string(std::int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec);
    ++listed;
    return found.found({id, static_cast<std::uint64_t>(st.st_size), version, {}, 0});
  }

  static mole::Error cannot_open(const fs::path& path, int error) {
    const auto text = "cannot read " + path.string() + ": " + reason(error);
    if (error == ENOENT || error == ENOTDIR) return mole::missing(text + "; index the archive again");
    if (error == EACCES || error == EPERM) return mole::invalid(text + "; make the file readable");
    return mole::transient(text + "; check the disk of the archive");
  }

  // Checks the open file, not its name, which may have become a link in the meantime.
  static mole::Result<> check(const File& file, const fs::path& path, const fs::path& root) {
    struct stat st {};
    if (::fstat(file.fd, &st) != 0 || !S_ISREG(st.st_mode))
      return mole::missing(path.string() + " is not a regular file; index the archive again");
    std::error_code failed;
    const auto real = fs::read_symlink("/proc/self/fd/" + std::to_string(file.fd), failed);
    if (failed || !is_beneath(real, root))
      return mole::invalid(path.string() + " is a link to a file outside the folder " + root.string() +
                           "; index the archive again");
    return {};
  }

  static mole::Result<> copy(const File& file, const fs::path& path, mole::ByteSink& out) {
    std::vector<std::byte> buffer(std::size_t{1} << 20);
    while (true) {
      const auto n = ::read(file.fd, buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return mole::transient("reading " + path.string() + " failed: " + reason(errno) + "; try again");
      if (n == 0) return {};
      if (auto taken = out.write({buffer.data(), static_cast<std::size_t>(n)}); !taken) return taken;
    }
  }
};

MOLE_PLUGINS(Directory)
