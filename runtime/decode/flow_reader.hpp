// Decodes one archive file with a decoder plugin into batches of flows, and reports on it at the end.
//
//   FlowReader reader(file, std::move(source), decoder, module, wanted, router);
//   FlowBatch batch;
//   while (true) {
//     auto more = reader.next(batch);
//     if (!more) return more.error();
//     if (!*more) break;
//     ...
//   }
//   task::FileReport report = reader.report();
#pragma once

#include <mole/abi.h>
#include <mole/result.hpp>

#include "runtime/decode/content_source.hpp"
#include "runtime/decode/delay_counter.hpp"
#include "runtime/decode/descriptions.hpp"
#include "runtime/decode/element_columns.hpp"
#include "runtime/decode/evidence.hpp"
#include "runtime/decode/exporter_count.hpp"
#include "runtime/decode/flow_batch.hpp"
#include "runtime/decode/flow_source.hpp"
#include "sdk/model/task.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mole::runtime {

// Not thread-safe: use from one thread at a time. The order of the decoder's calls shows which datagrams precede damage and which
// follow it: at a gap the decoder must report its datagrams before it reads more, or report `skipped` up to the gap (of size 0 if
// no bytes are left over) between the datagrams before and after the gap. `decoder` and `module` (opened by the host) must
// outlive the reader.
class FlowReader final : public FlowSource {
 public:
  // `wanted`: the columns to decode. `router`: the value of MOLE_COLUMN_ROUTER.
  FlowReader(task::File file, std::unique_ptr<ContentSource> source, const mole_decoder_v1* decoder, const mole_module* module,
             ColumnSet wanted, std::uint32_t router);
  ~FlowReader() override;
  // Reads a file that no decoder recognises: returns no flows. `reason`: cause and remedy, for the report.
  FlowReader(task::File file, std::unique_ptr<ContentSource> source, const std::string& reason);
  // Names the decoder in the report.
  void set_decoder_name(const std::string& name) { report_.decoder = name; }
  // Counts each flow as exported when it ended, instead of when its datagram says. `wanted` must have end. Call before next().
  void export_at_flow_ends() { at_flow_ends_ = true; }
  // Makes the report contain the export delays, the flows that began before `late_before`, and the number of exporters. `wanted`
  // must have start and end. Call before next().
  void measure_delays(Micros late_before = INT64_MIN) { delays_.emplace(late_before); }
  // Makes the decoder describe the exporters. `to` must exist until the last next(). Call before next().
  void describe(Descriptions& to) {
    descriptions_ = &to;
    abi_sink_.described = sink_described;
  }

  // If the decoder gives up (returns corrupt), there are no more flows and the file is reported as damaged.
  Result<bool> next(FlowBatch& batch) override;

  bool may_be_misplaced() const override { return may_be_misplaced_; }
  // state: sound, damaged, unreadable (damaged, and no datagram was readable), or misplaced: the first export time is not near
  // the first half of the time range of the file, and most are not near the range, which is then not readable, because the clock
  // or the name is wrong.
  task::FileReport report() const override;
  const Evidence& evidence() const override { return evidence_; }
  ColumnPresence presence() const override { return {report_.flows > 0 ? absent_ : ColumnSet(), known_}; }
  std::uint64_t flows() const override { return report_.flows; }
  std::uint64_t stored_bytes() const override { return source_->stored_bytes(); }

 private:
  // Called by the decoder:
  static std::int32_t source_next(void* self, const std::uint8_t** data, std::uint64_t* size, std::uint64_t* offset,
                                  std::int32_t* gap);
  static void sink_datagram(void* self, std::int64_t exported_us, std::uint32_t flows, std::uint64_t lost, std::uint32_t flags);
  static void sink_skipped(void* self, std::uint64_t offset, std::uint64_t size, mole_text reason);
  static void sink_described(void* self, const mole_description* description);

  Result<> read_to_end();
  Result<> create_decoder();
  Error failure(std::int32_t code, std::string message) const;
  Result<bool> fill(FlowBatch& batch);
  void note_presence(const mole_flow_builder& batch);
  void mark_damage();  // export time is unknown from the last datagram to the next one
  void mark_gap(std::uint64_t offset);
  void move_gap();
  void close_range(Micros to);
  void finish();
  // `flows` were exported then; `lost` are missing immediately before them.
  void exported(Micros time, std::uint64_t flows, std::uint64_t lost);
  void export_rows(const FlowBatch& batch);
  bool misplaced() const { return may_be_misplaced_ && near_ * 2 < exports_; }
  bool is_near(Micros exported) const;  // in or near the time range of the file
  // Whether the flows of a datagram exported then are not counted in the time of the file with the default lateness.
  bool is_distant(Micros exported) const {
    const Micros length = file_.covers.to - file_.covers.from;
    return !TimeRange{file_.covers.from - length, file_.covers.to + length}.contains(exported);
  }
  void end_misdated(Micros to);
  // Of an exporter with the right time, between datagrams of one with a wrong time.
  Micros longest_pause() const { return std::max((file_.covers.to - file_.covers.from) / 60, minute_us); }

  task::File file_;
  std::unique_ptr<ContentSource> source_;
  const mole_decoder_v1* decoder_vtable_;  // null: no decoder recognises the file
  const mole_module* module_;
  std::uint32_t router_;
  ColumnBuffers buffers_;
  ElementColumns elements_;
  ColumnSet absent_, known_;  // see ColumnPresence; absent_: in all batches so far
  mole_source abi_source_;
  mole_decode_sink abi_sink_;
  mole_decoder* decoder_ = nullptr;

  std::optional<Error> source_error_;
  std::string why_unreadable_;  // if the decoder finds nothing

  bool finished_ = false;
  std::optional<std::string> given_up_;  // message of the decoder if it gave up
  task::FileReport report_;              // what the decoder has reported so far
  std::uint64_t exports_ = 0;            // calls of exported(): datagrams, or runs of flows with one time
  std::uint64_t near_ = 0;               // of these, in or near the time range of the file
  bool may_be_misplaced_ = false;        // the first one was not, or in the second half
  bool at_flow_ends_ = false;            // then: flows lost before the next rows, and whether damage is among or before them
  std::uint64_t lost_before_rows_ = 0;
  bool damage_in_batch_ = false;
  // A range of export time without damage: it begins with the file or with the first datagram after damage, and ends with the
  // file or with the last datagram before damage.
  bool range_open_ = true, range_read_ = false;  // range_read_: it contains a datagram
  bool misdated_ = false;                        // the last datagram was not exported near the time range of the file
  std::uint64_t misdated_flows_ = 0;             // distant ones since the last datagram that was
  Micros range_from_, range_to_ = 0;
  // A gap that the decoder has read, and what preceded it; null if the range after it has ended.
  struct Gap {
    std::uint64_t offset;
    std::size_t ranges;  // in report_.readable
    Micros from, to;     // of the range
    bool read;
  };
  std::optional<Gap> gap_;
  Evidence evidence_;
  std::optional<DelayCounter> delays_;
  ExporterCount exporters_;
  Descriptions* descriptions_ = nullptr;  // null: not needed
};

// Returns why nothing is read from content that begins like this, and what to do; an empty string if its format is not known.
// `readers`: "the decoder does not read".
std::string why_unreadable(std::span<const std::uint8_t> content, std::string_view readers);

}  // namespace mole::runtime
