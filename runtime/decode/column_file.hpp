// The format of a column file and its writer. A column file contains the flows of one archive file in columns, as decoded, and
// everything else that reading the archive file again would produce (docs/formats/columns.md).
//
//   magic | planes of batch 0, column by column, its elements | planes of batch 1 | ... | footer | offset, checksum of footer,
//   magic
#pragma once

#include <mole/result.hpp>

#include "runtime/decode/column_codec.hpp"
#include "runtime/decode/column_presence.hpp"
#include "runtime/decode/element_pages.hpp"
#include "runtime/decode/evidence.hpp"
#include "runtime/decode/flow_batch.hpp"
#include "sdk/model/digest.hpp"
#include "sdk/model/task.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mole::runtime::column_file {

inline constexpr std::string_view magic{"mole columns 6\n\0", 16}, end_magic{"end of columns\n\0", 16};
inline constexpr std::size_t tail_size = 3 * 8 + end_magic.size();  // footer's offset, size, checksum; magic

// Returns the columns of a column file for readers of `wanted`: those that NetFlow v5 has, those that say whether counters
// are scaled, and further ones and elements that are wanted. Never the router, which the host fills in.
inline ColumnSet stored_columns(ColumnSet wanted = {}) {
  constexpr std::uint64_t of_v5 = (std::uint64_t{1} << (MOLE_COLUMN_SAMPLING + 1)) - 1;
  return (wanted | ColumnSet(of_v5)).set(MOLE_COLUMN_SCALED).set(MOLE_COLUMN_SAMPLING_SOURCE).reset(MOLE_COLUMN_ROUTER);
}
// An information element and the type of its values (MOLE_TYPE_*) in a column file.
struct StoredElement {
  std::uint32_t enterprise = 0;
  std::uint16_t id = 0, type = 0;

  auto operator<=>(const StoredElement&) const = default;
};
StoredElement stored_element(int column);

// Whether a column is stored relative to the start of the flow.
constexpr bool is_relative(int column) { return column == MOLE_COLUMN_END; }
constexpr bool is_time(int column) { return column == MOLE_COLUMN_START || column == MOLE_COLUMN_END; }

struct Block {  // one batch
  std::uint32_t rows = 0;
  std::uint32_t address_family = 4;
  std::uint64_t first_record = 0, offset = 0;  // not stored: they follow from the earlier blocks
  std::array<ColumnPage, MOLE_COLUMN_COUNT> pages;
  std::array<std::uint64_t, MOLE_COLUMN_COUNT> checksums{};  // XXH3 of a page's bytes
  std::vector<ElementPage> elements;                         // after the columns
};

struct Footer {
  Digest identity;    // of the archive file and its decoder; compared by the reader
  ColumnSet columns;  // the stored ones, without elements
  ColumnSet absent;   // of these: see ColumnPresence
  std::vector<StoredElement> elements;
  std::uint64_t known = 0;  // bit n: stored element n is an element of its templates
  std::vector<Block> blocks;
  task::FileReport report;
  Evidence evidence;
};

// Returns the compressed footer, which follows the last block and precedes the tail. exhausted: it exceeds the maximum size.
Result<std::string> footer_bytes(const Footer& footer);
std::string tail_bytes(std::uint64_t offset, std::string_view footer);

struct Tail {
  std::uint64_t offset = 0, size = 0, checksum = 0;  // of the footer
};
// nullopt: these are not the last bytes of a column file of `file_size` bytes.
std::optional<Tail> parse_tail(std::string_view bytes, std::uint64_t file_size);
// `bytes` are untrusted. `end`: the offset at which the footer begins and the blocks must end. nullopt: not a valid footer.
std::optional<Footer> parse_footer(std::string_view bytes, std::uint64_t end);

}  // namespace mole::runtime::column_file

namespace mole::runtime {

// Writes a column file, batch by batch, to a sink.
//
//   ColumnFileWriter writer(identity, stored_columns(wanted), [&](std::string_view bytes) { return append(bytes); });
//   while (...) writer.add(batch);                         // must contain these columns
//   writer.finish(source.report(), source.evidence(), source.presence());
//
// Not thread-safe: use from one thread at a time. After an error, call no function; the written bytes are not a column file.
class ColumnFileWriter {
 public:
  using Sink = std::function<Result<>(std::string_view)>;

  ColumnFileWriter(const Digest& identity, ColumnSet columns, Sink sink);

  Result<> add(const FlowBatch& batch);
  // Writes the report, evidence and presence of the source. exhausted: they are too large for a column file.
  Result<> finish(const task::FileReport& report, const Evidence& evidence, const ColumnPresence& presence);

  std::uint64_t bytes() const { return bytes_; }  // written to the sink so far

 private:
  Result<> write(std::string_view bytes);

  Sink sink_;
  column_file::Footer footer_;
  std::vector<int> elements_;  // their columns, in the order of the file
  ColumnEncoder encoder_;
  ElementEncoder element_encoder_;
  std::string buffer_;
  std::uint64_t bytes_ = 0;
};

}  // namespace mole::runtime
