// Runs a decoder plugin without a host: any bytes in chunks of any size, and the flows and reports that it returns.
#pragma once

#include <mole/decoder.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mole::testing {

struct Flow {
  std::uint32_t family;
  std::int64_t start_us, end_us;
  std::string src, dst, next_hop, exporter, post_src, post_dst;
  std::map<int, std::uint64_t> numbers;                      // by MOLE_COLUMN_*
  std::map<std::string, std::vector<std::string>> elements;  // values in native bytes, by the name of the request

  std::uint64_t operator[](int column) const { return numbers.at(column); }
  // As in the ground truth: "src,dst,sport,dport,proto,bytes,packets,first_ms,last_ms".
  std::string line() const;
  bool operator==(const Flow&) const = default;
};

struct Reported {
  std::int64_t exported_us;
  std::uint32_t flows;
  std::uint64_t lost;
  bool in_damage;
  std::uint32_t exporter;
  bool repeated = false;
  bool operator==(const Reported&) const = default;
};

struct Skipped {
  std::uint64_t offset, size;
  std::string reason;
  bool operator==(const Skipped&) const = default;
};

struct Said {
  std::int32_t kind;
  std::uint32_t exporter, domain;
  std::uint64_t id;
  std::uint32_t enterprise, count;
  std::string name;
  bool operator==(const Said&) const = default;
};

struct Decoded {
  std::vector<Flow> flows;
  std::vector<Reported> datagrams;
  std::vector<Skipped> skipped;
  std::vector<Said> described;
  std::uint64_t absent = ~std::uint64_t{0};  // columns without a field in any record: bit c
  std::uint64_t known = 0;                   // requested elements that templates have: bit e

  std::uint64_t lost() const;
  std::uint64_t sum(int column) const;
  std::vector<std::string> lines() const;  // sorted
  bool operator==(const Decoded&) const = default;
};

struct ElementWanted {
  const char* name;
  std::uint32_t enterprise;
  std::uint16_t id;
  std::uint16_t type;  // MOLE_TYPE_*
};

struct DecodeOptions {
  std::size_t chunk = 64 * 1024;
  std::vector<std::size_t> gaps = {};  // offsets before which bytes are missing
  std::uint32_t capacity = 4096;       // rows of a batch
  std::vector<ElementWanted> elements = {};
  const char* biflows = "keep";
  bool only_bytes = false;  // no other column
  bool describe = false;
};

Decoded decode(const mole_decoder_v1& decoder, const std::string& bytes, const DecodeOptions& options = {});

const mole_decoder_v1& netflow9();
const mole_decoder_v1& netflow1();
const mole_decoder_v1& netflow7();
const mole_decoder_v1& ipfix();
// A test decoder that gives datagrams to a Collector: each is preceded by its size (2 bytes), sender (16) and port (2).
const mole_decoder_v1& datagrams();
std::string framed(const std::string& payload, const std::string& sender16, std::uint16_t port);

}  // namespace mole::testing
