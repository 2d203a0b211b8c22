#include "coordinator/store/rows.hpp"

#include <bit>
#include <concepts>
#include <cstring>

namespace mole::coordinator::store {
namespace {

static_assert(std::endian::native == std::endian::little, "rows use the byte order of the machine");

template <class T, class Row>
concept SameAs = std::same_as<std::remove_const_t<T>, Row>;

// visit_fields calls f(name, field) for each field of a row, in the order of their bytes; used to write, read and print rows.

template <SameAs<CatalogueRow> T>
void visit_fields(T& row, auto&& f) {
  f("state_key", row.state_key), f("result_key", row.result_key), f("state_blob", row.state_blob), f("rows_blob", row.rows_blob),
      f("state_bytes", row.state_bytes), f("rows_bytes", row.rows_bytes), f("rows", row.rows), f("coverage", row.coverage),
      f("coverage_min", row.coverage_min), f("flows_counted", row.flows_counted), f("flows_late", row.flows_late),
      f("holders", row.holders);
}
constexpr std::size_t bytes_before_holders = 4 * sizeof(Digest) + 7 * 8;

template <SameAs<FileRow> T>
void visit_fields(T& row, auto&& f) {
  f("size", row.size), f("revision", row.revision), f("position", row.position), f("verified", row.verified), f("gone", row.gone),
      f("digest", row.digest), f("columns", row.columns), f("state", row.state), f("version", row.version),
      f("medium", row.medium), f("stated_digest", row.stated_digest), f("offline", row.offline), f("tier", row.tier);
}

template <SameAs<LeaseRow> T>
void visit_fields(T& row, auto&& f) {
  f("node", row.node), f("incarnation", row.incarnation), f("epoch", row.epoch), f("seq", row.seq), f("kind", row.kind),
      f("request", row.request), f("grid", row.grid), f("block_number", row.block_number), f("block", row.block);
  if (row.kind == task::Kind::fetch) f("library", row.library), f("medium", row.medium);
  f("steps", row.steps);
}

template <SameAs<LeaseRow::Step> T>
void visit_fields(T& step, auto&& f) {
  f("module", step.module), f("make_state", step.make_state), f("make_result", step.make_result),
      f("fingerprint", step.fingerprint), f("state_key", step.state_key), f("result_key", step.result_key);
}

using LeaseSteps = std::vector<LeaseRow::Step>;

struct Writer {
  std::string bytes;

  template <class T>
  void operator()(const char*, const T& value) {
    if constexpr (std::is_same_v<T, std::vector<std::uint32_t>>) {
      bytes.append(reinterpret_cast<const char*>(value.data()), value.size() * sizeof(std::uint32_t));
    } else if constexpr (std::is_same_v<T, std::string>) {
      (*this)("", static_cast<std::uint32_t>(value.size()));
      bytes.append(value);
    } else if constexpr (std::is_same_v<T, LeaseSteps>) {
      for (const auto& step : value) visit_fields(step, *this);
    } else if constexpr (Named<T>) {
      (*this)("", std::string(name_of(value)));
    } else {
      bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
  }
};

// Reads what Writer wrote; `ok` becomes false at the first read past the end and at an unknown name.
struct Reader {
  std::string_view rest;
  bool ok = true;

  std::string_view take(std::size_t n) {
    ok = ok && n <= rest.size();
    const auto piece = ok ? rest.substr(0, n) : std::string_view{};
    rest.remove_prefix(piece.size());
    return piece;
  }
  template <class T>
  T read() {
    T value{};
    if (const auto piece = take(sizeof value); ok) std::memcpy(&value, piece.data(), sizeof value);
    return value;
  }
  template <class T>
  void operator()(const char*, T& value) {
    if constexpr (std::is_same_v<T, std::vector<std::uint32_t>>) {
      while (ok && !rest.empty()) value.push_back(read<std::uint32_t>());
    } else if constexpr (std::is_same_v<T, std::string>) {
      value = take(read<std::uint32_t>());
    } else if constexpr (std::is_same_v<T, LeaseSteps>) {
      while (ok && !rest.empty()) visit_fields(value.emplace_back(), *this);
    } else if constexpr (Named<T>) {
      const auto known = from_name<T>(take(read<std::uint32_t>()));
      ok = ok && known;
      value = known.value_or(T{});
    } else if constexpr (std::is_same_v<T, bool>) {
      value = read<std::uint8_t>() != 0;
    } else {
      value = read<T>();
    }
  }
};

template <class Row>
std::string encoded(const Row& row) {
  Writer out;
  visit_fields(row, out);
  return std::move(out.bytes);
}

template <class Row>
std::optional<Row> decoded(std::string_view bytes) {
  Reader in{bytes};
  Row row;
  visit_fields(row, in);
  return in.ok && in.rest.empty() ? std::optional(std::move(row)) : std::nullopt;
}

template <class Row>
nlohmann::json described(const Row& row) {
  nlohmann::json out;
  visit_fields(row, [&]<class T>(const char* name, const T& value) {
    if constexpr (std::is_same_v<T, LeaseSteps>)
      for (const auto& step : value) out[name].push_back(described(step));
    else
      out[name] = value;
  });
  return out;
}

}  // namespace

std::string encode(const CatalogueRow& row) { return encoded(row); }
std::string encode(const FileRow& row) { return encoded(row); }
std::string encode(const LeaseRow& row) { return encoded(row); }
std::optional<CatalogueRow> decode_catalogue(std::string_view bytes) { return decoded<CatalogueRow>(bytes); }
std::optional<FileRow> decode_file(std::string_view bytes) {
  if (auto row = decoded<FileRow>(bytes)) return row;
  return decoded<FileRow>(std::string(bytes) + std::string(6, '\0'));  // earlier versions ended after `medium`
}
std::optional<LeaseRow> decode_lease(std::string_view bytes) { return decoded<LeaseRow>(bytes); }
nlohmann::json describe(const CatalogueRow& row) { return described(row); }
nlohmann::json describe(const FileRow& row) { return described(row); }
nlohmann::json describe(const LeaseRow& row) { return described(row); }

std::optional<CatalogueKeys> decode_keys(std::string_view bytes) {
  if (bytes.size() < bytes_before_holders) return std::nullopt;
  Reader in{bytes};
  const auto state_key = in.read<Digest>(), result_key = in.read<Digest>();
  return CatalogueKeys{state_key, result_key, bytes.substr(bytes_before_holders)};
}

std::uint32_t holder_at(std::string_view holders, std::size_t i) { return Reader{holders.substr(4 * i)}.read<std::uint32_t>(); }

}  // namespace mole::coordinator::store
