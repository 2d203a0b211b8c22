#include "coordinator/wire/convert_task.hpp"

#include <cstring>
#include <limits>

namespace mole::coordinator {
namespace {

// A megabyte of '[' would take a hundred megabytes as values. Real documents nest about a dozen levels deep.
bool nests_too_deep(const std::string& json) {
  constexpr int max_depth = 64;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted && c == '\\')
      ++i;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '[' || c == '{') && ++depth > max_depth)
      return true;
    else if (!quoted && (c == ']' || c == '}'))
      --depth;
  }
  return false;
}

// fields() lists the fields of each struct once for both directions. A direction is a function object that converts one field.
struct ToWire {
  Outgoing& message;

  void operator()(std::string& w, const std::string& t) { text(w, t); }
  void operator()(std::vector<std::string>& w, const std::vector<std::string>& t) {
    w = t;
    count(list);
    for (const auto& each : t) count(each.size() + number);
  }
  void operator()(std::int64_t& w, const std::int64_t& t) { w = t, count(number); }
  void operator()(std::int64_t& w, const std::uint64_t& t) { w = static_cast<std::int64_t>(t), count(number); }
  void operator()(std::int32_t& w, const std::uint32_t& t) { w = static_cast<std::int32_t>(t), count(number); }
  void operator()(std::int32_t& w, const std::optional<std::uint32_t>& t) {
    w = t ? static_cast<std::int32_t>(*t) : -1, count(number);
  }
  void operator()(double& w, const double& t) { w = t, count(number); }
  void operator()(bool& w, const bool& t) { w = t, count(number); }
  template <Named E>
  void operator()(std::string& w, const E& t) {
    text(w, name_of(t));
  }
  void operator()(std::string& w, const Digest& t) {
    if (!t.empty()) w.assign(reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size());
    count(w.size() + number);
  }
  void operator()(std::string& w, const nlohmann::json& t) {
    if (!t.is_null()) w = t.is_object() && t.empty() ? "{}" : json_text(t);
    count(w.size() + number);
  }
  template <class W, class T>
  void operator()(std::vector<W>& w, const std::vector<T>& t) {
    count(list);
    w.resize(t.size());
    for (std::size_t i = 0; i < t.size(); ++i) nested(w[i], t[i]);
  }
  template <class W, class T>
  void operator()(std::vector<W>& w, const std::optional<T>& t) {
    count(list);
    w.resize(t ? 1 : 0);
    if (t) nested(w[0], *t);
  }
  template <class W, class T>
  void nested(W& w, const T& t) {
    count(list);
    fields(*this, w, t);
  }
  void sidecar(std::string& w, const task::PluginUse& t) {
    count(number);
    if (t.sidecar.empty()) return;
    const auto [known, fresh] = message.sidecars.try_emplace(t.library.hex(), t.sidecar);
    if (fresh) count(known->first.size() + t.sidecar.size() + list);
    if (known->second != t.sidecar) text(w, t.sidecar);
  }

 private:
  static constexpr std::size_t number = 11, list = 8;  // with the type and number of the field

  void text(std::string& w, const std::string& t) { w = t, count(t.size() + number); }
  void count(std::size_t bytes) { message.bytes += bytes; }
};

// Moves the fields out of `w`. `problem` says what was wrong.
struct FromWire {
  const Sidecars& sidecars;
  std::string problem = {};

