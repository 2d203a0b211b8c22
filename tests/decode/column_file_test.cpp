#include "runtime/decode/column_reader.hpp"
#include "runtime/decode/column_recorder.hpp"
#include "tests/decode/support.hpp"

#include "runtime/decode/bzip2_writer.hpp"

#include <nlohmann/json.hpp>

#include <cstring>
#include <fstream>
#include <random>

namespace mole::runtime {
namespace {

using test::TempFolder;

const Digest identity = digest_of("a file and its decoder");

// A batch that owns its memory.
struct Rows {
  std::uint32_t rows = 0, address_family = 4;
  std::array<std::string, MOLE_COLUMN_COUNT> columns;

  bool operator==(const Rows&) const = default;
};

Rows rows_of(const FlowBatch& batch) {
  Rows out{batch.rows, batch.address_family, {}};
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c)
    if (const void* values = batch.columns[static_cast<std::size_t>(c)])
      out.columns[static_cast<std::size_t>(c)].assign(static_cast<const char*>(values),
                                                      batch.rows * column_width(c, batch.address_family));
  return out;
}

// Returns the given batches.
class ListedSource final : public FlowSource {
 public:
  bool may_be_misplaced() const override { return false; }
  explicit ListedSource(std::vector<Rows> batches) : batches_(std::move(batches)) {
    report_.id = "hour.dat";
    report_.size = 12345;
    report_.state = task::FileState::damaged;
    report_.lost_compressed = {{1, 2, "block damaged"}};
    report_.lost_content = {{7, 9, std::string("\xff\0 no text", 10)}};
    report_.content_bytes = 99;
    report_.datagrams = 5;
    report_.flows_lost = 3;
    report_.flows_lost_in_damage = 11;
    report_.flows_repeated = 13;
    report_.exported_first = -7;
    report_.exported_last = 1'190'487'600'000'001;
    report_.readable = {{-5, 5}, {10, 20}};
    for (const auto& batch : batches_) report_.flows += batch.rows;
    evidence_ = Evidence::of({{-1, {5, 0, 3}}, {1'190'487'600, {UINT64_MAX, 7, 0}}}, report_.readable);
  }

  Result<bool> next(FlowBatch& batch) override {
    batch = {};
    if (at_ == batches_.size()) return false;
    Rows& rows = batches_[at_++];
    batch.rows = rows.rows;
    batch.address_family = rows.address_family;
    batch.first_record = flows_;
    for (std::size_t c = 0; c < rows.columns.size(); ++c)
      if (!rows.columns[c].empty()) batch.columns[c] = rows.columns[c].data();
    flows_ += rows.rows;
    return true;
  }
  task::FileReport report() const override { return report_; }
  const Evidence& evidence() const override { return evidence_; }
  ColumnPresence presence() const override { return {ColumnSet().set(MOLE_COLUMN_TOS).set(MOLE_COLUMN_SRC_VLAN), {}}; }
  std::uint64_t flows() const override { return flows_; }
  std::uint64_t stored_bytes() const override { return report_.size; }

 private:
  std::vector<Rows> batches_;
  std::size_t at_ = 0;
  std::uint64_t flows_ = 0;
  task::FileReport report_;
  Evidence evidence_;
};

// Every flow column but the router.
ColumnSet every_column() { return column_file::stored_columns(ColumnSet((std::uint64_t{1} << MOLE_COLUMN_COUNT) - 1)); }

enum class Values { noise, few, extreme, times };

Rows batch(std::uint32_t rows, std::uint32_t family, Values values, unsigned seed) {
  std::mt19937_64 random(seed);
  Rows out{rows, family, {}};
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c) {
    if (c == MOLE_COLUMN_ROUTER) continue;
    std::string& bytes = out.columns[static_cast<std::size_t>(c)];
    const auto width = column_width(c, family);
    std::int64_t start = 1'190'487'600'000'000;
    for (std::uint32_t i = 0; i < rows; ++i) {
      std::array<std::uint64_t, 2> value{random(), random()};
      if (values == Values::few) value = {value[0] % 3 * 0x0101010101010101, 0};
      if (values == Values::extreme) value = {value[0] % 2 ? std::uint64_t{INT64_MAX} : std::uint64_t{1} << 63, ~value[1]};
      if (values == Values::times)
        value = {static_cast<std::uint64_t>(start += static_cast<std::int64_t>(value[0] % 7) * 1000), 0};
      bytes.append(reinterpret_cast<const char*>(value.data()), width);
    }
  }
  return out;
}

struct Read {
  std::vector<Rows> batches;
  std::vector<std::uint64_t> first_records;
  std::string report;
  std::vector<Evidence::Second> seconds;
  ColumnPresence presence;
};

std::string text_of(const task::FileReport& report) {
  nlohmann::json json = report;
  json["id"] = json["source"] = "";  // the reader sets these
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Read> drain(FlowSource& source) {
  Read out;
  FlowBatch next;
  while (true) {
    auto more = source.next(next);
    if (!more) return more.error();
    if (!*more) break;
    out.batches.push_back(rows_of(next));
    out.first_records.push_back(next.first_record);
  }
  out.report = text_of(source.report());
  out.seconds = source.evidence().seconds();
  out.presence = source.presence();
  return out;
}

void expect_same(const Read& a, const Read& b) {
  EXPECT_EQ(a.first_records, b.first_records);
  EXPECT_EQ(a.report, b.report);
  EXPECT_EQ(a.presence, b.presence);
  ASSERT_EQ(a.batches.size(), b.batches.size());
  for (std::size_t i = 0; i < a.batches.size(); ++i) EXPECT_TRUE(a.batches[i] == b.batches[i]) << "batch " << i;
  ASSERT_EQ(a.seconds.size(), b.seconds.size());
  for (std::size_t i = 0; i < a.seconds.size(); ++i) {
    EXPECT_EQ(a.seconds[i].second, b.seconds[i].second);
    EXPECT_EQ(a.seconds[i].count.received, b.seconds[i].count.received);
    EXPECT_EQ(a.seconds[i].count.lost, b.seconds[i].count.lost);
    EXPECT_EQ(a.seconds[i].count.misdated, b.seconds[i].count.misdated);
  }
}

struct Recorded {
  std::string bytes;
  bool done = false;
  Read read;
};

Recorded record(std::unique_ptr<FlowSource> source, unsigned threads, std::uint64_t limit = UINT64_MAX,
                ColumnSet wanted = every_column()) {
  Recorded out;
  RecordingOptions options;
  options.identity = identity;
  options.columns = column_file::stored_columns(wanted);
  options.limit = limit;
  options.threads = threads;
  options.sink = [&](std::string_view bytes) -> Result<> {
    out.bytes += bytes;
    return {};
  };
  ColumnRecorder recorder(std::move(source), wanted, std::move(options), [&](const task::FileReport&) { out.done = true; });
  out.read = *drain(recorder);
  return out;
}

// Writes a new file under a new name: rewriting an existing file would flush it immediately, which is slow.
std::filesystem::path new_file(const TempFolder& folder, std::string_view bytes) {
  std::filesystem::remove(folder.path() / "columns");
  return folder.file("columns", bytes);
}

Result<Read> read_back(const std::filesystem::path& path, unsigned threads = 1, ColumnSet wanted = every_column()) {
  auto reader = ColumnFileReader::open(path, identity, {wanted, 0, threads});
  if (!reader) return reader.error();
  return drain(**reader);
}

std::vector<Rows> batches_of_every_kind() {
  std::vector<Rows> all;
  unsigned seed = 0;
  for (const auto values : {Values::noise, Values::few, Values::extreme, Values::times})
    for (const std::uint32_t family : {4u, 6u})
      for (const std::uint32_t rows : {1u, 2u, 300u}) all.push_back(batch(rows, family, values, ++seed));
  all.push_back(batch(batch_rows, 4, Values::times, ++seed));
  return all;
}

TEST(ColumnFile, RoundTrips) {
  const TempFolder folder;
  const auto expected = *drain(*std::make_unique<ListedSource>(batches_of_every_kind()));
  for (const unsigned threads : {1u, 3u}) {
    const auto recorded = record(std::make_unique<ListedSource>(batches_of_every_kind()), threads);
    ASSERT_TRUE(recorded.done);
    expect_same(recorded.read, expected);
    const auto path = new_file(folder, recorded.bytes);
    for (const unsigned readers : {1u, 2u, 5u}) {
      SCOPED_TRACE(readers);
      const auto read = read_back(path, readers);
      ASSERT_TRUE(read) << read.error().message;
      expect_same(*read, expected);
    }
  }
}

TEST(ColumnFile, DoesNotDependOnTheNumberOfThreads) {
  EXPECT_EQ(record(std::make_unique<ListedSource>(batches_of_every_kind()), 1).bytes,
            record(std::make_unique<ListedSource>(batches_of_every_kind()), 4).bytes);
}

TEST(ColumnFile, WithoutFlowsKeepsTheReport) {
  const TempFolder folder;
  const auto recorded = record(std::make_unique<ListedSource>(std::vector<Rows>{}), 1);
  ASSERT_TRUE(recorded.done);
  const auto read = read_back(new_file(folder, recorded.bytes), 2);
  ASSERT_TRUE(read) << read.error().message;
  expect_same(*read, recorded.read);
}

TEST(ColumnFile, ReadsOnlyTheRequestedColumns) {
  const TempFolder folder;
  const auto rows = batch(500, 4, Values::times, 1);
  const auto path = new_file(folder, record(std::make_unique<ListedSource>(std::vector{rows}), 1).bytes);
  const auto read = read_back(path, 1, ColumnSet().set(MOLE_COLUMN_END));  // stored relative to start
  ASSERT_TRUE(read) << read.error().message;
  for (std::size_t c = 0; c < MOLE_COLUMN_COUNT; ++c)
    EXPECT_EQ(read->batches[0].columns[c], c == MOLE_COLUMN_END ? rows.columns[c] : "") << c;

  auto reader = ColumnFileReader::open(path, identity, {ColumnSet().set(MOLE_COLUMN_ROUTER), 19991, 1});
  FlowBatch next;
  ASSERT_TRUE(*(*reader)->next(next));
  EXPECT_EQ(next.column<std::uint32_t>(MOLE_COLUMN_ROUTER)[499], 19991u);
  EXPECT_EQ((*reader)->flows(), 500u);
  EXPECT_EQ((*reader)->stored_bytes(), 12345u);
}

TEST(ColumnFile, IsSmallForFewDistinctValues) {
  const auto recorded = record(std::make_unique<ListedSource>(std::vector{batch(batch_rows, 4, Values::few, 1)}), 1);
  EXPECT_LT(recorded.bytes.size(), batch_rows * 40u);  // of up to 150 bytes per row, each with three possible values
}

TEST(ColumnFile, WithAnyByteChangedIsRejected) {
  const TempFolder folder;
  std::vector<Rows> small;
  for (const std::uint32_t family : {4u, 6u}) small.push_back(batch(20, family, Values::few, family));
  const auto bytes = record(std::make_unique<ListedSource>(small), 1).bytes;
  ASSERT_TRUE(read_back(new_file(folder, bytes)));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    const auto read = read_back(new_file(folder, flipped));
    ASSERT_FALSE(read) << "byte " << at << " of " << bytes.size();
    ASSERT_EQ(read.error().code, Code::corrupt) << read.error().message;
  }
}

TEST(ColumnFile, TruncatedOrExtendedIsRejected) {
  const TempFolder folder;
  const auto bytes = record(std::make_unique<ListedSource>(std::vector{batch(20, 4, Values::few, 1)}), 1).bytes;
  for (std::size_t size = 0; size < bytes.size(); ++size)
    ASSERT_FALSE(read_back(new_file(folder, std::string_view(bytes).substr(0, size)))) << size;
  EXPECT_FALSE(read_back(new_file(folder, bytes + std::string(1, '\0'))));
  EXPECT_FALSE(read_back(new_file(folder, bytes + bytes)));
}

// Checksums are valid, so the later checks must detect the error.
TEST(ColumnFile, RejectsHostileFooters) {
  const TempFolder folder;
  const auto bytes = record(std::make_unique<ListedSource>(std::vector{batch(20, 4, Values::few, 1)}), 1).bytes;
  const auto tail = *column_file::parse_tail(std::string_view(bytes).substr(bytes.size() - column_file::tail_size), bytes.size());
  const auto footer = *column_file::parse_footer(std::string_view(bytes).substr(tail.offset, tail.size), tail.offset);
  const auto with = [&](const auto& change) {
    auto changed = footer;
    change(changed);
    const auto packed = *column_file::footer_bytes(changed);
    return read_back(new_file(folder, bytes.substr(0, tail.offset) + packed + column_file::tail_bytes(tail.offset, packed)));
  };
  ASSERT_TRUE(with([](auto&) {}));
  EXPECT_FALSE(with([](auto& f) { f.blocks[0].rows = 0; }));
  EXPECT_FALSE(with([](auto& f) { f.blocks[0].rows = 21; }));
  EXPECT_FALSE(with([](auto& f) { f.blocks[0].rows = batch_rows + 1; }));
  EXPECT_FALSE(with([](auto& f) { f.blocks[0].address_family = 5; }));
  EXPECT_FALSE(with([](auto& f) { f.blocks[0].pages[MOLE_COLUMN_BYTES].planes = 16; }));
  EXPECT_FALSE(with([](auto& f) { f.blocks[0].pages[MOLE_COLUMN_BYTES].planes = 9; }));
  EXPECT_FALSE(with([](auto& f) { f.blocks[0].pages[MOLE_COLUMN_BYTES].sizes[0] = UINT32_MAX; }));
  EXPECT_FALSE(with([](auto& f) { f.blocks[0].pages[MOLE_COLUMN_BYTES].sizes[0] += 1; }));
  EXPECT_FALSE(with([](auto& f) { f.blocks.push_back(f.blocks[0]); }));
  EXPECT_FALSE(with([](auto& f) { f.blocks.clear(); }));
  EXPECT_FALSE(with([](auto& f) { f.report.flows = 19; }));
  // Planes that do not match the checksums in the footer.
  for (const std::size_t at : {std::size_t{16}, std::size_t{40}, static_cast<std::size_t>(tail.offset) - 1}) {
    auto changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x55);
    auto reader = ColumnFileReader::open(new_file(folder, changed), identity, {every_column(), 0, 1});
    ASSERT_TRUE(reader);
    FlowBatch next;
    EXPECT_FALSE((*reader)->next(next));
  }
  EXPECT_FALSE(column_file::parse_footer("", 16));
  for (unsigned seed = 0; seed < 200; ++seed) EXPECT_FALSE(column_file::parse_footer(test::noise(seed * 7, seed), 16));
}

TEST(ColumnFile, WithADifferentIdentityIsRejected) {
  const TempFolder folder;
  const auto path = new_file(folder, record(std::make_unique<ListedSource>(batches_of_every_kind()), 1).bytes);
  const auto reader = ColumnFileReader::open(path, digest_of("a different file"), {every_column(), 0, 1});
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, Code::corrupt);
  EXPECT_EQ(ColumnFileReader::open(folder.path() / "none", identity, {}).error().code, Code::missing);
}

// ---- with the decoder of the archive and a damaged file

TEST(ColumnFile, ReportsTheDamageOfTheArchiveFile) {
  const TempFolder folder;
  auto content = test::datagrams(4000, 30);
  content.replace(300'000, 700, test::noise(700));
  auto packed = bzip2_compress(content, 1);
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x10);
  const auto path = folder.file("hour.dat.bz2", packed);
  task::File file;
  file.covers = {1'190'487'600 * second_us, (1'190'487'600 + 3600) * second_us};
  const auto reader = [&] {
    return std::make_unique<FlowReader>(file, std::move(*open_content(path)), &test::netflow5(), nullptr, every_column(), 0);
  };
  const auto expected = *drain(*reader());
  ASSERT_NE(expected.report.find("damaged"), std::string::npos);
  const auto recorded = record(reader(), 2);
  ASSERT_TRUE(recorded.done);
  expect_same(recorded.read, expected);
  const auto read = read_back(new_file(folder, recorded.bytes), 2);
  ASSERT_TRUE(read) << read.error().message;
  expect_same(*read, expected);
}

