#include "runtime/decode/column_file.hpp"

#include "runtime/rows/frame_bytes.hpp"

#include <zstd.h>

#include <algorithm>
#include <new>
#include <utility>

namespace mole::runtime::column_file {
namespace {

constexpr std::uint64_t max_footer = std::uint64_t{32} << 20;  // uncompressed

void put_text(std::string& out, std::string_view text) {
  put<std::uint32_t>(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}
std::string take_text(ByteCursor& in) { return std::string(in.take(in.take<std::uint32_t>())); }

// Reads a count of items of at least `min_bytes` bytes each; fails if the rest of the input is too short for them.
std::uint64_t take_count(ByteCursor& in, std::size_t min_bytes) {
  const auto count = in.take<std::uint64_t>();
  if (count <= in.left() / min_bytes) return count;
  (void)in.take(UINT64_MAX);  // fails the cursor
  return 0;
}

void put_lost(std::string& out, const std::vector<task::ByteRange>& ranges) {
  put<std::uint64_t>(out, ranges.size());
  for (const auto& range : ranges) {
    put(out, range.from, range.to);
    put_text(out, range.reason);
  }
}

std::vector<task::ByteRange> take_lost(ByteCursor& in) {
  std::vector<task::ByteRange> ranges(take_count(in, 20));
  for (auto& range : ranges) {
    in.take_all(range.from, range.to);
    range.reason = take_text(in);
  }
  return ranges;
}

void put_report(std::string& out, const task::FileReport& report) {
  put(out, report.size);
  put_text(out, std::string(name_of(report.state)));
  put_text(out, report.decoder);
  put_lost(out, report.lost_compressed);
  put_lost(out, report.lost_content);
  put(out, report.content_bytes, report.datagrams, report.flows, report.flows_lost, report.exported_first, report.exported_last);
  put<std::uint64_t>(out, report.readable.size());
  for (const auto& range : report.readable) put(out, range.from, range.to);
  put(out, report.flows_lost_in_damage, report.flows_repeated);
}

task::FileReport take_report(ByteCursor& in) {
  task::FileReport report;
  report.size = in.take<std::uint64_t>();
  const auto state = from_name<task::FileState>(take_text(in));
  if (!state) in.fail();
  report.state = state.value_or(task::FileState::unread);
  report.decoder = take_text(in);
  report.lost_compressed = take_lost(in);
  report.lost_content = take_lost(in);
  in.take_all(report.content_bytes, report.datagrams, report.flows, report.flows_lost, report.exported_first,
              report.exported_last);
  report.readable.resize(take_count(in, 16));
  for (auto& range : report.readable) in.take_all(range.from, range.to);
  in.take_all(report.flows_lost_in_damage, report.flows_repeated);
  return report;
}

// Field by field, so that similar values are adjacent and compress well.
void put_evidence(std::string& out, const std::vector<Evidence::Second>& seconds) {
  put<std::uint64_t>(out, seconds.size());
  std::uint64_t before = 0;
  for (const auto& s : seconds)
    put(out, static_cast<std::uint64_t>(s.second) - std::exchange(before, static_cast<std::uint64_t>(s.second)));
  for (const auto& s : seconds) put(out, s.count.received);
  for (const auto& s : seconds) put(out, s.count.lost);
  for (const auto& s : seconds) put(out, s.count.misdated);
}

std::vector<Evidence::Second> take_evidence(ByteCursor& in) {
  std::vector<Evidence::Second> seconds(take_count(in, 32));
  std::uint64_t before = 0;
  for (auto& s : seconds) s.second = static_cast<std::int64_t>(before += in.take<std::uint64_t>());
  for (auto& s : seconds) s.count.received = in.take<std::uint64_t>();
  for (auto& s : seconds) s.count.lost = in.take<std::uint64_t>();
  for (auto& s : seconds) s.count.misdated = in.take<std::uint64_t>();
  return seconds;
}

void put_page(std::string& out, const ColumnPage& page) {
  put(out, page.base, page.unit, page.planes);
  for (std::size_t p = 0; p < page.planes; ++p) put(out, page.sizes[p]);
}

// Returns false if the page cannot have this number of values of at most `width` bytes.
bool take_page(ByteCursor& in, std::size_t width, std::uint32_t values, ColumnPage& page) {
  in.take_all(page.base, page.unit, page.planes);
  if (page.planes > width) return false;
  for (std::size_t p = 0; p < page.planes; ++p) {
    page.sizes[p] = in.take<std::uint32_t>();
    if (page.sizes[p] == 0 || page.sizes[p] > values) return false;
  }
  return true;
}

void put_block(std::string& out, const Block& block, ColumnSet columns) {
  put(out, block.rows, block.address_family);
  for (std::size_t c = 0; c < MOLE_COLUMN_COUNT; ++c) {
    if (!columns[c]) continue;
    put_page(out, block.pages[c]);
    put(out, block.checksums[c]);
  }
  for (const auto& page : block.elements) {
    put_page(out, page.counts);
    put(out, page.values);
    put_page(out, page.numbers);
    put(out, page.bytes, page.stored, page.checksum);
  }
}

constexpr std::size_t min_page_bytes = 13, checksum_bytes = 8;
std::size_t min_block_bytes(const Footer& footer) {
  return 8 + footer.columns.count() * (min_page_bytes + checksum_bytes) +
         footer.elements.size() * (2 * min_page_bytes + 12 + checksum_bytes);
}

// Reads the pages of the elements. Returns false if they are invalid.
bool take_elements(ByteCursor& in, const std::vector<StoredElement>& elements, Block& block) {
  std::uint64_t needed = 0;  // memory for the values
  block.elements.resize(elements.size());
  for (std::size_t e = 0; e < elements.size(); ++e) {
    auto& page = block.elements[e];
    const auto width = size_of_value(elements[e].type);
    if (!take_page(in, sizeof(std::uint32_t), block.rows, page.counts)) return false;
    in.take_all(page.values);
    if (!take_page(in, width == 0 ? sizeof(std::uint64_t) : width, page.values, page.numbers)) return false;
    in.take_all(page.bytes, page.stored, page.checksum);
    if (page.stored > page.bytes || (page.bytes > 0 && (page.stored == 0 || width != 0))) return false;
    needed += page.values * (width + ElementColumns::overhead) + page.bytes;
  }
  return needed <= max_stored_element_bytes;
}

// Reads the block at this offset with this first record, and advances both. Returns false if the block is invalid.
bool take_block(ByteCursor& in, const Footer& footer, Block& block, std::uint64_t& offset, std::uint64_t& record) {
  in.take_all(block.rows, block.address_family);
  block.offset = offset;
  block.first_record = record;
  if (block.rows == 0 || block.rows > batch_rows || (block.address_family != 4 && block.address_family != 6)) return false;
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c) {
    if (!footer.columns[static_cast<std::size_t>(c)]) continue;
    auto& page = block.pages[static_cast<std::size_t>(c)];
    if (!take_page(in, column_width(c, block.address_family), block.rows, page)) return false;
    offset += page.size();
    block.checksums[static_cast<std::size_t>(c)] = in.take<std::uint64_t>();
  }
  if (!take_elements(in, footer.elements, block)) return false;
  for (const auto& page : block.elements) offset += page.size();
  record += block.rows;
  return !in.failed();
}

// Reads the elements of a footer, which must be in ascending order. Returns false if they are invalid.
bool take_stored_elements(ByteCursor& in, std::vector<StoredElement>& elements) {
  elements.resize(take_count(in, 8));
  if (elements.size() > max_columns) return false;
  for (auto& element : elements) in.take_all(element.enterprise, element.id, element.type);
  return std::ranges::is_sorted(elements) && std::ranges::adjacent_find(elements) == elements.end();
}

std::optional<std::string> decompressed(std::string_view bytes) {
  const auto size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > max_footer) return std::nullopt;
  std::string out(size, '\0');
  if (ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size()) != size) return std::nullopt;
  return out;
}

}  // namespace

