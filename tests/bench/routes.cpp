// mole-bench-routes --dir FOLDER
//
// Looks up AS numbers of flow addresses in a table of 925,000 prefixes, alternately with the flat table and libmaxminddb (lookup
// and value, from a database of the same prefixes in FOLDER). Prints one line of JSON: million lookups per second of each, their
// ratio, nanoseconds for both AS columns of a flow, and seconds to load the table from text.
#include "runtime/routes/as_columns.hpp"
#include "tests/routes/mmdb_writer.hpp"

#include <arpa/inet.h>
#include <maxminddb.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

namespace {

namespace fs = std::filesystem;
using mole::RouteList;
using Random = std::mt19937_64;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "mole-bench-routes: %s\n", what.c_str());
  std::exit(1);
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
double uniform(Random& random) { return static_cast<double>(random() >> 11) * 0x1.0p-53; }

// Draws prefix lengths as in a current BGP table: 59 % are /24, few are shorter than /16.
RouteList make_routes(Random& random) {
  const double share[] = {.0002, .0002, .0004, .001, .003, .006, .012, .008, .014,
                          .009,  .014,  .026,  .045, .053, .115, .105, .588};
  RouteList routes;
  while (routes.v4.size() < 925'000) {
    int length = 8;
    for (double left = uniform(random); length < 24 && left >= share[length - 8]; ++length) left -= share[length - 8];
    const auto network = static_cast<std::uint32_t>((1 + random() % 222) << 24 | (random() & 0xffffff)) & ~std::uint32_t{0}
                                                                                                              << (32 - length);
    routes.v4.push_back(
        {network, static_cast<std::uint32_t>(1 + std::pow(60'000.0, uniform(random))), static_cast<std::uint8_t>(length)});
  }
  std::sort(routes.v4.begin(), routes.v4.end(),
            [](const auto& a, const auto& b) { return std::pair(a.network, a.length) < std::pair(b.network, b.length); });
  routes.v4.erase(std::unique(routes.v4.begin(), routes.v4.end(),
                              [](const auto& a, const auto& b) { return a.network == b.network && a.length == b.length; }),
                  routes.v4.end());
  return routes;
}

// Draws hosts of these prefixes by popularity: the n-th host has 1/n of the flows of the first.
std::vector<std::uint32_t> make_addresses(const RouteList& routes, Random& random, std::size_t count) {
  constexpr std::size_t hosts = 200'000;
  std::vector<std::uint32_t> host(hosts), out(count);
  for (auto& h : host) {
    const auto& route = routes.v4[random() % routes.v4.size()];
    h = route.network | (static_cast<std::uint32_t>(random()) & ~(~std::uint32_t{0} << (32 - route.length)));
  }
  for (auto& address : out) address = host[static_cast<std::size_t>(std::pow(static_cast<double>(hosts), uniform(random))) - 1];
  return out;
}

std::string text_of(const RouteList& routes) {
  std::string out;
  for (const auto& r : routes.v4) {
    char line[64];
    std::snprintf(line, sizeof line, "%u.%u.%u.%u/%u %u\n", r.network >> 24, r.network >> 16 & 255, r.network >> 8 & 255,
                  r.network & 255, unsigned{r.length}, r.as);
    out += line;
  }
  return out;
}

void save(const fs::path& file, const std::string& bytes) {
  std::ofstream out(file.string() + ".part", std::ios::binary);
  if (!out.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush()) fail("cannot write " + file.string());
  fs::rename(file.string() + ".part", file);
}

std::uint32_t look_up(const MMDB_s& db, std::uint32_t address) {
  sockaddr_in socket{};
  socket.sin_family = AF_INET;
  socket.sin_addr.s_addr = htonl(address);
  int problem = 0;
  auto found = MMDB_lookup_sockaddr(&db, reinterpret_cast<const sockaddr*>(&socket), &problem);
  if (problem != MMDB_SUCCESS || !found.found_entry) return 0;
  MMDB_entry_data_s value;
  if (MMDB_get_value(&found.entry, &value, "autonomous_system_number", nullptr) != MMDB_SUCCESS || !value.has_data) return 0;
  return value.uint32;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || std::strcmp(argv[1], "--dir") != 0) {
    std::fprintf(stderr, "usage: mole-bench-routes --dir FOLDER\n");
    return 2;
  }
  const fs::path folder = argv[2];
  Random random(1);
  const auto routes = make_routes(random);
  const std::string text = text_of(routes);
  const auto digest = mole::digest_of(std::string_view(text));
  if (!fs::exists(folder / digest.hex())) save(folder / digest.hex(), text);
  if (!fs::exists(folder / "routes.mmdb")) {
    mole::runtime::testing::MmdbWriter writer;
    writer.add(routes);
    save(folder / "routes.mmdb", writer.bytes());
  }
  constexpr std::uint32_t batch = 65'536;
  constexpr std::size_t flows = 16 * batch;
  const auto src = make_addresses(routes, random, flows), dst = make_addresses(routes, random, flows);
  const std::vector<mole::Micros> times(flows, 1);

  const mole::task::RouteTableRef named{{0, 2}, digest, "rib.txt", "prefixes", false};
  mole::runtime::LoadedTables tables(folder);
  const double begin_load = now();
  const auto table = tables.get(named);
  const double load = now() - begin_load;
  if (!table) fail(table.error().message);
  mole::runtime::AsColumns columns({named}, tables);
  MMDB_s db;
  if (MMDB_open((folder / "routes.mmdb").c_str(), MMDB_MODE_MMAP, &db) != MMDB_SUCCESS) fail("cannot open the database");

  std::vector<std::uint32_t> as(batch);
  const auto by_table = [&] {
    const double begin = now();
    for (std::size_t at = 0; at < flows; at += batch) {
      (*table)->find(src.data() + at, batch, as.data());
      (*table)->find(dst.data() + at, batch, as.data());
    }
    return 2 * flows / (now() - begin);
  };
  const auto by_columns = [&] {
    const double begin = now();
    for (std::size_t at = 0; at < flows; at += batch)
      if (auto done = columns.look_up({batch, 4, times.data() + at, src.data() + at, dst.data() + at}); !done)
        fail(done.error().message);
    return (now() - begin) * 1e9 / flows;
  };
  const auto by_database = [&] {
    constexpr std::size_t lookups = 2 * batch;
    std::uint32_t differing = 0;
    const double begin = now();
    for (std::size_t at = 0; at < lookups; ++at) differing += look_up(db, src[at]) != (*table)->find(src[at]);
    const double rate = lookups / (now() - begin);
    if (differing > 0) fail("the table and the database return different AS numbers");
    return rate;
  };
  std::vector<double> table_rates, column_times, database_rates;
  by_table();
  for (int i = 0; i < 7; ++i) {
    table_rates.push_back(by_table());
    database_rates.push_back(by_database());
    column_times.push_back(by_columns());
  }
  const auto median = [](std::vector<double>& v) {
    std::nth_element(v.begin(), v.begin() + 3, v.end());
    return v[3];
  };
  const double table_rate = median(table_rates), database_rate = median(database_rates);
  std::printf("{\"table_m_per_s\":%.1f,\"mmdb_m_per_s\":%.2f,\"ratio\":%.1f,\"ns_per_flow\":%.2f,\"load_seconds\":%.3f}\n",
              table_rate / 1e6, database_rate / 1e6, table_rate / database_rate, median(column_times), load);
  MMDB_close(&db);
  return 0;
}
