#include "tests/decode/support.hpp"

#include "tests/support/captures.hpp"

#include <algorithm>
#include <fstream>
#include <random>

namespace mole::runtime::test {
namespace fs = std::filesystem;

namespace {

Content read_once(const fs::path& path, const ContentOptions& options) {
  Content content;
  auto source = open_content(path, options);
  if (!source) {
    ADD_FAILURE() << source.error().message;
    return content;
  }
  while (true) {
    auto chunk = (*source)->next();
    if (!chunk) {
      ADD_FAILURE() << chunk.error().message;
      break;
    }
    if (!*chunk) break;
    EXPECT_FALSE((*chunk)->bytes.empty());
    EXPECT_EQ((*chunk)->offset, content.bytes.size());
    if ((*chunk)->gap) content.gaps.push_back(content.bytes.size());
    content.bytes.append(reinterpret_cast<const char*>((*chunk)->bytes.data()), (*chunk)->bytes.size());
  }
  EXPECT_EQ((*source)->content_bytes(), content.bytes.size());
  content.lost = (*source)->lost();
  content.ends_in_damage = (*source)->ends_in_damage();
  return content;
}

}  // namespace

bool Content::operator==(const Content& other) const {
  const auto same = [](const task::ByteRange& a, const task::ByteRange& b) {
    return a.from == b.from && a.to == b.to && a.reason == b.reason;
  };
  return bytes == other.bytes && gaps == other.gaps && ends_in_damage == other.ends_in_damage &&
         std::equal(lost.begin(), lost.end(), other.lost.begin(), other.lost.end(), same);
}

Content read_content(const fs::path& path, ContentOptions options) {
  options.decode = Bzip2Decoder::libbzip2;
  auto content = read_once(path, options);
  options.decode = Bzip2Decoder::interleaved;
  EXPECT_TRUE(read_once(path, options) == content) << "the decoders differ on " << path;
  return content;
}

namespace {

std::string address(std::uint32_t a) {
  return std::to_string(a >> 24) + '.' + std::to_string(a >> 16 & 255) + '.' + std::to_string(a >> 8 & 255) + '.' +
         std::to_string(a & 255);
}

void append_lines(const FlowBatch& batch, std::vector<std::string>& lines) {
  const auto number = [&]<class T>(T, int column, std::size_t row) { return std::to_string(batch.column<T>(column)[row]); };
  for (std::size_t row = 0; row < batch.rows; ++row) {
    const auto protocol = batch.column<std::uint8_t>(MOLE_COLUMN_PROTOCOL)[row];
    lines.push_back(address(batch.column<std::uint32_t>(MOLE_COLUMN_SRC_ADDR)[row]) + ',' +
                    address(batch.column<std::uint32_t>(MOLE_COLUMN_DST_ADDR)[row]) + ',' +
                    number(std::uint16_t{}, MOLE_COLUMN_SRC_PORT, row) + ',' +
                    number(std::uint16_t{}, MOLE_COLUMN_DST_PORT, row) + ',' + std::to_string(protocol) + ',' +
                    number(std::uint64_t{}, MOLE_COLUMN_BYTES, row) + ',' + number(std::uint64_t{}, MOLE_COLUMN_PACKETS, row) +
                    ',' + std::to_string(batch.column<std::int64_t>(MOLE_COLUMN_START)[row] / 1000) + ',' +
                    std::to_string(batch.column<std::int64_t>(MOLE_COLUMN_END)[row] / 1000));
  }
}

void put(std::string& out, std::uint64_t value, int size) {
  for (int i = size - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

}  // namespace

FlowFile read_flows(const fs::path& path, TimeRange covers, unsigned threads, ExportTime export_time) {
  auto source = open_content(path, {.threads = threads});
  if (!source) {
    ADD_FAILURE() << source.error().message;
    return {};
  }
  task::File file;
  file.id = path.filename().string();
  file.covers = covers;
  return read_flows(std::move(*source), std::move(file), export_time);
}

FlowFile read_flows(std::unique_ptr<ContentSource> source, task::File file, ExportTime export_time) {
  FlowFile result;
  mole_module* module = nullptr;
  EXPECT_EQ(netflow5().open(nullptr, nullptr, 0, &module, nullptr), MOLE_OK);
  {
    FlowReader reader(std::move(file), std::move(source), &netflow5(), module, ColumnSet().set(), 19991);
    if (export_time == ExportTime::flow_end) reader.export_at_flow_ends();
    FlowBatch batch;
    while (true) {
      auto more = reader.next(batch);
      if (!more) {
        ADD_FAILURE() << more.error().message;
        break;
      }
      if (!*more) break;
      append_lines(batch, result.flows);
    }
    result.report = reader.report();
    result.evidence = reader.evidence();
  }
  netflow5().close(module);
  return result;
}

std::string Datagram::bytes() const {
  std::string out;
  put(out, 5, 2), put(out, count, 2), put(out, uptime_ms, 4), put(out, seconds, 4), put(out, nanoseconds, 4);
  put(out, sequence, 4), put(out, engine, 2), put(out, sampling, 2);
  for (std::uint32_t i = 0; i < count; ++i) {
    put(out, 0x0a000001 + i, 4), put(out, 0xc0000201, 4), put(out, 0x0a0000fe, 4), put(out, 3, 2), put(out, 4, 2);
    put(out, 7, 4), put(out, 1000 + i, 4), put(out, first_ms, 4), put(out, last_ms, 4);
    put(out, sequence + i, 2), put(out, 443, 2), put(out, 0, 1), put(out, 0x12, 1), put(out, 6, 1), put(out, 8, 1);
    put(out, 64500, 2), put(out, 65000, 2), put(out, 24, 1), put(out, 16, 1), put(out, 0, 2);
  }
  return out;
}

std::string datagrams(std::uint32_t n, std::uint16_t count, Datagram first) {
  std::string out;
  first.count = count;
  for (std::uint32_t i = 0; i < n; ++i) {
    out += first.bytes();
    first.seconds += 1;
    first.uptime_ms += 1000;
    first.sequence += count;
  }
  return out;
}

std::string noise(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (auto& b : bytes) b = static_cast<char>(random() & 0xff);
  return bytes;
}

fs::path test_data() { return mole::testing::have_captures() ? mole::testing::data_folder() : fs::path(); }

}  // namespace mole::runtime::test
