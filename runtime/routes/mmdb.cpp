#include "runtime/routes/mmdb.hpp"

#include <maxminddb.h>

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace mole::runtime {
namespace {

// Bounds the walk of a malicious tree, in which many paths lead to one node.
constexpr std::uint64_t max_visits = 16 * max_routes;

struct Close {
  void operator()(MMDB_s* db) const { MMDB_close(db); }
};

class Walk {
 public:
  explicit Walk(const MMDB_s& db) : db_(db), bits_(db.metadata.ip_version == 6 ? 128 : 32) {}

  Result<RouteList> run() {
    if (bits_ == 128) find_v4();
    if (auto walked = node(0, 0, 0); !walked) return walked.error();
    if (routes_.v4.empty() && routes_.v6.empty())
      return invalid("no network in it has an autonomous_system_number; use a database of AS numbers, such as GeoLite2-ASN");
    return std::move(routes_);
  }

 private:
  using Address = unsigned __int128;  // only the top `bits_` bits are used

  // Finds the node of ::/96, if the tree has one.
  void find_v4() {
    std::uint32_t at = 0;
    MMDB_search_node_s found;
    for (int depth = 0; depth < 96; ++depth) {
      if (MMDB_read_node(&db_, at, &found) != MMDB_SUCCESS || found.left_record_type != MMDB_RECORD_TYPE_SEARCH_NODE) return;
      at = static_cast<std::uint32_t>(found.left_record);
    }
    v4_node_ = at;
  }

  Result<> node(std::uint32_t number, Address net, int depth) {
    if (++visits_ > max_visits || depth >= bits_) return corrupt("its tree is damaged or too large; fetch the database again");
    MMDB_search_node_s found;
    if (const int status = MMDB_read_node(&db_, number, &found); status != MMDB_SUCCESS)
      return corrupt(std::string("its tree is damaged: ") + MMDB_strerror(status) + "; fetch the database again");
    if (auto taken = record(found.left_record_type, found.left_record, found.left_record_entry, net, depth + 1); !taken)
      return taken;
    return record(found.right_record_type, found.right_record, found.right_record_entry, net | Address{1} << (127 - depth),
                  depth + 1);
  }

  Result<> record(std::uint8_t type, std::uint64_t value, MMDB_entry_s entry, Address net, int depth) {
    switch (type) {
      case MMDB_RECORD_TYPE_EMPTY:
        return {};
      case MMDB_RECORD_TYPE_SEARCH_NODE:
        if (v4_node_ && value == *v4_node_ && (net != 0 || depth != 96)) return {};  // a second path to the IPv4 addresses
        return node(static_cast<std::uint32_t>(value), net, depth);
      case MMDB_RECORD_TYPE_DATA:
        return add(entry, net, depth);
      default:
        return corrupt("its tree is damaged: a record has an invalid target; fetch the database again");
    }
  }

  Result<> add(MMDB_entry_s entry, Address net, int length) {
    const auto [known, added] = as_of_.try_emplace(entry.offset);
    if (added) {
      MOLE_TRY(known->second, number_of(entry));
    }
    if (!known->second) return {};  // a network without an AS number
    if (routes_.v4.size() + routes_.v6.size() >= max_routes)
      return exhausted("it has more than " + std::to_string(max_routes) + " networks; use a smaller database");
    if (bits_ == 32)
      routes_.v4.push_back({static_cast<std::uint32_t>(net >> 96), *known->second, static_cast<std::uint8_t>(length)});
    else if (length >= 96 && net >> 32 == 0)
      routes_.v4.push_back({static_cast<std::uint32_t>(net), *known->second, static_cast<std::uint8_t>(length - 96)});
    else if (length < 96 && net == 0)
      routes_.v4.push_back({0, *known->second, 0}),
          routes_.v6.push_back({0, 0, *known->second, static_cast<std::uint8_t>(length)});
    else
      routes_.v6.push_back({static_cast<std::uint64_t>(net >> 64), static_cast<std::uint64_t>(net), *known->second,
                            static_cast<std::uint8_t>(length)});
    return {};
  }

  Result<std::optional<std::uint32_t>> number_of(MMDB_entry_s entry) const {
    MMDB_entry_data_s data;
    const int status = MMDB_get_value(&entry, &data, "autonomous_system_number", nullptr);
    if (status == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR || (status == MMDB_SUCCESS && !data.has_data))
      return std::optional<std::uint32_t>();
    if (status != MMDB_SUCCESS)
      return corrupt(std::string("a record is damaged: ") + MMDB_strerror(status) + "; fetch the database again");
    switch (data.type) {
      case MMDB_DATA_TYPE_UINT32:
        return std::optional(data.uint32);
      case MMDB_DATA_TYPE_UINT16:
        return std::optional(std::uint32_t{data.uint16});
      default:
        return invalid("its autonomous_system_number is not a number; use a database such as GeoLite2-ASN");
    }
  }

  const MMDB_s& db_;
  const int bits_;
  std::optional<std::uint64_t> v4_node_;
  std::uint64_t visits_ = 0;
  std::unordered_map<std::uint32_t, std::optional<std::uint32_t>> as_of_;  // by offset of the record
  RouteList routes_;
};

}  // namespace

Result<RouteList> read_mmdb(const std::filesystem::path& file) {
  MMDB_s db;
  if (const int status = MMDB_open(file.c_str(), MMDB_MODE_MMAP, &db); status != MMDB_SUCCESS)
    return corrupt(std::string("it cannot be opened as a MaxMind DB: ") + MMDB_strerror(status) + "; fetch it again");
  const std::unique_ptr<MMDB_s, Close> closing(&db);
  return Walk(db).run();
}

}  // namespace mole::runtime
