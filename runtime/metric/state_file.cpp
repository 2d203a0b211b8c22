#include "runtime/metric/state_file.hpp"

#include "runtime/rows/file_output.hpp"
#include "runtime/rows/frame_bytes.hpp"
#include "sdk/model/task.hpp"  // JSON of Digest and TimeRange

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <tuple>

namespace mole::runtime {
namespace {

using nlohmann::json;

constexpr std::string_view magic = "MOLESTAT";
constexpr std::uint32_t format_version = 1;
constexpr std::size_t fixed_header = 16;
constexpr std::size_t entry_header = 16;
constexpr std::uint64_t end_mark = ~std::uint64_t{0};
constexpr std::size_t flush_at = 1 << 20;

std::string header_json(const StateHeader& h) {
  return json{{"plugin", h.plugin},           {"version", h.version},
              {"revision", h.revision},       {"shape", h.shape},
              {"fingerprint", h.fingerprint}, {"state_key", h.state_key},
              {"params", h.params},           {"block", h.block},
              {"interval", h.interval},       {"by", h.by}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

// Throws json::exception if a field is missing or has a wrong type.
StateHeader header_from(const json& j) {
  StateHeader h;
  j.at("plugin").get_to(h.plugin);
  j.at("version").get_to(h.version);
  j.at("revision").get_to(h.revision);
  j.at("shape").get_to(h.shape);
  j.at("fingerprint").get_to(h.fingerprint);
  j.at("state_key").get_to(h.state_key);
  j.at("params").get_to(h.params);
  j.at("block").get_to(h.block);
  j.at("interval").get_to(h.interval);
  j.at("by").get_to(h.by);
  return h;
}

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ",")); }

Result<> differs(std::string_view what, const std::string& found, const std::string& expected) {
  return invalid(fmt::format("{} differs: the state has {}, the module has {}; the state is not used and will be computed again",
                             what, found.empty() ? "none" : found, expected.empty() ? "none" : expected));
}

Result<> check_expected(const StateHeader& found, const StateHeader& expected) {
  if (found.plugin != expected.plugin) return differs("plugin", found.plugin, expected.plugin);
  if (found.version != expected.version) return differs("version", found.version, expected.version);
  if (found.revision != expected.revision)
    return differs("state revision", std::to_string(found.revision), std::to_string(expected.revision));
  if (found.shape != expected.shape) return differs("shape", found.shape, expected.shape);
  if (found.interval != expected.interval)
    return differs("interval", format_duration(found.interval), format_duration(expected.interval));
  if (found.by != expected.by) return differs("by", joined(found.by), joined(expected.by));
  if (!expected.fingerprint.empty() && found.fingerprint != expected.fingerprint)
    return differs("fingerprint", found.fingerprint.hex(), expected.fingerprint.hex());
  if (!expected.params.empty() && found.params != expected.params)
    return differs("digest of the parameters", found.params.hex(), expected.params.hex());
  if (!expected.state_key.empty() && found.state_key != expected.state_key)
    return differs("state key", found.state_key.hex(), expected.state_key.hex());
  if (!expected.block.empty() && found.block != expected.block)
    return differs("block", format_time(found.block.from), format_time(expected.block.from));
  return {};
}

Error damaged(const std::string& what) { return corrupt("state file: " + what + "; the block will be computed again"); }

std::string writing(const std::filesystem::path& path) { return "writing " + path.string(); }

using EntryKey = std::tuple<Micros, std::vector<std::string>>;

std::string encode_entry(const StateEntry& entry) {
  std::string body;
  body.reserve(80 + entry.payload.size());
  const auto& c = entry.coverage;
  put(body, entry.interval_start, c.share, c.flows_lost, c.flows_late, c.files_expected, c.files_present);
  put(body, static_cast<std::uint32_t>(entry.group.size()));
  for (const auto& value : entry.group) {
    put(body, static_cast<std::uint32_t>(value.size()));
    body += value;
  }
  pad8(body);
  put(body, std::uint64_t{entry.payload.size()});
  body += entry.payload;
  pad8(body);
  return body;
}

// Parses the fields in the order in which encode_entry writes them; nullopt if they do not fit.
std::optional<StateEntry> decode_entry(std::string_view body) {
  ByteCursor in(body);
  StateEntry entry;
  auto& c = entry.coverage;
  in.take_all(entry.interval_start, c.share, c.flows_lost, c.flows_late, c.files_expected, c.files_present);
  const auto values = in.take<std::uint32_t>();
  for (std::uint32_t i = 0; i < values && !in.failed(); ++i) entry.group.emplace_back(in.take(in.take<std::uint32_t>()));
  const auto used = body.size() - in.left();
  const auto zeros = in.take(padded8(used) - used);
  if (zeros.find_first_not_of('\0') != std::string_view::npos) return std::nullopt;
  entry.payload = in.take_padded(in.take<std::uint64_t>());
  if (in.failed() || in.left() != 0) return std::nullopt;
  if (!(entry.coverage.share >= 0 && entry.coverage.share <= 1)) return std::nullopt;
  return entry;
}

}  // namespace

