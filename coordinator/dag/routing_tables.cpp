#include "coordinator/dag/routing_tables.hpp"

#include "sdk/model/routes.hpp"

#include <algorithm>

namespace mole::coordinator::dag {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_tables = 100'000;

// Returns the start of the day in `name`; INT64_MIN if the pattern has no {date}; nullopt if `name` does not match the pattern.
std::optional<Micros> date_in(std::string_view name, std::string_view pattern) {
  const auto at = pattern.find(manifest::date_placeholder);
  if (at == std::string_view::npos) return name == pattern ? std::optional(INT64_MIN) : std::nullopt;
  const auto before = pattern.substr(0, at), after = pattern.substr(at + manifest::date_placeholder.size());
  if (!name.starts_with(before) || !name.substr(before.size()).ends_with(after)) return std::nullopt;
  std::string date(name.substr(before.size(), name.size() - before.size() - after.size()));
  if (date.size() == 8) date = date.substr(0, 4) + "-" + date.substr(4, 2) + "-" + date.substr(6);
  if (date.size() != 10) return std::nullopt;
  const auto day = parse_time(date);
  return day && *day % day_us == 0 ? std::optional(*day) : std::nullopt;
}

std::string prefix(const manifest::Resource& resource) { return resource.where + ": the resource " + resource.name + ": "; }

}  // namespace

Result<std::vector<TableFile>> find_tables(const manifest::Resource& resource, const fs::path& base, const DigestOf& digest,
                                           const AllowPath& allow) {
  const fs::path written = resource.files;
  const fs::path folder = (written.is_relative() ? base / written.parent_path() : written.parent_path()).lexically_normal();
  const auto pattern = written.filename().string();
  if (allow)
    if (auto allowed = prefixed(prefix(resource), allow(folder)); !allowed) return allowed.error();
  std::vector<TableFile> found;
  std::error_code problem;
  for (fs::directory_iterator entry(folder.empty() ? fs::path(".") : folder, problem), end; !problem && entry != end;
       entry.increment(problem)) {
    const auto name = entry->path().filename().string();
    const auto from = date_in(name, pattern);
    if (!from) continue;
    if (found.size() == max_tables)
      return exhausted(prefix(resource) + "more than " + std::to_string(max_tables) + " files match \"" + resource.files +
                       "\"; remove the files that are not needed");
    found.push_back({0, {*from, {}, name, {}}, entry->path()});
  }
  if (problem)
    return missing(prefix(resource) + "the folder " + folder.string() + " cannot be listed: " + problem.message() +
                   "; check \"files\"");
  if (found.empty())
    return missing(prefix(resource) + "no file in " + folder.string() + " matches \"" + pattern + "\"; check \"files\"" +
                   (pattern.find(manifest::date_placeholder) == std::string::npos
                        ? ""
                        : ", and that dates are written 2007-09-22 or 20070922"));
  std::ranges::sort(found, {}, [](const TableFile& file) { return file.table.from; });
  for (std::size_t i = 0; i < found.size(); ++i) {
    auto& table = found[i];
    if (i > 0 && found[i - 1].table.from == table.table.from)
      return invalid(prefix(resource) + found[i - 1].table.name + " and " + table.table.name +
                     " have the same date; keep one of them");
    if (allow)  // it may be a link to another place
      if (auto allowed = prefixed(prefix(resource), allow(table.path)); !allowed) return allowed.error();
    if (!fs::is_regular_file(table.path, problem))
      return invalid(prefix(resource) + table.path.string() + " is not a regular file; remove it from the folder");
    if (const auto size = fs::file_size(table.path, problem); problem || size > max_route_file_bytes)
      return invalid(prefix(resource) + table.path.string() +
                     " is larger than 512 MiB, too large for a routing table; check the file");
    auto bytes = digest(table.path);
    if (!bytes) return invalid(prefix(resource) + bytes.error().message + "; give the coordinator's user permission to read it");
    table.table.digest = *bytes;
  }
  return found;
}

std::vector<task::RouteTableRef> routes_over(const Resource& resource, TimeRange reach) {
  const auto& tables = resource.tables;
  auto next = std::ranges::upper_bound(tables, reach.from, {}, &RoutingTable::from);
  std::vector<task::RouteTableRef> pieces;
  Micros from = reach.from;
  do {
    const Micros to = next == tables.end() ? reach.to : std::min(next->from, reach.to);
    if (next == tables.begin()) {
      pieces.push_back({{from, to}, {}, "", resource.format});
    } else {
      const auto& table = *(next - 1);
      const bool stale = table.from != INT64_MIN && table.from + resource.valid < to;
      pieces.push_back({{from, to}, table.digest, table.name, resource.format, stale, table.unusable.count});
    }
    from = to;
    if (next != tables.end()) ++next;
  } while (from < reach.to);
  return pieces;
}

std::vector<std::string> table_warnings(const Resource& resource, TimeRange reach) {
  std::vector<std::string> warnings;
  const auto warn = [&](TimeRange part, const std::string& replacement) {
    warnings.push_back("resource " + resource.name + " has no table for " + format_time(part.from) + " .. " +
                       format_time(part.to) + ": " + replacement);
  };
  for (const auto& piece : routes_over(resource, reach)) {
    if (piece.name.empty()) {
      warn(piece.used, "AS numbers are 0");
      continue;
    }
    const auto table = std::ranges::find(resource.tables, piece.name, &RoutingTable::name);
    if (const auto& bad = table->unusable; bad.count > 0) {
      auto& text = warnings.emplace_back("resource " + resource.name + ": " + std::to_string(bad.count) +
                                         (bad.count == 1 ? " line of " : " lines of ") + piece.name + " cannot be used: ");
      for (std::size_t i = 0; i < bad.first.size(); ++i) text.append(i ? "; " : "").append(bad.first[i]);
      if (bad.count > bad.first.size()) text += "; ...";
    }
    if (!piece.stale) continue;
    warn({std::max(piece.used.from, table->from + resource.valid), piece.used.to}, "the older table " + piece.name + " is used");
  }
  return warnings;
}

}  // namespace mole::coordinator::dag
