#include "nodes/worker/tar_members.hpp"

#include "runtime/decode/file_bytes.hpp"
#include "runtime/decode/held_source.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace mole::nodes {
namespace {

constexpr std::size_t block = 512, max_name = 64 << 10, chunk = 256 << 10;
constexpr std::size_t magic_at = 257, checksum_at = 148, checksum_size = 8, size_at = 124, size_size = 12, type_at = 156,
                      prefix_at = 345;

std::string_view field(const char* header, std::size_t at, std::size_t size) {
  const std::string_view text(header + at, size);
  return text.substr(0, text.find('\0'));
}

// A number in octal digits, or in binary if its first bit is set (GNU).
std::optional<std::uint64_t> number(std::string_view digits) {
  std::uint64_t value = 0;
  if (!digits.empty() && (digits[0] & 0x80) != 0) {
    if (std::any_of(digits.begin() + 1, digits.end() - 8, [](char c) { return c != 0; })) return std::nullopt;
    for (const char c : digits.substr(digits.size() - 8)) value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
  }
  while (!digits.empty() && digits.front() == ' ') digits.remove_prefix(1);
  digits = digits.substr(0, digits.find_first_of(std::string_view(" \0", 2)));
  if (digits.empty()) return 0;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
  return status == std::errc{} && end == digits.data() + digits.size() ? std::optional(value) : std::nullopt;
}

bool is_header(const char* header) {
  std::uint64_t sum = checksum_size * ' ';
  for (std::size_t i = 0; i < block; ++i)
    if (i < checksum_at || i >= checksum_at + checksum_size) sum += static_cast<std::uint8_t>(header[i]);
  return number({header + checksum_at, checksum_size}) == sum;
}

// Returns the value of a key in the records of a pax header: "30 path=flows/...\n".
std::optional<std::string> pax_value(std::string_view records, std::string_view key) {
  std::optional<std::string> value;
  while (!records.empty()) {
    std::size_t length = 0;
    const auto [end, status] = std::from_chars(records.data(), records.data() + records.size(), length);
    const auto digits = static_cast<std::size_t>(end - records.data());
    if (status != std::errc{} || length <= digits + 1 || length > records.size()) return value;
    const auto record = records.substr(digits + 1, length - digits - 2);  // without the space and the line feed
    if (record.substr(0, key.size()) == key && record.substr(key.size()).starts_with('=')) value = record.substr(key.size() + 1);
    records.remove_prefix(length);
  }
  return value;
}

std::string name_of(const char* header) {
  const auto name = field(header, 0, 100);
  const auto prefix = std::memcmp(header + magic_at, "ustar\0", 6) == 0 ? field(header, prefix_at, 155) : std::string_view();
  return prefix.empty() ? std::string(name) : std::string(prefix) + "/" + std::string(name);
}

bool is_hidden(std::string_view name) {
  const auto last = name.substr(name.rfind('/') + 1);  // npos + 1 is 0
  return last.empty() || last.front() == '.';
}

// A file without a name that others can open as /proc/self/fd/N; -1: errno.
int unnamed_file() {
  const char* folder = std::getenv("TMPDIR");
  const std::string in = folder && *folder ? folder : "/tmp";
  int file = ::open(in.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {  // file systems without O_TMPFILE, such as NFS
    std::string name = in + "/mole-member-XXXXXX";
    file = ::mkostemp(name.data(), O_CLOEXEC);
    if (file >= 0) ::unlink(name.c_str());
  }
  return file;
}

// Reads the content of a compressed file. What follows lost bytes cannot be read as members.
TarMembers::Read reading(std::shared_ptr<runtime::ContentSource> source) {
  return [source = std::move(source), left = std::span<const std::uint8_t>()](char* to,
                                                                              std::size_t size) mutable -> Result<std::size_t> {
    std::size_t got = 0;
    while (got < size) {
      if (left.empty()) {
        MOLE_TRY(const auto next, source->next());
        if (!next && source->sound()) break;
        if (!next || next->gap) return corrupt(source->lost().empty() ? "bytes are missing" : source->lost().back().reason);
        left = next->bytes;
      }
      const auto part = std::min(left.size(), size - got);
      std::memcpy(to + got, left.data(), part);
      left = left.subspan(part);
      got += part;
    }
    return got;
  };
}

}  // namespace

bool TarMembers::is_tar(std::span<const std::uint8_t> head) {
  return head.size() >= block && std::memcmp(head.data() + magic_at, "ustar", 5) == 0 &&
         is_header(reinterpret_cast<const char*>(head.data()));
}

TarMembers::~TarMembers() {
  if (copy_ >= 0) ::close(copy_);
}

Error TarMembers::damaged(const std::string& what) const {
  return corrupt(what + " at byte " + std::to_string(at_) + " of the tar archive; the files after it are not read");
}

// False: the archive ends before the first of these bytes.
Result<bool> TarMembers::fill(char* to, std::size_t size) {
  auto got = read_(to, size);
  if (!got) return got.error().code == Code::corrupt ? damaged(got.error().message) : got.error();
  at_ += *got;
  if (*got == size) return true;
  return *got == 0 ? Result<bool>(false) : damaged("the archive is cut short");
}

Result<> TarMembers::skip(std::uint64_t size) {
  std::vector<char> bytes(std::min<std::uint64_t>(size, chunk));
  while (size > 0) {
    const auto part = std::min<std::uint64_t>(size, bytes.size());
    MOLE_TRY(const bool more, fill(bytes.data(), part));
    if (!more) return damaged("the archive is cut short");
    size -= part;
  }
  return {};
}

// The data of a header that describes the next one.
Result<std::string> TarMembers::text(std::uint64_t size) {
  if (size > max_name) return damaged("a name of more than 64 KiB");
  std::string out(size, '\0');
  MOLE_TRY(const bool more, fill(out.data(), size));
  if (!more && size > 0) return damaged("the archive is cut short");
  if (auto skipped = skip((block - size % block) % block); !skipped) return skipped.error();
  return out;
}

Result<std::optional<TarMembers::Member>> TarMembers::next() {
  if (copy_ >= 0) ::close(std::exchange(copy_, -1));
  if (auto skipped = skip(std::exchange(left_, 0)); !skipped) return skipped.error();
  std::string long_name;
  std::optional<std::uint64_t> long_size;
  std::array<char, block> header;
  while (true) {
    MOLE_TRY(const bool more, fill(header.data(), block));
    if (!more || std::ranges::all_of(header, [](char c) { return c == 0; })) return std::optional<Member>();
    const auto stated = number({header.data() + size_at, size_size});
    if (!is_header(header.data()) || !stated) return damaged("no header of a file");
    const char type = header[type_at];
    if (type == 'L' || type == 'x') {  // of the next member: GNU, pax
      MOLE_TRY(const auto records, text(*stated));
      if (type == 'L') {
        long_name = records.substr(0, records.find('\0'));
        continue;
      }
      if (const auto path = pax_value(records, "path")) long_name = *path;
      if (const auto size = pax_value(records, "size")) {
        std::uint64_t value = 0;
        std::from_chars(size->data(), size->data() + size->size(), value);
        long_size = value;
      }
      continue;
    }
    const bool has_no_data = type >= '1' && type <= '6';  // links, devices, folders
    member_.size = has_no_data ? 0 : std::exchange(long_size, {}).value_or(*stated);
    member_.name = long_name.empty() ? name_of(header.data()) : std::exchange(long_name, {});
    if (member_.name.starts_with("./")) member_.name.erase(0, 2);
    for (char& c : member_.name)
      if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
    if (member_.size > UINT64_MAX - block) return damaged("an impossible size");
    left_ = member_.size + (block - member_.size % block) % block;
    if ((type == '0' || type == '\0' || type == '7') && !is_hidden(member_.name)) return std::optional(member_);
    if (auto skipped = skip(std::exchange(left_, 0)); !skipped) return skipped.error();
  }
}

Result<std::unique_ptr<runtime::ContentSource>> TarMembers::open(const runtime::ContentOptions& options) {
  if (member_.size > options.max_content)
    return exhausted(member_.name + " has " + std::to_string(member_.size) + " bytes; raise --max-content to read it");
  copy_ = unnamed_file();
  const auto failed = [&] {
    return exhausted("cannot copy " + member_.name + " to $TMPDIR or /tmp: " + std::strerror(errno) + "; free space there");
  };
  if (copy_ < 0) return failed();
  std::vector<char> bytes(std::min<std::uint64_t>(member_.size, chunk));
  for (std::uint64_t left = member_.size; left > 0;) {
    const auto part = std::min<std::uint64_t>(left, bytes.size());
    MOLE_TRY(const bool more, fill(bytes.data(), part));
    if (!more) return damaged("the archive is cut short");
    for (std::size_t written = 0; written < part;) {
      const auto n = ::write(copy_, bytes.data() + written, part - written);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed();
      written += static_cast<std::size_t>(n);
    }
    left -= part;
    left_ -= part;
  }
  return runtime::open_content("/proc/self/fd/" + std::to_string(copy_), options);
}

Result<FlowFile> open_flow_file(const std::filesystem::path& path, const runtime::ContentOptions& options) {
  FlowFile out;
  MOLE_TRY(auto file, runtime::FileBytes::open(path));
  std::array<std::uint8_t, block> head;
  MOLE_TRY(const auto got, file.read(0, head));
  if (TarMembers::is_tar(std::span(head).first(got))) {
    auto bytes = std::make_shared<runtime::FileBytes>(std::move(file));
    out.tar =
        std::make_unique<TarMembers>([bytes, at = std::uint64_t{0}](char* to, std::size_t size) mutable -> Result<std::size_t> {
          MOLE_TRY(const auto n, bytes->read(at, std::span(reinterpret_cast<std::uint8_t*>(to), size)));
          at += n;
          return n;
        });
    return out;
  }
  MOLE_TRY(out.content, runtime::open_content(path, options));
  out.compression = out.content->compression();
  if (out.compression == "none") return out;
  auto held = std::make_unique<runtime::HeldSource>(std::move(out.content));
  if (auto read = held->hold(block); !read) return read.error();
  if (TarMembers::is_tar(held->head(block)))
    out.tar = std::make_unique<TarMembers>(reading(std::move(held)));
  else
    out.content = std::move(held);
  return out;
}

}  // namespace mole::nodes
