#include <mole/metric.hpp>
#include <mole/port_flows.hpp>
#include <mole/statistics/concentration.hpp>

#include "services.hpp"

// Number of ports that TCP and UDP flows use, how evenly the traffic is distributed over them, and traffic by service. Flows of
// other protocols are ignored. Exact.
struct Ports {
  static constexpr auto about =
      mole::metric("ports", "1.0.0", "Distinct ports, entropy, port ranges and services of TCP and UDP, exact");

  struct Side {
    std::uint64_t count;
    mole::Volume well_known, registered, dynamic;
    mole::VolumeConcentrationRow concentration;
    static constexpr auto output =
        mole::columns(mole::column("*_ports", &Side::count, mole::unit::port, "Distinct * ports"),
                      mole::group("*_well_known", "* ports 0 to 1023", &Side::well_known, mole::Volume::output),
                      mole::group("*_registered", "* ports 1024 to 49151", &Side::registered, mole::Volume::output),
                      mole::group("*_dynamic", "* ports from 49152", &Side::dynamic, mole::Volume::output),
                      mole::group("*_port", "* ports", &Side::concentration, mole::VolumeConcentrationRow::output));
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
  static constexpr auto output = mole::columns(
      mole::group("with_ports", "TCP and UDP", &Row::all, mole::Volume::output),
      mole::group("src", "source", &Row::src, Side::output), mole::group("dst", "destination", &Row::dst, Side::output),
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
    thread_local mole::PortFlows ports;
    ports.select(flows);
    src.add(ports.src(), ports.packets(), ports.bytes());
    dst.add(ports.dst(), ports.packets(), ports.bytes());
    for (std::size_t i = 0; i < ports.size(); ++i)
      services[module_->service.of(ports.src()[i], ports.dst()[i])].merge({1, ports.packets()[i], ports.bytes()[i]});
  }
  void merge(const Ports& other) { mole::merge_fields(*this, other); }
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
  static Side side(const Counts& ports) {
    mole::VolumeConcentration concentration;
    mole::Volume well_known, registered, dynamic;
    ports.for_each([&](std::uint16_t port, const mole::Volume& v) {
      concentration.add(v);
      (port < 1024 ? well_known : port < 49152 ? registered : dynamic).merge(v);
    });
    return {ports.size(), well_known, registered, dynamic, concentration.row()};
  }
};

MOLE_PLUGINS(Ports)
