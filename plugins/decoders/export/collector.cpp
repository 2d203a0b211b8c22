#include "plugins/decoders/export/collector.hpp"

#include "plugins/decoders/export/state.hpp"

#include <algorithm>

namespace mole::plugins::flow_export {

Collector::Collector(Sink& sink, Biflows biflows) : state_(std::make_unique<State>(sink, biflows)) {}
Collector::~Collector() = default;
void Collector::add(const Datagram& datagram) { state_->add(datagram); }
bool Collector::write(FlowBuilder& out) { return state_->write(out); }
void Collector::finish() { state_->finish(); }
bool Collector::ended() const { return state_->ended(); }
void Collector::damaged() { state_->damaged(); }
void Collector::skipped(std::uint64_t offset, std::uint64_t size, std::string_view reason) {
  state_->skipped(offset, size, reason);
}

bool Collector::recognises(std::span<const std::byte> payload) {
  if (payload.size() < ipfix_header) return false;
  const std::uint16_t version = u16(payload.data());
  const auto has_set = [&](std::size_t at) {
    if (payload.size() == at) return true;
    if (payload.size() < at + set_header) return false;
    const std::uint16_t id = u16(payload.data() + at), size = u16(payload.data() + at + 2);
    return (version == 9 || id >= 2) && size >= set_header;  // reserved numbers are skipped
  };
  switch (version) {
    case 1:
    case 5:
    case 7: {
      const FixedFormat format = format_of(static_cast<Protocol>(version));
      return payload.size() == format.header + u16(payload.data() + 2) * format.record;
    }
    case 9:
      return payload.size() >= v9_header && has_set(v9_header);
    case 10:
      return u16(payload.data() + 2) >= ipfix_header && has_set(ipfix_header);
    default:
      return false;
  }
}

void Collector::State::finish() {
  drop_all_waiting();
  reports_.flush();
  finished_ = true;
}

void Collector::State::damaged() {
  reports_.flush();
  ++damage_;
}

// ---- exporters and domains

Domain& Collector::State::domain_of(const Datagram& datagram, Protocol protocol, std::uint32_t group, std::uint32_t id) {
  // RFC 7011: templates belong to a transport session, with a port. RFC 3954: to the address of the exporter.
  const std::uint16_t port = protocol == Protocol::ipfix ? datagram.port : std::uint16_t{0};
  const DomainKey key{datagram.exporter, port, protocol, group, id};
  if (const auto known = domains_.find(key); known != domains_.end()) return known->second;
  if (domains_.size() >= max_domains) {
    drop_all_waiting();
    domains_.clear();
    template_weight_ = samplings_ = 0;
  }
  Domain& domain = domains_[key];
  domain.number = ++domains_seen_;
  return domain;
}

std::uint32_t Collector::State::exporter_of(const Addr& address) {
  if (address == Addr{}) return 0;
  if (exporters_.size() >= max_exporters && !exporters_.contains(address)) return max_exporters - 1;
  return exporters_.try_emplace(address, static_cast<std::uint32_t>(exporters_.size())).first->second;
}

// Exporters whose datagrams a collector stored in one stream can have the same source id; their boot times tell them apart. An
// exporter whose sequence continues has corrected its clock.
std::uint32_t Collector::State::group_of(Protocol protocol, std::uint32_t boot_ms, std::uint32_t domain, std::uint32_t sequence) {
  constexpr std::size_t max_groups = 256;  // further ones get the last number
  if (boot_ >= boots_.size() || !is_same_boot(boot_ms, boots_[boot_])) {
    boot_ = 0;
    while (boot_ < boots_.size() && !is_same_boot(boot_ms, boots_[boot_])) ++boot_;
    for (std::size_t g = 0; boot_ == boots_.size() && g < boots_.size(); ++g) {
      const auto known = domains_.find({Addr{}, 0, protocol, static_cast<std::uint32_t>(g), domain});
      if (known == domains_.end() || !known->second.sequence.continues_with(protocol, sequence)) continue;
      boot_ = g;
      break;
    }
    if (boot_ == boots_.size() && boots_.size() < max_groups) boots_.push_back(boot_ms);
    boot_ = std::min(boot_, max_groups - 1);
  }
  boots_[boot_] = boot_ms;  // clocks drift
  return static_cast<std::uint32_t>(boot_);
}

// ---- data without template

void Collector::State::wait_for_template(std::uint16_t id, Bytes body, std::uint64_t offset) {
  Domain& domain = *message_.domain;
  WaitingSet set{{}, message_.context, offset, body.size(), message_.exporter, nullptr};
  if (waiting_bytes_ + body.size() > max_waiting_bytes || waiting_sets_ >= max_waiting_sets)
    return drop({&domain, id, std::move(set)});
  if (domain.uncounted.empty() || domain.uncounted.back()->number != message_.number)
    domain.uncounted.push_back(std::make_shared<WaitingMessage>(WaitingMessage{message_.number, 0, 0, {}}));
  set.message = domain.uncounted.back();
  ++set.message->sets;
  set.message->bytes += body.size();
  set.bytes.assign(body.begin(), body.end());
  waiting_bytes_ += body.size();
  ++waiting_sets_;
  domain.waiting[id].push_back(std::move(set));
}

// The template has arrived.
void Collector::State::resume_waiting(Domain& domain, const std::shared_ptr<Template>& layout) {
  const auto found = domain.waiting.find(layout->id);
  if (found == domain.waiting.end()) return;
  std::vector<WaitingSet> sets = std::move(found->second);
  domain.waiting.erase(found);
  for (WaitingSet& set : sets) {
    waiting_bytes_ -= set.bytes.size();
    --waiting_sets_;
    if (layout->options) {
      const std::uint32_t records = read_options_data(*layout, set.bytes, set.offset, domain);
      if (set.message->number == message_.number) message_.records += records;
      const std::uint32_t lost = end_waiting(domain, *set.message, set.size, records, 0);
      if (lost > 0) reports_.later(set.context.exported_us, 0, lost, set.exporter);
      continue;
    }
    Work work{layout, {}, set.offset, set.context, &domain, set.message->number, set.exporter, set.message, std::move(set.bytes)};
    work.bytes = work.memory;
    work.size = work.memory.size();
    work_.push_back(std::move(work));
  }
}

// A set that waited has been decoded. Returns how many records of its message are lost.
std::uint32_t Collector::State::end_waiting(Domain& domain, WaitingMessage& message, std::size_t size, std::uint32_t records,
                                            std::uint32_t flows) {
  if (message.number == domain.last_message && !message.records && !domain.sequence.counts_itself())
    domain.sequence.counted_later(records, flows);
  return message.end_set(size, records);
}

// A sequence number that is ahead by more records than were decoded shows how many records the sets of a message have that wait.
void Collector::State::learn_uncounted(Domain& domain, std::uint64_t message, Gap& gap) {
  constexpr std::size_t min_record = 4;
  for (const auto& waiting : domain.uncounted) {
    if (waiting->number != message || waiting->sets == 0 || waiting->records) continue;
    waiting->records = static_cast<std::uint32_t>(std::min<std::size_t>(gap.count, waiting->bytes / min_record));
    gap.first += *waiting->records;
    gap.count -= *waiting->records;
  }
}

// Reports a set for which no template was received.
void Collector::State::drop(const Dropped& dropped) {
  const WaitingSet& set = dropped.set;
  const Domain& domain = *dropped.domain;
  constexpr std::uint64_t usual_record = 50;  // bytes
  const std::uint64_t record =
      domain.records == 0 ? usual_record : std::max<std::uint64_t>(1, domain.record_bytes / domain.records);
  std::uint64_t lost = std::max<std::uint64_t>(1, set.size / record);
  if (set.message == nullptr) {
    if (message_.protocol == Protocol::ipfix) lost = 0;  // the next sequence number counts them
  } else if (set.message->records) {
    lost = set.message->end_set(set.size, 0);
  }
  reports_.skipped(
      set.offset, set.size,
      "no template " + std::to_string(dropped.id) + " was received for observation domain " + std::to_string(set.context.domain));
  reports_.later(set.context.exported_us, 0, lost, set.exporter);
}

void Collector::State::drop_all_waiting() {
  std::vector<Dropped> dropped;
  for (auto& [key, domain] : domains_) {
    for (auto& [id, sets] : domain.waiting)
      for (WaitingSet& set : sets) dropped.push_back({&domain, id, std::move(set)});
    domain.waiting.clear();
    domain.uncounted.clear();
  }
  std::sort(dropped.begin(), dropped.end(), [](const Dropped& a, const Dropped& b) { return a.set.offset < b.set.offset; });
  for (const Dropped& d : dropped) drop(d);
  waiting_bytes_ = waiting_sets_ = 0;
}

}  // namespace mole::plugins::flow_export
