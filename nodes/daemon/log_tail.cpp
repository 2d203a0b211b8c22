#include "nodes/daemon/log_tail.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace mole::nodes {
namespace {

constexpr std::size_t max_tail_bytes = 64u << 10;

// Returns the length of the well-formed UTF-8 sequence at the front; 0: there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  std::size_t length = 0;
  if (byte(0) < 0x80) return 1;
  if (byte(0) >= 0xc2 && byte(0) <= 0xdf)
    length = 2;
  else if ((byte(0) & 0xf0) == 0xe0)
    length = 3;
  else if (byte(0) >= 0xf0 && byte(0) <= 0xf4)
    length = 4;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if (byte(0) == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
  if (byte(0) == 0xed && byte(1) > 0x9f) return 0;  // surrogate
  if (byte(0) == 0xf0 && byte(1) < 0x90) return 0;  // overlong
  if (byte(0) == 0xf4 && byte(1) > 0x8f) return 0;  // beyond Unicode
  return length;
}

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