// ---- writing

struct StateFileWriter::File {
  OwnedFd fd;
  std::filesystem::path path;
  std::size_t group_size = 0;
  std::uint64_t entries = 0;
  std::optional<EntryKey> last;
  std::string pending;

  Result<> flush() {
    if (auto written = write_all(fd.get(), pending, writing(path)); !written) return written;
    pending.clear();
    return {};
  }
};

StateFileWriter::StateFileWriter(std::unique_ptr<File> file) : file_(std::move(file)) {}
StateFileWriter::StateFileWriter(StateFileWriter&&) noexcept = default;
StateFileWriter::~StateFileWriter() = default;

Result<StateFileWriter> StateFileWriter::create(const std::filesystem::path& path, const StateHeader& header) {
  auto file = std::make_unique<File>();
  file->path = path;
  file->group_size = header.by.size();
  file->fd = OwnedFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file->fd) return disk_error(writing(path), errno);
  const auto text = header_json(header);
  auto& out = file->pending;
  out += magic;
  put(out, format_version, static_cast<std::uint32_t>(text.size()));
  out += text;
  pad8(out);
  put(out, checksum(out));
  return StateFileWriter(std::move(file));
}

Result<> StateFileWriter::add(const StateEntry& entry) {
  if (entry.group.size() != file_->group_size)
    return internal(fmt::format("a state has {} group values, its module has {}", entry.group.size(), file_->group_size));
  EntryKey key{entry.interval_start, entry.group};
  if (file_->last && *file_->last >= key) return internal("states must be added in order, each interval and group once");
  file_->last = std::move(key);
  const auto body = encode_entry(entry);
  put(file_->pending, std::uint64_t{body.size()}, checksum(body, body.size()));
  file_->pending += body;
  ++file_->entries;
  return file_->pending.size() < flush_at ? Result<>{} : file_->flush();
}

Result<> StateFileWriter::finish() {
  const auto sum = checksum({reinterpret_cast<const char*>(&file_->entries), sizeof file_->entries}, end_mark);
  put(file_->pending, end_mark, sum, file_->entries);
  if (auto done = file_->flush(); !done) return done;
  return ::close(file_->fd.release()) == 0 ? Result<>{} : disk_error(writing(file_->path), errno);
}

// ---- reading

struct StateFileReader::File {
  void* map = nullptr;
  std::size_t size = 0;
  std::size_t at = 0;
  StateHeader header;
  std::uint64_t entries = 0;
  std::optional<EntryKey> last;
  bool ended = false;
  std::optional<Error> error;

  ~File() {
    if (map) ::munmap(map, size);
  }
  std::string_view bytes() const { return {static_cast<const char*>(map), size}; }

