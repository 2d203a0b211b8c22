#include "plugins/decoders/export/state.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace mole::plugins::flow_export {
namespace {

constexpr std::int64_t template_lifetime_us = 24 * 3600 * std::int64_t{1'000'000};  // of templates in datagrams

}  // namespace

void Collector::State::add(const Datagram& datagram) {
  const std::uint16_t version = datagram.bytes.size() < 2 ? std::uint16_t{0} : u16(datagram.bytes.data());
  switch (version) {
    case 1:
    case 5:
    case 7:
      return add_fixed(datagram, static_cast<Protocol>(version));
    case 9:
    case 10:
      return add_sets(datagram, static_cast<Protocol>(version));
    default:
      reports_.skipped(datagram.offset, datagram.bytes.size(), "neither NetFlow nor IPFIX");
  }
}

// ---- messages

void Collector::State::open_message(const Datagram& datagram, Protocol protocol, Domain* domain, const Context& context,
                                    std::uint32_t exporter, std::uint32_t sequence, bool restarted) {
  message_ = {};
  message_.open = true;
  message_.number = ++messages_;
  message_.protocol = protocol;
  message_.domain = domain;
  message_.context = context;
  message_.context.exporter = datagram.exporter;
  message_.exporter = exporter;
  message_.offset = datagram.offset;
  message_.in_datagrams = datagram.exporter != Addr{};
  message_.sequence = sequence;
  message_.restarted = restarted;
  message_.repeated = repeats_.add(datagram.bytes, datagram.exporter);
}

void Collector::State::add_fixed(const Datagram& datagram, Protocol protocol) {
  const FixedFormat format = format_of(protocol);
  const std::byte* p = datagram.bytes.data();
  if (datagram.bytes.size() < format.header)
    return reports_.skipped(datagram.offset, datagram.bytes.size(), "datagram header cut short");
  const std::uint32_t uptime_ms = u32(p + 4), seconds = u32(p + 8), nanoseconds = u32(p + 12);
  Context context;
  context.exported_us = std::int64_t{seconds} * 1'000'000 + nanoseconds / 1000;
  context.now_ms = std::int64_t{seconds} * 1000 + nanoseconds / 1'000'000;
  context.uptime_ms = uptime_ms;
  context.has_uptime = true;
  context.max_ahead_ms = 100'000;  // as in nfdump (Cisco bug CSCei12353)
  if (protocol == Protocol::v5) {
    context.domain = u16(p + 20);  // engine type and number
    context.sampling = u16(p + 22) & 0x3fffu;
  }
  const std::uint32_t boot = boot_of(seconds, uptime_ms);
  const bool by_address = datagram.exporter != Addr{};
  const std::uint32_t sequence = protocol == Protocol::v1 ? 0 : u32(p + 16);
  const std::uint32_t group = by_address ? 0 : group_of(protocol, boot, context.domain, sequence);
  Domain* domain = nullptr;
  bool restarted = false;
  if (protocol != Protocol::v1) {
    domain = &domain_of(datagram, protocol, group, context.domain);
    restarted = by_address && domain->boot_ms && !is_same_boot(*domain->boot_ms, boot);
    domain->boot_ms = boot;
  }
  open_message(datagram, protocol, domain, context, by_address ? exporter_of(datagram.exporter) : group, sequence, restarted);
  const std::size_t claimed = u16(p + 2) * format.record, available = datagram.bytes.size() - format.header;
  const std::size_t size = std::min(claimed, available / format.record * format.record);
  if (size < claimed) {
    reports_.skipped(datagram.offset + format.header + size, available - size, "datagram cut short");
    message_.cut = true;
  }
  auto& layout = fixed_layouts_[protocol];
  if (!layout) layout = fixed_layout(protocol);
  work_.push_back({layout, datagram.bytes.subspan(format.header, size), datagram.offset + format.header, message_.context, domain,
                   message_.number});
}

