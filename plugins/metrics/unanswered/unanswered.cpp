#include <mole/address_pair.hpp>
#include <mole/metric.hpp>
#include <mole/containers/run_map.hpp>

#include <algorithm>

// Conversations (both directions of a 5-tuple) that were heard from one side only. Exact: all 5-tuples of the interval are kept.
// Both directions must reach one state: see docs/metrics/unanswered.md on `by: [direction]`.
struct Unanswered {
  static constexpr auto about = mole::metric("unanswered", "1.0.0", "Conversations and flows without an answer");

  struct Share {
    std::uint64_t conversations = 0, one_way = 0, flows = 0, one_way_flows = 0, packets = 0, one_way_packets = 0;
    std::optional<double> one_way_share, one_way_flow_share, one_way_packet_share;

    static constexpr auto output = mole::columns(
        mole::column("conversations_*", &Share::conversations, mole::unit::one, "Distinct 5-tuples, both directions as one, *"),
        mole::column("one_way_*", &Share::one_way, mole::unit::one, "Of these, heard from one side only, *"),
        mole::column("one_way_share_*", &Share::one_way_share, mole::unit::one,
                     "One-way conversations / conversations, *; null without"),
        mole::column("one_way_flows_*", &Share::one_way_flows, mole::unit::flow, "Flows of one-way conversations, *"),
        mole::column("one_way_flow_share_*", &Share::one_way_flow_share, mole::unit::one,
                     "One-way flows / flows, *; null without"),
        mole::column("one_way_packets_*", &Share::one_way_packets, mole::unit::packet, "Packets of one-way conversations, *"),
        mole::column("one_way_packet_share_*", &Share::one_way_packet_share, mole::unit::one,
                     "One-way packets / packets, *; null without"));

    void take(const Share& other) {
      conversations += other.conversations, one_way += other.one_way;
      flows += other.flows, one_way_flows += other.one_way_flows;
      packets += other.packets, one_way_packets += other.one_way_packets;
    }
    void close() {
      const auto ratio = [](std::uint64_t part, std::uint64_t whole) {
        return whole > 0 ? std::optional(static_cast<double>(part) / static_cast<double>(whole)) : std::nullopt;
      };
      one_way_share = ratio(one_way, conversations);
      one_way_flow_share = ratio(one_way_flows, flows);
      one_way_packet_share = ratio(one_way_packets, packets);
    }
  };
  struct Row {
    Share all, tcp, udp, icmp, other;
    std::uint64_t attempts, answers, pieces, single_udp;
  };
  static constexpr auto output = mole::columns(
      mole::group("all", "any protocol", &Row::all, Share::output), mole::group("tcp", "TCP", &Row::tcp, Share::output),
      mole::group("udp", "UDP", &Row::udp, Share::output), mole::group("icmp", "ICMP echo", &Row::icmp, Share::output),
      mole::group("other", "other protocols", &Row::other, Share::output),
      mole::column("one_way_attempts", &Row::attempts, mole::unit::one,
                   "One-way TCP with SYN and no ACK: scans, services that are down"),
      mole::column("one_way_answers", &Row::answers, mole::unit::one,
                   "One-way TCP with SYN and ACK, or RST: backscatter, other route"),
      mole::column("one_way_pieces", &Row::pieces, mole::unit::one,
                   "Other one-way TCP: pieces of connections across the interval's border"),
      mole::column("one_way_single_udp", &Row::single_udp, mole::unit::one, "One-way UDP conversations of one packet"));

  // What is known of a conversation. Counts stay at 2^32 - 1 when they get there.
  struct Talk {
    std::uint32_t flows = 0, packets = 0;
    std::uint8_t flags = 0, ways = 0;  // ways: 1 from the lower endpoint, 2 from the higher
    static constexpr auto state = mole::fields(&Talk::flows, &Talk::packets, &Talk::flags, &Talk::ways);
    static void raise(std::uint32_t& n, std::uint32_t by) { n += std::min(by, ~n); }
    void merge(const Talk& other) {
      raise(flows, other.flows);
      raise(packets, other.packets);
      flags |= other.flags;
      ways |= other.ways;
    }
  };

