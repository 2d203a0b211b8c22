#include "coordinator/wire/convert.hpp"

namespace mole::coordinator {
namespace {

std::int64_t as_i64(std::uint64_t value) { return static_cast<std::int64_t>(value); }
std::uint64_t as_u64(std::int64_t value) { return static_cast<std::uint64_t>(value); }

template <class To, class From>
std::vector<To> each(const std::vector<From>& items, To (*convert)(const From&)) {
  std::vector<To> out;
  out.reserve(items.size());
  for (const auto& item : items) out.push_back(convert(item));
  return out;
}

Result<std::uint32_t> count(std::int32_t value, const char* field) {
  if (value >= 0) return static_cast<std::uint32_t>(value);
  return invalid(std::string(field) + " is " + std::to_string(value) + "; it must not be negative");
}

}  // namespace

wire::Submission to_wire(const Submission& s) {
  wire::Submission out;
  out.manifest = s.manifest;
  out.manifest_name = s.manifest_name;
  out.base = s.base;
  out.overrides = s.overrides;
  out.module_name = s.module;
  out.from_us = s.range.from;
  out.to_us = s.range.to;
  out.partial = s.partial;
  out.priority = s.priority;
  out.client_id = s.client_id;
  return out;
}

Submission from_wire(const wire::Submission& s) {
  return {.manifest = s.manifest,
          .manifest_name = s.manifest_name,
          .base = s.base,
          .overrides = s.overrides,
          .module = s.module_name,
          .range = {s.from_us, s.to_us},
          .partial = s.partial,
          .priority = s.priority,
          .client_id = s.client_id};
}

wire::NodeInfo to_wire(const NodeInfo& n) {
  wire::NodeInfo out;
  out.name = n.name;
  out.incarnation = n.incarnation;
  out.address = n.address;
  out.slots = static_cast<std::int32_t>(n.slots);
  out.threads = static_cast<std::int32_t>(n.threads);
  return out;
}

Result<NodeInfo> from_wire(const wire::NodeInfo& n) {
  const auto slots = count(n.slots, "node.slots");
  if (!slots) return slots.error();
  const auto threads = count(n.threads, "node.threads");
  if (!threads) return threads.error();
  return NodeInfo{.name = n.name, .incarnation = n.incarnation, .address = n.address, .slots = *slots, .threads = *threads};
}

wire::Registration to_wire(const Registration& r) {
  wire::Registration out;
  out.epoch = as_i64(r.epoch);
  out.lease_us = r.lease;
  out.heartbeat_us = r.heartbeat;
  return out;
}

Registration from_wire(const wire::Registration& r) {
  return {.epoch = as_u64(r.epoch), .lease = r.lease_us, .heartbeat = r.heartbeat_us};
}

wire::TaskProgress to_wire(const TaskProgress& a) {
  wire::TaskProgress out;
  out.task = a.task;
  out.phase = a.phase;
  out.bytes_done = as_i64(a.bytes_done);
  out.bytes_total = as_i64(a.bytes_total);
  out.flows = as_i64(a.flows);
  return out;
}

TaskProgress from_wire(const wire::TaskProgress& a) {
  return {.task = a.task,
          .phase = a.phase,
          .bytes_done = as_u64(a.bytes_done),
          .bytes_total = as_u64(a.bytes_total),
          .flows = as_u64(a.flows)};
}

wire::LeaseRequest to_wire(const LeaseRequest& a) {
  wire::LeaseRequest out;
  out.node = a.node;
  out.incarnation = a.incarnation;
  out.free_slots = static_cast<std::int32_t>(a.free_slots);
  out.held = a.held;
  return out;
}

Result<LeaseRequest> from_wire(const wire::LeaseRequest& a) {
  const auto slots = count(a.free_slots, "lease.free_slots");
  if (!slots) return slots.error();
  return LeaseRequest{.node = a.node, .incarnation = a.incarnation, .free_slots = *slots, .held = a.held};
}

Result<std::vector<task::Spec>> from_wire(wire::Grants grants) {
  std::vector<task::Spec> out;
  out.reserve(grants.specs.size());
  for (auto& sent : grants.specs) {
    auto spec = from_wire(std::move(sent), grants.sidecars);
    if (!spec) return spec.error();
    out.push_back(std::move(*spec));
  }
  return out;
}

wire::Heartbeat to_wire(const Heartbeat& h) {
  wire::Heartbeat out;
  out.node = h.node;
  out.incarnation = h.incarnation;
  out.tasks = each<wire::TaskProgress, TaskProgress>(h.tasks, to_wire);
  out.draining = h.draining;
  return out;
}

Heartbeat from_wire(const wire::Heartbeat& h) {
  return {.node = h.node,
          .incarnation = h.incarnation,
          .tasks = each<TaskProgress, wire::TaskProgress>(h.tasks, from_wire),
          .draining = h.draining};
}

wire::HeartbeatReply to_wire(const HeartbeatReply& r) {
  wire::HeartbeatReply out;
  out.cancel = r.cancel;
  out.drain = r.drain;
  out.reregister = r.reregister;
  return out;
}

HeartbeatReply from_wire(const wire::HeartbeatReply& r) {
  return {.cancel = r.cancel, .drain = r.drain, .reregister = r.reregister};
}

wire::Completion to_wire(const Completion& c, Outgoing& message) {
  wire::Completion out;
  out.node = c.node;
  out.incarnation = c.incarnation;
  out.spec = to_wire(c.spec, message);
  out.report = to_wire(c.report, message);
  message.bytes += c.node.size() + c.incarnation.size() + 32;
  return out;
}

Result<std::vector<Completion>> from_wire(wire::Completions completions) {
  std::vector<Completion> out;
  out.reserve(completions.completions.size());
  for (auto& sent : completions.completions) {
    auto spec = from_wire(std::move(sent.spec), completions.sidecars);
    if (!spec) return spec.error();
    auto report = from_wire(std::move(sent.report));
    if (!report) return report.error();
    out.push_back({.node = std::move(sent.node),
                   .incarnation = std::move(sent.incarnation),
                   .spec = std::move(*spec),
                   .report = std::move(*report)});
  }
  return out;
}

wire::Failure to_wire(const Error& error) {
  wire::Failure out;
  out.code = static_cast<std::int32_t>(error.code);
  out.message = error.message;
  return out;
}

Error from_wire(const wire::Failure& failure) {
  const bool known =
      failure.code >= static_cast<std::int32_t>(Code::internal) && failure.code <= static_cast<std::int32_t>(Code::invalid);
  return {known ? static_cast<Code>(failure.code) : Code::internal, failure.message};
}

}  // namespace mole::coordinator