// ---- the recorder

TEST(ColumnRecorder, ForwardsTheRequestedColumns) {
  const auto recorded =
      record(std::make_unique<ListedSource>(batches_of_every_kind()), 1, UINT64_MAX, ColumnSet().set(MOLE_COLUMN_BYTES));
  ASSERT_TRUE(recorded.done);
  for (const auto& rows : recorded.read.batches)
    for (std::size_t c = 0; c < MOLE_COLUMN_COUNT; ++c) EXPECT_EQ(rows.columns[c].empty(), c != MOLE_COLUMN_BYTES);
}

TEST(ColumnRecorder, ContinuesWithoutAFileThatBecomesTooLarge) {
  const auto expected = *drain(*std::make_unique<ListedSource>(batches_of_every_kind()));
  for (const unsigned threads : {1u, 2u}) {
    const auto recorded = record(std::make_unique<ListedSource>(batches_of_every_kind()), threads, 1000);
    EXPECT_FALSE(recorded.done);
    expect_same(recorded.read, expected);
  }
}

TEST(ColumnRecorder, ContinuesWhenItsFileCannotBeWritten) {
  const auto expected = *drain(*std::make_unique<ListedSource>(batches_of_every_kind()));
  for (const unsigned threads : {1u, 2u})
    for (const int good : {0, 3, static_cast<int>(expected.batches.size())}) {  // the last: the footer fails
      int written = 0;
      bool done = false;
      RecordingOptions options;
      options.columns = every_column();
      options.threads = threads;
      options.sink = [&](std::string_view) -> Result<> { return written++ < good ? Result<>() : exhausted("the disk is full"); };
      ColumnRecorder recorder(std::make_unique<ListedSource>(batches_of_every_kind()), every_column(), std::move(options),
                              [&](const task::FileReport&) { done = true; });
      expect_same(*drain(recorder), expected);
      EXPECT_FALSE(done);
    }
}

TEST(ColumnRecorder, PublishesNothingIfStoppedEarly) {
  for (const unsigned threads : {1u, 2u}) {
    bool done = false;
    RecordingOptions options;
    options.columns = every_column();
    options.threads = threads;
    options.sink = [](std::string_view) -> Result<> { return {}; };
    ColumnRecorder recorder(std::make_unique<ListedSource>(batches_of_every_kind()), every_column(), std::move(options),
                            [&](const task::FileReport&) { done = true; });
    FlowBatch next;
    ASSERT_TRUE(*recorder.next(next));
    EXPECT_FALSE(done);
  }
}

}  // namespace
}  // namespace mole::runtime