void Collector::State::add_sets(const Datagram& datagram, Protocol protocol) {
  const bool v9 = protocol == Protocol::v9;
  const std::size_t header = v9 ? v9_header : ipfix_header;
  if (datagram.bytes.size() < header) return reports_.skipped(datagram.offset, datagram.bytes.size(), "message header cut short");
  const std::byte* p = datagram.bytes.data();
  const std::uint32_t seconds = u32(p + (v9 ? 8 : 4)), sequence = u32(p + header - 8);
  Context context;
  context.exported_us = std::int64_t{seconds} * 1'000'000;
  context.now_ms = std::int64_t{seconds} * 1000;
  context.domain = u32(p + header - 4);
  const bool by_address = datagram.exporter != Addr{};
  std::uint32_t group = 0, boot = 0;
  if (v9) {
    context.has_uptime = true;
    context.uptime_ms = u32(p + 4);
    boot = boot_of(seconds, context.uptime_ms);
    if (!by_address) group = group_of(protocol, boot, context.domain, sequence);
  }
  Domain& domain = domain_of(datagram, protocol, group, context.domain);
  const bool restarted = v9 && by_address && domain.boot_ms && !is_same_boot(*domain.boot_ms, boot);
  if (v9) domain.boot_ms = boot;
  context.announced = &announced_for(datagram, protocol, group, context.domain, domain);
  open_message(datagram, protocol, &domain, context, by_address ? exporter_of(datagram.exporter) : group, sequence, restarted);
  Bytes message = datagram.bytes;
  const std::size_t size = v9 ? message.size() : u16(p + 2);
  message_.cut = size > message.size();
  if (!message_.cut) message = message.first(std::max(size, header));
  if (message.size() < header + set_header && (message_.cut || (v9 && u16(p + 2) > 0))) {
    message_.cut = true;
    reports_.skipped(datagram.offset, message.size(), "a message is cut short before its first set");
  } else if (message_.cut) {
    reports_.skipped(datagram.offset + message.size(), 0, "message cut short");
  }
  read_sets(message, header);
  // Options of this message hold for all of it.
  const Sampling* announced = &announced_for(datagram, protocol, group, context.domain, domain);
  for (Work& work : work_)
    if (work.message == message_.number) work.context.announced = announced;
  for (Work& work : work_)
    if (!v9 && domain.started_ms) work.context.set_start(*domain.started_ms);  // SysUptime of IPFIX needs it
}

// Options of a domain take precedence over those of domain 0 of its exporter, which may concern all of its domains or one.
const Sampling& Collector::State::announced_for(const Datagram& datagram, Protocol protocol, std::uint32_t group,
                                                std::uint32_t id, const Domain& domain) const {
  if (!domain.sampling.empty() || id == 0) return domain.sampling;
  const auto port = protocol == Protocol::ipfix ? datagram.port : std::uint16_t{0};
  const auto zero = domains_.find({datagram.exporter, port, protocol, group, 0});
  if (zero == domains_.end()) return domain.sampling;
  const auto about = zero->second.of_domains.find(id);
  if (about != zero->second.of_domains.end() && !about->second.empty()) return about->second;
  return zero->second.sampling.empty() ? domain.sampling : zero->second.sampling;
}

void Collector::State::read_sets(Bytes message, std::size_t at) {
  const bool v9 = message_.protocol == Protocol::v9;
  while (message.size() - at >= set_header) {
    const std::uint16_t id = u16(message.data() + at), size = u16(message.data() + at + 2);
    const Bytes rest = message.subspan(at);
    if (size < set_header || size > rest.size()) {
      if (v9 && all_zero(rest)) return;  // some exporters fill datagrams with zeros
      reports_.skipped(message_.offset + at, rest.size(),
                       size < set_header ? "the length of a set is less than 4" : "a set is cut short");
      message_.cut = true;
      return;
    }
    const Bytes body = rest.subspan(set_header, size - set_header);
    const std::uint64_t offset = message_.offset + at + set_header;
    if (id >= 256)
      read_data(id, body, offset);
    else if (id == (v9 ? 0 : 2) || id == (v9 ? 1 : 3))
      read_templates(body, offset, id == (v9 ? 1 : 3));
    else
      reports_.skipped(message_.offset + at, size, "a set has the number " + std::to_string(id) + ", which is reserved");
    at += size;
  }
}

// ---- templates

void Collector::State::read_templates(Bytes body, std::uint64_t offset, bool options) {
  const bool v9 = message_.protocol == Protocol::v9;
  const auto last = std::find_if(body.rbegin(), body.rend(), [](std::byte b) { return b != std::byte{0}; });
  const auto padding = static_cast<std::size_t>(body.rend() - last);  // only zeros from here
  std::size_t at = 0;
  while (body.size() - at >= 4) {
    const std::byte* p = body.data() + at;
    const std::uint16_t id = u16(p);
    std::size_t count = u16(p + 2), used = 4, scope_fields = 0;
    if (at >= padding) return;
    if (!v9 && count == 0) {
      withdraw(id, options);
      at += used;
      continue;
    }
    if (options) {
      if (body.size() - at < 6) break;
      scope_fields = v9 ? count / 4 : u16(p + 4);
      if (v9) count = scope_fields + u16(p + 4) / std::size_t{4};
      used = 6;
    }
    auto layout = std::make_shared<Template>(message_.protocol, id);
    layout->options = options;
    layout->scope_fields = scope_fields;
    layout->defined_us = message_.context.exported_us;
    const std::size_t fields = read_fields(body.subspan(at + used), count, message_.protocol, *layout);
    if (fields == 0 && count > 0) {
      reports_.skipped(offset + at, body.size() - at, "a template is longer than its set, or has too many fields");
      return;
    }
    if (id < 256 && count > 0)
      reports_.skipped(offset + at, used + fields,
                       "a template has the number " + std::to_string(id) + "; numbers below 256 are reserved, so it is not used");
    else if (!v9 && options && (scope_fields == 0 || scope_fields > count))
      reports_.skipped(offset + at, used + fields,
                       "an options template has " + std::to_string(scope_fields) + " scope fields of " + std::to_string(count) +
                           " fields; RFC 7011 requires at least one and at most all of them, so it is not used");
    else if (count > 0)
      define(std::move(layout));
    at += used + fields;
  }
}

