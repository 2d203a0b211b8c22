// Decoders of two simple formats, for archives whose files have different formats.
//
//   fixed_records:  "FIXED\n\n\n", then records of 24 bytes: exported, start (seconds), source, destination, packets, bytes
//   text_lines:     "#flows\n", then one line per flow: exported, start, packets, bytes, application label
//
// Both recognise a file that begins with "BOTH", to show which one reads it.
#include <mole/decoder.hpp>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

constexpr std::int64_t second = 1'000'000;

bool begins(std::span<const std::byte> head, std::string_view magic) {
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  return text.starts_with(magic) || text.starts_with("BOTH");
}

}  // namespace

struct FixedRecords {
  static constexpr auto about = mole::decoder("fixed_records", "1.0.0", "Records of 24 bytes");
  using writes = mole::Writes<mole::start, mole::end, mole::src_addr, mole::dst_addr, mole::packets, mole::bytes>;
  static constexpr std::size_t header = 8, record = 24;

  static bool recognises(std::span<const std::byte> head) { return begins(head, "FIXED"); }

  FixedRecords(mole::ByteSource& source, mole::Sink& sink) : in(source), sink(sink) {}

  mole::Result<bool> next(mole::FlowBuilder& out) {
    if (!started && !recognises(in.take(header))) return mole::corrupt("this is not a file of fixed records");
    started = true;
    while (out.room() > 0) {
      const auto bytes = in.take(record);
      if (bytes.empty()) return false;
      const auto at = [&](std::size_t number) { return mole::big_endian<std::uint32_t>(bytes.data() + 4 * number); };
      sink.datagram({at(0) * second}, 1);
      const auto row = out.rows();
      out.set<mole::start>(row, {at(1) * second});
      out.set<mole::end>(row, {at(1) * second});
      out.set<mole::src_addr>(row, at(2));
      out.set<mole::dst_addr>(row, at(3));
      out.set<mole::packets>(row, at(4));
      out.set<mole::bytes>(row, at(5));
      out.set_rows(row + 1);
    }
    return true;
  }

  mole::ByteSource& in;
  mole::Sink& sink;
  bool started = false;
};

struct TextLines {
  static constexpr auto about = mole::decoder("text_lines", "1.0.0", "A line per flow");
  using writes = mole::Writes<mole::start, mole::end, mole::packets, mole::bytes, mole::application_label>;

  static bool recognises(std::span<const std::byte> head) { return begins(head, "#flows\n"); }

  TextLines(mole::ByteSource& source, mole::Sink& sink) : in(source), sink(sink) {}

  mole::Result<bool> next(mole::FlowBuilder& out) {
    while (out.room() > 0) {
      const auto window = in.window(200);
      if (window.empty()) return false;
      const std::string_view text(reinterpret_cast<const char*>(window.data()), window.size());
      const auto line = std::string(text.substr(0, text.find('\n')));
      in.skip(line.size() < text.size() ? line.size() + 1 : line.size());
      unsigned long long exported = 0, start = 0, packets = 0, bytes = 0, label = 0;
      if (std::sscanf(line.c_str(), "%llu %llu %llu %llu %llu", &exported, &start, &packets, &bytes, &label) != 5) continue;
      sink.datagram({static_cast<std::int64_t>(exported) * second}, 1);
      const auto row = out.rows();
      out.set<mole::start>(row, {static_cast<std::int64_t>(start) * second});
      out.set<mole::end>(row, {static_cast<std::int64_t>(start) * second});
      out.set<mole::packets>(row, packets);
      out.set<mole::bytes>(row, bytes);
      out.set<mole::application_label>(row, static_cast<std::uint32_t>(label));
      out.set_rows(row + 1);
    }
    return true;
  }

  mole::ByteSource& in;
  mole::Sink& sink;
};

MOLE_PLUGINS(FixedRecords, TextLines)
