#include "nodes/daemon/log_tail.hpp"

#include "sdk/model/utf8.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace mole::nodes {
namespace {

constexpr std::size_t max_tail_bytes = 64u << 10;

// Writes control bytes and bytes that are not UTF-8 as \xNN.
std::string escaped(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const auto c = static_cast<unsigned char>(bytes.front());
    const bool control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
    auto length = control ? 0 : utf8_length(bytes);
    if (length == 2 && c == 0xc2 && static_cast<unsigned char>(bytes[1]) < 0xa0) length = 0;  // C1 controls
    if (length == 0) {
      out += "\\x";
      out += "0123456789abcdef"[c >> 4];
      out += "0123456789abcdef"[c & 15];
    } else {
      out += bytes.substr(0, length);
    }
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace

std::string log_tail(const std::filesystem::path& log) {
  const int fd = ::open(log.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  struct stat st {};
  ::fstat(fd, &st);
  const auto size = static_cast<std::size_t>(std::max<off_t>(st.st_size, 0));
  std::string bytes(std::min(size, max_tail_bytes), '\0');
  const auto n = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(size - bytes.size()));
  ::close(fd);
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  auto out = escaped(bytes);
  if (out.size() > max_tail_bytes) out.erase(0, out.size() - max_tail_bytes);
  if (size > max_tail_bytes || out.size() == max_tail_bytes)
    if (const auto line = out.find('\n'); line != out.npos) out.erase(0, line + 1);
  return out;
}

}  // namespace mole::nodes
