// Archives whose files have different formats: the content of each file selects its decoder.
#include "tests/decode/support.hpp"
#include "tests/task/task_fixture.hpp"

namespace mole::runtime::testing {
namespace {

constexpr std::int64_t first_second = 1190487600;  // 2007-09-22T19:00:00Z
constexpr Micros first_hour = first_second * second_us;
constexpr Micros quarter = 15 * minute_us;
constexpr int hours = 6, flows_per_hour = 360;
constexpr TimeRange whole{first_hour, first_hour + 8 * hour_us};

enum class Format { netflow5, fixed_records, text_lines };

std::string big_endian(std::initializer_list<std::int64_t> values) {
  std::string out;
  for (const auto value : values)
    for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(value >> shift);
  return out;
}

// Every ten seconds a flow of two packets and 1000 bytes, which began five minutes before it was exported.
std::string content_of(Format format, std::int64_t hour) {
  std::string out = format == Format::fixed_records ? "FIXED\n\n\n" : format == Format::text_lines ? "#flows\n" : "";
  for (std::int64_t i = 0; i < flows_per_hour; ++i) {
    const auto exported = first_second + hour * 3600 + i * 10, start = exported - 300;
    switch (format) {
      case Format::netflow5: {
        test::Datagram datagram;
        datagram.seconds = static_cast<std::uint32_t>(exported);
        datagram.uptime_ms = static_cast<std::uint32_t>(10'000'000 + (hour * 3600 + i * 10) * 1000);
        datagram.first_ms = datagram.last_ms = datagram.uptime_ms - 300'000;
        datagram.sequence = static_cast<std::uint32_t>(hour * flows_per_hour + i);
        datagram.count = 1;
        out += datagram.bytes();
        break;
      }
      case Format::fixed_records:
        out += big_endian({exported, start, 0x0a000001, 0x0a000002, 2, 1000});
        break;
      case Format::text_lines:
        out += std::to_string(exported) + " " + std::to_string(start) + " 2 1000 80\n";
        break;
    }
  }
  return out;
}

class MixedArchive : public ::testing::Test {
 protected:
  void write(int hour, const std::string& content) const {
    std::ofstream(folder.path() / name_of(hour), std::ios::binary) << content;
  }
  static std::string name_of(int hour) {
    return "1_" + std::to_string(hour) + "_" + std::to_string(first_second + hour * 3600) + ".dat.bz2";
  }
  void write_all() const {
    for (int hour = 0; hour < hours; ++hour) write(hour, content_of(static_cast<Format>(hour % 3), hour));
  }
  // Reads the archive with these decoders; by default with all.
  static task::Spec spec(const ArchiveTask& archive, TimeRange block, std::vector<task::Step> steps,
                         const std::vector<std::string>& decoders = {"fixed_records", "netflow5", "text_lines"}) {
    auto spec = archive.spec(block, std::move(steps));
    std::vector<task::PluginUse> candidates;
    for (const auto& name : decoders) candidates.push_back(use_of(PluginKind::decoder, name));
    spec.archive->set_candidates(candidates);
    return spec;
  }
  static std::map<std::string, std::string> decoders_of(const std::vector<task::FileReport>& files) {
    std::map<std::string, std::string> out;
    for (const auto& file : files) out[file.id] = file.decoder;
    return out;
  }
  // The report on one file with this content.
  task::FileReport report_of(const std::string& content,
                             const std::vector<std::string>& decoders = {"fixed_records", "netflow5", "text_lines"}) const {
    write(0, content);
    ArchiveTask archive(folder.path());
    const auto sink =
        archive.run(spec(archive, {first_hour, first_hour + hour_us}, {archive.flows_step("traffic", quarter)}, decoders));
    EXPECT_EQ(sink.files.size(), 1u);
    return sink.files.empty() ? task::FileReport() : sink.files.front();
  }

