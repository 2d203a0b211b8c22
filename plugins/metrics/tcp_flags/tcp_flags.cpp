#include <mole/metric.hpp>

#include <array>

// TCP flows classified by the union of their flags (tcp_flags of NetFlow is the OR over a flow's packets). Every TCP flow is in
// exactly one class; flows of other protocols are ignored.
struct TcpFlags {
  static constexpr auto about = mole::metric("tcp_flags", "1.0.0", "TCP flows by their flags");

  struct Row {
    std::uint64_t flows, null, syn, syn_ack, closed, reset, refused, ended, running, fin, xmas, illegal, other, ecn;
    std::optional<double> syn_share, closed_share, reset_share, refused_share, illegal_share, answered_ratio;
  };
  static constexpr auto output = mole::columns(
      mole::column("tcp_flows", &Row::flows, mole::unit::flow, "TCP flows: the sum of the twelve classes"),
      mole::column("tcp_null_flows", &Row::null, mole::unit::flow, "No flags"),
      mole::column("tcp_syn_flows", &Row::syn, mole::unit::flow,
                   "SYN without ACK, FIN or RST: connection attempt that did not continue"),
      mole::column("tcp_syn_ack_flows", &Row::syn_ack, mole::unit::flow,
                   "SYN and ACK without FIN or RST: still open at the end of the record"),
      mole::column("tcp_closed_flows", &Row::closed, mole::unit::flow,
                   "SYN, ACK and FIN without RST: opened and closed within one record"),
      mole::column("tcp_reset_flows", &Row::reset, mole::unit::flow, "SYN, ACK and RST: opened, then reset"),
      mole::column("tcp_refused_flows", &Row::refused, mole::unit::flow,
                   "RST without SYN: refused connection, backscatter or late reset"),
      mole::column("tcp_ended_flows", &Row::ended, mole::unit::flow,
                   "ACK and FIN without SYN or RST: end of a longer connection"),
      mole::column("tcp_running_flows", &Row::running, mole::unit::flow,
                   "ACK without SYN, FIN or RST: middle of a longer connection"),
      mole::column("tcp_fin_flows", &Row::fin, mole::unit::flow, "FIN without SYN, ACK or RST, and not xmas: FIN scan"),
      mole::column("tcp_xmas_flows", &Row::xmas, mole::unit::flow, "FIN, PSH and URG without SYN, ACK or RST: xmas scan"),
      mole::column("tcp_illegal_flows", &Row::illegal, mole::unit::flow,
                   "SYN with FIN or RST and without ACK: never sent by a valid TCP implementation"),
      mole::column("tcp_other_flows", &Row::other, mole::unit::flow, "Only PSH or URG"),
      mole::column("tcp_ecn_flows", &Row::ecn, mole::unit::flow, "TCP flows of any class with ECE or CWR (RFC 3168)"),
      mole::column("tcp_syn_share", &Row::syn_share, mole::unit::one,
                   "tcp_syn_flows / tcp_flows; null if there are no TCP flows"),
      mole::column("tcp_closed_share", &Row::closed_share, mole::unit::one,
                   "tcp_closed_flows / tcp_flows; null if there are no TCP flows"),
      mole::column("tcp_reset_share", &Row::reset_share, mole::unit::one,
                   "tcp_reset_flows / tcp_flows; null if there are no TCP flows"),
      mole::column("tcp_refused_share", &Row::refused_share, mole::unit::one,
                   "tcp_refused_flows / tcp_flows; null if there are no TCP flows"),
      mole::column("tcp_illegal_share", &Row::illegal_share, mole::unit::one,
                   "Null, fin, xmas and illegal flows / tcp_flows; null if there are no TCP flows"),
      mole::column("tcp_answered_ratio", &Row::answered_ratio, mole::unit::one,
                   "Flows with SYN and ACK / flows with SYN; null if there are no such flows"));

  std::array<std::uint64_t, 64> flows_of{};  // by the six flags of RFC 793
  std::uint64_t ecn = 0;
  static constexpr auto state = mole::fields(&TcpFlags::flows_of, &TcpFlags::ecn);

  void add(const mole::Flows<mole::protocol, mole::tcp_flags>& flows) {
    const auto protocol = flows.span<mole::protocol>();
    const auto flags = flows.span<mole::tcp_flags>();
    std::uint64_t with_ecn = 0;
    for (std::size_t i = 0; i < flows.size(); ++i) {
      const std::uint64_t one = protocol[i] == 6;
      flows_of[flags[i] & 63u] += one;
      with_ecn += one & std::uint64_t{(flags[i] & 0xc0u) != 0};
    }
    ecn += with_ecn;
  }
  void merge(const TcpFlags& other) { mole::merge_fields(*this, other); }

  static std::uint64_t Row::*class_of(unsigned flags) {
    constexpr unsigned xmas = 8 | 32;  // PSH and URG
    const bool fin = flags & 1, syn = flags & 2, rst = flags & 4, ack = flags & 16;
    if (flags == 0) return &Row::null;
    if (syn && ack) return rst ? &Row::reset : fin ? &Row::closed : &Row::syn_ack;
    if (syn) return fin || rst ? &Row::illegal : &Row::syn;
    if (rst) return &Row::refused;
    if (ack) return fin ? &Row::ended : &Row::running;
    if (fin) return (flags & xmas) == xmas ? &Row::xmas : &Row::fin;
    return &Row::other;
  }
  Row finish() const {
    Row row{};
    std::uint64_t opening = 0, answered = 0;
    for (unsigned flags = 0; flags < flows_of.size(); ++flags) {
      const auto n = flows_of[flags];
      row.*class_of(flags) += n;
      row.flows += n;
      if (flags & 2) opening += n;
      if ((flags & 18) == 18) answered += n;
    }
    row.ecn = ecn;
    row.syn_share = mole::share(row.syn, row.flows);
    row.closed_share = mole::share(row.closed, row.flows);
    row.reset_share = mole::share(row.reset, row.flows);
    row.refused_share = mole::share(row.refused, row.flows);
    row.illegal_share = mole::share(row.null + row.fin + row.xmas + row.illegal, row.flows);
    row.answered_ratio = mole::share(answered, opening);
    return row;
  }
};

MOLE_PLUGINS(TcpFlags)
