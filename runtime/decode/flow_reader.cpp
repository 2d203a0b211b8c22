#include "runtime/decode/flow_reader.hpp"

#include "runtime/decode/known_formats.hpp"
#include "runtime/decode/segment_scanner.hpp"
#include "runtime/decode/stream_decoder.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace mole::runtime {
namespace {

// A buffer for the message of a plugin, truncated to its capacity.
struct PluginError {
  std::array<char, 512> text{};
  mole_error abi{text.data(), static_cast<std::uint32_t>(text.size()), 0};

  std::string message() const { return {text.data(), std::min<std::size_t>(abi.size, text.size())}; }
};

}  // namespace

std::string why_unreadable(std::span<const std::uint8_t> content, std::string_view readers) {
  const auto* stream = stream_format_of(content);
  if (begins_bzip2_stream(content) || stream != nullptr)
    return "the decompressed content is compressed with " + std::string(stream == nullptr ? "bzip2" : stream->name) +
           " again; decompress the file once";
  if (const auto other = other_compression(content); !other.empty())
    return "the decompressed content is " + std::string(other.substr(0, other.find(','))) +
           "; decompress the file once, then convert its content";
  const std::string format(format_named_by(content));
  if (format.empty()) return {};
  return "the content has the format of " + format + ", which " + std::string(readers) +
         "; install a decoder plugin for it, or export it as NetFlow v5, NetFlow v9, IPFIX or nfcapd";
}

FlowReader::FlowReader(task::File file, std::unique_ptr<ContentSource> source, const mole_decoder_v1* decoder,
                       const mole_module* module, ColumnSet wanted, std::uint32_t router)
    : file_(std::move(file)),
      source_(std::move(source)),
      decoder_vtable_(decoder),
      module_(module),
      router_(router),
      buffers_(wanted),
      elements_(wanted),
      absent_(wanted & ColumnSet((std::uint64_t{1} << MOLE_COLUMN_COUNT) - 1)),
      abi_source_{this, source_next},
      abi_sink_{this, sink_datagram, sink_skipped, nullptr},
      range_from_(file_.covers.from) {
  report_.id = file_.id;
  report_.source = task::FlowSource::archive;
}

FlowReader::FlowReader(task::File file, std::unique_ptr<ContentSource> source, const std::string& reason)
    : FlowReader(std::move(file), std::move(source), nullptr, nullptr, {}, 0) {
  why_unreadable_ = reason;
}

FlowReader::~FlowReader() {
  if (decoder_ != nullptr) decoder_vtable_->destroy(decoder_);
}

// ---- called by the decoder

std::int32_t FlowReader::source_next(void* self, const std::uint8_t** data, std::uint64_t* size, std::uint64_t* offset,
                                     std::int32_t* gap) {
  auto& reader = *static_cast<FlowReader*>(self);
  if (reader.source_error_) return static_cast<std::int32_t>(reader.source_error_->code);
  auto chunk = reader.source_->next();
  if (!chunk) {
    reader.source_error_ = chunk.error();
    return static_cast<std::int32_t>(chunk.error().code);
  }
  if (!*chunk) return MOLE_END;
  if ((*chunk)->gap) reader.mark_gap((*chunk)->offset);
  if (const auto head = (*chunk)->bytes;
      (*chunk)->offset == 0 && reader.decoder_vtable_->recognises(head.data(), std::min<std::size_t>(head.size(), 4096)) == 0)
    reader.why_unreadable_ = why_unreadable(head, "the decoder does not read");
  *data = (*chunk)->bytes.data();
  *size = (*chunk)->bytes.size();
  *offset = (*chunk)->offset;
  *gap = (*chunk)->gap ? 1 : 0;
  return MOLE_OK;
}

void FlowReader::sink_datagram(void* self, std::int64_t exported_us, std::uint32_t flows, std::uint64_t lost,
                               std::uint32_t flags) {
  auto& reader = *static_cast<FlowReader*>(self);
  // Flows in damaged bytes were not lost in the network, and the damage is reported separately.
  if ((flags & MOLE_LOST_IN_DAMAGE) != 0) reader.report_.flows_lost_in_damage += std::exchange(lost, 0);
  ++reader.report_.datagrams;
  reader.report_.flows_lost += lost;
  if ((flags & MOLE_REPEATED) != 0) reader.report_.flows_repeated += flows;
  if (reader.at_flow_ends_) {
    reader.lost_before_rows_ += lost;
    return;
  }
  reader.exported(exported_us, flows, lost);
  // A wrong clock would lengthen the time within which exporters are compared.
  if (reader.delays_ && reader.is_near(exported_us)) reader.exporters_.add(flags >> MOLE_EXPORTER_SHIFT, exported_us);
}

