#include "runtime/rows/handover.hpp"

#include "runtime/rows/frame_bytes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace mole::runtime {
namespace {

using nlohmann::json;

constexpr std::string_view magic = "MOLEHAND";
constexpr std::uint32_t format_version = 1;
constexpr std::size_t stream_header = 16;
constexpr std::size_t frame_header = 24;

enum FrameKind : std::uint32_t { step_kind = 1, file_kind = 2, index_kind = 3, end_kind = 4 };

constexpr std::uint32_t has_rows = 1, has_state = 2;

// Strings from plugins are not necessarily UTF-8; invalid bytes become U+FFFD.
std::string dump(const json& j) { return j.dump(-1, ' ', false, json::error_handler_t::replace); }

// The checksum covers kind and size as well, so that a damaged header is detected.
std::uint64_t frame_checksum(std::uint32_t kind, std::string_view payload) {
  std::string head;
  put(head, kind, std::uint64_t{payload.size()});
  return checksum(payload, checksum(head));
}

bool plain_relative(const std::filesystem::path& path) {
  if (path.empty() || path.is_absolute()) return false;
  for (const auto& part : path)
    if (part == ".." || part == "." || part.empty()) return false;
  return path.native().find('\0') == std::string::npos;
}

// Limits the depth, so that copying, writing or freeing the value cannot overflow the stack. Throws json::exception.
json parse_json(std::string_view text) {
  constexpr int max_depth = 64;
  return json::parse(text, [](int depth, json::parse_event_t, json&) {
    if (depth > max_depth) throw json::other_error::create(501, "nested too deeply", nullptr);
    return true;
  });
}

std::optional<HandoverStep> parse_step(std::string_view payload) {
  ByteCursor in(payload);
  std::uint32_t index, flags;
  std::uint64_t json_size, rows_size, state_size;
  in.take_all(index, flags, json_size, rows_size, state_size);
  const auto outcome = in.take(json_size);
  const auto rows = in.take(rows_size);
  const auto state = in.take(state_size);
  if (in.failed() || in.left() != 0 || flags > (has_rows | has_state)) return std::nullopt;
  if ((!(flags & has_rows) && rows_size != 0) || (!(flags & has_state) && state_size != 0)) return std::nullopt;

  HandoverStep step;
  parse_json(outcome).get_to(step.outcome);
  step.outcome.step = index;
  if (flags & has_rows) step.rows = std::string(rows);
  if (flags & has_state) {
    if (!plain_relative(std::filesystem::path(std::string(state)))) return std::nullopt;
    step.state_file = std::string(state);
  }
  return step;
}

// Throws json::exception if a field is missing or has a wrong type.
std::optional<HandoverFrame> parse_frame(std::uint32_t kind, std::string_view payload) {
  switch (kind) {
    case step_kind:
      if (auto step = parse_step(payload)) return HandoverFrame{std::move(*step)};
      return std::nullopt;
    case file_kind:
      return HandoverFrame{parse_json(payload).get<task::FileReport>()};
    case index_kind:
      return HandoverFrame{parse_json(payload).get<std::vector<task::IndexEntry>>()};
    case end_kind:
      return HandoverFrame{parse_json(payload).get<task::Report>()};
    default:
      return std::nullopt;
  }
}

}  // namespace

HandoverWriter::HandoverWriter(int fd, std::filesystem::path attempt) : fd_(fd), attempt_(std::move(attempt)) {}

Result<> HandoverWriter::frame(std::uint32_t kind, std::string_view payload) {
  std::string head;
  if (!started_) {
    head += magic;
    put(head, format_version, std::uint32_t{0});
    started_ = true;
  }
  put(head, kind, std::uint32_t{0}, std::uint64_t{payload.size()}, frame_checksum(kind, payload));
  if (auto done = write_all(fd_, head, "writing the handover"); !done) return done;
  return write_all(fd_, payload, "writing the handover");
}