  // Protocols as they are counted, and the sums that need no pairing.
  enum Class : std::uint8_t { tcp, udp, icmp, other, classes };
  struct Sums {
    std::uint64_t flows = 0, packets = 0;
    static constexpr auto state = mole::fields(&Sums::flows, &Sums::packets);
  };

  // Key: the endpoints, lower one first, then lower port << 32 | higher port << 16 | protocol.
  template <class A>
  using Key = std::array<std::uint64_t, std::is_same_v<A, mole::Addr> ? 5 : 2>;
  // An IPv4 conversation in three words: the ports and the protocol leave 16 bits of theirs to the flags and ways.
  struct Packed {
    std::uint64_t first, rest;
    std::uint32_t flows, packets;

    static Packed of(const Key<std::uint32_t>& mixed, const Talk& t) {
      return {mixed[0], mixed[1] << 16 | std::uint64_t{t.flags} << 8 | t.ways, t.flows, t.packets};
    }
    static bool takes(const Key<std::uint32_t>& mixed) { return mixed[1] >> 48 == 0; }
    std::uint64_t head() const { return first; }
    bool same(const Packed& e) const { return first == e.first && (rest ^ e.rest) >> 16 == 0; }
    bool before(const Packed& e) const { return first != e.first ? first < e.first : rest >> 16 < e.rest >> 16; }
    void merge(const Packed& e) {
      rest |= e.rest;  // of one key: the upper bits are equal
      Talk::raise(flows, e.flows);
      Talk::raise(packets, e.packets);
    }
    Key<std::uint32_t> key() const { return {first, rest >> 16}; }
    Talk value() const { return {flows, packets, static_cast<std::uint8_t>(rest >> 8), static_cast<std::uint8_t>(rest)}; }
  };
  template <class A>
  using Conversations =
      std::conditional_t<std::is_same_v<A, mole::Addr>, mole::RunMap<Key<A>, Talk>, mole::RunMap<Key<A>, Talk, Packed>>;
  Conversations<std::uint32_t> v4;
  Conversations<mole::Addr> v6;
  std::array<Sums, classes> sums{};
  static constexpr auto state = mole::fields(&Unanswered::v4, &Unanswered::v6, &Unanswered::sums);

  using Flows =
      mole::Flows<mole::src_addr, mole::dst_addr, mole::src_port, mole::dst_port, mole::protocol, mole::packets, mole::tcp_flags>;

  void add(const Flows& flows) {
    mole::for_families<mole::src_addr, mole::dst_addr>(
        flows, [&]<class A>(std::span<const A> src, std::span<const A> dst, std::size_t first) {
          if constexpr (std::is_same_v<A, mole::Addr>)
            add_to(v6, flows, src, dst, first);
          else
            add_to(v4, flows, src, dst, first);
        });
  }
  void merge(const Unanswered& o) {
    v4.merge(o.v4);
    v6.merge(o.v6);
    for (std::size_t c = 0; c < classes; ++c) {
      sums[c].flows += o.sums[c].flows;
      sums[c].packets += o.sums[c].packets;
    }
  }

  Row finish() const {
    Row row{};
    const auto take = [&](const auto& key, const Talk& talk) {
      const auto protocol = static_cast<std::uint8_t>(key.back());
      auto& share = share_of(row, class_of(protocol));
      ++share.conversations;
      if (talk.ways == 3) return;
      ++share.one_way;
      share.one_way_flows += talk.flows;
      share.one_way_packets += talk.packets;
      constexpr unsigned SYN = 2, RST = 4, ACK = 16;
      if (protocol == 17) row.single_udp += talk.packets == 1;
      if (protocol != 6) return;
      if ((talk.flags & (SYN | ACK)) == SYN)
        ++row.attempts;
      else if (talk.flags & (SYN | RST))
        ++row.answers;
      else
        ++row.pieces;
    };
    v4.for_each(take);
    v6.for_each(take);
    for (std::uint8_t c = 0; c < classes; ++c) {
      auto& share = share_of(row, static_cast<Class>(c));
      share.flows = sums[c].flows;
      share.packets = sums[c].packets;
      row.all.take(share);
      share.close();
    }
    row.all.close();
    return row;
  }

