// A read-only SFTP server, version 3 (draft-ietf-secsh-filexfer-02):
//
//   packet   length u32 (of the rest) | type u8 | payload; integers are big endian, strings are u32 length + bytes
#include "cli/tape_library/session.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>

namespace mole::cli {
namespace {

enum class Sftp : std::uint8_t {
  init = 1,
  version = 2,
  open = 3,
  close = 4,
  read = 5,
  lstat = 7,
  fstat = 8,
  opendir = 11,
  readdir = 12,
  realpath = 16,
  stat = 17,
  status = 101,
  handle = 102,
  data = 103,
  name = 104,
  attrs = 105,
};
enum class Status : std::uint32_t {
  ok = 0,
  eof = 1,
  no_such_file = 2,
  denied = 3,
  failure = 4,
  bad_message = 5,
  unsupported = 8
};

constexpr std::uint32_t max_packet = 256 << 10, max_read = 128 << 10;

class Packet {
 public:
  explicit Packet(Sftp type) { bytes_ += static_cast<char>(type); }
  Packet& number(std::uint32_t n) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes_ += static_cast<char>(n >> shift);
    return *this;
  }
  Packet& long_number(std::uint64_t n) {
    return number(static_cast<std::uint32_t>(n >> 32)).number(static_cast<std::uint32_t>(n));
  }
  Packet& text(std::string_view s) {
    number(static_cast<std::uint32_t>(s.size()));
    bytes_ += s;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Reads the fields of a request. After a field that is cut short, `sound` is false and all fields are 0 or empty.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}
  std::uint32_t number() {
    std::uint32_t n = 0;
    for (const char c : take(4)) n = n << 8 | static_cast<std::uint8_t>(c);
    return n;
  }
  std::uint64_t long_number() {
    const std::uint64_t high = number();
    return high << 32 | number();
  }
  std::string text() { return std::string(take(number())); }
  bool sound() const { return sound_; }

 private:
  std::string_view take(std::size_t size) {
    sound_ = sound_ && size <= rest_.size();
    const auto taken = sound_ ? rest_.substr(0, size) : std::string_view();
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest_;
  bool sound_ = true;
};

struct Attributes {
  bool folder = false;
  std::uint64_t size = 0;
  Micros modified = 0;
};

Packet& append(Packet& packet, const Attributes& a) {
  constexpr std::uint32_t has_size = 1, has_permissions = 4, has_times = 8;
  const auto seconds = static_cast<std::uint32_t>(floor_div(a.modified, second_us));
  return packet.number(has_size | has_permissions | has_times)
      .long_number(a.size)
      .number(a.folder ? S_IFDIR | 0755 : S_IFREG | 0644)
      .number(seconds)
      .number(seconds);
}

// An open file or folder.
struct Handle {
  int fd = -1;
  std::uint64_t file = 0, size = 0;
  bool hang = false, reset = false, change = false;
  LockedFile mark;
  std::vector<std::string> names;  // of a folder, still to be sent

  Handle() = default;
  Handle(Handle&& o) noexcept { swap(o); }
  Handle& operator=(Handle&& o) noexcept {
    swap(o);
    return *this;
  }
  ~Handle() {
    if (fd >= 0) ::close(fd);
  }
  void swap(Handle& o) {
    std::swap(fd, o.fd);
    std::swap(file, o.file);
    std::swap(size, o.size);
    std::swap(hang, o.hang);
    std::swap(reset, o.reset);
    std::swap(change, o.change);
    std::swap(mark, o.mark);
    std::swap(names, o.names);
  }
};

class SftpServer {
 public:
  SftpServer(std::filesystem::path folder, TapeLibrary library, int in, int out)
      : folder_(std::move(folder)), library_(std::move(library)), in_(in), out_(out) {}

  int serve() {
    for (std::string packet; receive(packet);)
      if (!answer(static_cast<Sftp>(packet[0]), Fields(std::string_view(packet).substr(1)))) return 1;
    return 0;
  }

