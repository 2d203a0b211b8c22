#include "runtime/decode/column_reader.hpp"

#include "runtime/rows/frame_bytes.hpp"

#include <algorithm>
#include <new>
#include <system_error>

namespace mole::runtime {
namespace {

using namespace column_file;

std::string_view text_of(const std::vector<std::uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<std::string_view> read_at(const FileBytes& file, std::uint64_t offset, std::uint64_t size,
                                 std::vector<std::uint8_t>& into) {
  into.resize(size);
  MOLE_TRY(auto got, file.read(offset, into));
  if (got != size) return corrupt("the column file is shorter than its footer states");
  return text_of(into);
}

Error invalid_column(std::uint64_t offset) {
  return corrupt("the column file has an invalid column at byte " + std::to_string(offset));
}

Result<Footer> read_footer(const FileBytes& file, const Digest& identity) {
  std::vector<std::uint8_t> bytes;
  if (file.size() < magic.size() + tail_size) return corrupt("not a column file: too short");
  MOLE_TRY(const auto head, read_at(file, 0, magic.size(), bytes));
  if (head != magic) return corrupt("not a column file of this version");
  MOLE_TRY(const auto end, read_at(file, file.size() - tail_size, tail_size, bytes));
  const auto tail = parse_tail(end, file.size());
  if (!tail) return corrupt("the column file is truncated");
  MOLE_TRY(const auto stored, read_at(file, tail->offset, tail->size, bytes));
  if (checksum(stored) != tail->checksum) return corrupt("the footer of the column file is damaged");
  auto footer = parse_footer(stored, tail->offset);
  if (!footer) return corrupt("the footer of the column file is inconsistent");
  if (footer->identity != identity) return corrupt("the column file belongs to a different archive file or decoder");
  return std::move(*footer);
}

}  // namespace

Result<std::unique_ptr<ColumnFileReader>> ColumnFileReader::open(const std::filesystem::path& path, const Digest& identity,
                                                                 const ColumnReaderOptions& options) {
  MOLE_TRY(auto file, FileBytes::open(path));
  return open(std::move(file), identity, options);
}

Result<std::unique_ptr<ColumnFileReader>> ColumnFileReader::open(FileBytes file, const Digest& identity,
                                                                 const ColumnReaderOptions& options) {
  try {
    MOLE_TRY(auto footer, read_footer(file, identity));
    ColumnSet stored = footer.columns;
    for (int c = MOLE_COLUMN_COUNT; c < max_columns; ++c)
      if (options.wanted[static_cast<std::size_t>(c)] && std::ranges::binary_search(footer.elements, stored_element(c)))
        stored.set(static_cast<std::size_t>(c));
    if ((options.wanted & ~stored & ~ColumnSet().set(MOLE_COLUMN_ROUTER)).any())
      return corrupt("the column file lacks a column that is read");
    return std::unique_ptr<ColumnFileReader>(new ColumnFileReader(std::move(file), std::move(footer), options));
  } catch (const std::bad_alloc&) {
    return exhausted("not enough memory to read a column file; raise --memory");
  }
}

ColumnFileReader::ColumnFileReader(FileBytes file, Footer footer, const ColumnReaderOptions& options)
    : file_(std::move(file)), footer_(std::move(footer)), options_(options), read_(options.wanted) {
  if (read_[MOLE_COLUMN_END]) read_.set(MOLE_COLUMN_START);
  const unsigned threads = std::max(1u, options_.threads);
  const std::size_t slots = threads == 1 ? 1 : std::min<std::size_t>(footer_.blocks.size(), threads + 1);
  for (std::size_t i = 0; i < std::max<std::size_t>(1, slots); ++i) slots_.emplace_back(read_);
  elements_.resize(footer_.elements.size());
  std::size_t number = 0;
  for (const auto& values : slots_.front().elements.values()) {
    const auto at = std::ranges::find(footer_.elements, stored_element(values.column)) - footer_.elements.begin();
    elements_[static_cast<std::size_t>(at)] = number++;
    if ((footer_.known >> at & 1) != 0) presence_.known.set(static_cast<std::size_t>(values.column));
  }
  presence_.absent = footer_.absent & options.wanted;
}

ColumnFileReader::~ColumnFileReader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (auto& helper : helpers_) helper.join();
}

// Starts fewer helpers if the system refuses more threads; reading is then slower.
void ColumnFileReader::start_helpers() {
  try {
    while (helpers_.size() + 1 < std::min<std::size_t>(options_.threads, slots_.size()))
      helpers_.emplace_back([this] { run_helper(); });
  } catch (const std::system_error&) {
  }
}

void ColumnFileReader::run_helper() {
  Scratch scratch;
  std::unique_lock lock(mutex_);
  while (!stop_ && started_ < footer_.blocks.size())
    if (!decode_next(lock, scratch)) changed_.wait(lock);
}

bool ColumnFileReader::decode_next(std::unique_lock<std::mutex>& lock, Scratch& scratch) {
  // The caller still reads the slot of the block returned last.
  const std::size_t in_use = returned_ == 0 ? 0 : returned_ - 1;
  if (started_ == footer_.blocks.size() || started_ >= in_use + slots_.size()) return false;
  const Block& block = footer_.blocks[started_];
  Slot& slot = slots_[started_++ % slots_.size()];
  slot.done = false;
  lock.unlock();
  Result<> decoded;
  try {
    decoded = decode(block, slot, scratch);
  } catch (const std::bad_alloc&) {
    decoded = exhausted("not enough memory to decompress columns; raise --memory");
  }
  lock.lock();
  slot.error = decoded ? std::nullopt : std::optional(decoded.error());
  slot.done = true;
  changed_.notify_all();
  return true;
}

Result<std::string_view> ColumnFileReader::page_bytes(std::uint64_t offset, std::uint64_t size, std::uint64_t sum,
                                                      Scratch& scratch) const {
  auto bytes = read_at(file_, offset, size, scratch.bytes);
  if (bytes && checksum(*bytes) != sum) return corrupt("the column file is damaged: column at byte " + std::to_string(offset));
  return bytes;
}

Result<> ColumnFileReader::decode(const Block& block, Slot& slot, Scratch& scratch) const {
  const auto& columns = slot.buffers.columns();
  const auto* start = static_cast<const std::int64_t*>(columns[MOLE_COLUMN_START]);
  std::uint64_t offset = block.offset;
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c) {
    if (!footer_.columns[static_cast<std::size_t>(c)]) continue;
    const auto& page = block.pages[static_cast<std::size_t>(c)];
    void* values = columns[static_cast<std::size_t>(c)];
    const std::uint64_t here = offset;
    offset += page.size();
    if (values == nullptr) continue;
    MOLE_TRY(const auto bytes, page_bytes(here, page.size(), block.checksums[static_cast<std::size_t>(c)], scratch));
    const bool valid = is_time(c)
                           ? scratch.decoder.decode_times(page, bytes, is_relative(c) ? start : nullptr, block.rows,
                                                          static_cast<std::int64_t*>(values))
                           : scratch.decoder.decode(page, bytes, column_width(c, block.address_family), block.rows, values);
    if (!valid) return invalid_column(here);
  }
  if (void* routers = columns[MOLE_COLUMN_ROUTER]) std::fill_n(static_cast<std::uint32_t*>(routers), block.rows, options_.router);
  if (auto decoded = decode_elements(block, offset, slot, scratch); !decoded) return decoded;
  slot.batch = {block.rows, block.address_family, block.first_record, slot.buffers.view()};
  slot.elements.finish(slot.batch);
  return {};
}

