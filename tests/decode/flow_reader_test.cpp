// FlowReader: reports, the readable export time and misbehaving decoders.
#include "runtime/decode/bzip2_writer.hpp"
#include "tests/decode/support.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>

namespace mole::runtime::test {
namespace {

constexpr Micros hour = std::int64_t{1190487600} * second_us;

TEST(Evidence, CountsTheSecondsThatBeginInARange) {
  Evidence evidence;
  evidence.add(5 * second_us + 999'999, 1, 10);
  evidence.add(3 * second_us, 2, 0);
  evidence.add(5 * second_us, 4, 0);
  evidence.finish();
  EXPECT_EQ(evidence.count({0, 10 * second_us}).received, 7u);
  EXPECT_EQ(evidence.count({5 * second_us, 6 * second_us}).received, 5u);
  EXPECT_EQ(evidence.count({5 * second_us, 6 * second_us}).lost, 10u);
  EXPECT_EQ(evidence.count({4 * second_us, 5 * second_us}).received, 0u);
}

TEST(FlowReader, ASoundFileIsReadableForItsWholeTime) {
  const TempFolder folder;
  const auto read = read_flows(folder.file("a.dat.bz2", bzip2_compress(datagrams(10))), {hour, hour + hour_us});
  EXPECT_EQ(read.report.state, task::FileState::sound);
  ASSERT_EQ(read.report.readable.size(), 1u);
  EXPECT_EQ(read.report.readable[0], (TimeRange{hour, hour + hour_us}));
  EXPECT_EQ(read.report.exported_first, hour);
  EXPECT_EQ(read.report.exported_last, hour + 9 * second_us);
  EXPECT_EQ(read.report.datagrams, 10u);
  EXPECT_EQ(read.report.flows, 20u);
}

TEST(FlowReader, ASoundFileWithoutFlowsIsReadable) {
  const TempFolder folder;
  const auto read = read_flows(folder.file("a.dat.bz2", bzip2_compress("")), {hour, hour + hour_us});
  EXPECT_EQ(read.report.state, task::FileState::sound);
  EXPECT_EQ(read.evidence.readable_ranges(), (std::vector<TimeRange>{{hour, hour + hour_us}}));
}

TEST(FlowReader, ATruncatedFileIsReadableUpToItsLastDatagram) {
  const TempFolder folder;
  const std::string bytes = datagrams(10);
  const auto read = read_flows(folder.file("a.dat", bytes.substr(0, bytes.size() - 1)), {hour, hour + hour_us});
  ASSERT_EQ(read.report.readable.size(), 1u);
  EXPECT_EQ(read.report.readable[0], (TimeRange{hour, hour + 8 * second_us}));
}

TEST(FlowReader, AFileDamagedAtItsStartIsReadableFromItsFirstDatagram) {
  const TempFolder folder;
  const auto read = read_flows(folder.file("a.dat", datagrams(10).substr(1)), {hour, hour + hour_us});
  EXPECT_EQ(read.report.flows, 18u);
  ASSERT_EQ(read.report.readable.size(), 1u);
  EXPECT_EQ(read.report.readable[0], (TimeRange{hour + second_us, hour + hour_us}));
}

TEST(FlowReader, AnUnreadableFileHasNoReadableTime) {
  const TempFolder folder;
  const auto read = read_flows(folder.file("a.dat.bz2", ""), {hour, hour + hour_us});
  EXPECT_EQ(read.report.state, task::FileState::unreadable);
  EXPECT_TRUE(read.report.readable.empty());
  EXPECT_TRUE(read.evidence.readable_ranges().empty());
}

// The datagrams of a file that was made in one second from the packets of 50 minutes, 46 days later. Two flows end every 10 s.
std::string converted(std::uint32_t n, std::uint32_t without = UINT32_MAX) {
  std::string bytes;
  for (std::uint32_t i = 0; i < n; ++i) {
    const Datagram d{.uptime_ms = 4'000'000'000, .sequence = 2 * i, .last_ms = 9'500'000 + 10'000 * i};
    if (i != without) bytes += d.bytes();
  }
  return bytes;
}
constexpr Micros first_end = hour - 3'990'500 * second_us;

TEST(FlowReader, AFileThatWasConvertedLaterIsReadableAtTheEndsOfItsFlows) {
  const TempFolder folder;
  const auto path = folder.file("a.dat", converted(300));
  const TimeRange covers{first_end, first_end + hour_us};
  const auto by_header = read_flows(path, covers);
  EXPECT_EQ(by_header.report.state, task::FileState::misplaced);
  EXPECT_TRUE(by_header.report.readable.empty());

  const auto by_end = read_flows(path, covers, 1, ExportTime::flow_end);
  EXPECT_EQ(by_end.report.state, task::FileState::sound);
  EXPECT_EQ(by_end.report.readable, (std::vector<TimeRange>{covers}));
  EXPECT_EQ(by_end.report.exported_first, first_end);
  EXPECT_EQ(by_end.report.exported_last, first_end + 2990 * second_us);
  EXPECT_EQ(by_end.report.datagrams, 300u);
  EXPECT_EQ(by_end.flows, by_header.flows);
  EXPECT_EQ(by_end.evidence.count({first_end + 10 * second_us, first_end + 20 * second_us}).received, 2u);
  EXPECT_EQ(by_end.evidence.count(covers).received, 600u);

  const TimeRange other_day{first_end + day_us, first_end + day_us + hour_us};
  EXPECT_EQ(read_flows(path, other_day, 1, ExportTime::flow_end).report.state, task::FileState::misplaced);
}

TEST(FlowReader, LossAndDamageOfAConvertedFileLowerItsCoverage) {
  const TempFolder folder;
  const TimeRange covers{first_end, first_end + hour_us};
  const auto lossy = read_flows(folder.file("a.dat", converted(300, 100)), covers, 1, ExportTime::flow_end);
  EXPECT_EQ(lossy.report.flows_lost, 2u);
  EXPECT_EQ(lossy.evidence.count(covers).lost, 2u);

  for (const std::size_t cut : {std::size_t{1}, std::size_t{2000}}) {
    const auto bytes = converted(300);
    const auto damaged = read_flows(folder.file("b.dat", bytes.substr(0, bytes.size() - cut)), covers, 1, ExportTime::flow_end);
    EXPECT_EQ(damaged.report.state, task::FileState::damaged);
    for (const auto& range : damaged.report.readable) EXPECT_LE(range.to, damaged.report.exported_last);
  }
  auto bytes = converted(300);
  bytes.replace(bytes.size() / 2, 1000, 1000, '\xff');
  const auto middle = read_flows(folder.file("c.dat", bytes), covers, 1, ExportTime::flow_end);
  EXPECT_EQ(middle.report.state, task::FileState::damaged);
  for (const auto& range : middle.report.readable) EXPECT_FALSE(range.contains(first_end + 1500 * second_us));
}

// Of two exporters, whose datagrams alternate for an hour, one has a wrong clock from minute 20 to minute 40.
TEST(FlowReader, FlowsWithADistantClockAreMissingWhenTheyAreReceived) {
  for (const std::int64_t skew : {-1'190'000'000, -8 * 3600, -2 * 3600, 2 * 3600, 8 * 3600, 20 * 86'400}) {
    std::string bytes;
    Datagram right{.count = 3, .engine = 1}, wrong{.uptime_ms = 60'000'000, .count = 2, .engine = 2};
    for (std::uint32_t i = 0; i < 360; ++i) {
      auto sent = wrong;
      if (i >= 120 && i < 240) sent.seconds = static_cast<std::uint32_t>(sent.seconds + skew);
      bytes += right.bytes() + sent.bytes();
      for (auto* d : {&right, &wrong}) d->seconds += 10, d->uptime_ms += 10'000, d->sequence += d->count;
    }
    const TempFolder folder;
    const auto read = read_flows(folder.file("a.dat", bytes), {hour, hour + hour_us});
    EXPECT_EQ(read.report.state, task::FileState::sound);
    EXPECT_EQ(read.report.flows, 360u * 5);
    EXPECT_EQ(read.evidence.readable_ranges(), (std::vector<TimeRange>{{hour, hour + hour_us}})) << skew;
    for (int part = 0; part < 3; ++part) {
      const auto count = read.evidence.count({hour + part * 20 * minute_us, hour + (part + 1) * 20 * minute_us});
      // The last datagram with a wrong clock is followed by one with a right clock only at minute 40.
      EXPECT_NEAR(static_cast<double>(count.misdated), part == 1 ? 240 : 0, 2) << skew << ' ' << part;
      EXPECT_EQ(count.received, part == 1 ? 360u : 600u) << skew << ' ' << part;
      EXPECT_EQ(count.lost, 0u);
    }
  }
}

// The clock is set half an hour after a restart: the time is not readable, and nothing else is missing.
TEST(FlowReader, ALongTimeWithADistantClockIsNotReadable) {
  std::string bytes;
  Datagram d{.count = 3};
  for (std::uint32_t i = 0; i < 360; ++i) {
    auto sent = d;
    if (i >= 120 && i < 180) sent.seconds -= 900'000'000;
    bytes += sent.bytes();
    d.seconds += 10, d.uptime_ms += 10'000, d.sequence += d.count;
  }
  const TempFolder folder;
  const auto read = read_flows(folder.file("a.dat", bytes), {hour, hour + hour_us});
  EXPECT_EQ(read.evidence.readable_ranges(),
            (std::vector<TimeRange>{{hour, hour + 1190 * second_us}, {hour + 1800 * second_us, hour + hour_us}}));
  EXPECT_EQ(read.evidence.count({hour, hour + hour_us}).misdated, 0u);
}

TEST(FlowReader, NumbersTheFlowsOfAFileAcrossBatches) {
  const TempFolder folder;
  const std::string bytes = datagrams(1000, 30);
  auto source = open_content(folder.file("a.dat", bytes));
  FlowReader reader(task::File{}, std::move(*source), &netflow5(), nullptr, ColumnSet().set(MOLE_COLUMN_BYTES), 0);
  FlowBatch batch;
  std::uint64_t rows = 0;
  while (*reader.next(batch)) {
    EXPECT_EQ(batch.first_record, rows);
    EXPECT_LE(batch.rows, batch_rows);
    rows += batch.rows;
  }
  EXPECT_EQ(rows, 30'000u);
}

// A decoder whose next() is a function of the test.
using Next = std::function<std::int32_t(mole_flow_builder*, mole_error*, const mole_source*, const mole_decode_sink*)>;
struct Scripted {
  const Next* next;
  const mole_source* source;
  const mole_decode_sink* sink;
};
const mole_decoder_v1 scripted{
    sizeof(mole_decoder_v1),
    0,
    nullptr,
    nullptr,
    nullptr,
    [](const mole_module* m, const mole_source* source, const mole_decode_sink* sink, mole_decoder** out,
       mole_error*) -> std::int32_t {
      *out = reinterpret_cast<mole_decoder*>(new Scripted{reinterpret_cast<const Next*>(m), source, sink});
      return MOLE_OK;
    },
    [](mole_decoder* d) { delete reinterpret_cast<Scripted*>(d); },
    [](mole_decoder* d, mole_flow_builder* builder, mole_error* error) -> std::int32_t {
      auto& s = *reinterpret_cast<Scripted*>(d);
      return (*s.next)(builder, error, s.source, s.sink);
    }};

struct Outcome {
  Result<bool> result;
  task::FileReport report;
  ColumnPresence presence;
};
Outcome run(const Next& next, Descriptions* descriptions = nullptr, ColumnSet wanted = ColumnSet().set(MOLE_COLUMN_BYTES)) {
  const TempFolder folder;
  auto source = open_content(folder.file("a.dat", "content"));
  task::File file;
  file.id = "a.dat";
  file.covers = {hour, hour + hour_us};
  FlowReader reader(file, std::move(*source), &scripted, reinterpret_cast<const mole_module*>(&next), wanted, 0);
  if (descriptions != nullptr) reader.describe(*descriptions);
  FlowBatch batch;
  Result<bool> more = true;
  while (more && *more) more = reader.next(batch);
  return {more, reader.report(), reader.presence()};
}

TEST(FlowReader, ADecoderThatStopsEarlyMeansADamagedFile) {
  int calls = 0;
  const auto outcome =
      run([&](mole_flow_builder* builder, mole_error* error, const mole_source*, const mole_decode_sink* sink) -> std::int32_t {
        if (++calls == 1) {
          sink->datagram(sink->self, hour + second_us, 3, 0, 0);
          builder->rows = 3;
          return MOLE_OK;
        }
        std::memcpy(error->text, "garbage", 7);
        error->size = 7;
        return MOLE_CORRUPT;
      });
  ASSERT_TRUE(outcome.result);
  EXPECT_EQ(outcome.report.state, task::FileState::damaged);
  EXPECT_EQ(outcome.report.flows, 3u);
  ASSERT_EQ(outcome.report.lost_content.size(), 1u);
  EXPECT_EQ(outcome.report.lost_content[0].reason, "the decoder gave up: garbage");
  ASSERT_EQ(outcome.report.readable.size(), 1u);
  EXPECT_EQ(outcome.report.readable[0].to, hour + second_us);
}

TEST(FlowReader, ADecoderThatOverflowsItsBatchIsDetected) {
  const auto outcome =
      run([](mole_flow_builder* builder, mole_error*, const mole_source*, const mole_decode_sink*) -> std::int32_t {
        builder->rows = builder->capacity + 1;
        return MOLE_OK;
      });
  ASSERT_FALSE(outcome.result);
  EXPECT_EQ(outcome.result.error().code, Code::internal);
}

TEST(FlowReader, ADecodersErrorIsForwarded) {
  const auto outcome = run([](mole_flow_builder*, mole_error*, const mole_source*, const mole_decode_sink*) -> std::int32_t {
    return MOLE_UNSUPPORTED;
  });
  ASSERT_FALSE(outcome.result);
  EXPECT_EQ(outcome.result.error().code, Code::unsupported);
  EXPECT_NE(outcome.result.error().message.find("a.dat"), std::string::npos);
}

TEST(FlowReader, AnUnknownCodeIsAnInternalError) {
  const auto outcome =
      run([](mole_flow_builder*, mole_error*, const mole_source*, const mole_decode_sink*) -> std::int32_t { return 42; });
  ASSERT_FALSE(outcome.result);
  EXPECT_EQ(outcome.result.error().code, Code::internal);
}

TEST(FlowReader, LossInDamageIsNotNetworkLoss) {
  bool done = false;
  const auto outcome =
      run([&](mole_flow_builder*, mole_error*, const mole_source*, const mole_decode_sink* sink) -> std::int32_t {
        if (std::exchange(done, true)) return MOLE_END;
        sink->datagram(sink->self, hour, 1, 5, 0);
        sink->datagram(sink->self, hour, 1, 100, MOLE_LOST_IN_DAMAGE);
        return MOLE_OK;
      });
  ASSERT_TRUE(outcome.result);
  EXPECT_EQ(outcome.report.flows_lost, 5u);
}

TEST(FlowReader, DecodersDescribeExportersOnlyIfItIsNeeded) {
  const auto describe = [](mole_flow_builder*, mole_error*, const mole_source*, const mole_decode_sink* raw) -> std::int32_t {
    Sink sink(raw);
    sink.describe({Describes::interface, 0, 5, 1, 0, 0, sink.wants_descriptions() ? "eth0" : "not needed"});
    return MOLE_END;
  };
  EXPECT_TRUE(run(describe).result);
  Descriptions descriptions(10);
  EXPECT_TRUE(run(describe, &descriptions).result);
  EXPECT_EQ(descriptions.interfaces(), (Descriptions::Names{{{0, 5, 1}, "eth0"}}));
}

// What decoders state about columns and elements, batch by batch: rows, absent columns, known elements.
TEST(FlowReader, AColumnIsAbsentIfAllBatchesLackIt) {
  struct Stated {
    std::uint32_t rows;
    std::uint64_t absent, known;
  };
  const auto name = static_cast<std::size_t>(flow_column_named("dnsQName"));
  const auto wanted = ColumnSet().set(MOLE_COLUMN_BYTES).set(MOLE_COLUMN_TOS).set(name);
  const auto presence_of = [&](const std::vector<Stated>& batches) {
    std::size_t at = 0;
    const auto outcome = run(
        [&](mole_flow_builder* builder, mole_error*, const mole_source*, const mole_decode_sink*) -> std::int32_t {
          EXPECT_EQ(builder->absent_columns, 0u);
          EXPECT_EQ(builder->known_elements, 0u);
          const auto& stated = batches[at++];
          builder->rows = stated.rows;
          builder->absent_columns = stated.absent;
          builder->known_elements = stated.known;
          return at == batches.size() ? MOLE_END : MOLE_OK;
        },
        nullptr, wanted);
    EXPECT_TRUE(outcome.result);
    return outcome.presence;
  };
  constexpr std::uint64_t tos = 1ull << MOLE_COLUMN_TOS, all = ~0ull;
  const auto only_tos = ColumnSet().set(MOLE_COLUMN_TOS), only_name = ColumnSet().set(name);
  EXPECT_EQ(presence_of({{1, 0, 0}, {0, 0, 0}}), ColumnPresence()) << "a decoder that states nothing";
  EXPECT_EQ(presence_of({{1, tos, 0}, {0, 0, 0}}), (ColumnPresence{only_tos, {}}));
  EXPECT_EQ(presence_of({{1, tos, 0}, {2, 0, 0}, {0, 0, 0}}), ColumnPresence());
  EXPECT_EQ(presence_of({{1, tos, 0}, {0, 0, 0}, {3, all, 0}, {0, 0, 0}}), (ColumnPresence{only_tos, {}})) << "without rows";
  EXPECT_EQ(presence_of({{0, all, 0}, {0, all, 0}}), ColumnPresence()) << "no flows";
  EXPECT_EQ(presence_of({{5, all, all}, {0, 0, 0}}), (ColumnPresence{ColumnSet(only_tos).set(MOLE_COLUMN_BYTES), only_name}))
      << "bits of columns and elements that were not asked for";
  EXPECT_EQ(presence_of({{5, 0, 0}, {0, 0, 1}}), (ColumnPresence{{}, only_name})) << "a template after the last flow";
}

TEST(FlowReader, FlowsOfRepeatedDatagramsAreCounted) {
  bool done = false;
  const auto outcome =
      run([&](mole_flow_builder*, mole_error*, const mole_source*, const mole_decode_sink* sink) -> std::int32_t {
        if (std::exchange(done, true)) return MOLE_END;
        sink->datagram(sink->self, hour, 7, 0, 0);
        sink->datagram(sink->self, hour, 7, 0, MOLE_REPEATED);
        sink->datagram(sink->self, hour, 3, 2, MOLE_REPEATED | MOLE_LOST_IN_DAMAGE | 5 << MOLE_EXPORTER_SHIFT);
        return MOLE_OK;
      });
  ASSERT_TRUE(outcome.result);
  EXPECT_EQ(outcome.report.flows_repeated, 10u);
  EXPECT_EQ(outcome.report.datagrams, 3u);
  EXPECT_EQ(outcome.report.flows_lost_in_damage, 2u);
}

}  // namespace
}  // namespace mole::runtime::test
