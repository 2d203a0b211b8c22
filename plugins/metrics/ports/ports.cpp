#include <mole/concentration.hpp>
#include <mole/metric.hpp>

#include <span>
#include <vector>

#include "services.hpp"

// How many ports TCP and UDP flows use, how evenly the traffic is spread over them, and for which services. Flows of other protocols
// are passed over. Exact.
struct Ports {
  static constexpr auto about = mole::metric("ports", "1.0.0", "Distinct ports, entropy, port ranges and services of TCP and UDP, exact");

  struct Side {
    std::uint64_t count;
    mole::Volume well_known, registered, dynamic;
    mole::VolumeConcentrationRow spread;
    static constexpr auto output =
        mole::columns(mole::column("*_ports", &Side::count, mole::unit::port, "Distinct * ports"),
                      mole::group("*_well_known", "* ports 0 to 1023", &Side::well_known, mole::Volume::output),
                      mole::group("*_registered", "* ports 1024 to 49151", &Side::registered, mole::Volume::output),
                      mole::group("*_dynamic", "* ports from 49152", &Side::dynamic, mole::Volume::output),
                      mole::group("*_port", "* ports", &Side::spread, mole::VolumeConcentrationRow::output));
  };
  struct Row {
    mole::Volume all;
    Side src, dst;
    std::array<std::uint64_t, services::count> flows, packets, bytes;
  };
  static constexpr auto service_names = [] {
    std::array<const char*, services::count> out{};
    for (std::size_t i = 0; i < services::classes.size(); ++i) out[i] = services::classes[i].name;
    out[services::other] = "other";
    return out;
  }();
  static constexpr auto output =
      mole::columns(mole::group("with_ports", "TCP and UDP", &Row::all, mole::Volume::output), mole::group("src", "source", &Row::src, Side::output),
                    mole::group("dst", "destination", &Row::dst, Side::output),
                    mole::each(service_names, "flows_service_*", &Row::flows, mole::unit::flow, "Flows of the service class '*'"),
                    mole::each(service_names, "packets_service_*", &Row::packets, mole::unit::packet, "Packets of the service class '*'"),
                    mole::each(service_names, "bytes_service_*", &Row::bytes, mole::unit::byte, "Bytes of the service class '*'"));

  struct Module {
    services::Table service;
  };
  explicit Ports(const Module& module) : module_(&module) {}

  using Counts = mole::VolumeMap<std::uint16_t>;
  const Module* module_;
  Counts src, dst;
  std::array<mole::Volume, services::count> services{};
  static constexpr auto state = mole::fields(&Ports::src, &Ports::dst, &Ports::services);

  void add(const mole::Flows<mole::src_port, mole::dst_port, mole::protocol, mole::packets, mole::bytes>& flows) {
    const auto protocols = flows.span<mole::protocol>();
    std::size_t with_ports = 0;
    for (const auto p : protocols) with_ports += has_ports(p);
    if (with_ports == 0) return;
    if (with_ports == flows.size())
      return count(flows.span<mole::src_port>(), flows.span<mole::dst_port>(), flows.span<mole::packets>(), flows.span<mole::bytes>());
    thread_local std::vector<std::uint16_t> from, to;
    thread_local std::vector<std::uint64_t> packets, bytes;
    const auto kept = [&]<class T>(std::vector<T>& out, std::span<const T> all) {
      out.resize(protocols.size());
      std::size_t n = 0;
      for (std::size_t i = 0; i < protocols.size(); n += has_ports(protocols[i++])) out[n] = all[i];
      return std::span<const T>(out.data(), n);
    };
    count(kept(from, flows.span<mole::src_port>()), kept(to, flows.span<mole::dst_port>()), kept(packets, flows.span<mole::packets>()),
          kept(bytes, flows.span<mole::bytes>()));
  }
  void merge(const Ports& other) {
    src.merge(other.src);
    dst.merge(other.dst);
    for (std::size_t i = 0; i < services.size(); ++i) services[i].merge(other.services[i]);
  }
  Row finish() const {
    Row row{{}, side(src), side(dst), {}, {}, {}};
    for (std::size_t i = 0; i < services.size(); ++i) {
      row.flows[i] = services[i].flows;
      row.packets[i] = services[i].packets;
      row.bytes[i] = services[i].bytes;
      row.all.merge(services[i]);
    }
    return row;
  }

 private:
  static bool has_ports(std::uint8_t protocol) { return protocol == 6 || protocol == 17; }

  void count(std::span<const std::uint16_t> from, std::span<const std::uint16_t> to, std::span<const std::uint64_t> packets,
             std::span<const std::uint64_t> bytes) {
    src.add(from, packets, bytes);
    dst.add(to, packets, bytes);
    for (std::size_t i = 0; i < from.size(); ++i) services[module_->service.of(from[i], to[i])].merge({1, packets[i], bytes[i]});
  }

  static Side side(const Counts& ports) {
    mole::VolumeConcentration spread;
    mole::Volume well_known, registered, dynamic;
    ports.for_each([&](std::uint16_t port, const mole::Volume& v) {
      spread.add(v);
      (port < 1024 ? well_known : port < 49152 ? registered : dynamic).merge(v);
    });
    return {ports.size(), well_known, registered, dynamic, spread.row()};
  }
};

MOLE_PLUGINS(Ports)