 private:
  bool receive_bytes(char* to, std::size_t size) {
    while (size > 0) {
      const auto n = ::read(in_, to, size);
      if (n <= 0) return false;
      to += n;
      size -= static_cast<std::size_t>(n);
    }
    return true;
  }
  bool receive(std::string& packet) {
    std::string length(4, 0);
    if (!receive_bytes(length.data(), 4)) return false;
    const auto size = Fields(length).number();
    if (size == 0 || size > max_packet) return false;
    packet.resize(size);
    return receive_bytes(packet.data(), size);
  }
  bool send(const Packet& packet) {
    Packet framed(Sftp::init);  // only for its encoding of the length
    const auto& body = packet.bytes();
    std::string bytes = framed.number(static_cast<std::uint32_t>(body.size())).bytes().substr(1) + body;
    for (std::string_view rest = bytes; !rest.empty();) {
      const auto n = ::write(out_, rest.data(), rest.size());
      if (n <= 0) return false;
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  bool send_status(std::uint32_t id, Status status, std::string_view message = {}) {
    return send(Packet(Sftp::status).number(id).number(static_cast<std::uint32_t>(status)).text(message).text(""));
  }

  bool answer(Sftp type, Fields fields);
  bool open(std::uint32_t id, const std::string& path);
  bool open_folder(std::uint32_t id, const std::string& path);
  bool read(std::uint32_t id, const std::string& name, std::uint64_t offset, std::uint32_t length);
  bool read_folder(std::uint32_t id, const std::string& name);
  bool send_handle(std::uint32_t id, Handle handle) {
    const auto name = std::to_string(++opened_);
    handles_[name] = std::move(handle);
    return send(Packet(Sftp::handle).number(id).text(name));
  }
  bool send_attributes(std::uint32_t id, const std::optional<Attributes>& found) {
    if (!found) return send_status(id, Status::no_such_file, "No such file");
    Packet packet(Sftp::attrs);
    return send(append(packet.number(id), *found));
  }
  std::string relative(std::string path) const;
  std::optional<Attributes> attributes_of(const std::string& path);
  Attributes attributes_of(std::uint64_t file, std::uint64_t size);
  Result<bool> make_online(std::uint64_t file);

  std::filesystem::path folder_;
  TapeLibrary library_;
  int in_, out_;
  std::map<std::string, Handle> handles_;
  std::uint64_t opened_ = 0;
};

bool SftpServer::answer(Sftp type, Fields fields) {
  const auto id = fields.number();  // of init: the version
  if (type == Sftp::init) return send(Packet(Sftp::version).number(3));
  const auto name = fields.text();
  if (!fields.sound()) return send_status(id, Status::bad_message, "packet cut short");
  switch (type) {
    case Sftp::open:
      if (constexpr std::uint32_t only_read = 1; fields.number() != only_read)
        return send_status(id, Status::denied, "read-only");
      return open(id, name);
    case Sftp::opendir:
      return open_folder(id, name);
    case Sftp::close:
      return send_status(id, handles_.erase(name) > 0 ? Status::ok : Status::failure);
    case Sftp::read: {
      const auto offset = fields.long_number();
      return read(id, name, offset, fields.number());
    }
    case Sftp::readdir:
      return read_folder(id, name);
    case Sftp::stat:
    case Sftp::lstat:
      return send_attributes(id, attributes_of(relative(name)));
    case Sftp::fstat: {
      const auto found = handles_.find(name);
      if (found == handles_.end()) return send_status(id, Status::failure, "unknown handle");
      return send_attributes(id, attributes_of(found->second.file, found->second.size));
    }
    case Sftp::realpath: {
      const auto path = relative(name);
      const auto full = path.empty() ? library_.root : library_.root + "/" + path;
      Packet packet(Sftp::name);
      packet.number(id).number(1).text(full).text(full);
      return send(append(packet, {}));
    }
    default:
      return send_status(id, Status::unsupported, "not supported by the tape library");
  }
}

// The path below the root; "" for the root itself; begins with ".." for paths outside it.
std::string SftpServer::relative(std::string path) const {
  const std::filesystem::path root = library_.root;
  const auto below = (root / path).lexically_normal().lexically_relative(root).native();
  if (below == ".") return "";
  return below.ends_with('/') ? below.substr(0, below.size() - 1) : below;
}

Attributes SftpServer::attributes_of(std::uint64_t file, std::uint64_t size) {
  auto modified = library_.files[file].modified;
  if (const auto open = OpenLibrary::open(folder_))
    modified += std::ranges::count((*open)->model().state().changes, file) * second_us;
  return {false, size, modified};
}

std::optional<Attributes> SftpServer::attributes_of(const std::string& path) {
  if (const auto file = library_.find(path)) return attributes_of(*file, library_.files[*file].size);
  const auto is_below = [&](const TapeFile& f) { return path.empty() || f.path.starts_with(path + "/"); };
  if (std::ranges::any_of(library_.files, is_below)) return Attributes{true, 0, library_.start};
  return std::nullopt;
}

// Stages the file if it is offline and waits for it. false: that failed.
Result<bool> SftpServer::make_online(std::uint64_t file) {
  {
    MOLE_TRY(const auto open, OpenLibrary::open(folder_));
    open->model().stage(file);
    open->model().use(file);
    if (const auto done = open->commit(); !done) return done.error();
  }
  for (bool waits = true; waits;) {
    MOLE_TRY(waits, wait_once(folder_, {file}));
  }
  MOLE_TRY(const auto open, OpenLibrary::open(folder_));
  return open->model().where(file) == FileWhere::online;
}

bool SftpServer::open(std::uint32_t id, const std::string& path) {
  const auto file = library_.find(relative(path));
  if (!file) return send_status(id, Status::no_such_file, "No such file");
  const auto online = make_online(*file);
  if (!online) return send_status(id, Status::failure, online.error().message);
  if (!*online) return send_status(id, Status::failure, "I/O error");
  Handle handle;
  handle.file = *file;
  handle.size = library_.files[*file].size;
  if (auto mark = mark_reader(folder_)) handle.mark = *std::move(mark);
  if (auto library = OpenLibrary::open(folder_)) {
    auto& model = (*library)->model();
    handle.hang = model.happens(TapeFault::hang, *file);
    handle.reset = model.happens(TapeFault::reset, *file);
    handle.change = model.happens(TapeFault::change, *file);
    if (model.happens(TapeFault::shrink, *file)) handle.size /= 2;
    if (!(*library)->commit()) return send_status(id, Status::failure, "the state cannot be written");
  }
  handle.fd = ::open((std::filesystem::path(library_.folder) / library_.files[*file].path).c_str(), O_RDONLY | O_CLOEXEC);
  if (handle.fd < 0) return send_status(id, Status::no_such_file, "No such file");
  return send_handle(id, std::move(handle));
}

bool SftpServer::read(std::uint32_t id, const std::string& name, std::uint64_t offset, std::uint32_t length) {
  const auto found = handles_.find(name);
  if (found == handles_.end() || found->second.fd < 0) return send_status(id, Status::failure, "unknown handle");
  auto& handle = found->second;
  if (offset >= handle.size / 2) {
    if (handle.hang)
      for (pollfd closed{in_, 0, 0}; ::poll(&closed, 1, -1) < 0 || (closed.revents & (POLLHUP | POLLERR)) == 0;) {
      }
    if (handle.reset) ::kill(::getppid(), SIGKILL);  // the process of this connection
    if (handle.hang || handle.reset) return false;
    if (std::exchange(handle.change, false))
      if (auto library = OpenLibrary::open(folder_)) {
        (*library)->model().change(handle.file);
        if (!(*library)->commit()) return false;
      }
  }
  if (offset >= handle.size) return send_status(id, Status::eof);
  std::string bytes(std::min<std::uint64_t>({length, max_read, handle.size - offset}), 0);
  const auto n = ::pread(handle.fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (n < 0) return send_status(id, Status::failure, "I/O error");
  if (n == 0) return send_status(id, Status::eof);
  bytes.resize(static_cast<std::size_t>(n));
  return send(Packet(Sftp::data).number(id).text(bytes));
}

bool SftpServer::open_folder(std::uint32_t id, const std::string& path) {
  const auto folder = relative(path);
  const auto found = attributes_of(folder);
  if (!found || !found->folder) return send_status(id, Status::no_such_file, "No such folder");
  Handle handle;
  for (const auto& file : library_.files) {
    if (!folder.empty() && !file.path.starts_with(folder + "/")) continue;
    const auto rest = file.path.substr(folder.empty() ? 0 : folder.size() + 1);
    const auto name = rest.substr(0, rest.find('/'));
    const auto full = folder.empty() ? name : folder + "/" + name;
    if (handle.names.empty() || handle.names.back() != full) handle.names.push_back(full);
  }
  return send_handle(id, std::move(handle));
}

bool SftpServer::read_folder(std::uint32_t id, const std::string& name) {
  const auto found = handles_.find(name);
  if (found == handles_.end() || found->second.fd >= 0) return send_status(id, Status::failure, "unknown handle");
  auto& names = found->second.names;
  if (names.empty()) return send_status(id, Status::eof);
  const auto count = std::min<std::size_t>(names.size(), 100);
  Packet packet(Sftp::name);
  packet.number(id).number(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    const auto last = names[i].substr(names[i].rfind('/') + 1);
    packet.text(last).text(last);
    append(packet, attributes_of(names[i]).value_or(Attributes()));
  }
  names.erase(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(count));
  return send(packet);
}

}  // namespace

int serve_sftp(const std::filesystem::path& folder, int in, int out) {
  ::signal(SIGPIPE, SIG_IGN);
  auto library = read_library(folder);
  if (!library) return 1;
  return SftpServer(folder, *std::move(library), in, out).serve();
}

}  // namespace mole::cli
