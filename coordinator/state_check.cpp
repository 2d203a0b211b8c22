#include "coordinator/state_check.hpp"

#include "coordinator/store/blobs.hpp"
#include "coordinator/store/keys.hpp"
#include "coordinator/store/records.hpp"
#include "coordinator/store/removed_requests.hpp"
#include "coordinator/views/request_folder.hpp"
#include "coordinator/views/views.hpp"

#include <map>
#include <set>

namespace mole::coordinator {
namespace fs = std::filesystem;
using namespace store;
namespace {

constexpr std::size_t max_listed = 1000;

bool unpaced(std::uint64_t) { return true; }

void list(std::vector<std::string>& names, std::string name) {
  if (names.size() < max_listed) names.push_back(std::move(name));
}

class Check {
 public:
  Check(Store& store, Blobs& blobs, fs::path state, bool repair)
      : store_(store), records_(store), blobs_(blobs), state_(std::move(state)), root_(state_ / "blobs") {
    found_.repair = repair;
  }

  Result<StateCheck> run() {
    found_.lost_changes = store_.lost_changes();
    for (const auto& name : table_names())
      if (auto checked = check_table(name); !checked) return checked.error();
    found_.database = store_.check_files();
    drop_requests_without_pipeline();
    if (found_.lost_changes > 0 || (found_.repair && is_damaged(Table::requests))) find_lost_requests();
    check_blobs();
    check_links();
    check_request_folders();
    if (const auto last = records_.json(Table::meta, last_scrub); last.is_object())
      if (auto report = read_document<ScrubReport>(last)) found_.scrub = *report;
    return std::move(found_);
  }

 private:
  Result<> check_table(const std::string& name) {
    MOLE_TRY(const auto checked, store_.check_table(*table_of(name), found_.repair));
    found_.rows += checked.rows;
    if (checked.unreadable > 0 || !checked.complete)
      found_.tables.push_back({name, checked.rows, checked.unreadable, checked.complete, checked.repaired});
    return {};
  }

  bool is_damaged(Table table) const {
    return std::ranges::any_of(found_.tables, [&](const DamagedTable& t) { return table_of(t.name) == table; });
  }

  // A later row of a request may be there although its pipeline, which was stored with the first one, is lost. Such a request
  // cannot be continued, so it is lost, too.
  void drop_requests_without_pipeline() {
    if (!found_.repair && (is_damaged(Table::requests) || is_damaged(Table::revisions))) return;
    Batch batch;
    records_.scan_json(Table::requests, [&](std::string_view key, const nlohmann::json& row) {
      if (!row.is_object()) return true;
      const auto revision = Digest::from_hex(row.value("revision", ""));
      if (revision && store_.get(Table::revisions, keys::bytes_of(*revision))) return true;
      list(found_.lost_requests, "r" + std::to_string(keys::read_u64(key)));
      batch.erase(Table::requests, key);
      return true;
    });
    if (found_.repair) store_.commit(batch);
  }

  void find_lost_requests() {
    const RemovedRequests removed(store_.get(Table::meta, requests_removed).value_or(""));
    found_.lost_requests.clear();
    for (std::uint64_t number = 1; number <= store_.last_request(); ++number)
      if (!removed.contains(number) && !store_.get(Table::requests, keys::number(number)))
        list(found_.lost_requests, "r" + std::to_string(number));
  }

  void check_blobs() {
    std::map<Digest, std::vector<std::string>> results;  // keys of the rows in the catalogue, by their blob
    std::set<Digest> claimed;
    store_.scan(Table::catalogue, "", "", [&](std::string_view key, std::string_view value) {
      if (const auto row = decode_catalogue(value); row && !row->rows_blob.empty()) results[row->rows_blob].emplace_back(key);
      return true;
    });
    for (const auto table : {Table::plugins, Table::resources})
      if (found_.repair || !is_damaged(table))  // else its blobs count as unclaimed
        records_.scan_json(table, [&](std::string_view, const nlohmann::json& row) {
          if (const auto digest = Digest::from_hex(row.is_object() ? row.value("digest", "") : "")) claimed.insert(*digest);
          return true;
        });
    std::set<Digest> intact;
    for (const auto& digest : stored_blobs()) {
      if (!verify(digest)) continue;
      intact.insert(digest);
      found_.unclaimed_blobs += !results.contains(digest) && !claimed.contains(digest);
    }
    Batch batch;
    for (const auto& [digest, keys] : results) {
      if (intact.contains(digest)) continue;
      if (!blobs_.has(digest)) list(found_.missing_blobs, digest.hex());
      for (const auto& key : keys) drop_result(key, batch);
    }
    if (found_.repair) store_.commit(batch);
  }