StoredElement stored_element(int column) {
  const auto& element = *element_of_column(column);
  return {element.enterprise, element.id, type_of_values(column)};
}

Result<std::string> footer_bytes(const Footer& footer) {
  std::string out;
  out.append(reinterpret_cast<const char*>(footer.identity.bytes.data()), footer.identity.bytes.size());
  put<std::uint64_t>(out, footer.columns.to_ullong());
  put<std::uint64_t>(out, footer.absent.to_ullong());
  put<std::uint64_t>(out, footer.elements.size());
  for (const auto& element : footer.elements) put(out, element.enterprise, element.id, element.type);
  put(out, footer.known);
  put_report(out, footer.report);
  put_evidence(out, footer.evidence.seconds());
  put<std::uint64_t>(out, footer.blocks.size());
  for (const auto& block : footer.blocks) put_block(out, block, footer.columns);
  if (out.size() > max_footer) return exhausted("the archive file has too many small batches or seconds for a column file");
  std::string packed(ZSTD_compressBound(out.size()), '\0');
  const auto size = ZSTD_compress(packed.data(), packed.size(), out.data(), out.size(), 1);
  if (ZSTD_isError(size)) throw std::bad_alloc();  // the only possible error, because the buffer is large enough
  packed.resize(size);
  return packed;
}

std::string tail_bytes(std::uint64_t offset, std::string_view footer) {
  std::string out;
  put(out, offset, std::uint64_t{footer.size()}, checksum(footer));
  out += end_magic;
  return out;
}

