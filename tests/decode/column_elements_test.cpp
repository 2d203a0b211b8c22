// Information elements in column files.
#include "runtime/decode/column_reader.hpp"
#include "runtime/decode/column_recorder.hpp"
#include "tests/decode/support.hpp"

#include <gtest/gtest.h>

#include <random>

namespace mole::runtime {
namespace {

using test::TempFolder;

const Digest identity = digest_of("a file and its decoder");
const std::vector<std::string> names{"dnsQName",
                                     "sourceMacAddress",
                                     "flowId",
                                     "mibObjectValueInteger",
                                     "absoluteError",
                                     "dataRecordsReliability",
                                     "systemInitTimeMilliseconds",
                                     "staIPv4Address",
                                     "9/12232"};

ColumnSet columns_of(const std::vector<std::string>& elements) {
  ColumnSet out;
  for (const auto& name : elements) out.set(static_cast<std::size_t>(flow_column_named(name)));
  return out;
}

using Value = std::string;
using Row = std::vector<std::vector<Value>>;  // by element in the order of `names`
struct Batch {
  std::uint32_t family = 4;
  std::vector<Row> rows;
  bool operator==(const Batch&) const = default;
};

enum class Kind { random, none, single, equal, long_lists, long_texts };

Batch batch(std::size_t rows, std::uint32_t family, Kind kind, unsigned seed) {
  std::mt19937_64 random(seed);
  Batch out{family, std::vector<Row>(rows)};
  for (auto& row : out.rows)
    for (const auto& name : names) {
      const auto type = type_of_values(flow_column_named(name));
      std::size_t count = random() % 3;
      if (kind == Kind::none) count = 0;
      if (kind == Kind::single || kind == Kind::equal) count = 1;
      if (kind == Kind::long_lists) count = random() % 500;
      auto& values = row.emplace_back(count);
      for (auto& value : values) {
        auto number = kind == Kind::equal ? 7 : random();
        if (type == MOLE_TYPE_TIME) number = 1'190'487'600'000'000 + number % 100'000 * 1000;
        const auto width = size_of_value(type);
        if (width != 0) {
          value.assign(reinterpret_cast<const char*>(&number), 8);
          if (width == 16) value += value;
        } else {
          value = std::string(number % (kind == Kind::long_texts ? 5'000 : 30), static_cast<char>(number >> 32));
        }
      }
    }
  return out;
}

std::vector<Batch> batches_of_every_kind() {
  std::vector<Batch> out;
  unsigned seed = 0;
  for (const auto kind : {Kind::random, Kind::none, Kind::single, Kind::equal, Kind::long_lists, Kind::long_texts})
    for (const std::uint32_t family : {4u, 6u})
      for (const std::size_t rows : {1u, 2u, 50u}) out.push_back(batch(rows, family, kind, ++seed));
  out.push_back(batch(3'000, 4, Kind::random, ++seed));
  return out;
}

class ListedSource final : public FlowSource {
 public:
  ListedSource(std::vector<Batch> batches, ColumnSet wanted)
      : batches_(std::move(batches)), buffers_(column_file::stored_columns(wanted)), elements_(wanted) {
    for (const auto& batch : batches_) report_.flows += batch.rows.size();
  }
  Result<bool> next(FlowBatch& out) override {
    out = {};
    if (at_ == batches_.size()) return false;
    const auto& batch = batches_[at_++];
    out = {static_cast<std::uint32_t>(batch.rows.size()), batch.family, flows_, buffers_.view()};
    flows_ += out.rows;
    elements_.clear();
    for (std::size_t e = 0; e < elements_.values().size(); ++e) {
      const auto name =
          std::ranges::find(names, elements_.values()[e].column, [](const auto& one) { return flow_column_named(one); });
      for (std::uint32_t row = 0; row < out.rows; ++row)
        for (const auto& value : batch.rows[row][static_cast<std::size_t>(name - names.begin())])
          EXPECT_EQ(elements_.add(e, row, value.data(), value.size()), MOLE_OK);
    }
    elements_.finish(out);
    return true;
  }
  bool may_be_misplaced() const override { return false; }
  task::FileReport report() const override { return report_; }
  const Evidence& evidence() const override { return evidence_; }
  ColumnPresence presence() const override { return {{}, columns_of({names[1], names[3]})}; }
  std::uint64_t flows() const override { return flows_; }
  std::uint64_t stored_bytes() const override { return 0; }

 private:
  std::vector<Batch> batches_;
  ColumnBuffers buffers_;
  ElementColumns elements_;
  std::size_t at_ = 0;
  std::uint64_t flows_ = 0;
  task::FileReport report_;
  Evidence evidence_;
};

// Columns that are not read have no values.
Result<std::vector<Batch>> drain(FlowSource& source) {
  std::vector<Batch> out;
  FlowBatch next;
  while (true) {
    auto more = source.next(next);
    if (!more) return more.error();
    if (!*more) return out;
    auto& batch = out.emplace_back(Batch{next.address_family, std::vector<Row>(next.rows, Row(names.size()))});
    for (std::size_t n = 0; n < names.size(); ++n) {
      const int column = flow_column_named(names[n]);
      if (!next.columns[static_cast<std::size_t>(column)]) continue;
      for (std::uint32_t row = 0; row < next.rows; ++row) {
        const auto& values = next.column<mole_values>(column)[row];
        for (std::uint64_t i = 0; i < values.count; ++i)
          batch.rows[row][n].emplace_back(value_bytes(type_of_values(column), values, i));
      }
    }
  }
}

// nullopt: it is abandoned.
std::optional<std::string> record(const std::vector<Batch>& batches, unsigned threads, std::uint64_t limit = UINT64_MAX) {
  std::string bytes;
  bool done = false;
  RecordingOptions options{identity, column_file::stored_columns(columns_of(names)),
                           [&](std::string_view more) -> Result<> {
                             bytes += more;
                             return {};
                           },
                           limit, threads};
  ColumnRecorder recorder(std::make_unique<ListedSource>(batches, columns_of(names)), columns_of(names), std::move(options),
                          [&](const task::FileReport&) { done = true; });
  const auto passed = drain(recorder);
  EXPECT_TRUE(passed && *passed == batches) << "the values are passed on";
  return done ? std::optional(bytes) : std::nullopt;
}

Result<std::vector<Batch>> read_back(const TempFolder& folder, std::string_view bytes, unsigned threads = 1,
                                     ColumnSet wanted = columns_of(names)) {
  std::filesystem::remove(folder.path() / "columns");
  auto reader = ColumnFileReader::open(folder.file("columns", bytes), identity, {wanted, 0, threads});
  if (!reader) return reader.error();
  return drain(**reader);
}

TEST(ColumnElements, RoundTrip) {
  const TempFolder folder;
  const auto expected = batches_of_every_kind();
  for (const unsigned threads : {1u, 3u}) {
    const auto bytes = record(expected, threads);
    ASSERT_TRUE(bytes);
    for (const unsigned readers : {1u, 2u, 5u}) {
      const auto read = read_back(folder, *bytes, readers);
      ASSERT_TRUE(read) << read.error().message;
      EXPECT_TRUE(*read == expected);
    }
  }
}

TEST(ColumnElements, ThoseOfTemplatesAreKnown) {
  const TempFolder folder;
  const auto file = folder.file("columns", *record(batches_of_every_kind(), 1));
  const auto known = [&](const std::vector<std::string>& wanted) {
    return (*ColumnFileReader::open(file, identity, {columns_of(wanted), 0, 1}))->presence().known;
  };
  EXPECT_EQ(known(names), columns_of({names[1], names[3]}));
  EXPECT_EQ(known({names[0], names[3]}), columns_of({names[3]}));
  EXPECT_EQ(known({names[0]}), ColumnSet());
}

TEST(ColumnElements, DoNotDependOnTheNumberOfThreads) {
  EXPECT_EQ(record(batches_of_every_kind(), 1), record(batches_of_every_kind(), 4));
}

TEST(ColumnElements, OnlyTheRequestedOnesAreRead) {
  const TempFolder folder;
  const auto all = batches_of_every_kind();
  const auto bytes = *record(all, 1);
  for (std::size_t n = 0; n < names.size(); ++n) {
    auto expected = all;
    for (auto& batch : expected)
      for (auto& row : batch.rows)
        for (std::size_t other = 0; other < names.size(); ++other)
          if (other != n) row[other].clear();
    const auto read = read_back(folder, bytes, 1 + n % 2, columns_of({names[n]}));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_TRUE(*read == expected) << names[n];
  }
  const auto other = read_back(folder, bytes, 1, columns_of({"flowId", "dnsRName"}));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message, "the column file lacks a column that is read");
}

TEST(ColumnElements, RepeatedTextIsSmall) {
  const auto bytes = record({batch(5'000, 4, Kind::equal, 1)}, 1);
  EXPECT_LT(bytes->size(), 4'000u);
}

TEST(ColumnElements, WithAnyByteChangedAreRejected) {
  const TempFolder folder;
  const auto bytes = *record({batch(20, 4, Kind::random, 1), batch(15, 6, Kind::equal, 2)}, 1);
  ColumnSet every = columns_of(names) | column_file::stored_columns();
  ASSERT_TRUE(read_back(folder, bytes, 1, every));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    const auto read = read_back(folder, flipped, 1, every);
    ASSERT_FALSE(read) << "byte " << at << " of " << bytes.size();
    ASSERT_EQ(read.error().code, Code::corrupt) << read.error().message;
  }
  for (std::size_t size = 0; size < bytes.size(); size += 3)
    ASSERT_FALSE(read_back(folder, std::string_view(bytes).substr(0, size), 1, every)) << size;
}

// Checksums are valid, so the later checks must detect the error.
TEST(ColumnElements, HostileFootersAreRejected) {
  const TempFolder folder;
  const auto bytes = *record({batch(20, 4, Kind::random, 1)}, 1);
  const auto tail = *column_file::parse_tail(std::string_view(bytes).substr(bytes.size() - column_file::tail_size), bytes.size());
  const auto footer = *column_file::parse_footer(std::string_view(bytes).substr(tail.offset, tail.size), tail.offset);
  ASSERT_EQ(footer.elements.size(), names.size());
  const auto index_of = [&](const std::string& name) {
    return static_cast<std::size_t>(std::ranges::find(footer.elements, column_file::stored_element(flow_column_named(name))) -
                                    footer.elements.begin());
  };
  const auto text = index_of("dnsQName"), number = index_of("flowId");
  const auto with = [&](const auto& change) {
    auto changed = footer;
    change(changed, changed.blocks[0].elements);
    const auto packed = *column_file::footer_bytes(changed);
    return read_back(folder, bytes.substr(0, tail.offset) + packed + column_file::tail_bytes(tail.offset, packed));
  };
  ASSERT_TRUE(with([](auto&, auto&) {}));
  EXPECT_FALSE(with([](auto& f, auto&) { std::swap(f.elements[0], f.elements[1]); }));
  EXPECT_FALSE(with([](auto& f, auto&) { f.elements[1] = f.elements[0]; }));
  EXPECT_FALSE(with([](auto& f, auto&) { f.elements.pop_back(); }));
  EXPECT_FALSE(with([&](auto& f, auto&) { f.elements[text].type = MOLE_TYPE_U64; }));
  EXPECT_FALSE(with([&](auto& f, auto&) { f.elements[number].type = MOLE_TYPE_TEXT; }));
  EXPECT_FALSE(with([&](auto&, auto& e) { e.pop_back(); }));
  for (const auto at : {text, number}) {
    EXPECT_FALSE(with([&](auto&, auto& e) { e[at].values += 1; }));
    EXPECT_FALSE(with([&](auto&, auto& e) { e[at].values = 0; }));
    EXPECT_FALSE(with([&](auto&, auto& e) { e[at].values = UINT32_MAX; }));
    EXPECT_FALSE(with([&](auto&, auto& e) { e[at].counts.planes = 5; }));
    EXPECT_FALSE(with([&](auto&, auto& e) { e[at].counts.sizes[0] = 0; }));
    EXPECT_FALSE(with([&](auto&, auto& e) { e[at].numbers.planes = 9; }));
    EXPECT_FALSE(with([&](auto&, auto& e) { e[at].numbers.planes = 0; }));
    EXPECT_FALSE(with([&](auto&, auto& e) { e[at].bytes += 1; }));
    EXPECT_FALSE(with([&](auto&, auto& e) { e[at].bytes = UINT32_MAX; }));
    EXPECT_FALSE(with([&](auto&, auto& e) { e[at].stored += 1; }));
  }
  EXPECT_FALSE(with([&](auto&, auto& e) { e[text].bytes = 0; }));
  EXPECT_FALSE(with([&](auto&, auto& e) { e[text].stored = 0; }));
}

TEST(ColumnElements, ThatAreTooLargeAreNotKept) {
  EXPECT_FALSE(record({batch(200, 4, Kind::long_texts, 1)}, 1, 10'000));
  EXPECT_FALSE(record({batch(200, 4, Kind::long_texts, 1)}, 3, 10'000));
  // Values that need more memory than a batch of a column file may have.
  Batch large{4, std::vector<Row>(3, Row(names.size()))};
  for (auto& row : large.rows) row[0] = {std::string(max_stored_element_bytes / 2, 'x')};
  const auto small = batch(10, 4, Kind::random, 1);
  for (const unsigned threads : {1u, 3u}) EXPECT_FALSE(record({small, large, small}, threads));
  large.rows.resize(1);
  for (const unsigned threads : {1u, 3u}) EXPECT_TRUE(record({small, large, small}, threads));
}

}  // namespace
}  // namespace mole::runtime
