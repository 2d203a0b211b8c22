#include "coordinator/store/rows.hpp"

#include <cstring>

namespace mole::coordinator::store {
namespace {

class Writer {
 public:
  void digest(const Digest& d) { out_.append(reinterpret_cast<const char*>(d.bytes.data()), d.bytes.size()); }
  template <class T>
  void number(T value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    for (std::size_t i = 0; i < sizeof value; ++i) out_ += static_cast<char>(bits >> (8 * i) & 0xff);
  }
  void text(std::string_view t) {
    number(static_cast<std::uint32_t>(t.size()));
    out_.append(t);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// Reads what Writer wrote; `ok` becomes false at the first read past the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }
  std::string_view take(std::size_t n) {
    if (n > rest_.size()) {
      ok_ = false;
      return {};
    }
    const auto piece = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return piece;
  }
  Digest digest() {
    Digest d;
    const auto piece = take(d.bytes.size());
    if (!piece.empty()) std::memcpy(d.bytes.data(), piece.data(), d.bytes.size());
    return d;
  }
  template <class T>
  T number() {
    const auto piece = take(sizeof(T));
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < piece.size(); ++i) bits |= std::uint64_t{static_cast<std::uint8_t>(piece[i])} << (8 * i);
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  std::string text() { return std::string(take(number<std::uint32_t>())); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

std::string encode(const CatalogueRow& row) {
  Writer out;
  out.digest(row.state_key);
  out.digest(row.result_key);
  out.digest(row.state_blob);
  out.digest(row.rows_blob);
  out.number(row.state_bytes);
  out.number(row.rows_bytes);
  out.number(row.rows);
  out.number(row.coverage);
  out.number(row.coverage_min);
  for (const auto node : row.holders) out.number(node);
  return out.take();
}

std::optional<CatalogueRow> decode_catalogue(std::string_view bytes) {
  Reader in(bytes);
  CatalogueRow row;
  row.state_key = in.digest();
  row.result_key = in.digest();
  row.state_blob = in.digest();
  row.rows_blob = in.digest();
  row.state_bytes = in.number<std::uint64_t>();
  row.rows_bytes = in.number<std::uint64_t>();
  row.rows = in.number<std::uint64_t>();
  row.coverage = in.number<double>();
  row.coverage_min = in.number<double>();
  while (in.ok() && !in.rest().empty()) row.holders.push_back(in.number<std::uint32_t>());
  if (!in.ok()) return std::nullopt;
  return row;
}

std::optional<CatalogueKeys> decode_keys(std::string_view bytes) {
  constexpr std::size_t fixed = 4 * 16 + 5 * 8;
  if (bytes.size() < fixed) return std::nullopt;
  Reader in(bytes);
  CatalogueKeys keys;
  keys.state_key = in.digest();
  keys.result_key = in.digest();
  keys.holders = bytes.substr(fixed);
  return keys;
}

std::uint32_t holder_at(std::string_view holders, std::size_t i) { return Reader(holders.substr(4 * i)).number<std::uint32_t>(); }

std::string encode(const FileRow& row) {
  Writer out;
  out.number(row.size);
  out.number(row.revision);
  out.number(row.position);
  out.number(row.verified);
  out.number(static_cast<std::uint8_t>(row.gone));
  out.digest(row.digest);
  out.text(name_of(row.state));
  out.text(row.version);
  out.text(row.medium);
  return out.take();
}

std::optional<FileRow> decode_file(std::string_view bytes) {
  Reader in(bytes);
  FileRow row;
  row.size = in.number<std::uint64_t>();
  row.revision = in.number<std::uint64_t>();
  row.position = in.number<std::uint64_t>();
  row.verified = in.number<std::uint64_t>();
  row.gone = in.number<std::uint8_t>() != 0;
  row.digest = in.digest();
  const auto state = from_name<task::FileState>(in.text());
  row.state = state.value_or(task::FileState::unread);
  row.version = in.text();
  row.medium = in.text();
  if (!in.ok() || !in.rest().empty() || !state) return std::nullopt;
  return row;
}

nlohmann::json describe(const CatalogueRow& row) {
  const auto hex = [](const Digest& d) { return d.empty() ? std::string{} : d.hex(); };
  return {{"state_key", hex(row.state_key)},
          {"state_blob", hex(row.state_blob)},
          {"result_key", hex(row.result_key)},
          {"rows_blob", hex(row.rows_blob)},
          {"state_bytes", row.state_bytes},
          {"rows_bytes", row.rows_bytes},
          {"rows", row.rows},
          {"coverage", row.coverage},
          {"coverage_min", row.coverage_min},
          {"holders", row.holders}};
}

nlohmann::json describe(const FileRow& row) {
  return {{"size", row.size},       {"revision", row.revision}, {"position", row.position},
          {"gone", row.gone},       {"state", row.state},       {"digest", row.digest.empty() ? std::string{} : row.digest.hex()},
          {"version", row.version}, {"medium", row.medium},     {"verified", row.verified}};
}

}  // namespace mole::coordinator::store
