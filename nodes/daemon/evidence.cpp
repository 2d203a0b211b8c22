#include "nodes/daemon/evidence.hpp"

#include "sdk/model/utf8.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace mole::nodes {
namespace {

template <class T>
T at(const std::array<char, 64>& bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

constexpr std::array call_names = {"nothing", "load library", "open", "create",     "begin", "add",   "merge", "finish",
                                   "save",    "load",         "next", "recognises", "index", "stage", "fetch", "close"};

constexpr std::size_t max_tail_bytes = 64u << 10;

// Writes control bytes and bytes that are not UTF-8 as \xNN.
std::string escaped(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const auto c = static_cast<unsigned char>(bytes.front());
    const bool control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
    auto length = control ? 0 : utf8_length(bytes);
    if (length == 2 && c == 0xc2 && static_cast<unsigned char>(bytes[1]) < 0xa0) length = 0;  // C1 controls
    out += length == 0 ? fmt::format("\\x{:02x}", c) : std::string(bytes.substr(0, length));
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace

std::optional<PluginCall> read_call(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::array<char, 64> bytes{};
  const auto n = ::pread(fd, bytes.data(), bytes.size(), 0);
  ::close(fd);
  if (n != static_cast<ssize_t>(bytes.size()) || std::memcmp(bytes.data(), "MCAL", 4) != 0) return std::nullopt;
  PluginCall out;
  const auto call = at<std::uint16_t>(bytes, 6);
  const auto step = at<std::uint32_t>(bytes, 8);
  out.call = call < call_names.size() ? call_names[call] : "an unknown call";
  if (step != 0xffffffffu) out.step = step;
  out.batch = at<std::uint64_t>(bytes, 16);
  out.progress = at<std::uint64_t>(bytes, 24);
  out.module.assign(bytes.data() + 32, ::strnlen(bytes.data() + 32, 32));
  out.in_plugin = call != 0;
  return out;
}

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
