#include "plugins/decoders/export/state.hpp"

#include <algorithm>
#include <cstring>

namespace mole::plugins::flow_export {
namespace {

// Finds the requested elements and the TCP flags in the lists of a record.
class ElementsInLists final : public ListVisitor {
 public:
  ElementsInLists(const Domain* domain, std::uint64_t changes, std::span<const mole_element> elements, const Context& context,
                  Rows& rows, std::uint32_t row, Side side)
      : domain_(domain),
        changes_(changes),
        elements_(elements),
        context_(context),
        rows_(rows),
        row_(row),
        reverse_bit_(side == Side::reverse ? 0x4000 : 0) {}

  const Template* find_template(std::uint16_t id) override {
    return domain_ == nullptr ? nullptr : domain_->find_template(id, changes_);
  }
  void value(const Field& field, const Value& value) override {
    const bool of_cert =
        field.enterprise == cert_enterprise && (field.id == (14 | reverse_bit_) || field.id == (15 | reverse_bit_));
    const bool of_iana = field.enterprise == (reverse_bit_ == 0 ? 0 : reverse_enterprise) && field.id == 6;
    if (of_cert || of_iana) {
      flags |= static_cast<std::uint16_t>(read_unsigned(value.data, value.size));
      has_flags = true;
    }
    for (std::size_t i = 0; i < elements_.size(); ++i)
      if (elements_[i].enterprise == field.enterprise && elements_[i].id == field.id)
        put_element(rows_, i, elements_[i], row_, value, context_);
  }

  std::uint16_t flags = 0;
  bool has_flags = false;

