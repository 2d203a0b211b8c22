#include "sdk/model/program.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace mole {

std::string version_of(std::string_view program) { return std::string(program) + " " MOLE_VERSION; }

Result<> write_all(int descriptor, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      if (errno == EPIPE) return Error{Code::cancelled, "the reader of " + name + " closed the pipe"};
      const auto cause = "cannot write " + name + ": " + std::strerror(errno);
      return errno == ENOSPC || errno == EDQUOT ? exhausted(cause + "; free some disk space")
                                                : transient(cause + "; check where it is written to and try again");
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

class StandardOutput::Buffer final : public std::streambuf {
 public:
  Buffer() : bytes_(std::size_t{1} << 16, '\0') { clear(); }

  Result<> flush() {
    if (done_) done_ = write_all(STDOUT_FILENO, {pbase(), static_cast<std::size_t>(pptr() - pbase())}, "the output");
    clear();
    return done_;
  }

 protected:
  int_type overflow(int_type c) override {
    if (!flush()) return traits_type::eof();
    if (!traits_type::eq_int_type(c, traits_type::eof())) sputc(traits_type::to_char_type(c));
    return traits_type::not_eof(c);
  }
  int sync() override { return flush() ? 0 : -1; }

 private:
  void clear() { setp(bytes_.data(), bytes_.data() + bytes_.size()); }
  std::string bytes_;
  Result<> done_;
};

StandardOutput::StandardOutput() : std::ostream(nullptr), buffer_(std::make_unique<Buffer>()) {
  for (int descriptor = 0; descriptor <= STDERR_FILENO; ++descriptor)
    if (::fcntl(descriptor, F_GETFD) < 0) (void)::open("/dev/null", O_RDONLY);  // gets the lowest free number
  rdbuf(buffer_.get());
}

StandardOutput::~StandardOutput() { (void)finish(); }

Result<> StandardOutput::finish() { return buffer_->flush(); }

int exit_code_of(StandardOutput& out, const char* program) {
  const auto done = out.finish();
  if (done || done.error().code == Code::cancelled) return 0;
  std::fprintf(stderr, "%s: %s\n", program, done.error().message.c_str());
  return 1;
}

}  // namespace mole