std::optional<Tail> parse_tail(std::string_view bytes, std::uint64_t file_size) {
  ByteCursor in(bytes);
  Tail tail;
  in.take_all(tail.offset, tail.size, tail.checksum);
  if (in.take(end_magic.size()) != end_magic || in.failed()) return std::nullopt;
  const std::uint64_t end = file_size - tail_size;  // offset of the tail
  if (tail.offset < magic.size() || tail.offset > end || tail.size != end - tail.offset) return std::nullopt;
  return tail;
}

std::optional<Footer> parse_footer(std::string_view bytes, std::uint64_t end) {
  const auto text = decompressed(bytes);
  if (!text) return std::nullopt;
  ByteCursor in(*text);
  Footer footer;
  const auto identity = in.take(footer.identity.bytes.size());
  if (in.failed()) return std::nullopt;
  std::copy(identity.begin(), identity.end(), footer.identity.bytes.begin());
  const auto columns = in.take<std::uint64_t>();
  footer.columns = ColumnSet(columns);
  if (has_elements(footer.columns) || footer.columns != stored_columns(footer.columns)) return std::nullopt;
  footer.absent = ColumnSet(in.take<std::uint64_t>());
  if ((footer.absent & ~footer.columns).any() || !take_stored_elements(in, footer.elements)) return std::nullopt;
  footer.known = in.take<std::uint64_t>();
  if (footer.elements.size() < 64 && footer.known >> footer.elements.size() != 0) return std::nullopt;
  footer.report = take_report(in);
  const auto seconds = take_evidence(in);
  footer.blocks.resize(take_count(in, min_block_bytes(footer)));
  std::uint64_t offset = magic.size(), record = 0;
  for (auto& block : footer.blocks)
    if (!take_block(in, footer, block, offset, record)) return std::nullopt;
  if (in.failed() || in.left() != 0 || offset != end || record != footer.report.flows) return std::nullopt;
  footer.evidence = Evidence::of(seconds, footer.report.readable);
  return footer;
}

}  // namespace mole::runtime::column_file

namespace mole::runtime {

using namespace column_file;

ColumnFileWriter::ColumnFileWriter(const Digest& identity, ColumnSet columns, Sink sink) : sink_(std::move(sink)) {
  footer_.identity = identity;
  footer_.columns = columns & ColumnSet((std::uint64_t{1} << MOLE_COLUMN_COUNT) - 1);
  for (int c = MOLE_COLUMN_COUNT; c < max_columns; ++c)
    if (columns[static_cast<std::size_t>(c)]) elements_.push_back(c);
  std::ranges::sort(elements_, {}, stored_element);
  for (const int column : elements_) footer_.elements.push_back(stored_element(column));
  buffer_ = magic;
}

Result<> ColumnFileWriter::add(const FlowBatch& batch) {
  Block& block = footer_.blocks.emplace_back();
  block.rows = batch.rows;
  block.address_family = batch.address_family;
  const auto* start = batch.column<std::int64_t>(MOLE_COLUMN_START).data();
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c) {
    const auto column = static_cast<std::size_t>(c);
    if (!footer_.columns[column]) continue;
    const void* values = batch.columns[column];
    const std::size_t before = buffer_.size();
    block.pages[column] = is_time(c) ? encoder_.encode_times(static_cast<const std::int64_t*>(values),
                                                             is_relative(c) ? start : nullptr, batch.rows, buffer_)
                                     : encoder_.encode(values, column_width(c, batch.address_family), batch.rows, buffer_);
    block.checksums[column] = checksum(std::string_view(buffer_).substr(before));
  }
  std::size_t room = max_stored_element_bytes;
  for (const int column : elements_) {
    const std::size_t before = buffer_.size();
    auto page = element_encoder_.encode(batch, column, room, buffer_);
    if (!page) return exhausted("the information elements of a batch are too large for a column file");
    page->checksum = checksum(std::string_view(buffer_).substr(before));
    block.elements.push_back(*page);
  }
  auto written = write(buffer_);
  buffer_.clear();
  return written;
}

Result<> ColumnFileWriter::finish(const task::FileReport& report, const Evidence& evidence, const ColumnPresence& presence) {
  footer_.report = report;
  footer_.evidence = evidence;
  footer_.absent = presence.absent & footer_.columns;
  for (std::size_t e = 0; e < elements_.size(); ++e)
    if (presence.known[static_cast<std::size_t>(elements_[e])]) footer_.known |= std::uint64_t{1} << e;
  MOLE_TRY(auto footer, footer_bytes(footer_));
  buffer_ += footer;  // after the magic, if there was no batch
  buffer_ += tail_bytes(bytes_ + buffer_.size() - footer.size(), footer);
  return write(buffer_);
}

Result<> ColumnFileWriter::write(std::string_view bytes) {
  bytes_ += bytes.size();
  return sink_(bytes);
}

}  // namespace mole::runtime
