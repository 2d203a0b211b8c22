#include "cli/export/target.hpp"

#include "sdk/model/durable_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace mole::cli {

namespace fs = std::filesystem;

Result<std::unique_ptr<Target>> Target::open(const std::optional<fs::path>& output) {
  auto target = std::unique_ptr<Target>(new Target);
  if (!output) return target;
  target->path_ = *output;
  std::error_code error;
  if (fs::exists(*output, error) && !fs::is_regular_file(*output, error)) {  // a pipe or device must not be replaced
    target->fd_ = ::open(output->c_str(), O_WRONLY | O_CLOEXEC);
    if (target->fd_ >= 0) return target;
    return invalid(
        fmt::format("cannot write {}: {}; choose a file, or a pipe that has a reader", output->string(), std::strerror(errno)));
  }
  target->tmp_ = output->parent_path() / (".tmp." + std::to_string(::getpid()) + "." + output->filename().string());
  target->fd_ = ::open(target->tmp_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (target->fd_ < 0) {
    target->tmp_.clear();
    return invalid(fmt::format("cannot write {}: {}; choose a writable folder", output->string(), std::strerror(errno)));
  }
  return target;
}

Target::~Target() {
  if (fd_ > STDERR_FILENO) ::close(fd_);
  if (!tmp_.empty()) ::unlink(tmp_.c_str());
}

Result<> Target::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return write_error();
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<> Target::finish() {
  if (tmp_.empty()) return {};
  if (auto done = durable_rename(tmp_, path_); !done) return done;
  tmp_.clear();
  return {};
}

Error Target::write_error() const {
  if (errno == EPIPE) return {Code::cancelled, "the reader of the output closed the pipe"};
  const auto text = fmt::format("cannot write {}: {}", path_.empty() ? "the output" : path_.string(), std::strerror(errno));
  return errno == ENOSPC || errno == EDQUOT ? exhausted(text + "; free some disk space")
                                            : transient(text + "; check the disk and try again");
}

}  // namespace mole::cli
