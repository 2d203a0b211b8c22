#include "nodes/daemon/call_record.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstring>

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

}  // namespace mole::nodes