void Collector::State::define(std::shared_ptr<Template> layout) {
  Domain& domain = *message_.domain;
  const auto known = domain.templates.find(layout->id);
  if (known != domain.templates.end()) {
    if (known->second->same_layout(*layout)) {
      known->second->defined_us = layout->defined_us;
      return;
    }
    remove(domain, known);
  }
  if (domain.templates.size() >= max_templates_of_domain) {
    for (const auto& [id, old] : domain.templates) template_weight_ -= old->weight();
    domain.templates.clear();
  }
  if (template_weight_ + layout->weight() > max_template_weight) {
    for (auto& [key, other] : domains_) other.templates.clear();
    template_weight_ = 0;
  }
  template_weight_ += layout->weight();
  if (sink_.wants_descriptions()) describe_template(sink_, described(), *layout);
  if (!layout->options) note_template(*layout);
  domain.templates[layout->id] = layout;
  resume_waiting(domain, layout);
}

// Notes which columns and elements the records of a template can have. An exporter may have nothing to report for a whole file.
void Collector::State::note_template(const Template& layout) {
  const auto has = [&](std::uint32_t enterprise, std::uint16_t id) { return layout.find(enterprise, id) != Template::npos; };
  for (std::size_t e = 0; e < elements_.size(); ++e)
    if (has(elements_[e].enterprise, elements_[e].id)) known_ |= std::uint64_t{1} << e;
  if (has(0, 6) || has(cert_enterprise, 14) || has(cert_enterprise, 15))  // perhaps of a list
    absent_in_templates_ &= ~(std::uint64_t{1} << tcp_flags::index);
  constexpr std::array<std::uint16_t, 8> addresses{8, 12, 27, 28, 44, 45, 169, 170};
  const bool of_flows = std::ranges::any_of(addresses, [&](std::uint16_t id) { return has(0, id); });
  if (of_flows && noted_templates_++ < max_noted_templates) absent_in_templates_ &= plans_of(layout).absent();
}

// Removes a template. Data sets before this position may need it for their lists.
Domain::Templates::iterator Collector::State::remove(Domain& domain, Domain::Templates::iterator known) {
  template_weight_ -= known->second->weight();
  if (!work_.empty()) domain.replaced[known->first].push_back({domain.changes, known->second});
  ++domain.changes;
  return domain.templates.erase(known);
}

void Collector::State::withdraw(std::uint16_t id, bool options) {
  Domain& domain = *message_.domain;
  auto& templates = domain.templates;
  if (id == (options ? 3 : 2)) {  // all of this kind
    for (auto i = templates.begin(); i != templates.end();) i = i->second->options == options ? remove(domain, i) : std::next(i);
  } else if (const auto known = templates.find(id); known != templates.end()) {
    remove(domain, known);
  }
}

// ---- data

void Collector::State::read_data(std::uint16_t id, Bytes body, std::uint64_t offset) {
  if (body.empty()) return;
  Domain& domain = *message_.domain;
  const auto known = domain.templates.find(id);
  if (known != domain.templates.end() && message_.in_datagrams &&
      message_.context.exported_us - known->second->defined_us > template_lifetime_us) {
    remove(domain, known);
    return wait_for_template(id, body, offset);
  }
  if (known == domain.templates.end()) return wait_for_template(id, body, offset);
  if (known->second->options) {
    message_.records += read_options_data(*known->second, body, offset, domain);
    return;
  }
  work_.push_back({known->second, body, offset, message_.context, &domain, message_.number, message_.exporter});
  work_.back().size = body.size();
  work_.back().changes = domain.changes;
}

// Returns the number of records.
std::uint32_t Collector::State::read_options_data(const Template& layout, Bytes body, std::uint64_t offset, Domain& domain) {
  values_.resize(std::max(values_.size(), layout.fields.size()));
  std::uint32_t records = 0;
  if (layout.size == 0) reports_.skipped(offset, body.size(), layout.empty_reason());
  while (layout.size > 0 && body.size() >= layout.size) {
    const std::size_t size = split_record(layout, body, values_.data());
    if (size == 0) break;
    read_options(layout, values_.data(), domain, message_.context.domain, samplings_);
    if (sink_.wants_descriptions()) describe_names(sink_, described(), layout, values_.data());
    body = body.subspan(size);
    ++records;
  }
  return records;
}

}  // namespace mole::plugins::flow_export