 private:
  const Domain* domain_;
  std::uint64_t changes_;
  std::span<const mole_element> elements_;
  const Context& context_;
  Rows& rows_;
  std::uint32_t row_;
  int reverse_bit_;
};

}  // namespace

bool Collector::State::write(FlowBuilder& out) {
  begin_batch(out);
  bool more = false;
  while (!work_.empty()) {
    if (!decode(work_.front())) break;
    end_work(work_.front());
    work_.pop_front();
  }
  if (work_.empty()) {
    if (message_.open) end_message();
    more = !finished_ && host_.room() > 0;
    if (finished_ && host_.rows == 0 && kept_.rows > 0) kept_.move_to(host_);
  }
  if (host_.rows > 0 && out.rows() == 0) out.set_address_family(host_.family);
  out.set_rows(host_.rows);
  out.set_absent(host_.rows > 0 ? host_.absent & absent_in_templates_ : 0);
  out.set_known(known_);
  return more;
}

void Collector::State::begin_batch(FlowBuilder& out) {
  host_.bind(out);
  elements_ = out.elements();
  if (!bound_) {
    bound_ = true;
    wanted_ = wanted_columns(out);
    kept_.allocate(wanted_, std::min<std::uint32_t>(out.capacity(), max_kept_rows));
  }
  if (host_.rows > 0) return;
  host_.family = 0;
  if (kept_.full() && kept_.rows > 0)
    kept_.move_to(host_);
  else if (kept_.rows > 0)
    host_.family = kept_.family == 4 ? 6 : 4;
}

const Plans& Collector::State::plans_of(const Template& layout) {
  if (!layout.plans) layout.plans = std::make_shared<Plans>(layout, wanted_, elements_, biflows_ == Biflows::keep);
  return *layout.plans;
}

// Returns the destination of records of this family, or null if it has no room for as many rows.
Rows* Collector::State::rows_for(std::uint32_t family, std::uint32_t needed) {
  if (host_.family == 0) host_.family = family;
  if (host_.family == family) return host_.room() >= needed && !host_.full() ? &host_ : nullptr;
  if (kept_.full() || kept_.room() < needed) return nullptr;
  kept_.family = family;
  return &kept_;
}

// Returns false if the batch is full.
bool Collector::State::decode(Work& work) {
  const Plans& plans = plans_of(*work.layout);
  if (work.layout->size == 0) {
    reports_.skipped(work.offset, work.bytes.size(), work.layout->empty_reason());
    return true;
  }
  return work.layout->fixed && !plans.needs_values() ? decode_columns(work, plans) : decode_records(work, plans);
}

bool Collector::State::decode_columns(Work& work, const Plans& plans) {
  while (work.bytes.size() >= work.layout->size) {
    Rows* rows = rows_for(plans.family(), 1);
    if (rows == nullptr) return false;
    const auto left = static_cast<std::uint32_t>(work.bytes.size() / work.layout->size);
    const std::uint32_t count = std::min(left, rows->room());
    const Plan& plan = plans.plan(Side::forward, plans.family());
    plan.run(*work.layout, work.bytes.data(), count, work.context, rows->columns, rows->rows);
    rows->absent &= plan.absent_in(work.context);
    rows->rows += count;
    work.records += count;
    work.rows += count;
    work.bytes = work.bytes.subspan(count * work.layout->size);
    work.offset += count * work.layout->size;
  }
  return true;
}

bool Collector::State::decode_records(Work& work, const Plans& plans) {
  values_.resize(std::max(values_.size(), work.layout->fields.size()));
  while (work.bytes.size() >= work.layout->size) {
    const std::size_t size = split_record(*work.layout, work.bytes, values_.data());
    if (size == 0) {
      if (all_zero(work.bytes)) return true;
      reports_.skipped(work.offset, work.bytes.size(), "a record is longer than its set");
      if (work.message == message_.number && message_.open) message_.cut = true;
      return true;
    }
    const std::uint32_t family = plans.family() != 0 ? plans.family() : plans.family_of(values_.data());
    const auto& counters = plans.reverse_counters();
    const bool second = host_.capacity > 1 && std::any_of(counters.begin(), counters.end(), [&](std::uint16_t field) {
                          return read_unsigned(values_[field].data, values_[field].size) != 0;
                        });
    Rows* rows = rows_for(family, second ? 2 : 1);
    if (rows == nullptr) return false;
    decode_record(work, plans, values_.data(), family, Side::forward, *rows);
    if (second) decode_record(work, plans, values_.data(), family, Side::reverse, *rows);
    ++work.records;
    work.rows += second ? 2 : 1;
    work.bytes = work.bytes.subspan(size);
    work.offset += size;
  }
  return true;
}

void Collector::State::decode_record(const Work& work, const Plans& plans, const Value* values, std::uint32_t family, Side side,
                                     Rows& rows) {
  const Plan& plan = plans.plan(side, family);
  plan.run(values, work.context, rows.columns, rows.rows);
  rows.absent &= plan.absent_in(work.context);
  if (!plans.elements().empty() || !plans.lists().empty()) put_elements(work, plans, values, rows, rows.rows, side);
  ++rows.rows;
}

void Collector::State::put_elements(const Work& work, const Plans& plans, const Value* values, Rows& rows, std::uint32_t row,
                                    Side side) {
  for (const auto& e : plans.elements()) put_element(rows, e.element, elements_[e.element], row, values[e.field], work.context);
  if (plans.lists().empty()) return;
  ElementsInLists found(work.domain, work.changes, elements_, work.context, rows, row, side);
  std::size_t budget = max_list_values;
  for (const std::uint16_t field : plans.lists()) {
    const Field& f = work.layout->fields[field];
    visit_list(list_in(f.enterprise, f.id), values[field], found, budget);
  }
  if (!plans.flags_in_lists() || !found.has_flags) return;
  rows.absent &= ~(std::uint64_t{1} << tcp_flags::index);
  std::byte* cell = rows.columns[tcp_flags::index] + std::size_t{row} * sizeof(std::uint16_t);
  std::memcpy(cell, &found.flags, sizeof found.flags);
}

void Collector::State::end_work(Work& work) {
  if (work.domain != nullptr) {
    work.domain->records += work.records;
    work.domain->record_bytes += work.size;
  }
  const std::uint32_t lost =
      work.waited == nullptr ? 0 : end_waiting(*work.domain, *work.waited, work.memory.size(), work.records, work.records);
  if (work.message == message_.number && message_.open) {
    message_.records += work.records;
    message_.flows += work.records;
    message_.rows += work.rows;
    return;
  }
  reports_.later(work.context.exported_us, work.rows, lost, work.exporter);
}

void Collector::State::end_message() {
  message_.open = false;
  Gap gap;
  if (message_.domain != nullptr) {
    Domain& domain = *message_.domain;
    const bool waits = std::any_of(domain.uncounted.begin(), domain.uncounted.end(),
                                   [&](const auto& waiting) { return waiting->number == message_.number && waiting->sets > 0; });
    gap = domain.sequence.next(
        message_.protocol, domain.number,
        {message_.sequence, message_.context.exported_us, message_.records, message_.flows, !waits, message_.cut}, damage_,
        message_.restarted, reports_);
    if (message_.protocol == Protocol::ipfix && !domain.uncounted.empty())
      learn_uncounted(domain, domain.sequence.counts_itself() ? message_.number : domain.last_message, gap);
    domain.last_message = message_.number;
    domain.replaced.clear();
    std::erase_if(domain.uncounted, [&](const auto& waiting) { return waiting->number != message_.number; });
  }
  reports_.datagram(message_.context.exported_us, message_.rows, message_.exporter, gap, message_.repeated && message_.rows > 0);
}

}  // namespace mole::plugins::flow_export
