#include "coordinator/store/records.hpp"

#include "coordinator/store/keys.hpp"

namespace mole::coordinator::store {
namespace {

using nlohmann::json;

// Rows have checksums, so one that cannot be parsed was written by a different version. It is treated as absent.
json parse(std::string_view text) {
  auto document = json::parse(text, nullptr, false);
  return document.is_discarded() ? json(nullptr) : document;
}

std::string dump(const json& row) { return row.dump(-1, ' ', false, json::error_handler_t::replace); }

json describe_key(Table table, std::string_view key) {
  using enum Table;
  if (table == requests || table == events || table == nodes || table == task_times) return keys::read_u64(key);
  if (table == revisions || table == fingerprints) return keys::read_digest(key).hex();
  if (table == catalogue || table == lineage || table == failures)
    return keys::read_digest(key).hex() + "@" + format_time(keys::block_start_of(key));
  if (table == files || table == damage || table == plugins)
    return std::string(keys::first_of(key)) + " " + std::string(keys::second_of(key));
  if (table == node_loads)
    return std::to_string(keys::read_u64(key)) + (keys::is_hour(key) ? " hour " : " minute ") +
           format_time(keys::load_start_of(key));
  return std::string(key);
}

// Visits rows of the catalogue that can be decoded.
template <class Row>
auto each_block(std::optional<Row> (*decode)(std::string_view), const std::function<void(Micros, const Row&)>& visit) {
  return [=, &visit](std::string_view key, std::string_view value) {
    if (const auto row = decode(value)) visit(keys::block_start_of(key), *row);
    return true;
  };
}

}  // namespace

std::optional<CatalogueRow> Records::catalogue(const Digest& fingerprint, Micros from) const {
  const auto bytes = store_.get(Table::catalogue, keys::block(fingerprint, from), at_);
  return bytes ? decode_catalogue(*bytes) : std::nullopt;
}

void Records::put(Batch& batch, const Digest& fingerprint, Micros from, const CatalogueRow& row) const {
  batch.put(Table::catalogue, keys::block(fingerprint, from), encode(row));
}

void Records::scan_catalogue(const Digest& fingerprint, TimeRange range,
                             const std::function<void(Micros, const CatalogueRow&)>& visit) const {
  store_.scan(Table::catalogue, keys::block(fingerprint, range.from), keys::block(fingerprint, range.to),
              each_block(decode_catalogue, visit), at_);
}

bool Records::has_results(const Digest& fingerprint) const {
  bool any = false;
  store_.scan_prefix(
      Table::catalogue, std::string(keys::bytes_of(fingerprint)),
      [&](std::string_view, std::string_view value) {
        const auto row = decode_catalogue(value);
        any = row && !row->rows_blob.empty();
        return !any;
      },
      at_);
  return any;
}

void Records::scan_keys(const Digest& fingerprint, TimeRange range,
                        const std::function<void(Micros, const CatalogueKeys&)>& visit) const {
  store_.scan(Table::catalogue, keys::block(fingerprint, range.from), keys::block(fingerprint, range.to),
              each_block(decode_keys, visit), at_);
}

json Records::job_row(Table table, const Digest& fingerprint, Micros from) const {
  return json(table, keys::block(fingerprint, from));
}

void Records::put_job_row(Batch& batch, Table table, const Digest& fingerprint, Micros from, const nlohmann::json& row) const {
  batch.put(table, keys::block(fingerprint, from), dump(row));
}

void Records::erase_job_row(Batch& batch, Table table, const Digest& fingerprint, Micros from) const {
  batch.erase(table, keys::block(fingerprint, from));
}

void Records::scan_jobs(Table table, const Digest& fingerprint,
                        const std::function<void(const Digest&, Micros, const nlohmann::json&)>& visit) const {
  const std::string prefix(fingerprint.empty() ? std::string_view{} : keys::bytes_of(fingerprint));
  store_.scan_prefix(
      table, prefix,
      [&](std::string_view key, std::string_view value) {
        visit(keys::read_digest(key), keys::block_start_of(key), parse(value));
        return true;
      },
      at_);
}

std::optional<FileRow> Records::file(const std::string& archive, const std::string& id) const {
  const auto bytes = store_.get(Table::files, keys::pair(archive, id), at_);
  return bytes ? decode_file(*bytes) : std::nullopt;
}

void Records::put_file(Batch& batch, const std::string& archive, const std::string& id, const FileRow& row) const {
  batch.put(Table::files, keys::pair(archive, id), encode(row));
}

void Records::scan_files(const std::string& archive, const std::function<void(const std::string&, const FileRow&)>& visit) const {
  store_.scan_prefix(
      Table::files, keys::pair(archive, ""),
      [&](std::string_view key, std::string_view value) {
        if (const auto row = decode_file(value)) visit(std::string(keys::second_of(key)), *row);
        return true;
      },
      at_);
}

std::map<std::string, task::FileState> Records::faulty_files(const std::string& archive) const {
  std::map<std::string, task::FileState> out;
  store_.scan_prefix(
      Table::damage, keys::pair(archive, ""),
      [&](std::string_view key, std::string_view) {
        const std::string id(keys::second_of(key));
        if (const auto row = file(archive, id); row && is_faulty(row->state)) out.emplace(id, row->state);
        return true;
      },
      at_);
  return out;
}

std::optional<LoadSample> Records::load(std::uint64_t node, bool hour, Micros from) const {
  const auto row = read_document<LoadSample>(json(Table::node_loads, keys::load(node, hour, from)));
  return row ? std::optional(*row) : std::nullopt;
}

void Records::put_load(Batch& batch, std::uint64_t node, bool hour, const LoadSample& sample) const {
  put_json(batch, Table::node_loads, keys::load(node, hour, sample.from), sample);
}

void Records::scan_loads(std::uint64_t node, bool hours, TimeRange range,
                         const std::function<bool(const LoadSample&)>& visit) const {
  store_.scan(
      Table::node_loads, keys::load(node, hours, range.from), keys::load(node, hours, range.to),
      [&](std::string_view, std::string_view value) {
        const auto row = read_document<LoadSample>(parse(value));
        return !row || visit(*row);
      },
      at_);
}

std::vector<std::uint64_t> Records::nodes_with_loads() const {
  std::vector<std::uint64_t> out;
  bool more = true;
  while (more) {
    more = false;
    const auto first = [&](std::string_view key, std::string_view) {
      out.push_back(keys::read_u64(key));
      more = true;
      return false;
    };
    store_.scan(Table::node_loads, out.empty() ? "" : keys::number(out.back() + 1), "", first, at_);
  }
  return out;
}

void Records::scan(Table table, const std::function<bool(std::string_view, std::string_view)>& visit) const {
  store_.scan(table, "", "", visit, at_);
}

void Records::scan_prefix(Table table, const std::string& prefix,
                          const std::function<bool(std::string_view, std::string_view)>& visit) const {
  store_.scan_prefix(table, prefix, visit, at_);
}

nlohmann::json Records::json(Table table, std::string_view key) const {
  const auto text = store_.get(table, key, at_);
  return text ? parse(*text) : nlohmann::json(nullptr);
}

void Records::put_json(Batch& batch, Table table, std::string_view key, const nlohmann::json& row) const {
  batch.put(table, key, dump(row));
}

void Records::scan_json_back(Table table, const std::function<bool(std::string_view, const nlohmann::json&)>& visit) const {
  store_.scan_back(
      table, [&](std::string_view key, std::string_view value) { return visit(key, parse(value)); }, at_);
}

void Records::scan_json(Table table, const std::function<bool(std::string_view, const nlohmann::json&)>& visit) const {
  store_.scan(
      table, "", "", [&](std::string_view key, std::string_view value) { return visit(key, parse(value)); }, at_);
}

nlohmann::json Records::describe_row(Table table, std::string_view key, std::string_view value) {
  nlohmann::json row = nlohmann::json::object();
  if (table == Table::catalogue) {
    if (const auto decoded = decode_catalogue(value)) row = describe(*decoded);
  } else if (table == Table::files) {
    if (const auto decoded = decode_file(value)) row = describe(*decoded);
  } else if (table == Table::leases) {
    if (const auto decoded = decode_lease(value)) row = describe(*decoded);
  } else if (auto parsed = parse(value); parsed.is_object()) {
    row = std::move(parsed);
  } else {
    row["value"] = parsed.is_null() ? nlohmann::json(std::string(value)) : std::move(parsed);
  }
  row["key"] = describe_key(table, key);
  return row;
}

}  // namespace mole::coordinator::store