  void operator()(std::string& w, std::string& t) { t = std::move(w); }
  void operator()(std::vector<std::string>& w, std::vector<std::string>& t) { t = std::move(w); }
  void operator()(std::int64_t& w, std::int64_t& t) { t = w; }
  void operator()(std::int64_t& w, std::uint64_t& t) { t = static_cast<std::uint64_t>(w); }
  void operator()(std::int32_t& w, std::uint32_t& t) {
    if (w < 0) problem = "a count is negative";
    t = static_cast<std::uint32_t>(w);
  }
  void operator()(std::int32_t& w, std::optional<std::uint32_t>& t) {
    if (w >= 0) t = static_cast<std::uint32_t>(w);
  }
  void operator()(double& w, double& t) { t = w; }
  void operator()(bool& w, bool& t) { t = w; }
  template <Named E>
  void operator()(std::string& w, E& t) {
    if (const auto known = from_name<E>(w))
      t = *known;
    else
      problem = "\"" + w.substr(0, 60) + "\" is not " + name_table<E>.what;
  }
  void operator()(std::string& w, Digest& t) {
    if (w.size() == t.bytes.size())
      std::memcpy(t.bytes.data(), w.data(), w.size());
    else if (!w.empty())
      problem = "a digest has " + std::to_string(w.size()) + " bytes instead of 16";
  }
  void operator()(std::string& w, nlohmann::json& t) {
    if (w.empty())
      t = nullptr;
    else if (w == "{}")
      t = nlohmann::json::object();
    else if (nests_too_deep(w))
      problem = "a document nests deeper than 64 levels";
    else if (t = nlohmann::json::parse(w, nullptr, false); t.is_discarded())
      problem = "a document is not JSON";
  }
  template <class W, class T>
  void operator()(std::vector<W>& w, std::vector<T>& t) {
    t.resize(w.size());
    for (std::size_t i = 0; i < w.size(); ++i) fields(*this, w[i], t[i]);
  }
  template <class W, class T>
  void operator()(std::vector<W>& w, std::optional<T>& t) {
    if (!w.empty()) fields(*this, w[0], t.emplace());
  }
  template <class W, class T>
  void nested(W& w, T& t) {
    fields(*this, w, t);
  }
  void sidecar(std::string& w, task::PluginUse& t) {
    const auto known = w.empty() ? sidecars.find(t.library.hex()) : sidecars.end();
    if (known != sidecars.end())
      t.sidecar = known->second;
    else
      t.sidecar = std::move(w);
  }
};

// An element of a list of digests.
template <class D>
void fields(D& d, std::string& w, auto& t) {
  d(w, t);
}

template <class D>
void fields(D& d, wire::PluginUse& w, auto& t) {
  d(w.name, t.name), d(w.version, t.version), d(w.library, t.library), d.sidecar(w.sidecar, t), d(w.params, t.params);
}

template <class D>
void fields(D& d, wire::File& w, auto& t) {
  d(w.id, t.id), d(w.size, t.size), d(w.revision, t.revision), d(w.router, t.router), d(w.sequence, t.sequence);
  d(w.from_us, t.covers.from), d(w.to_us, t.covers.to), d(w.present, t.present), d(w.version, t.version);
}

template <class D>
void fields(D& d, wire::Archive& w, auto& t) {
  d(w.name, t.name), d.nested(w.downloader, t.downloader), d.nested(w.decoder, t.decoder), d(w.damage, t.damage);
  d(w.covers_us, t.covers), d(w.lateness_us, t.lateness);
  d(w.home_source, t.home.source), d(w.home_destination, t.home.destination), d(w.decode, t.decode);
}

template <class D>
void fields(D& d, wire::RowsRef& w, auto& t) {
  d(w.from_us, t.block.from), d(w.to_us, t.block.to), d(w.blob, t.blob);
}

template <class D>
void fields(D& d, wire::StateRef& w, auto& t) {
  d(w.from_us, t.block.from), d(w.to_us, t.block.to), d(w.blob, t.blob), d(w.nodes, t.nodes);
}

template <class D>
void fields(D& d, wire::Input& w, auto& t) {
  d(w.role, t.role), d(w.kind, t.kind), d(w.module_name, t.module), d(w.column, t.column), d(w.type, t.type), d(w.unit, t.unit);
  d(w.step, t.step), d(w.rows, t.rows);
}

template <class D>
void fields(D& d, wire::RouteTableRef& w, auto& t) {
  d(w.from_us, t.used.from), d(w.to_us, t.used.to), d(w.blob, t.blob), d(w.name, t.name), d(w.format, t.format),
      d(w.stale, t.stale);
}

