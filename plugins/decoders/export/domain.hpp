// What is known about one observation domain of one exporter: its templates, its sequence, and what its options announced.
#pragma once

#include "plugins/decoders/export/plan.hpp"
#include "plugins/decoders/export/reports.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mole::plugins::flow_export {

struct DomainKey {
  Addr exporter;
  std::uint16_t port;
  Protocol protocol;
  std::uint32_t group;  // exporters of one stream that differ in their boot times
  std::uint32_t domain;
  bool operator==(const DomainKey&) const = default;
};

struct DomainKeyHash {
  std::size_t operator()(const DomainKey& key) const;
};

// A datagram or message in the sequence of its domain.
struct Numbered {
  std::uint32_t number = 0;
  std::int64_t exported_us = 0;
  std::uint32_t records = 0, flows = 0;  // decoded; flows without options records
  bool all_counted = true;               // false: data sets are waiting for their template
  bool cut = false;                      // some of its records are missing
};

// The sequence numbers of a domain. They count records (IPFIX, NetFlow v5 and v7) or datagrams (NetFlow v9). Exporters differ in
// whether the number includes the message itself and options records; what fits the messages most often is used.
class Sequence {
 public:
  // Returns the gap before a message. `restarted`: whether the exporter restarted. `damage`: a number that increases whenever
  // bytes are missing before a message.
  Gap next(Protocol protocol, std::uint64_t domain, const Numbered& message, std::uint64_t damage, bool restarted,
           Reports& reports);
  // Records of the last message whose template arrived after it.
  void counted_later(std::uint32_t records, std::uint32_t flows) {
    last_.records += records;
    last_.flows += flows;
  }
  // Whether the number follows the last one of NetFlow v9 or, in records, of v1 to v7.
  bool continues_with(Protocol protocol, std::uint32_t number) const {
    return known_ && number == last_.number + (protocol == Protocol::v9 ? 1 : last_.records);
  }
  // Whether numbers include the records of their own message.
  bool counts_itself() const { return best().after; }

 private:
  enum class Unit : std::uint8_t { datagram, record, flow };
  struct Convention {
    Unit unit;
    bool after;  // the number includes its message
    std::uint32_t votes = 0;
  };
  static std::uint32_t count(const Convention& c, const Numbered& m);
  static std::int64_t gap(const Convention& c, const Numbered& before, const Numbered& message);
  const Convention& best() const;

  bool known_ = false;
  Numbered last_;
  std::uint64_t damage_ = 0, flows_ = 0, datagrams_ = 0;
  std::vector<Convention> conventions_;
};

// A message of which data sets wait for their templates.
struct WaitingMessage {
  std::uint64_t number;
  std::size_t sets = 0, bytes = 0;       // that still wait
  std::optional<std::uint32_t> records;  // in them, according to sequence numbers

  // A set has been decoded, or dropped. Returns how many of the records are lost, after the last set.
  std::uint32_t end_set(std::size_t set_bytes, std::uint32_t decoded);
};

// A data set whose template has not arrived.
struct WaitingSet {
  std::vector<std::byte> bytes;
  Context context;
  std::uint64_t offset, size;
  std::uint32_t exporter;
  std::shared_ptr<WaitingMessage> message;  // null: it is not kept
};

// A template that was redefined or withdrawn while data sets of its message were not yet decoded.
struct ReplacedTemplate {
  std::uint64_t change;
  std::shared_ptr<const Template> layout;
};

struct Domain {
  using Templates = std::unordered_map<std::uint16_t, std::shared_ptr<Template>>;
  static constexpr std::uint64_t latest = static_cast<std::uint64_t>(-1);

  std::uint64_t number = 0;
  Templates templates;
  std::uint64_t changes = 0;  // redefinitions and withdrawals so far
  std::unordered_map<std::uint16_t, std::vector<ReplacedTemplate>> replaced;
  Sequence sequence;
  Sampling sampling;
  std::unordered_map<std::uint32_t, Sampling> of_domains;  // what its options say about other domains
  std::optional<std::uint32_t> boot_ms;                    // of the last datagram of NetFlow v9, modulo 2^32
  std::optional<std::int64_t> started_ms;                  // systemInitTimeMilliseconds of options
  std::unordered_map<std::uint16_t, std::vector<WaitingSet>> waiting;
  // Those of the last two messages: a sequence number will show how many records the sets have.
  std::vector<std::shared_ptr<WaitingMessage>> uncounted;
  std::uint64_t last_message = 0;
  std::uint64_t records = 0, record_bytes = 0;  // decoded

  // The template after so many changes; the next definition if there was none. Null: none.
  const Template* find_template(std::uint16_t id, std::uint64_t after_changes) const;
};

// Reads what an options record of a domain, number `id`, announces: sampling intervals, the start of the exporter. `samplings`:
// how many intervals by selector or interface, and domains of others, all domains have.
void read_options(const Template& layout, const Value* values, Domain& domain, std::uint32_t id, std::size_t& samplings);

}  // namespace mole::plugins::flow_export