  Result<> parse_header() {
    const auto all = bytes();
    if (all.substr(0, magic.size()) != magic) return damaged("it does not begin with MOLESTAT");
    ByteCursor in(all.substr(magic.size()));
    if (const auto found = in.take<std::uint32_t>(); found != format_version && !in.failed())
      return unsupported(
          fmt::format("state file has format {}, not {}; the block will be computed again", found, format_version));
    const auto text = in.take_padded(in.take<std::uint32_t>());
    const auto summed = all.substr(0, all.size() - in.left());
    if (const auto sum = in.take<std::uint64_t>(); in.failed() || sum != checksum(summed))
      return damaged("the header is damaged");
    try {
      header = header_from(json::parse(text));
    } catch (const json::exception&) {
      return damaged("the header is not the expected JSON");
    }
    at = all.size() - in.left();
    return {};
  }

  Result<std::optional<StateEntry>> take_entry() {
    ByteCursor in(bytes().substr(at));
    std::uint64_t length, sum;
    in.take_all(length, sum);
    if (!in.failed() && length == end_mark) return take_end(in, sum);
    const auto body = in.take(length);
    if (in.failed()) return damaged(fmt::format("truncated after {} states", entries));
    if (sum != checksum(body, body.size())) return damaged(fmt::format("state {} is damaged", entries));
    auto entry = decode_entry(body);
    if (!entry || entry->group.size() != header.by.size()) return damaged(fmt::format("state {} is malformed", entries));
    EntryKey key{entry->interval_start, entry->group};
    if (last && *last >= key) return damaged(fmt::format("state {} is out of order", entries));
    last = std::move(key);
    ++entries;
    at += entry_header + body.size();
    return entry;
  }

  Result<std::optional<StateEntry>> take_end(ByteCursor in, std::uint64_t sum) {
    const auto count = in.take<std::uint64_t>();
    if (in.failed() || in.left() != 0 || count != entries ||
        sum != checksum({reinterpret_cast<const char*>(&count), sizeof count}, end_mark))
      return damaged("its end record is damaged");
    ended = true;
    return std::optional<StateEntry>{};
  }
};

StateFileReader::StateFileReader(std::unique_ptr<File> file) : file_(std::move(file)) {}
StateFileReader::StateFileReader(StateFileReader&&) noexcept = default;
StateFileReader::~StateFileReader() = default;

Result<StateFileReader> StateFileReader::open(const std::filesystem::path& path) {
  const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return missing("cannot read the state " + path.string() + ": " + std::strerror(errno));
  struct stat st {};
  const bool regular = ::fstat(fd.get(), &st) == 0 && S_ISREG(st.st_mode);
  auto file = std::make_unique<File>();
  file->size = regular ? static_cast<std::size_t>(st.st_size) : 0;
  if (file->size >= fixed_header) {
    void* map = ::mmap(nullptr, file->size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (map != MAP_FAILED) file->map = map;
  }
  if (!regular) return missing("the state " + path.string() + " is not a regular file");
  if (file->size < fixed_header) return damaged("truncated in the header");
  if (!file->map) return exhausted("cannot map the state " + path.string() + "; give the worker more memory");
  if (auto good = file->parse_header(); !good) return good.error();
  return StateFileReader(std::move(file));
}

Result<StateFileReader> StateFileReader::open(const std::filesystem::path& path, const StateHeader& expected) {
  auto reader = open(path);
  if (!reader) return reader;
  if (auto fits = check_expected(reader->header(), expected); !fits) return fits.error();
  return reader;
}

std::string_view StateFileReader::bytes() const { return file_->bytes(); }
const StateHeader& StateFileReader::header() const { return file_->header; }

Result<std::optional<StateEntry>> StateFileReader::next() {
  if (file_->error) return *file_->error;
  if (file_->ended) return std::optional<StateEntry>{};
  auto entry = file_->take_entry();
  if (!entry) file_->error = entry.error();
  return entry;
}

}  // namespace mole::runtime
