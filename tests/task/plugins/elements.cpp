// A decoder of flows with information elements, and one metric of them that is mergeable and one that needs flows in order.
//
//   element_lines:  "#elements\n", then one line per flow: exported, start, seed, anything. The elements, of any type, follow
//   from the seed:
//                   none, one or several values, texts of up to 60 bytes
#include <mole/decoder.hpp>
#include <mole/metric.hpp>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

constexpr std::int64_t second = 1'000'000;

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a * 0x9e3779b97f4a7c15u ^ b;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

std::uint64_t digest_of(std::string_view text) {
  std::uint64_t out = text.size();
  for (const char c : text) out = mixed(out, static_cast<unsigned char>(c));
  return out;
}

}  // namespace

struct ElementLines {
  static constexpr auto about = mole::decoder("element_lines", "1.0.0", "A line per flow, with information elements");
  using writes = mole::Writes<mole::start, mole::end, mole::bytes, mole::any_element>;

  static bool recognises(std::span<const std::byte> head) {
    return std::string_view(reinterpret_cast<const char*>(head.data()), head.size()).starts_with("#elements\n");
  }

  ElementLines(mole::ByteSource& source, mole::Sink& sink) : in(source), sink(sink) {}

  mole::Result<bool> next(mole::FlowBuilder& out) {
    while (out.room() > 0) {
      const auto window = in.window(400);
      if (window.empty()) return false;
      const std::string_view text(reinterpret_cast<const char*>(window.data()), window.size());
      const auto line = std::string(text.substr(0, text.find('\n')));
      in.skip(line.size() < text.size() ? line.size() + 1 : line.size());
      unsigned long long exported = 0, start = 0, seed = 0;
      if (std::sscanf(line.c_str(), "%llu %llu %llu", &exported, &start, &seed) != 3) continue;
      sink.datagram({static_cast<std::int64_t>(exported) * second}, 1);
      const auto row = out.rows();
      out.set<mole::start>(row, {static_cast<std::int64_t>(start) * second});
      out.set<mole::end>(row, {static_cast<std::int64_t>(start) * second});
      out.set<mole::bytes>(row, seed);
      for (std::size_t e = 0; e < out.elements().size(); ++e)
        if (auto added = put_values(out, e, row, mixed(seed, out.elements()[e].id)); !added) return added.error();
      out.set_rows(row + 1);
    }
    return true;
  }

  static mole::Result<> put_values(mole::FlowBuilder& out, std::size_t e, std::uint32_t row, std::uint64_t seed) {
    const auto type = out.elements()[e].type;
    for (std::uint64_t left = seed % 4; left > 0; --left) {
      seed = mixed(seed, left);
      std::string value(reinterpret_cast<const char*>(&seed), sizeof seed);
      if (type == MOLE_TYPE_TEXT) value = std::to_string(seed % 12) + std::string(seed % 12 * 5, 'x');
      if (type == MOLE_TYPE_BYTES) value.resize(seed % 9);
      if (type == MOLE_TYPE_ADDR) value += value;
      if (type == MOLE_TYPE_BOOL) value = std::string(1, static_cast<char>(seed % 2)) + std::string(7, '\0');
      if (!out.put(e, row, value.data(), value.size())) return mole::exhausted("no memory for elements");
    }
    return {};
  }

  mole::ByteSource& in;
  mole::Sink& sink;
};

// A sum over the values that does not depend on the order of flows, but on the order of values in a flow.
struct Values {
  using Flows = mole::Flows<mole::start, mole::bytes, mole::element<"dnsQName", std::string_view>,
                            mole::element<"sourceMacAddress", std::string_view>, mole::element<"flowId", std::uint64_t>,
                            mole::element<"mibObjectValueInteger", std::int64_t>, mole::element<"dataRecordsReliability", bool>,
                            mole::element<"systemInitTimeMilliseconds", mole::Time>, mole::element<"staIPv4Address", mole::Addr>>;
  struct Row {
    std::uint64_t flows, values, without, sum;
  };
  static constexpr auto output = mole::columns(mole::column("flows", &Row::flows, mole::unit::flow, "Flows"),
                                               mole::column("values", &Row::values, mole::unit::one, "Values"),
                                               mole::column("without", &Row::without, mole::unit::flow, "Flows without a name"),
                                               mole::column("sum", &Row::sum, mole::unit::one, "Sum of digests"));
  std::uint64_t flows = 0, values = 0, without = 0, sum = 0;

  void count(const Flows& batch) {
    for (auto [start, bytes, names, macs, ids, numbers, truths, times, addresses] : batch) {
      ++flows;
      without += names.empty();
      std::uint64_t row = mixed(static_cast<std::uint64_t>(start.us), bytes);
      const auto add = [&](std::uint64_t digest) { row = mixed(row, digest), ++values; };
      for (auto name : names) add(digest_of(name));
      for (auto mac : macs) add(digest_of(mac));
      for (auto id : ids) add(id);
      for (auto number : numbers) add(static_cast<std::uint64_t>(number));
      for (auto truth : truths) add(truth);
      for (auto time : times) add(static_cast<std::uint64_t>(time.us));
      for (auto address : addresses) add(digest_of({reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size()}));
      sum += row;
    }
  }
  Row row() const { return {flows, values, without, sum}; }
};

struct ElementSums : Values {
  static constexpr auto about = mole::metric("element_sums", "1.0.0", "Values of information elements");
  using Row = Values::Row;
  static constexpr auto output = Values::output;
  static constexpr auto state = mole::fields(&ElementSums::flows, &ElementSums::values, &ElementSums::without, &ElementSums::sum);
  void add(const Values::Flows& batch) { count(batch); }
  void merge(const ElementSums& other) {
    flows += other.flows, values += other.values, without += other.without, sum += other.sum;
  }
  Row finish() const { return row(); }
};

struct OrderedElementSums : Values {
  static constexpr auto about =
      mole::metric("ordered_element_sums", "1.0.0", "Values of information elements, in order of start");
  using Row = Values::Row;
  static constexpr auto output = Values::output;
  std::int64_t last = 0;
  static constexpr auto state = mole::fields(&OrderedElementSums::flows, &OrderedElementSums::values,
                                             &OrderedElementSums::without, &OrderedElementSums::sum, &OrderedElementSums::last);
  void add(const Values::Flows& batch) {
    for (const auto start : batch.span<mole::start>()) {
      if (start.us < last) throw mole::Failure(mole::invalid("the flows are not in order"));
      last = start.us;
    }
    count(batch);
  }
  Row finish() {
    const auto out = row();
    flows = values = without = sum = 0;
    return out;
  }
};

MOLE_PLUGINS(ElementLines, ElementSums, OrderedElementSums)
