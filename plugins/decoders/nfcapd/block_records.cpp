#include "block_records.hpp"

#include "file_header.hpp"

#include <algorithm>

namespace mole::plugins::nfcapd {
namespace {

constexpr std::size_t kept_shapes = 256, max_shapes = 16 * 1024;  // at the start and end of a call of read()
constexpr std::size_t max_exporters = 256;                        // of a file; further ones get the last number
constexpr std::size_t max_samplers = 16 * 1024;                   // of a file; further ones are ignored
// Samplers that are not assigned by the exporter: given to the collector for all flows, as default, and valid for all flows of
// the exporter.
constexpr std::int64_t overriding_sampler = -3, default_sampler = -2, generic_sampler = -1;
constexpr std::size_t exporter_size = 32, sampler1_size = 16, sampler_size = 24, statistics_size = 148;

Addr address_of(std::uint16_t family, const std::byte* p) {
  constexpr std::uint16_t inet = 2;
  return family == inet ? Addr::v4(load<std::uint32_t>(p + 8)) : load_address6(p);
}

}  // namespace

BlockRecords::Outcome BlockRecords::read(std::span<const std::byte> block) {
  block_ = block.data();
  flows4_.clear();
  flows6_.clear();
  if (shapes_.size() > kept_shapes || shapes_.empty()) {
    shapes_.assign(1, {});  // matches no record
    likely_ = {};
  }
  origins_.clear();
  known_origins_.clear();
  has_last_ = false;

  Outcome outcome;
  while (block.size() - outcome.read >= element_header_size) {
    outcome.paused = shapes_.size() >= max_shapes;
    if (outcome.paused) break;
    const std::byte* record = block.data() + outcome.read;
    const auto type = static_cast<RecordType>(load<std::uint16_t>(record));
    const auto size = load<std::uint16_t>(record + 2);
    if (size < element_header_size || size > block.size() - outcome.read) break;
    const std::span<const std::byte> bytes{record, size};
    switch (type) {
      case RecordType::flow:
        if (!add_flow(record, size, static_cast<std::uint32_t>(outcome.read))) ++outcome.unreadable;
        break;
      case RecordType::exporter:
        add_exporter(bytes);
        break;
      case RecordType::sampler1:
        if (size >= sampler1_size)
          add_sampler(load<std::uint16_t>(record + 14), load<std::int32_t>(record + 4), load<std::uint32_t>(record + 8));
        break;
      case RecordType::sampler:
        if (size >= sampler_size) {
          const std::uint64_t taken = load<std::uint32_t>(record + 16), left_out = load<std::uint32_t>(record + 20);
          add_sampler(load<std::uint16_t>(record + 4), load<std::int64_t>(record + 8),
                      taken == 0 ? 0 : (taken + left_out) / taken);
        }
        break;
      case RecordType::exporter_statistics:
      case RecordType::statistics:
        add_statistics(bytes);
        break;
      case RecordType::extension_map:
      case RecordType::port_histogram:
      case RecordType::size_histogram:
      case RecordType::legacy1:
      case RecordType::legacy2:
      case RecordType::application_names:
      case RecordType::interface_names:
      case RecordType::vrf_names:
      case RecordType::ident:
        break;
      default:
        ++outcome.unknown;
    }
    outcome.read += size;
    ++outcome.records;
  }
  return outcome;
}

bool BlockRecords::matches(const Shape& shape, const std::byte* record) const {
  for (std::size_t i = 0; i < shape.elements; ++i)
    if (load<std::uint32_t>(record + shape.headers_at[i]) != shape.headers[i]) return false;
  return true;
}

// Returns false if the elements do not fit in the record.
bool BlockRecords::describe(const std::byte* record, std::uint16_t size, Shape& shape) const {
  shape.size = size;
  shape.elements = load<std::uint16_t>(record + 4);
  std::size_t at = flow_header_size;
  for (std::size_t i = 0; i < shape.elements; ++i) {
    if (size - at < element_header_size) return false;
    const auto type = load<std::uint16_t>(record + at), length = load<std::uint16_t>(record + at + 2);
    if (length < element_header_size || length > size - at) return false;
    if (type < element_types && field_sizes[type] > 0) {
      if (length < element_header_size + field_sizes[type]) return false;
      shape.at[type] = static_cast<std::uint16_t>(at + element_header_size);
      shape.present |= std::uint64_t{1} << type;
    }
    if (i < Shape::max_compared) {
      shape.headers[i] = load<std::uint32_t>(record + at);
      shape.headers_at[i] = static_cast<std::uint16_t>(at);
    }
    at += length;
  }
  return true;
}

bool BlockRecords::add_flow(const std::byte* record, std::uint16_t size, std::uint32_t offset) {
  if (size < flow_header_size) return false;
  const auto elements = load<std::uint16_t>(record + 4);
  std::uint32_t& likely = likely_[(size / 4u + elements * 7u) % likely_.size()];
  const Shape& expected = shapes_[likely];
  if (expected.size != size || expected.elements != elements || elements > Shape::max_compared || !matches(expected, record)) {
    Shape shape;
    if (!describe(record, size, shape)) return false;
    likely = static_cast<std::uint32_t>(shapes_.size());
    shapes_.push_back(shape);
  }
  const Shape& shape = shapes_[likely];
  const bool v6 = shape.at[static_cast<std::size_t>(Element::addresses6)] != 0 &&
                  shape.at[static_cast<std::size_t>(Element::addresses4)] == 0;
  (v6 ? flows6_ : flows4_).push_back({offset, likely, origin_of(record, shape)});
  return true;
}

std::uint32_t BlockRecords::origin_of(const std::byte* record, const Shape& shape) {
  const auto sampler_at = shape.at[static_cast<std::size_t>(Element::sampler)];
  const auto engine = static_cast<std::uint16_t>(load<std::uint8_t>(record + 6) << 8 | load<std::uint8_t>(record + 7));
  const auto id = load<std::uint16_t>(record + 8);
  const Source source{static_cast<std::uint32_t>(id) << 16 | engine,
                      sampler_at != 0 ? load<std::int64_t>(record + sampler_at) : generic_sampler};
  if (has_last_ && source == last_source_) return last_origin_;
  last_source_ = source;
  has_last_ = true;
  const bool is_small = source.sampler >= -3 && source.sampler < 0xffff'fff0;  // others are not looked up again
  const auto key = std::uint64_t{source.exporter_and_engine} << 32 | static_cast<std::uint32_t>(source.sampler);
  if (is_small)
    if (const auto known = known_origins_.find(key); known != known_origins_.end()) return last_origin_ = known->second;
  Origin origin;
  origin.domain = engine;
  if (const auto known = exporters_.find(id); known != exporters_.end()) {
    const Exporter& exporter = known->second;
    origin.exporter = exporter.addr;
    origin.number = exporter.number;
    if (!exporter.is_v5) origin.domain = exporter.domain;
    origin.sampling = interval_of(exporter, source.sampler);
  }
  last_origin_ = static_cast<std::uint32_t>(origins_.size());
  origins_.push_back(origin);
  if (is_small) known_origins_.emplace(key, last_origin_);
  return last_origin_;
}

std::uint32_t BlockRecords::interval_of(const Exporter& exporter, std::int64_t sampler) {
  for (const auto id : {overriding_sampler, sampler, generic_sampler, default_sampler})
    if (const auto known = exporter.intervals.find(id); known != exporter.intervals.end()) return known->second;
  return 0;
}

void BlockRecords::add_exporter(std::span<const std::byte> record) {
  if (record.size() < exporter_size) return;
  const std::byte* p = record.data();
  Exporter& exporter = exporters_[load<std::uint16_t>(p + 26)];
  const Addr addr = address_of(load<std::uint16_t>(p + 24), p + 8);
  if (addr != exporter.addr) {  // of a different file, appended by nfdump
    samplers_ -= exporter.intervals.size();
    exporter.intervals.clear();
  }
  exporter.addr = addr;
  exporter.is_v5 = load<std::uint32_t>(p + 4) == 5;
  exporter.domain = load<std::uint32_t>(p + 28);
  exporter.number = number_of(exporter.addr);
  known_origins_.clear();
  has_last_ = false;
}

void BlockRecords::add_sampler(std::uint16_t exporter, std::int64_t id, std::uint64_t interval) {
  if (interval == 0) return;
  auto& intervals = exporters_[exporter].intervals;
  if (!intervals.contains(id)) {
    if (samplers_ == max_samplers) return;
    ++samplers_;
  }
  intervals[id] = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(interval, 1, UINT32_MAX));
  known_origins_.clear();
  has_last_ = false;
}

