#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <mole/downloader.hpp>
#include <mole/file_id.hpp>

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

bool is_beneath(const fs::path& path, const fs::path& root) {
  const auto r = (root / "").native();  // with a slash, so that /a/bc is not under /a/b
  return path.native().starts_with(r) && path.native().size() > r.size();
}

}  // namespace

// A folder used as an archive. Follows links to files under the root; passes over other links, devices, FIFOs and folders that it
// cannot read, and names them.
struct Directory {
  static constexpr auto about = mole::downloader("directory", "1.1.0", "Reads a directory as an archive");

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
    Listing listing{*root, found};
    std::error_code failed;
    const fs::directory_iterator top(*root, failed);
    if (failed) return mole::invalid("cannot list " + root->string() + ": " + failed.message() + "; make the folder readable");
    if (auto done = list_folder(*root, top, listing); !done) return done;
    if (listing.files == 0 && listing.outside > 0)
      return mole::invalid(root->string() + " contains only links to files outside it; set root to the folder they point to");
    return {};
  }

  mole::Result<mole::Staged> stage(std::span<const std::string_view>) const { return mole::Staged::ready; }

  mole::Result<> fetch(std::string_view id, mole::ByteSink& out) const {
    auto root = real_root();
    if (!root) return root.error();
    const fs::path relative(mole::file_name(id));
    for (const auto& part : relative)
      if (part == ".." || relative.is_absolute())
        return mole::invalid("'" + std::string(id) + "' is outside the folder " + root->string() + "; index the archive again");
    const auto path = *root / relative;
    // A handle without access: neither a device nor a FIFO is opened, and what is checked is what is then read.
    const File handle{::open(path.c_str(), O_PATH | O_CLOEXEC)};
    if (handle.fd < 0) return cannot_open(path, errno);
    if (auto allowed = check(handle, path, *root); !allowed) return allowed;
    const File file{::open(("/proc/self/fd/" + std::to_string(handle.fd)).c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.fd < 0) return cannot_open(path, errno);
    return copy(file, path, out);
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

  struct Listing {
    const fs::path& root;
    mole::ObjectSink& found;
    std::uint64_t files = 0, outside = 0;

    std::string id(const fs::path& path) const { return mole::file_id(path.lexically_relative(root).native()); }
    void pass_over(const fs::path& path, const std::string& reason) { found.passed_over(id(path), reason); }
  };

  mole::Result<> list_folder(const fs::path& path, fs::directory_iterator entries, Listing& listing) const {
    std::error_code failed;
    for (; !failed && entries != fs::directory_iterator(); entries.increment(failed))
      if (auto done = list_entry(*entries, listing); !done) return done;
    if (!failed) return {};
    return mole::transient("listing " + path.string() + " failed: " + failed.message() + "; check the disk of the archive");
  }

  // An unreadable folder costs only its own files.
  mole::Result<> list_entry(const fs::directory_entry& entry, Listing& listing) const {
    const auto& path = entry.path();
    std::error_code failed;
    if (entry.is_symlink(failed)) {
      const auto target = fs::canonical(path, failed);
      if (failed) return listing.pass_over(path, "a link to nothing"), mole::Result<>();
      if (!is_beneath(target, listing.root)) {
        ++listing.outside;
        return listing.pass_over(path, "a link to a place outside the archive"), mole::Result<>();
      }
    } else if (entry.is_directory(failed)) {
      if (!given.recursive) return {};
      const fs::directory_iterator below(path, failed);
      if (failed)
        return listing.pass_over(path, "an unreadable folder (" + failed.message() + "); make it readable"), mole::Result<>();
      return list_folder(path, below, listing);
    }
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0) {
      if (errno != ENOENT) listing.pass_over(path, "an unreadable file (" + reason(errno) + "); make its folder accessible");
      return {};  // otherwise deleted in the meantime
    }
    if (S_ISDIR(st.st_mode)) return listing.pass_over(path, "a link to a folder"), mole::Result<>();
    if (!S_ISREG(st.st_mode)) return listing.pass_over(path, "a device, FIFO or socket"), mole::Result<>();
    ++listing.files;
    const auto version = std::to_string(std::int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec);
    return listing.found.found({listing.id(path), static_cast<std::uint64_t>(st.st_size), version, {}, 0});
  }

  static mole::Error cannot_open(const fs::path& path, int error) {
    const auto text = "cannot read " + path.string() + ": " + reason(error);
    if (error == ENOENT || error == ENOTDIR) return mole::missing(text + "; index the archive again");
    if (error == EACCES || error == EPERM) return mole::invalid(text + "; make the file readable");
    return mole::transient(text + "; check the disk of the archive");
  }

  // Checks the handle, not its name, which may have become a link in the meantime.
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