Result<> HandoverWriter::step(std::uint32_t index, const RowTable* rows, const std::optional<std::filesystem::path>& state_file,
                              const task::StepReport& outcome) {
  std::string encoded, state;
  if (rows) {
    MOLE_TRY(encoded, encode_rows(*rows));
  }
  if (state_file) {
    const auto relative = state_file->lexically_normal().lexically_relative(attempt_.lexically_normal());
    if (!plain_relative(relative)) return internal("a state file must be in the attempt folder: " + state_file->string());
    state = relative.string();
  }
  const auto report = dump(json(outcome));
  std::string payload;
  payload.reserve(32 + report.size() + encoded.size() + state.size());
  put(payload, index, (rows ? has_rows : 0u) | (state_file ? has_state : 0u));
  put(payload, std::uint64_t{report.size()}, std::uint64_t{encoded.size()}, std::uint64_t{state.size()});
  payload += report;
  payload += encoded;
  payload += state;
  return frame(step_kind, payload);
}

Result<> HandoverWriter::file(const task::FileReport& report) { return frame(file_kind, dump(json(report))); }

Result<> HandoverWriter::index(std::span<const task::IndexEntry> entries) {
  auto list = json::array();
  for (const auto& entry : entries) list.push_back(entry);
  return frame(index_kind, dump(list));
}

Result<> HandoverWriter::end(const task::Report& totals) {
  task::Report written;
  written.code = totals.code;
  written.message = totals.message;
  written.bytes_read = totals.bytes_read;
  written.flows = totals.flows;
  written.seconds = totals.seconds;
  written.passed_over = totals.passed_over;
  written.listing = totals.listing;
  written.listing_before = totals.listing_before;
  written.removed = totals.removed;
  written.fetched = totals.fetched;
  written.unstaged = totals.unstaged;
  written.bad_copies = totals.bad_copies;
  return frame(end_kind, dump(json(written)));
}

Result<HandoverReader> HandoverReader::open(const std::filesystem::path& path, const HandoverLimits& limits) {
  OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return missing("cannot read the handover " + path.string() + ": " + std::strerror(errno));
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode))
    return missing("the handover " + path.string() + " is not a regular file");
  return HandoverReader(std::move(fd), static_cast<std::uint64_t>(st.st_size), limits);
}

// A larger stream is treated as truncated at the limit, so that the frames before it are used.
HandoverReader::HandoverReader(OwnedFd fd, std::uint64_t size, const HandoverLimits& limits)
    : fd_(std::move(fd)), size_(std::min(size, limits.bytes)), oversized_(size > limits.bytes) {}

std::optional<HandoverFrame> HandoverReader::stop(std::string problem) {
  ended_ = true;
  complete_ = false;
  problem_ = fmt::format("the handover of the worker ends early: {} at byte {}", problem, at_);
  if (oversized_) problem_ += "; it is larger than the limit on the output of a task";
  return std::nullopt;
}

std::optional<HandoverFrame> HandoverReader::next() {
  if (ended_) return std::nullopt;
  if (at_ == 0) {
    std::array<char, stream_header> head{};
    if (size_ < head.size() || !read_all(fd_.get(), 0, head.data(), head.size())) return stop("the file is empty");
    ByteCursor in({head.data(), head.size()});
    if (in.take(magic.size()) != magic) return stop("not a handover");
    if (in.take<std::uint32_t>() != format_version || in.take<std::uint32_t>() != 0) return stop("unknown format version");
    at_ = head.size();
  }
  if (at_ == size_) return stop("the end frame is missing");

  std::array<char, frame_header> head{};
  if (size_ - at_ < head.size() || !read_all(fd_.get(), at_, head.data(), head.size())) return stop("a frame is truncated");
  ByteCursor in({head.data(), head.size()});
  std::uint32_t kind, reserved;
  std::uint64_t size, sum;
  in.take_all(kind, reserved, size, sum);
  if (reserved != 0 || kind < step_kind || kind > end_kind) return stop("a frame has an unknown kind");
  if (size > size_ - at_ - head.size()) return stop("a frame is truncated");
  std::string payload(size, '\0');
  if (!read_all(fd_.get(), at_ + head.size(), payload.data(), payload.size())) return stop("a frame is truncated");
  if (frame_checksum(kind, payload) != sum) return stop("a frame has a wrong checksum");

  std::optional<HandoverFrame> frame;
  try {
    frame = parse_frame(kind, payload);
  } catch (const json::exception&) {
    // handled like any other damage
  }
  if (!frame) return stop("a frame is malformed");
  at_ += head.size() + size;
  if (kind == end_kind) {
    if (at_ != size_ || oversized_) return stop("bytes after the end frame");
    ended_ = complete_ = true;
  }
  return frame;
}

}  // namespace mole::runtime
