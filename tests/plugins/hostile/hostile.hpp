// A metric that misbehaves in one call only: it runs act() in the call selected by its parameters.
#pragma once

#include <fcntl.h>
#include <unistd.h>
#include <mole/metric.hpp>

#include <string>
#include <string_view>

namespace hostile {

struct Row {
  std::uint64_t n;
};

struct Params {
  std::string call = "add";
  std::string once;
};

// A state that reports when it is saved and loaded.
struct Counter {
  std::uint64_t n = 0;
  void (*saved)(const Counter&) = nullptr;
  void (*loaded)(const Counter&) = nullptr;
  const void* owner = nullptr;

  static constexpr std::size_t min_size = 8;
  static std::string shape() { return "u64"; }
  void save(mole::StateWriter& w) const {
    saved(*this);
    mole::detail::save_value(w, n);
  }
  void load(mole::StateReader& r) {
    loaded(*this);
    mole::detail::load_value(r, n);
  }
};

// Self: the plugin's class, which defines act().
template <class Self>
struct Metric {
  using Params = hostile::Params;
  static constexpr auto output = mole::columns(mole::column("n", &Row::n, mole::unit::flow, "Flows"));
  static constexpr auto params = mole::params(
      mole::param("call", &Params::call, "The call in which to misbehave"),
      mole::param("once", &Params::once, mole::format::path, "Misbehave only if this file does not exist, and create it"));

  explicit Metric(const Params& given) : p(given) {
    counter.saved = [](const Counter& c) { static_cast<const Metric*>(c.owner)->misbehave_in("save"); };
    counter.loaded = [](const Counter& c) { static_cast<const Metric*>(c.owner)->misbehave_in("load"); };
    counter.owner = this;
    misbehave_in("create");
  }
  Metric(const Metric&) = delete;
  Params p;
  Counter counter;

  void add(const mole::Flows<mole::bytes>& flows) {
    misbehave_in("add");
    counter.n += flows.size();
  }
  Row finish() const {
    misbehave_in("finish");
    return {counter.n};
  }

 protected:
  void misbehave_in(std::string_view call) const {
    if (call != p.call) return;
    if (!p.once.empty()) {
      const int file = ::open(p.once.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
      if (file < 0) return;
      ::close(file);
    }
    Self::act();
  }
};

}  // namespace hostile

// Defines the plugin class Name, whose act() consists of the given statements.
#define HOSTILE_METRIC(Name, name, summary, ...)                        \
  struct Name : hostile::Metric<Name> {                                 \
    static constexpr auto about = mole::metric(name, "1.0.0", summary); \
    using hostile::Metric<Name>::Metric;                                \
    static constexpr auto state = mole::fields(&Name::counter);         \
    void merge(const Name& other) {                                     \
      misbehave_in("merge");                                            \
      counter.n += other.counter.n;                                     \
    }                                                                   \
    static void act() { __VA_ARGS__ }                                   \
  };                                                                    \
  MOLE_PLUGINS(Name)