template <class D>
void fields(D& d, wire::Step& w, auto& t) {
  d(w.pipeline, t.pipeline), d(w.module_name, t.module), d(w.fingerprint, t.fingerprint), d.nested(w.plugin, t.plugin);
  d(w.execution, t.execution), d(w.interval_us, t.interval), d(w.window_us, t.window), d(w.warmup_us, t.warmup);
  d(w.dimensions, t.by), d(w.filter, t.filter), d(w.load, t.load), d(w.routers, t.routers), d(w.inputs, t.inputs);
  d(w.make_state, t.make_state), d(w.make_result, t.make_result), d(w.state_key, t.state_key), d(w.result_key, t.result_key);
  d(w.states, t.states), d(w.totals, t.totals), d(w.routes, t.routes);
}

template <class D>
void fields(D& d, wire::Spec& w, auto& t) {
  d(w.id, t.id), d(w.epoch, t.epoch), d(w.seq, t.seq), d(w.kind, t.kind), d(w.from_us, t.block.from), d(w.to_us, t.block.to);
  d(w.archive, t.archive), d(w.files, t.files), d(w.steps, t.steps);
}

template <class D>
void fields(D& d, wire::ByteRange& w, auto& t) {
  d(w.first, t.from), d(w.past, t.to), d(w.reason, t.reason);
}

template <class D>
void fields(D& d, wire::Range& w, auto& t) {
  d(w.from_us, t.from), d(w.to_us, t.to);
}

template <class D>
void fields(D& d, wire::FileReport& w, auto& t) {
  d(w.id, t.id), d(w.size, t.size), d(w.digest, t.digest), d(w.state, t.state), d(w.lost_compressed, t.lost_compressed);
  d(w.lost_content, t.lost_content), d(w.content_bytes, t.content_bytes), d(w.datagrams, t.datagrams), d(w.flows, t.flows);
  d(w.flows_lost, t.flows_lost), d(w.exported_first_us, t.exported_first), d(w.exported_last_us, t.exported_last);
  d(w.readable, t.readable), d(w.source, t.source);
}

template <class D>
void fields(D& d, wire::StepReport& w, auto& t) {
  d(w.step, t.step), d(w.outcome, t.outcome), d(w.code, t.code), d(w.message, t.message), d(w.state_blob, t.state_blob);
  d(w.rows_blob, t.rows_blob), d(w.state_bytes, t.state_bytes), d(w.rows_bytes, t.rows_bytes), d(w.rows, t.rows);
  d(w.coverage, t.coverage), d(w.coverage_min, t.coverage_min), d(w.lineage, t.lineage);
}

template <class D>
void fields(D& d, wire::IndexEntry& w, auto& t) {
  d(w.id, t.id), d(w.size, t.size), d(w.version, t.version), d(w.medium, t.medium), d(w.position, t.position);
}

template <class D>
void fields(D& d, wire::Report& w, auto& t) {
  d(w.task, t.task), d(w.steps, t.steps), d(w.files, t.files), d(w.index, t.index), d(w.code, t.code), d(w.message, t.message);
  d(w.log_tail, t.log_tail), d(w.bytes_read, t.bytes_read), d(w.flows, t.flows), d(w.seconds, t.seconds),
      d(w.index_blob, t.index_blob), d(w.missing_blobs, t.missing_blobs);
}

template <class T, class W>
Result<T> read(W& w, const Sidecars& sidecars, const char* what) {
  T out;
  FromWire direction{sidecars};
  fields(direction, w, out);
  if (!direction.problem.empty()) return invalid(std::string(what) + " cannot be read: " + direction.problem);
  return out;
}

}  // namespace

wire::Spec to_wire(const task::Spec& spec, Outgoing& message) {
  wire::Spec out;
  ToWire{message}.nested(out, spec);
  return out;
}

Result<task::Spec> from_wire(wire::Spec spec, const Sidecars& sidecars) {
  return read<task::Spec>(spec, sidecars, "a task specification");
}

wire::Report to_wire(const task::Report& report, Outgoing& message) {
  wire::Report out;
  ToWire{message}.nested(out, report);
  return out;
}

Result<task::Report> from_wire(wire::Report report) { return read<task::Report>(report, {}, "a task report"); }

}  // namespace mole::coordinator
