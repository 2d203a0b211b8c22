#include "coordinator/wire/secret.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace mole::coordinator {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view mark = "MOLEwir1";  // with the version of the handshake
static_assert(mark.size() == 8);

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  File(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

Error cannot(const char* what, const fs::path& file, int error) {
  return {
      error == ENOENT   ? Code::missing
      : error == EACCES ? Code::denied
                        : Code::transient,
      fmt::format("cannot {} the secret {}: {}; check the path and its permissions", what, file.string(), std::strerror(error))};
}

Result<> check_owner(const fs::path& file, int fd) {
  struct stat found {};
  if (::fstat(fd, &found) != 0) return cannot("read", file, errno);
  if (!S_ISREG(found.st_mode)) return denied(fmt::format("the secret {} is not a regular file", file.string()));
  if (found.st_uid != ::geteuid())
    return denied(fmt::format("the secret {} belongs to user {}; use a file of your own", file.string(), found.st_uid));
  if (found.st_mode & 077)
    return denied(
        fmt::format("other users can open the secret {} (mode {:04o}); create a new one with mode 0600 and restart "
                    "the services",
                    file.string(), found.st_mode & 07777));
  return {};
}

// Writes the file under a temporary name first: a reader never finds a part of it.
Result<> write_new(const fs::path& file, std::string_view text) {
  const auto temporary = fmt::format("{}.{}", file.string(), ::getpid());
  ::unlink(temporary.c_str());
  {
    const File out(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (out.fd() < 0) return cannot("create", file, errno);
    if (::write(out.fd(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(out.fd()) != 0)
      return ::unlink(temporary.c_str()), cannot("write", file, errno ? errno : ENOSPC);
  }
  const bool linked = ::link(temporary.c_str(), file.c_str()) == 0 || errno == EEXIST;  // another process was faster
  const int error = errno;
  ::unlink(temporary.c_str());
  if (!linked) return cannot("create", file, error);
  const auto parent = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const File folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.fd() < 0 || ::fsync(folder.fd()) != 0) return cannot("write", file, errno);
  return {};
}

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  for (std::size_t done = 0; done < count;) {
    const auto n = ::getrandom(out.data() + done, count - done, 0);
    if (n > 0) done += static_cast<std::size_t>(n);
    if (n < 0 && errno != EINTR) throw std::runtime_error("the system has no random numbers");
  }
  return out;
}

Secret Secret::random() {
  Secret secret;
  const auto made = random_bytes(bytes);
  std::copy(made.begin(), made.end(), secret.key_.begin());
  return secret;
}

Result<Secret> Secret::read(const fs::path& file) {
  const File in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (in.fd() < 0) return cannot("read", file, errno);
  if (auto checked = check_owner(file, in.fd()); !checked) return checked.error();
  std::array<char, 2 * bytes + 2> text{};
  const auto got = ::read(in.fd(), text.data(), text.size());
  const auto size = static_cast<std::size_t>(got);
  if (got < 0) return cannot("read", file, errno);
  const std::size_t digits = 2 * bytes;
  const bool whole = size == digits || (size == digits + 1 && text[digits] == '\n');
  Secret secret;
  for (std::size_t i = 0; i < bytes && whole; ++i) {
    const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) break;
    secret.key_[i] = static_cast<char>(high << 4 | low);
    if (i + 1 == bytes) return secret;
  }
  return invalid(
      fmt::format("{} is not a secret of {} hexadecimal digits; use STATE/secret of the coordinator", file.string(), digits));
}

Result<Secret> Secret::read_or_create(const fs::path& file) {
  if (auto found = read(file); found || found.error().code != Code::missing) return found;
  std::string text;
  for (const char c : random().key()) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  if (auto written = write_new(file, text + "\n"); !written) return written.error();
  return read(file);
}

std::string proof_of(const Secret& secret, End end, std::string_view client_nonce, std::string_view server_nonce,
                     std::string_view address) {
  const std::string_view role = end == End::server ? "server" : "client";
  const auto text = fmt::format("mole wire 1 {} {} {}{}", role, address, client_nonce, server_nonce);
  std::string out(proof_bytes, '\0');
  unsigned size = 0;
  const auto* done = ::HMAC(::EVP_sha256(), secret.key().data(), static_cast<int>(Secret::bytes),
                            reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                            reinterpret_cast<unsigned char*>(out.data()), &size);
  if (!done || size != proof_bytes) throw std::runtime_error("libcrypto cannot compute HMAC-SHA-256");
  return out;
}

bool same_proof(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string server_end(int fd, End own_end) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  auto* any = reinterpret_cast<sockaddr*>(&name);
  if ((own_end == End::server ? ::getsockname(fd, any, &size) : ::getpeername(fd, any, &size)) != 0) return {};
  std::array<char, INET6_ADDRSTRLEN> host{};
  const bool v4 = name.ss_family == AF_INET;
  const auto& in4 = reinterpret_cast<const sockaddr_in&>(name);
  const auto& in6 = reinterpret_cast<const sockaddr_in6&>(name);
  const void* number = v4 ? static_cast<const void*>(&in4.sin_addr) : static_cast<const void*>(&in6.sin6_addr);
  if (!::inet_ntop(name.ss_family, number, host.data(), host.size())) return {};
  return fmt::format("{}:{}", host.data(), ntohs(v4 ? in4.sin_port : in6.sin6_port));
}

std::string hello_of(std::uint64_t process, std::string_view nonce) {
  std::string out(mark);
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(process >> shift & 0xff);
  return out.append(nonce);
}

Result<Hello> parse_hello(std::string_view bytes) {
  if (bytes.size() != hello_bytes || !bytes.starts_with(mark)) return invalid("not the first frame of a client");
  Hello hello;
  for (const char c : bytes.substr(8, 8)) hello.process = hello.process << 8 | static_cast<unsigned char>(c);
  hello.nonce = bytes.substr(16);
  return hello;
}

}  // namespace mole::coordinator