void FlowReader::exported(Micros time, std::uint64_t flows, std::uint64_t lost) {
  const bool near = is_near(time);
  if (exports_ == 0) {
    report_.exported_first = report_.exported_last = time;
    const auto& covers = file_.covers;
    may_be_misplaced_ = !covers.empty() && !(near && time < covers.from + (covers.to - covers.from) / 2);
  }
  ++exports_;
  near_ += near;
  report_.exported_first = std::min(report_.exported_first, time);
  report_.exported_last = std::max(report_.exported_last, time);
  const bool distant = !near && is_distant(time);
  if (!distant) evidence_.add(time, flows, lost);
  if (delays_) delays_->exported(time, static_cast<std::uint32_t>(flows));

  // A datagram with a wrong clock does not show that the time of the file was readable. Those of one of several exporters are
  // between others and make no difference.
  if (!near) {
    misdated_ = true;
    if (distant) misdated_flows_ += flows + lost;
    return;
  }
  if (misdated_) end_misdated(time);

  if (!range_open_) {
    range_open_ = true;
    range_from_ = range_to_ = time;
  }
  range_to_ = range_read_ ? std::max(range_to_, time) : time;
  range_read_ = true;
}

// Reports the rows of a batch as exported when the flows ended. Where damage is among the rows is not known, so the time of the
// whole batch is not readable then.
void FlowReader::export_rows(const FlowBatch& batch) {
  const auto* ends = static_cast<const std::int64_t*>(batch.columns[MOLE_COLUMN_END]);
  const bool damage = std::exchange(damage_in_batch_, false);
  if (damage) mark_damage();
  for (std::uint32_t row = 0, next = 0; row < batch.rows; row = next) {
    const auto second = floor_to(ends[row], second_us);
    for (next = row + 1; next < batch.rows && floor_to(ends[next], second_us) == second;) ++next;
    exported(ends[row], next - row, std::exchange(lost_before_rows_, 0));
    if (damage) range_open_ = range_read_ = false;
  }
}

void FlowReader::sink_skipped(void* self, std::uint64_t offset, std::uint64_t size, mole_text reason) {
  auto& reader = *static_cast<FlowReader*>(self);
  const std::string_view text(reason.data, reason.size);
  if (size > 0) add_lost(reader.report_.lost_content, offset, offset + size, text.substr(0, 200));
  if (reader.gap_ && reader.gap_->offset == offset + size) reader.move_gap();
  reader.mark_damage();
  reader.damage_in_batch_ = true;
}

void FlowReader::sink_described(void* self, const mole_description* description) {
  static_cast<FlowReader*>(self)->descriptions_->add(*description);
}

// ---- readable export time

// Collectors begin a new file somewhat early or late.
bool FlowReader::is_near(Micros exported) const {
  const auto& covers = file_.covers;
  const Micros tolerance = std::max((covers.to - covers.from) / 10, minute_us);
  return covers.empty() || TimeRange{covers.from - tolerance, covers.to + tolerance}.contains(exported);
}

// The last right datagram before `to` was followed by misdated ones. Their time is not readable, or, if it is short, their flows
// are missing in it.
void FlowReader::end_misdated(Micros to) {
  if (to - (range_read_ ? range_to_ : range_from_) > longest_pause())
    mark_damage();
  else if (misdated_flows_ > 0)
    evidence_.add_misdated(std::min(to, file_.covers.to - 1), misdated_flows_);
  misdated_ = false;
  misdated_flows_ = 0;
}

void FlowReader::mark_damage() {
  if (range_open_ && range_read_) close_range(range_to_);
  range_open_ = range_read_ = false;
  gap_.reset();
}

void FlowReader::mark_gap(std::uint64_t offset) {
  const Gap gap{offset, report_.readable.size(), range_from_, range_to_, range_read_};
  const bool open = range_open_;
  mark_damage();
  damage_in_batch_ = true;
  if (open && !at_flow_ends_) gap_ = gap;
}

// The decoder has read beyond the gap, but all datagrams so far precede it: continues the range that mark_gap() closed.
void FlowReader::move_gap() {
  report_.readable.resize(gap_->ranges);
  range_to_ = range_open_ && gap_->read ? std::max(range_to_, gap_->to) : range_open_ ? range_to_ : gap_->to;
  range_from_ = gap_->from;
  range_read_ = range_read_ || gap_->read;
  range_open_ = true;
}

void FlowReader::close_range(Micros to) {
  TimeRange range{std::max(range_from_, file_.covers.from), std::min(to, file_.covers.to)};
  if (!report_.readable.empty()) range.from = std::max(range.from, report_.readable.back().to);
  if (!range.empty()) report_.readable.push_back(range);
}

void FlowReader::finish() {
  finished_ = true;
  if (lost_before_rows_ > 0) evidence_.add(exports_ > 0 ? report_.exported_last : file_.covers.from, 0, lost_before_rows_);
  if (misdated_) end_misdated(file_.covers.to);
  if (given_up_ || source_->ends_in_damage()) mark_damage();
  if (range_open_) close_range(file_.covers.to);
  // A decoder that gives up states the cause, and one that skips nothing has read the format.
  const bool silent = !given_up_ && (decoder_vtable_ == nullptr || !report_.lost_content.empty());
  if (!why_unreadable_.empty() && silent && report_.datagrams == 0 && report_.flows == 0)
    report_.lost_content = {{0, source_->content_bytes(), why_unreadable_}};
  if (misplaced()) report_.readable.clear();
  evidence_.finish();
  evidence_.set_readable(report_.readable);
}