  // The path under the state folder.
  void list_wrong(const fs::path& file) { list(found_.wrong_links, file.lexically_relative(state_).string()); }

  void check_links() {
    std::vector<std::string> modules;
    if (is_damaged(Table::modules) && !found_.repair) return;
    records_.scan_json(Table::modules, [&](std::string_view name, const nlohmann::json&) {
      modules.emplace_back(name);
      return true;
    });
    for (const auto& module : modules)
      for (const auto& [folder, fingerprint] : views::shown_of(records_, module)) {
        const auto rows = views::rows_of(records_, fingerprint);
        const auto wrong = views::wrong_links(state_ / folder, rows, blobs_, unpaced);
        found_.stale_links += wrong.stale;
        for (const auto& file : wrong.damaged) list_wrong(file);
        if (found_.repair && (wrong.stale > 0 || !wrong.damaged.empty()))
          (void)views::TableLinks(state_, blobs_).link_exactly(folder, rows);
      }
  }

  void check_request_folders() {
    if (is_damaged(Table::requests) && !found_.repair) return;
    std::vector<std::uint64_t> numbers;
    records_.scan_json(Table::requests, [&](std::string_view key, const nlohmann::json&) {
      numbers.push_back(keys::number_of(key));
      return true;
    });
    for (const auto number : numbers) {
      const auto check = views::check_request_folder(views::request_folder(state_, number), blobs_, found_.repair, unpaced);
      for (const auto& file : check.wrong) list_wrong(file);
      if (found_.repair && check.rewrite) views::write_request_folder(state_, number, records_, blobs_);
    }
  }

  std::vector<Digest> stored_blobs() {
    std::vector<Digest> out;
    std::error_code error;
    for (fs::recursive_directory_iterator entry(root_, error), end; !error && entry != end; entry.increment(error)) {
      if (entry->path().filename().string().starts_with(".")) entry.disable_recursion_pending();
      const auto digest = Digest::from_hex(entry->path().filename().string());
      if (!digest || !entry->is_regular_file(error)) continue;
      ++found_.blobs;
      found_.blob_bytes += entry->file_size(error);
      out.push_back(*digest);
    }
    return out;
  }

  bool verify(const Digest& digest) {
    const auto actual = digest_of_file(blobs_.path_of(digest));
    if (actual && *actual == digest) return true;
    list(found_.damaged_blobs, digest.hex());
    if (found_.repair) (void)blobs_.verify(digest);  // moves it away
    return false;
  }

  void drop_result(const std::string& key, Batch& batch) {
    ++found_.results_dropped;
    const auto value = store_.get(Table::catalogue, key);
    auto row = value ? decode_catalogue(*value) : std::nullopt;
    if (!row) return;
    row->rows_blob = row->result_key = {};
    batch.put(Table::catalogue, key, encode(*row));
  }

  Store& store_;
  const Records records_;
  Blobs& blobs_;
  const fs::path state_, root_;
  StateCheck found_;
};

}  // namespace

bool StateCheck::has_damage() const {
  const bool tables_left = std::ranges::any_of(tables, [](const DamagedTable& t) { return !t.repaired; });
  return tables_left || (!database.empty() && (tables.empty() || tables_left)) || lost_changes > 0 || !lost_requests.empty() ||
         (!repair && (!damaged_blobs.empty() || !missing_blobs.empty() || !wrong_links.empty()));
}

Result<StateCheck> check_state(const fs::path& state, bool repair) {
  std::error_code error;
  const bool gone = repair && fs::exists(state / "db.acknowledged", error);  // an empty store takes the place of one that is gone
  MOLE_TRY(auto store, Store::open(state / "db", {.create = gone, .accept_loss = repair, .failed = {}}));
  MOLE_TRY(auto blobs, Blobs::open(state / "blobs"));
  return Check(*store, blobs, state, repair).run();
}

}  // namespace mole::coordinator
