// The state of a Collector. messages.cpp reads datagrams, templates and options; writer.cpp decodes data records to batches.
#pragma once

#include "plugins/decoders/export/collector.hpp"
#include "plugins/decoders/export/describe.hpp"
#include "plugins/decoders/export/domain.hpp"
#include "plugins/decoders/export/lists.hpp"
#include "plugins/decoders/export/repeats.hpp"
#include "plugins/decoders/export/reports.hpp"
#include "plugins/decoders/export/rows.hpp"

#include <deque>
#include <map>
#include <string>

namespace mole::plugins::flow_export {

constexpr std::size_t v9_header = 20, ipfix_header = 16, set_header = 4;

// Sizes of headers and records of NetFlow v1, v5 and v7.
struct FixedFormat {
  std::size_t header, record;
};
inline FixedFormat format_of(Protocol protocol) {
  return protocol == Protocol::v1 ? FixedFormat{16, 52} : protocol == Protocol::v5 ? FixedFormat{24, 48} : FixedFormat{24, 52};
}

// Export time - SysUptime, modulo 2^32 ms. 0 for exporters that leave SysUptime at 0.
inline std::uint32_t boot_of(std::uint32_t seconds, std::uint32_t uptime_ms) {
  return uptime_ms == 0 ? 0 : seconds * 1000 - uptime_ms;
}
// The export time has whole seconds, and clocks are adjusted.
inline bool is_same_boot(std::uint32_t a_ms, std::uint32_t b_ms) {
  constexpr std::uint32_t slack_ms = 5'000;
  return a_ms - b_ms + slack_ms <= 2 * slack_ms;
}

class Collector::State {
 public:
  State(Sink& sink, Biflows biflows) : sink_(sink), reports_(sink), biflows_(biflows) {}

  void add(const Datagram& datagram);
  bool write(FlowBuilder& out);
  void finish();
  bool ended() const { return finished_ && work_.empty() && kept_.rows == 0; }
  void damaged();
  void skipped(std::uint64_t offset, std::uint64_t size, std::string_view reason) {
    reports_.skipped(offset, size, std::string(reason));
  }

 private:
  // Data records to decode, all of one template.
  struct Work {
    std::shared_ptr<const Template> layout;
    Bytes bytes;  // not yet decoded
    std::uint64_t offset;
    Context context;
    Domain* domain;         // null: NetFlow v1
    std::uint64_t message;  // number of the message they are from
    std::uint32_t exporter = 0;
    std::shared_ptr<WaitingMessage> waited = {};  // of a set that waited for its template
    std::vector<std::byte> memory = {};           // of a set that waited
    std::uint32_t records = 0, rows = 0;          // decoded
    std::uint64_t size = 0;                       // bytes decoded
    std::uint64_t changes = Domain::latest;       // of templates, before it: lists are read with the templates of that position
  };
  // The message that is being decoded.
  struct Message {
    bool open = false;
    std::uint64_t number = 0;
    Protocol protocol = Protocol::v9;
    Context context;
    Domain* domain = nullptr;
    std::uint32_t exporter = 0;
    std::uint64_t offset = 0;
    std::uint32_t sequence = 0;
    bool restarted = false, repeated = false;
    std::uint32_t records = 0, flows = 0, rows = 0;  // flows: records without options; rows: more than flows if biflows are split
    bool cut = false;                                // some records are missing
    bool in_datagrams = false;                       // from a known sender, so that templates expire
  };

  // A set for which no template was received.
  struct Dropped {
    const Domain* domain;
    std::uint16_t id;
    WaitingSet set;
  };

  // The sender of the message.
  Described described() const { return {message_.context.exporter, message_.exporter, message_.context.domain}; }

  // messages.cpp
  void add_fixed(const Datagram& datagram, Protocol protocol);
  void add_sets(const Datagram& datagram, Protocol protocol);
  const Sampling& announced_for(const Datagram& datagram, Protocol protocol, std::uint32_t group, std::uint32_t id,
                                const Domain& domain) const;
  void read_sets(Bytes message, std::size_t at);
  void read_templates(Bytes body, std::uint64_t offset, bool options);
  void define(std::shared_ptr<Template> layout);
  void note_template(const Template& layout);
  Domain::Templates::iterator remove(Domain& domain, Domain::Templates::iterator known);
  void withdraw(std::uint16_t id, bool options);
  void read_data(std::uint16_t id, Bytes body, std::uint64_t offset);
  std::uint32_t read_options_data(const Template& layout, Bytes body, std::uint64_t offset, Domain& domain);
  void wait_for_template(std::uint16_t id, Bytes body, std::uint64_t offset);
  void resume_waiting(Domain& domain, const std::shared_ptr<Template>& layout);
  std::uint32_t end_waiting(Domain& domain, WaitingMessage& message, std::size_t size, std::uint32_t records,
                            std::uint32_t flows);
  void learn_uncounted(Domain& domain, std::uint64_t message, Gap& gap);
  void drop(const Dropped& dropped);
  void drop_all_waiting();
  Domain& domain_of(const Datagram& datagram, Protocol protocol, std::uint32_t group, std::uint32_t id);
  std::uint32_t exporter_of(const Addr& address);
  std::uint32_t group_of(Protocol protocol, std::uint32_t boot_ms, std::uint32_t domain, std::uint32_t sequence);
  void open_message(const Datagram& datagram, Protocol protocol, Domain* domain, const Context& context, std::uint32_t exporter,
                    std::uint32_t sequence, bool restarted);

  // writer.cpp
  void begin_batch(FlowBuilder& out);
  const Plans& plans_of(const Template& layout);
  Rows* rows_for(std::uint32_t family, std::uint32_t needed);
  bool decode(Work& work);
  bool decode_columns(Work& work, const Plans& plans);
  bool decode_records(Work& work, const Plans& plans);
  void decode_record(const Work& work, const Plans& plans, const Value* values, std::uint32_t family, Side side, Rows& rows);
  void put_elements(const Work& work, const Plans& plans, const Value* values, Rows& rows, std::uint32_t row, Side side);
  void end_work(Work& work);
  void end_message();

  Sink& sink_;
  Reports reports_;
  Repeats repeats_;
  Biflows biflows_;
  bool finished_ = false;

  std::unordered_map<DomainKey, Domain, DomainKeyHash> domains_;
  std::uint64_t domains_seen_ = 0, messages_ = 0, damage_ = 0;
  std::size_t template_weight_ = 0, samplings_ = 0, waiting_bytes_ = 0, waiting_sets_ = 0;
  std::map<Addr, std::uint32_t> exporters_;
  std::vector<std::uint32_t> boots_;  // ms, of the exporters of a stream
  std::size_t boot_ = 0;              // of the last datagram
  std::map<Protocol, std::shared_ptr<const Template>> fixed_layouts_;
  Message message_;
  std::deque<Work> work_;

  bool bound_ = false;
  Wanted wanted_{};
  std::span<const mole_element> elements_;
  std::uint64_t known_ = 0;                        // those of elements_ that templates have: bit e
  std::uint64_t absent_in_templates_ = Rows::all;  // columns that no template of flows has: bit c
  std::size_t noted_templates_ = 0;
  HostRows host_;
  KeptRows kept_;
  std::vector<Value> values_;
};

}  // namespace mole::plugins::flow_export