// ---- batches

Result<> FlowReader::create_decoder() {
  if (decoder_ != nullptr) return {};
  PluginError error;
  const std::int32_t code = decoder_vtable_->create(module_, &abi_source_, &abi_sink_, &decoder_, &error.abi);
  if (code == MOLE_OK && decoder_ != nullptr) return {};
  decoder_ = nullptr;
  return failure(code, error.message());
}

// Converts an error code of the decoder. (fill() handles a decoder that gives up: the file is damaged, which is not an error.)
Error FlowReader::failure(std::int32_t code, std::string message) const {
  if (source_error_ && code == static_cast<std::int32_t>(source_error_->code)) return *source_error_;
  const bool known = code <= MOLE_INVALID && code >= MOLE_INTERNAL;
  if (message.empty())
    message = "the decoder returned code " + std::to_string(code) + " without a message; report this to its author";
  return {known ? static_cast<Code>(code) : Code::internal, "decoding " + file_.id + ": " + message};
}

// Without a decoder: to find the losses and the size of the content.
Result<> FlowReader::read_to_end() {
  while (true) {
    MOLE_TRY(const auto chunk, source_->next());
    if (!chunk) break;
    mark_damage();
  }
  finish();
  return {};
}

Result<bool> FlowReader::next(FlowBatch& batch) {
  batch = {};
  if (!decoder_vtable_ && !finished_)
    if (auto read = read_to_end(); !read) return read.error();
  while (!finished_) {
    if (auto created = create_decoder(); !created) return created.error();
    MOLE_TRY(auto more, fill(batch));
    if (more && batch.rows > 0) return true;
    if (!more) finish();
  }
  return false;
}

Result<bool> FlowReader::fill(FlowBatch& batch) {
  mole_flow_builder builder{};
  builder.struct_size = sizeof builder;
  builder.capacity = batch_rows;
  builder.address_family = 4;
  std::copy_n(buffers_.columns().begin(), MOLE_COLUMN_COUNT, builder.columns);
  builder.columns[MOLE_COLUMN_ROUTER] = nullptr;  // filled in below
  elements_.start(builder);
  PluginError error;
  const std::int32_t code = decoder_vtable_->next(decoder_, &builder, &error.abi);
  if (code == MOLE_OK || code == MOLE_END) note_presence(builder);
  if (code == MOLE_END) return false;
  if (code == MOLE_CORRUPT && !source_error_) {
    given_up_ = error.message();
    add_lost(report_.lost_content, source_->content_bytes(), source_->content_bytes(),
             "the decoder gave up: " + (given_up_->empty() ? "no message" : given_up_->substr(0, 400)));
    return false;
  }
  if (code != MOLE_OK) return failure(code, error.message());
  if (builder.rows > batch_rows || (builder.address_family != 4 && builder.address_family != 6))
    return internal("decoding " + file_.id + ": the decoder wrote " + std::to_string(builder.rows) + " rows of address family " +
                    std::to_string(builder.address_family) + " into a buffer for " + std::to_string(batch_rows) +
                    "; the memory of the process may be corrupted; report this to the author of the decoder");
  batch.rows = builder.rows;
  batch.address_family = builder.address_family;
  batch.first_record = report_.flows;
  batch.columns = buffers_.view();
  elements_.finish(batch);
  if (void* column = buffers_.columns()[MOLE_COLUMN_ROUTER])
    std::fill_n(static_cast<std::uint32_t*>(column), batch.rows, router_);
  report_.flows += batch.rows;
  if (at_flow_ends_) export_rows(batch);
  if (delays_) delays_->add(batch);
  return true;
}

void FlowReader::note_presence(const mole_flow_builder& batch) {
  if (batch.rows > 0) absent_ &= ColumnSet(batch.absent_columns);
  const auto elements = elements_.values();
  for (std::size_t e = 0; e < elements.size(); ++e)
    if ((batch.known_elements >> e & 1) != 0) known_.set(static_cast<std::size_t>(elements[e].column));
}

task::FileReport FlowReader::report() const {
  auto report = report_;
  report.size = source_->stored_bytes();
  report.lost_compressed = source_->lost();
  const bool sound = report.lost_compressed.empty() && report.lost_content.empty();
  report.state = misplaced()                                  ? task::FileState::misplaced
                 : sound                                      ? task::FileState::sound
                 : report.datagrams == 0 && report.flows == 0 ? task::FileState::unreadable
                                                              : task::FileState::damaged;
  report.content_bytes = source_->content_bytes();
  if (delays_) {
    report.delays = delays_->counts();
    report.exporters = exporters_.count();
  }
  return report;
}

}  // namespace mole::runtime
