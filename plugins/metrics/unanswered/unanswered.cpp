#include <mole/address_pair.hpp>
#include <mole/by_family.hpp>
#include <mole/containers/run_map.hpp>
#include <mole/metric.hpp>

#include <algorithm>

// Conversations (both directions of a 5-tuple) with flows in one direction only. Exact: the state keeps all 5-tuples of the
// interval. Both directions must be in the same group: see docs/metrics/unanswered.md on `by: [direction]`.
struct Unanswered {
  static constexpr auto about = mole::metric("unanswered", "1.0.0", "Conversations and flows without an answer");

  struct Counts {
    std::uint64_t conversations = 0, one_way = 0, flows = 0, one_way_flows = 0, packets = 0, one_way_packets = 0;
    std::optional<double> one_way_share, one_way_flow_share, one_way_packet_share;

    static constexpr auto output = mole::columns(
        mole::column("conversations_*", &Counts::conversations, mole::unit::one,
                     "Distinct 5-tuples, both directions counted as one, *"),
        mole::column("one_way_*", &Counts::one_way, mole::unit::one, "Conversations with flows in one direction only, *"),
        mole::column("one_way_share_*", &Counts::one_way_share, mole::unit::one,
                     "One-way conversations / conversations, *; null if there are no conversations"),
        mole::column("one_way_flows_*", &Counts::one_way_flows, mole::unit::flow, "Flows of one-way conversations, *"),
        mole::column("one_way_flow_share_*", &Counts::one_way_flow_share, mole::unit::one,
                     "One-way flows / flows, *; null if there are no flows"),
        mole::column("one_way_packets_*", &Counts::one_way_packets, mole::unit::packet, "Packets of one-way conversations, *"),
        mole::column("one_way_packet_share_*", &Counts::one_way_packet_share, mole::unit::one,
                     "One-way packets / packets, *; null if there are no packets"));

    void add(const Counts& other) {
      conversations += other.conversations, one_way += other.one_way;
      flows += other.flows, one_way_flows += other.one_way_flows;
      packets += other.packets, one_way_packets += other.one_way_packets;
    }
    void set_shares() {
      one_way_share = mole::share(one_way, conversations);
      one_way_flow_share = mole::share(one_way_flows, flows);
      one_way_packet_share = mole::share(one_way_packets, packets);
    }
  };
  struct Row {
    Counts all, tcp, udp, icmp, other;
    std::uint64_t attempts, answers, pieces, single_udp;
  };
  static constexpr auto output = mole::columns(
      mole::group("all", "any protocol", &Row::all, Counts::output), mole::group("tcp", "TCP", &Row::tcp, Counts::output),
      mole::group("udp", "UDP", &Row::udp, Counts::output), mole::group("icmp", "ICMP echo", &Row::icmp, Counts::output),
      mole::group("other", "other protocols", &Row::other, Counts::output),
      mole::column("one_way_attempts", &Row::attempts, mole::unit::one,
                   "One-way TCP conversations with SYN and without ACK: scans, or services that are down"),
      mole::column("one_way_answers", &Row::answers, mole::unit::one,
                   "One-way TCP conversations with SYN and ACK, or with RST: backscatter or asymmetric routing"),
      mole::column("one_way_pieces", &Row::pieces, mole::unit::one,
                   "Other one-way TCP conversations: parts of connections that cross an interval boundary"),
      mole::column("one_way_single_udp", &Row::single_udp, mole::unit::one, "One-way UDP conversations with a single packet"));

  // The flows of a conversation. Counts saturate at 2^32 - 1.
  struct Traffic {
    std::uint32_t flows = 0, packets = 0;
    std::uint8_t flags = 0, directions = 0;  // directions: 1 from the lower endpoint, 2 from the higher
    static constexpr auto state = mole::fields(&Traffic::flows, &Traffic::packets, &Traffic::flags, &Traffic::directions);
    static void increase(std::uint32_t& n, std::uint32_t by) { n += std::min(by, ~n); }
    void merge(const Traffic& other) {
      increase(flows, other.flows);
      increase(packets, other.packets);
      flags |= other.flags;
      directions |= other.directions;
    }
  };

  // Protocol classes, and the sums per class, which need no pairing.
  enum Class : std::uint8_t { tcp, udp, icmp, other, classes };
  struct Sums {
    std::uint64_t flows = 0, packets = 0;
    static constexpr auto state = mole::fields(&Sums::flows, &Sums::packets);
  };

  // The endpoints, lower one first, then lower port << 32 | higher port << 16 | protocol.
  template <class A>
  using Key = std::array<std::uint64_t, std::is_same_v<A, mole::Addr> ? 5 : 2>;
  // An IPv4 conversation in three words: flags and directions use the 16 bits that ports and protocol leave free.
  struct PackedEntry {
    std::uint64_t first, rest;
    std::uint32_t flows, packets;

