// Packed rows, little-endian, of the tables that are read in bulk (docs/formats/store.md). The other tables hold JSON.
#pragma once

#include "sdk/model/task.hpp"

namespace mole::coordinator::store {

// One block of one module. An empty digest means that there is no such blob.
struct CatalogueRow {
  Digest state_key, state_blob;
  Digest result_key, rows_blob;
  std::uint64_t state_bytes = 0, rows_bytes = 0, rows = 0;
  double coverage = 0, coverage_min = 0;
  std::uint64_t flows_counted = 0, flows_late = 0;  // 0 for modules that read no flows
  std::vector<std::uint32_t> holders;               // numbers of the nodes that hold the state
};

std::string encode(const CatalogueRow& row);
std::optional<CatalogueRow> decode_catalogue(std::string_view bytes);
// The part of a row that planning reads.
struct CatalogueKeys {
  Digest state_key, result_key;
  std::string_view holders;  // packed
};
std::optional<CatalogueKeys> decode_keys(std::string_view bytes);
inline std::size_t holder_count(std::string_view holders) { return holders.size() / 4; }
std::uint32_t holder_at(std::string_view holders, std::size_t i);

// One file of an archive's index.
struct FileRow {
  std::uint64_t size = 0, revision = 1, position = 0;
  std::uint64_t verified = 0;  // number of the last "verify" request that read it
  bool gone = false;           // no longer listed, or could not be fetched
  task::FileState state = task::FileState::unread;
  Digest digest;   // of the staged bytes, empty until read
  Digest columns;  // name of its columns (task::column_name_of) if a node kept them when it last read the file; else empty
  std::string version, medium;
  std::string stated_digest = {};  // by the archive
  bool offline = false;            // must be staged before it can be fetched
  std::uint8_t tier = 0;           // the first one that lists it, counted from the last one
};

std::string encode(const FileRow& row);
std::optional<FileRow> decode_file(std::string_view bytes);

// One leased compute, merge or fetch task.
struct LeaseRow {
  struct Step {
    std::uint32_t module = 0;
    bool make_state = false, make_result = false;
    Digest fingerprint, state_key, result_key;
  };
  std::string node, incarnation;
  std::uint64_t epoch = 0, seq = 0;
  task::Kind kind = task::Kind::compute;
  std::uint64_t request = 0;
  std::uint32_t grid = 0;
  std::int64_t block_number = 0;
  TimeRange block;
  std::string library, medium;  // fetch
  std::vector<Step> steps;
};

std::string encode(const LeaseRow& row);
std::optional<LeaseRow> decode_lease(std::string_view bytes);

nlohmann::json describe(const CatalogueRow& row);
nlohmann::json describe(const FileRow& row);
nlohmann::json describe(const LeaseRow& row);

}  // namespace mole::coordinator::store