// `offset`: of the first element.
Result<> ColumnFileReader::decode_elements(const Block& block, std::uint64_t offset, Slot& slot, Scratch& scratch) const {
  for (std::size_t e = 0; e < block.elements.size(); ++e) {
    const auto& page = block.elements[e];
    const std::uint64_t here = offset;
    offset += page.size();
    if (!elements_[e]) continue;
    MOLE_TRY(const auto bytes, page_bytes(here, page.size(), page.checksum, scratch));
    if (!scratch.element_decoder.decode(page, bytes, block.rows, slot.elements.values()[*elements_[e]]))
      return invalid_column(here);
  }
  return {};
}

Result<bool> ColumnFileReader::next(FlowBatch& batch) {
  batch = {};
  if (returned_ == footer_.blocks.size()) return false;
  if (returned_ == 0 && helpers_.empty() && slots_.size() > 1) start_helpers();
  std::unique_lock lock(mutex_);
  const std::size_t current = returned_++;  // from here on the slot of the previous block may be reused
  changed_.notify_all();
  Slot& slot = slots_[current % slots_.size()];
  while (started_ <= current || !slot.done)
    if (!decode_next(lock, scratch_)) changed_.wait(lock);
  if (slot.error) {
    returned_ = started_ = footer_.blocks.size();
    return *slot.error;
  }
  batch = slot.batch;
  for (std::size_t c = 0; c < batch.columns.size(); ++c)
    if (!options_.wanted[c]) batch.columns[c] = nullptr;
  flows_ += batch.rows;
  return true;
}

bool is_column_file(const std::filesystem::path& path) {
  const auto file = FileBytes::open(path);
  std::vector<std::uint8_t> bytes;
  if (!file || file->size() < magic.size()) return false;
  const auto head = read_at(*file, 0, magic.size(), bytes);
  return head && *head == magic;
}

Result<> check_column_file(const std::filesystem::path& path, const Digest& identity) {
  MOLE_TRY(const auto file, FileBytes::open(path));
  MOLE_TRY(const auto footer, read_footer(file, identity));
  std::vector<std::uint8_t> bytes;
  std::uint64_t offset = 0;
  const auto check = [&](std::uint64_t size, std::uint64_t sum) -> Result<> {
    MOLE_TRY(const auto page, read_at(file, offset, size, bytes));
    if (checksum(page) != sum) return corrupt("the column file is damaged: column at byte " + std::to_string(offset));
    offset += size;
    return {};
  };
  for (const auto& block : footer.blocks) {
    offset = block.offset;
    for (std::size_t c = 0; c < block.pages.size(); ++c)
      if (footer.columns[c])
        if (auto intact = check(block.pages[c].size(), block.checksums[c]); !intact) return intact;
    for (const auto& page : block.elements)
      if (auto intact = check(page.size(), page.checksum); !intact) return intact;
  }
  return {};
}

}  // namespace mole::runtime