  TempFolder folder;
};

TEST_F(MixedArchive, EachFileIsReadByTheDecoderThatRecognisesIt) {
  write_all();
  ArchiveTask archive(folder.path());
  const auto sink = archive.run(spec(archive, whole, {archive.flows_step("traffic", quarter)}));
  EXPECT_EQ(decoders_of(sink.files), (std::map<std::string, std::string>{{name_of(0), "netflow5"},
                                                                         {name_of(1), "fixed_records"},
                                                                         {name_of(2), "text_lines"},
                                                                         {name_of(3), "netflow5"},
                                                                         {name_of(4), "fixed_records"},
                                                                         {name_of(5), "text_lines"}}));
  for (const auto& file : sink.files) {
    EXPECT_EQ(file.state, task::FileState::sound) << file.id;
    EXPECT_EQ(file.flows, flows_per_hour) << file.id;
  }
  const auto& lineage = sink.steps.at(0).report.lineage;
  EXPECT_EQ(lineage["archive"]["decoders"].size(), 3u);
  EXPECT_EQ(lineage["files"][1]["decoder"], "fixed_records");
  EXPECT_FALSE(lineage.contains("columns_absent"));
}

TEST_F(MixedArchive, RowsDoNotDependOnBlocksThreadsOrCachedColumns) {
  write_all();
  ArchiveTask archive(folder.path());
  const auto step = archive.flows_step("traffic", quarter);
  const auto once = archive.run(spec(archive, whole, {step}));
  const auto again = archive.run(spec(archive, whole, {step}));
  EXPECT_EQ(difference(*once.steps.at(0).rows, *again.steps.at(0).rows), "");
  EXPECT_EQ(again.files.front().source, task::FlowSource::columns);
  EXPECT_EQ(decoders_of(again.files), decoders_of(once.files));
  archive.columns = false;
  for (const unsigned threads : {1u, 3u}) {
    archive.threads = threads;
    for (const Micros length : {8 * hour_us, 2 * hour_us, quarter}) {
      RowTable joined;
      for (Micros from = whole.from; from < whole.to; from += length)
        append(joined, *archive.run(spec(archive, {from, from + length}, {step})).steps.at(0).rows);
      EXPECT_EQ(difference(joined, *once.steps.at(0).rows), "") << threads << " threads, " << length;
    }
  }
}

TEST_F(MixedArchive, LineageCountsFilesWithoutAColumn) {
  write_all();
  ArchiveTask archive(folder.path());
  const auto sink = archive.run(spec(archive, whole,
                                     {archive.flows_step("traffic", quarter, {"router", "dst_port"}),
                                      archive.flows_step("traffic", quarter, {"router", "application_label"})}));
  using nlohmann::json;
  EXPECT_EQ(sink.steps.at(0).report.lineage["columns_absent"],
            json::array({{{"column", "dst_port"}, {"decoder", "fixed_records"}, {"files", 2}},
                         {{"column", "dst_port"}, {"decoder", "text_lines"}, {"files", 2}}}));
  EXPECT_EQ(sink.steps.at(1).report.lineage["columns_absent"],
            json::array({{{"column", "application_label"}, {"decoder", "fixed_records"}, {"files", 2}},
                         {{"column", "application_label"}, {"decoder", "netflow5"}, {"files", 2}}}));
}

TEST_F(MixedArchive, TheFirstDecoderByNameReadsWhatSeveralRecognise) {
  EXPECT_EQ(report_of("BOTH" + content_of(Format::fixed_records, 0).substr(4)).decoder, "fixed_records");
}

TEST_F(MixedArchive, AFileWithADamagedStartIsReadByTheDecoderThatFindsMostFlows) {
  const auto sound = content_of(Format::netflow5, 0);
  for (const std::size_t size : {1u, 100u, 5'000u, 100'000u}) {
    const auto damaged = test::noise(size) + sound;
    auto mixed = report_of(damaged), alone = report_of(damaged, {"netflow5"});
    mixed.columns = alone.columns = {};  // their name contains the decoders
    EXPECT_EQ(mixed.decoder, "netflow5") << size;
    EXPECT_EQ(mixed.flows, flows_per_hour) << size;
    EXPECT_EQ(mixed.state, task::FileState::damaged) << size;
    EXPECT_EQ(nlohmann::json(mixed), nlohmann::json(alone)) << size;
  }
  EXPECT_EQ(report_of(sound.substr(30)).decoder, "netflow5");
  EXPECT_EQ(report_of(test::noise(500) + content_of(Format::text_lines, 0)).decoder, "text_lines");
}

TEST_F(MixedArchive, AFileThatNoDecoderReadsIsUnreadableWithTheReason) {
  const auto reason = [](const task::FileReport& report) {
    EXPECT_EQ(report.state, task::FileState::unreadable);
    EXPECT_EQ(report.decoder, "");
    EXPECT_EQ(report.lost_content.size(), 1u);
    return report.lost_content.empty() ? "" : report.lost_content.front().reason;
  };
  const auto noise = test::noise(50'000);
  const auto nfcapd = report_of("\x0c\xa5\x02" + noise);
  EXPECT_EQ(nfcapd.lost_content.front().to, noise.size() + 3);
  EXPECT_NE(reason(nfcapd).find("has the format of nfcapd files (nfdump), which no installed decoder reads (fixed_records, "
                                "netflow5, text_lines)"),
            std::string::npos)
      << reason(nfcapd);
  EXPECT_NE(reason(report_of("\xff" + noise)).find("no installed decoder recognises the content or finds a flow in it"),
            std::string::npos);
}

TEST_F(MixedArchive, AnEmptyFileIsReportedAsBefore) {
  const auto mixed = report_of(""), alone = report_of("", {"netflow5"});
  EXPECT_EQ(mixed.state, alone.state);
  EXPECT_EQ(mixed.lost_compressed, alone.lost_compressed);
  EXPECT_EQ(mixed.readable, alone.readable);
}

TEST_F(MixedArchive, ASingleDecoderReadsEveryFile) {
  EXPECT_EQ(report_of(content_of(Format::fixed_records, 0), {"text_lines"}).decoder, "text_lines");
}

TEST_F(MixedArchive, OtherDecodersGiveCachedColumnsAnotherName) {
  write_all();
  const ArchiveTask archive(folder.path());
  const auto all = spec(archive, whole, {}), two = spec(archive, whole, {}, {"fixed_records", "netflow5"});
  EXPECT_NE(task::column_name_of(all.files[0], *all.archive), task::column_name_of(two.files[0], *two.archive));
}

}  // namespace
}  // namespace mole::runtime::testing
