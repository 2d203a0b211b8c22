#include "plugins/downloaders/web/credentials.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string_view>
#include <system_error>

namespace mole::web {
namespace {

constexpr std::size_t max_bytes = 64 * 1024;

struct File {
  int fd;
  ~File() {
    if (fd >= 0) ::close(fd);
  }
};

std::string octal(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(blanks) - begin + 1));
}

Result<std::string> read_private(const std::string& path) {
  const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  const auto reason = std::generic_category().message(errno);
  if (file.fd < 0)
    return denied("cannot read the credentials file " + path + ": " + reason + "; check the environment of mole-node");
  struct stat st {};
  if (::fstat(file.fd, &st) != 0 || !S_ISREG(st.st_mode))
    return invalid("the credentials file " + path + " is not a regular file; check the environment of mole-node");
  if ((st.st_mode & 077) != 0)
    return denied("the credentials file " + path + " has mode " + octal(st.st_mode) +
                  ", so that other users can read or change it; run: chmod 600 " + path);
  if (st.st_uid != ::geteuid() && st.st_uid != 0)
    return denied("the credentials file " + path + " belongs to a different user; make the user of mole-node its owner");
  std::string text(max_bytes + 1, '\0');
  const auto n = ::read(file.fd, text.data(), text.size());
  if (n < 0 || static_cast<std::size_t>(n) > max_bytes)
    return invalid("the credentials file " + path +
                   " cannot be read or is larger than 64 KiB; check the environment of mole-node");
  text.resize(static_cast<std::size_t>(n));
  return text;
}

}  // namespace

Result<Credentials> read_credentials(const std::string& path, const std::string& section) {
  MOLE_TRY(const auto text, read_private(path));
  Credentials found;
  bool in_section = false, wanted = false;
  int number = 0;
  std::istringstream lines(text);
  for (std::string raw; std::getline(lines, raw);) {
    ++number;
    const auto line = trimmed(raw);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line.front() == '[' && line.back() == ']') {
      in_section = true;
      wanted = trimmed(std::string_view(line).substr(1, line.size() - 2)) == section;
      continue;
    }
    const auto equals = line.find('=');
    const auto value = equals == std::string::npos ? std::string() : trimmed(std::string_view(line).substr(equals + 1));
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (!in_section) return invalid("the credentials file " + path + " does not begin with a '[section]'; add one");
    if (value.empty() || std::any_of(line.begin(), line.end(), is_control))
      return invalid("line " + std::to_string(number) + " of the credentials file " + path +
                     " is not 'name = value'; correct it");
    if (wanted) found[trimmed(std::string_view(line).substr(0, equals))] = value;
  }
  return found;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT: the environment does not change while plugins run
  return value ? value : "";
}

}  // namespace mole::web
