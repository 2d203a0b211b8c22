#include "plugins/downloaders/web/transfer.hpp"

#include "plugins/downloaders/web/url.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace mole::web {
namespace {

std::string_view without_weakness(std::string_view etag) { return etag.starts_with("W/") ? etag.substr(2) : etag; }

// The part of the file that a response carries, from "Content-Range: bytes 5-9/10" or "Content-Length: 10".
struct Part {
  std::uint64_t begin = 0;
  std::optional<std::uint64_t> total;  // of the whole file; nullopt: not stated
};

std::optional<Part> part_of(const Response& r) {
  if (r.status != 206) {
    const auto& length = r.header("content-length");
    Part part{0, number(length)};
    return length.empty() || part.total ? std::optional(part) : std::nullopt;
  }
  std::string_view range = r.header("content-range");
  const auto dash = range.find('-'), slash = range.find('/');
  if (!range.starts_with("bytes ") || dash == std::string_view::npos || slash == std::string_view::npos) return std::nullopt;
  const auto begin = number(range.substr(6, dash - 6));
  if (!begin) return std::nullopt;
  return Part{*begin, number(range.substr(slash + 1))};
}

struct Transfer {
  const Expected& expected;
  std::uint64_t offset;
  ByteSink& out;
  std::uint64_t size = UINT64_MAX;  // UINT64_MAX: unknown
  std::uint64_t position = 0, skip = 0;
  std::string place = {};

  Error changed(const std::string& what) const {
    return missing(place + ": " + what + ", so the file has changed since it was listed; index the archive again");
  }

  Result<> begin(const Response& r) {
    place = r.place;
    const auto& etag = r.header("etag");
    if (!expected.etag.empty() && !etag.empty() && without_weakness(etag) != without_weakness(expected.etag))
      return changed("its ETag differs");
    const auto& modified = r.header("last-modified");
    if (!expected.last_modified.empty() && !modified.empty() && modified != expected.last_modified)
      return changed("its time of modification differs");
    const auto part = part_of(r);
    if (!part || (r.status == 206 && part->begin != offset))
      return transient(place + ": the server answered with a different range than requested; try again, or check the server");
    if (part->total && expected.size && *part->total != *expected.size)
      return changed("it has " + std::to_string(*part->total) + " bytes instead of " + std::to_string(*expected.size));
    size = expected.size ? *expected.size : part->total.value_or(UINT64_MAX);
    position = part->begin;
    skip = offset - part->begin;  // the server sent the whole file
    return {};
  }

  Result<> write(std::span<const std::byte> bytes) {
    if (bytes.size() > size - position) return changed("it has more than " + std::to_string(size) + " bytes");
    position += bytes.size();
    const auto skipped = std::min<std::uint64_t>(skip, bytes.size());
    skip -= skipped;
    bytes = bytes.subspan(skipped);
    return bytes.empty() ? Result<>() : out.write(bytes);
  }
};

}  // namespace

Result<> fetch_file(const Client& client, Request request, const Expected& expected, std::uint64_t offset, ByteSink& out,
                    const std::function<Error(const Response&)>& refused) {
  if (offset > expected.size.value_or(offset))
    return missing(request.url + ": more bytes have been fetched than the file has; index the archive again");
  Transfer transfer{expected, offset, out};
  if (offset > 0 && offset == expected.size) {  // complete already: only make sure that it is still the same file
    request.method = Method::head;
    MOLE_TRY(const auto response, client.send(request));
    if (response.status != 200) return refused(response);
    transfer.offset = 0;
    return transfer.begin(response);
  }
  if (offset > 0) request.from = offset;
  MOLE_TRY(const auto response, client.download(request, {[&](const Response& r) { return transfer.begin(r); },
                                                          [&](std::span<const std::byte> b) { return transfer.write(b); }}));
  if (response.status != 200 && response.status != 206) return refused(response);
  if (transfer.position == transfer.size || transfer.size == UINT64_MAX) return {};
  return transient(transfer.place + ": the file ended after " + std::to_string(transfer.position) + " of " +
                   std::to_string(transfer.size) + " bytes; try again");
}

}  // namespace mole::web
