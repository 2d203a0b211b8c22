#include <mole/metric.hpp>

#include <array>

// TCP flows by the union of their flags (NetFlow's tcp_flags is the OR of a flow's packets). Every flow is in exactly one
// class; flows of other protocols are not counted.
struct TcpFlags {
  static constexpr auto about = mole::metric("tcp_flags", "1.0.0", "TCP flows by the flags they carried");

  struct Row {
    std::uint64_t flows, null, syn, syn_ack, closed, reset, refused, ended, running, fin, xmas, illegal, other, ecn;
    std::optional<double> syn_share, closed_share, reset_share, refused_share, illegal_share, answered_ratio;
  };
  static constexpr auto output = mole::columns(
      mole::column("tcp_flows", &Row::flows, mole::unit::flow, "TCP flows: the sum of the twelve classes"),
      mole::column("tcp_null_flows", &Row::null, mole::unit::flow, "No flag at all"),
      mole::column("tcp_syn_flows", &Row::syn, mole::unit::flow, "SYN, no ACK, FIN or RST: opened and not gone on"),
      mole::column("tcp_syn_ack_flows", &Row::syn_ack, mole::unit::flow, "SYN and ACK, no FIN or RST: open at the record's end"),
      mole::column("tcp_closed_flows", &Row::closed, mole::unit::flow,
                   "SYN, ACK and FIN, no RST: opened and closed in one record"),
      mole::column("tcp_reset_flows", &Row::reset, mole::unit::flow, "SYN, ACK and RST: opened, then reset"),
      mole::column("tcp_refused_flows", &Row::refused, mole::unit::flow, "RST without SYN: refusal, backscatter or late reset"),
      mole::column("tcp_ended_flows", &Row::ended, mole::unit::flow, "ACK and FIN, no SYN or RST: end of a longer connection"),
      mole::column("tcp_running_flows", &Row::running, mole::unit::flow,
                   "ACK, no SYN, FIN or RST: middle of a longer connection"),
      mole::column("tcp_fin_flows", &Row::fin, mole::unit::flow, "FIN without SYN, ACK, RST, and not xmas: FIN scan"),
      mole::column("tcp_xmas_flows", &Row::xmas, mole::unit::flow, "FIN, PSH and URG without SYN, ACK, RST: xmas scan"),
      mole::column("tcp_illegal_flows", &Row::illegal, mole::unit::flow,
                   "SYN with FIN or RST and no ACK: never sent in good faith"),
      mole::column("tcp_other_flows", &Row::other, mole::unit::flow, "PSH or URG alone"),
      mole::column("tcp_ecn_flows", &Row::ecn, mole::unit::flow, "TCP flows with ECE or CWR, of any class (RFC 3168)"),
      mole::column("tcp_syn_share", &Row::syn_share, mole::unit::one, "tcp_syn_flows / tcp_flows; null without TCP"),
      mole::column("tcp_closed_share", &Row::closed_share, mole::unit::one, "tcp_closed_flows / tcp_flows; null without TCP"),
      mole::column("tcp_reset_share", &Row::reset_share, mole::unit::one, "tcp_reset_flows / tcp_flows; null without TCP"),
      mole::column("tcp_refused_share", &Row::refused_share, mole::unit::one, "tcp_refused_flows / tcp_flows; null without TCP"),
      mole::column("tcp_illegal_share", &Row::illegal_share, mole::unit::one,
                   "Null, fin, xmas and illegal flows / tcp_flows; null without TCP"),
      mole::column("tcp_answered_ratio", &Row::answered_ratio, mole::unit::one,
                   "Flows with SYN and ACK / flows with SYN; null without a SYN"));

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
  void merge(const TcpFlags& other) {
    for (std::size_t i = 0; i < flows_of.size(); ++i) flows_of[i] += other.flows_of[i];
    ecn += other.ecn;
  }

  static std::uint64_t Row::*class_of(unsigned flags) {
    constexpr unsigned FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32;
    if (flags == 0) return &Row::null;
    switch (flags & (FIN | SYN | RST | ACK)) {
      case SYN:
        return &Row::syn;
      case SYN | ACK:
        return &Row::syn_ack;
      case SYN | ACK | FIN:
        return &Row::closed;
      case SYN | ACK | RST:
      case SYN | ACK | RST | FIN:
        return &Row::reset;
      case ACK | FIN:
        return &Row::ended;
      case ACK:
        return &Row::running;
      case FIN:
        return (flags & (PSH | URG)) == (PSH | URG) ? &Row::xmas : &Row::fin;
      case 0:
        return &Row::other;
      default:
        return flags & SYN ? &Row::illegal : &Row::refused;
    }
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
    const auto ratio = [](std::uint64_t part, std::uint64_t whole) {
      return whole > 0 ? std::optional(static_cast<double>(part) / static_cast<double>(whole)) : std::nullopt;
    };
    row.syn_share = ratio(row.syn, row.flows);
    row.closed_share = ratio(row.closed, row.flows);
    row.reset_share = ratio(row.reset, row.flows);
    row.refused_share = ratio(row.refused, row.flows);
    row.illegal_share = ratio(row.null + row.fin + row.xmas + row.illegal, row.flows);
    row.answered_ratio = ratio(answered, opening);
    return row;
  }
};

MOLE_PLUGINS(TcpFlags)