void BlockRecords::add_statistics(std::span<const std::byte> record) {
  const std::byte* p = record.data();
  if (load<std::uint16_t>(p) == static_cast<std::uint16_t>(RecordType::statistics)) {
    if (record.size() < statistics_size) return;
    has_statistics_ = true;
    total_failures_ = load<std::uint64_t>(p + 140);
    return;
  }
  constexpr std::size_t first = 8, each = 24;
  for (std::size_t at = first; at + each <= record.size(); at += each) {
    const std::uint64_t failures = load<std::uint32_t>(p + at + 4), datagrams = load<std::uint64_t>(p + at + 8);
    exporter_failures_ += failures;
    // If most datagrams fail, nfcapd does not understand how the exporter counts.
    if (failures > datagrams / 2) misunderstood_failures_ += failures;
  }
}

std::uint32_t BlockRecords::number_of(const Addr& exporter) {
  const auto known = std::find(addresses_.begin(), addresses_.end(), exporter);
  if (known == addresses_.end() && addresses_.size() < max_exporters) {
    addresses_.push_back(exporter);
    return static_cast<std::uint32_t>(addresses_.size() - 1);
  }
  return static_cast<std::uint32_t>(
      std::min<std::size_t>(static_cast<std::size_t>(known - addresses_.begin()), max_exporters - 1));
}

}  // namespace mole::plugins::nfcapd