    static PackedEntry of(const Key<std::uint32_t>& mixed, const Traffic& t) {
      return {mixed[0], mixed[1] << 16 | std::uint64_t{t.flags} << 8 | t.directions, t.flows, t.packets};
    }
    static bool can_store(const Key<std::uint32_t>& mixed) { return mixed[1] >> 48 == 0; }
    std::uint64_t head() const { return first; }
    bool same(const PackedEntry& e) const { return first == e.first && (rest ^ e.rest) >> 16 == 0; }
    bool before(const PackedEntry& e) const { return first != e.first ? first < e.first : rest >> 16 < e.rest >> 16; }
    void merge(const PackedEntry& e) {
      rest |= e.rest;  // the keys are equal, and so are the upper bits
      Traffic::increase(flows, e.flows);
      Traffic::increase(packets, e.packets);
    }
    Key<std::uint32_t> key() const { return {first, rest >> 16}; }
    Traffic value() const { return {flows, packets, static_cast<std::uint8_t>(rest >> 8), static_cast<std::uint8_t>(rest)}; }
  };
  template <class A>
  using Conversations = std::conditional_t<std::is_same_v<A, mole::Addr>, mole::RunMap<Key<A>, Traffic>,
                                           mole::RunMap<Key<A>, Traffic, PackedEntry>>;
  mole::ByFamily<Conversations> conversations;
  std::array<Sums, classes> sums{};
  static constexpr auto state = mole::fields(&Unanswered::conversations, &Unanswered::sums);

  using Flows =
      mole::Flows<mole::src_addr, mole::dst_addr, mole::src_port, mole::dst_port, mole::protocol, mole::packets, mole::tcp_flags>;

  void add(const Flows& flows) {
    conversations.update<mole::src_addr, mole::dst_addr>(
        flows, [&](auto& map, auto src, auto dst, std::size_t first) { add_to(map, flows, src, dst, first); });
  }
  void merge(const Unanswered& from) { mole::merge_fields(*this, from); }

  Row finish() const {
    Row row{};
    conversations.for_each([&](const auto& key, const Traffic& traffic) {
      const auto protocol = static_cast<std::uint8_t>(key.back());
      auto& counts = counts_of(row, class_of(protocol));
      ++counts.conversations;
      if (traffic.directions == 3) return;
      ++counts.one_way;
      counts.one_way_flows += traffic.flows;
      counts.one_way_packets += traffic.packets;
      constexpr unsigned SYN = 2, RST = 4, ACK = 16;
      if (protocol == 17) row.single_udp += traffic.packets == 1;
      if (protocol != 6) return;
      if ((traffic.flags & (SYN | ACK)) == SYN)
        ++row.attempts;
      else if (traffic.flags & (SYN | RST))
        ++row.answers;
      else
        ++row.pieces;
    });
    for (std::uint8_t c = 0; c < classes; ++c) {
      auto& counts = counts_of(row, static_cast<Class>(c));
      counts.flows = sums[c].flows;
      counts.packets = sums[c].packets;
      row.all.add(counts);
      counts.set_shares();
    }
    row.all.set_shares();
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
  static Counts& counts_of(Row& row, Class c) {
    Counts* const by_class[classes] = {&row.tcp, &row.udp, &row.icmp, &row.other};
    return *by_class[c];
  }
  // ICMP errors and notices are not answered.
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
      // The "ports" of ICMP are type and code, which differ between request and reply.
      const std::uint64_t mask = c == icmp ? 0 : 0xffff;
      const auto [key, ascending] = conversation(src[i], src_port[i] & mask, dst[i], dst_port[i] & mask, protocol[i]);
      map.add(key, Traffic{1, static_cast<std::uint32_t>(std::min<std::uint64_t>(packets[i], ~std::uint32_t{0})),
                           static_cast<std::uint8_t>(flags[i]), static_cast<std::uint8_t>(2 - ascending)});
    }
  }
  // Returns the key, and whether the flow is from the lower endpoint to the higher. Branchless for IPv4: the order is random, so
  // branches would be mispredicted.
  static std::pair<Key<std::uint32_t>, unsigned> conversation(std::uint32_t src, std::uint64_t src_port, std::uint32_t dst,
                                                              std::uint64_t dst_port, std::uint8_t protocol) {
    const std::uint64_t from = std::uint64_t{src} << 16 | src_port, to = std::uint64_t{dst} << 16 | dst_port;
    const std::uint64_t low = std::min(from, to), high = std::max(from, to);
    return {{low >> 16 << 32 | high >> 16, (low & 0xffff) << 32 | (high & 0xffff) << 16 | protocol}, from <= to};
  }
  static std::pair<Key<mole::Addr>, unsigned> conversation(const mole::Addr& src, std::uint64_t src_port, const mole::Addr& dst,
                                                           std::uint64_t dst_port, std::uint8_t protocol) {
    const bool ascending = src < dst || (src == dst && src_port <= dst_port);
    const auto ends = ascending ? mole::AddressPair<mole::Addr>::key(src, dst) : mole::AddressPair<mole::Addr>::key(dst, src);
    const std::uint64_t ports = ascending ? src_port << 32 | dst_port << 16 : dst_port << 32 | src_port << 16;
    return {{ends[0], ends[1], ends[2], ends[3], ports | protocol}, ascending};
  }
};

MOLE_PLUGINS(Unanswered)
