#include "cli/export/target.hpp"

#include "cli/export/output_format.hpp"
#include "sdk/model/durable_file.hpp"
#include "sdk/model/program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>

namespace mole::cli {

namespace fs = std::filesystem;

class Target::Gzip {
 public:
  Gzip() { ok_ = ::deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK; }
  ~Gzip() { ::deflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;
  bool ok() const { return ok_; }

  // Compresses `bytes` and calls `write` with each piece of the output. `flush`: Z_NO_FLUSH, or Z_FINISH for the last call.
  template <class Write>
  Result<> add(std::string_view bytes, int flush, Write write) {
    constexpr std::size_t max_part = std::size_t{1} << 30;  // the counters of zlib have 32 bits
    do {
      const auto part = bytes.substr(0, max_part);
      bytes.remove_prefix(part.size());
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
      stream_.avail_in = static_cast<uInt>(part.size());
      do {
        stream_.next_out = reinterpret_cast<Bytef*>(piece_.data());
        stream_.avail_out = static_cast<uInt>(piece_.size());
        ::deflate(&stream_, bytes.empty() ? flush : Z_NO_FLUSH);
        if (auto done = write(std::string_view(piece_).substr(0, piece_.size() - stream_.avail_out)); !done) return done;
      } while (stream_.avail_out == 0);
    } while (!bytes.empty());
    return {};
  }

 private:
  z_stream stream_{};
  bool ok_ = false;
  std::string piece_ = std::string(std::size_t{1} << 17, '\0');
};

Target::Target() = default;

Result<std::unique_ptr<Target>> Target::open(const std::optional<fs::path>& output) {
  auto target = std::unique_ptr<Target>(new Target);
  if (!output) return target;
  target->path_ = *output;
  std::error_code error;
  if (const auto folder = output->parent_path(); !folder.empty() && !fs::is_directory(folder, error))
    return missing(fmt::format("cannot write {}: the folder {} does not exist; create it", output->string(), folder.string()));
  if (is_compressed(*output)) {
    target->gzip_ = std::make_unique<Gzip>();
    if (!target->gzip_->ok()) return exhausted("cannot start the compression: out of memory; free some memory");
  }
  if (fs::exists(*output, error) && !fs::is_regular_file(*output, error)) {  // a pipe or device must not be replaced
    target->fd_ = ::open(output->c_str(), O_WRONLY | O_CLOEXEC);
    if (target->fd_ >= 0) return target;
    return exhausted(
        fmt::format("cannot write {}: {}; choose a file, or a pipe that has a reader", output->string(), std::strerror(errno)));
  }
  target->tmp_ = output->parent_path() / (".tmp." + std::to_string(::getpid()) + "." + output->filename().string());
  target->fd_ = ::open(target->tmp_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (target->fd_ < 0) {
    target->tmp_.clear();
    return exhausted(fmt::format("cannot write {}: {}; choose a writable folder", output->string(), std::strerror(errno)));
  }
  return target;
}

Target::~Target() {
  if (fd_ > STDERR_FILENO) ::close(fd_);
  if (!tmp_.empty()) ::unlink(tmp_.c_str());
}

Result<> Target::write(std::string_view bytes) {
  if (!gzip_) return write_raw(bytes);
  return gzip_->add(bytes, Z_NO_FLUSH, [this](std::string_view piece) { return write_raw(piece); });
}

Result<> Target::write_raw(std::string_view bytes) {
  return write_all(fd_, bytes, path_.empty() ? "the output" : path_.string());
}

Result<> Target::finish() {
  if (gzip_)
    if (auto done = gzip_->add({}, Z_FINISH, [this](std::string_view piece) { return write_raw(piece); }); !done) return done;
  if (tmp_.empty()) return {};
  if (auto done = durable_rename(tmp_, path_); !done) return done;
  tmp_.clear();
  return {};
}

}  // namespace mole::cli
