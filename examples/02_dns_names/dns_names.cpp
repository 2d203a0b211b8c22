#include <mole/metric.hpp>

#include <set>

// Counts the distinct names that were asked for in DNS queries, as exported by YAF with deep packet inspection.
struct DnsNames {
  static constexpr auto about = mole::metric("dns_names", "0.1.0-dev", "Distinct names in DNS queries per interval");

  struct Row {
    std::uint64_t names;
  };
  static constexpr auto output = mole::columns(mole::column("names", &Row::names, mole::unit::one, "Distinct names"));

  std::set<std::string> names;
  static constexpr auto state = mole::fields(&DnsNames::names);

  void add(const mole::Flows<mole::element<"dnsQName", std::string_view>>& flows) {
    for (auto [asked] : flows)
      for (auto name : asked) names.emplace(name);
  }
  void merge(const DnsNames& other) { names.insert(other.names.begin(), other.names.end()); }
  Row finish() const { return {names.size()}; }
};

MOLE_PLUGINS(DnsNames)