 private:
  static Class class_of(std::uint8_t protocol) {
    static constexpr auto table = [] {
      std::array<Class, 256> t;
      t.fill(other);
      t[6] = tcp, t[17] = udp, t[1] = t[58] = icmp;
      return t;
    }();
    return table[protocol];
  }
  static Share& share_of(Row& row, Class c) {
    Share* const shares[classes] = {&row.tcp, &row.udp, &row.icmp, &row.other};
    return *shares[c];
  }
  // Errors and notices of ICMP ask for no answer.
  static bool expects_no_answer(std::uint8_t protocol, std::uint16_t type_and_code) {
    const unsigned type = type_and_code >> 8;
    return (protocol == 1 && type != 8 && type != 0) || (protocol == 58 && type != 128 && type != 129);
  }

  template <class A>
  void add_to(Conversations<A>& map, const Flows& flows, std::span<const A> src, std::span<const A> dst, std::size_t first) {
    const auto src_port = flows.span<mole::src_port>().subspan(first), dst_port = flows.span<mole::dst_port>().subspan(first);
    const auto protocol = flows.span<mole::protocol>().subspan(first);
    const auto packets = flows.span<mole::packets>().subspan(first);
    const auto flags = flows.span<mole::tcp_flags>().subspan(first);
    for (std::size_t i = 0; i < src.size(); ++i) {
      const auto c = class_of(protocol[i]);
      if (c == icmp && expects_no_answer(protocol[i], dst_port[i])) continue;
      ++sums[c].flows;
      sums[c].packets += packets[i];
      // ICMP's "ports" are type and code, which differ between question and answer.
      const std::uint64_t mask = c == icmp ? 0 : 0xffff;
      const auto [key, rising] = conversation(src[i], src_port[i] & mask, dst[i], dst_port[i] & mask, protocol[i]);
      map.add(key, Talk{1, static_cast<std::uint32_t>(std::min<std::uint64_t>(packets[i], ~std::uint32_t{0})),
                        static_cast<std::uint8_t>(flags[i]), static_cast<std::uint8_t>(2 - rising)});
    }
  }
  // Its key, and whether it is from the lower endpoint to the higher. Without a branch for IPv4: nobody can foresee which is
  // which.
  static std::pair<Key<std::uint32_t>, unsigned> conversation(std::uint32_t src, std::uint64_t src_port, std::uint32_t dst,
                                                              std::uint64_t dst_port, std::uint8_t protocol) {
    const std::uint64_t from = std::uint64_t{src} << 16 | src_port, to = std::uint64_t{dst} << 16 | dst_port;
    const std::uint64_t low = std::min(from, to), high = std::max(from, to);
    return {{low >> 16 << 32 | high >> 16, (low & 0xffff) << 32 | (high & 0xffff) << 16 | protocol}, from <= to};
  }
  static std::pair<Key<mole::Addr>, unsigned> conversation(const mole::Addr& src, std::uint64_t src_port, const mole::Addr& dst,
                                                           std::uint64_t dst_port, std::uint8_t protocol) {
    const bool rising = src < dst || (src == dst && src_port <= dst_port);
    const auto ends = rising ? mole::AddressPair<mole::Addr>::key(src, dst) : mole::AddressPair<mole::Addr>::key(dst, src);
    const std::uint64_t ports = rising ? src_port << 32 | dst_port << 16 : dst_port << 32 | src_port << 16;
    return {{ends[0], ends[1], ends[2], ends[3], ports | protocol}, rising};
  }
};

MOLE_PLUGINS(Unanswered)
