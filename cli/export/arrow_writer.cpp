// Arrow IPC stream (Arrow columnar format 1.x, metadata V5): a schema, one record batch per file, and an end marker. The
// metadata is encoded as FlatBuffers; the small subset needed is implemented here and writes parents before children
// (docs/decisions/0028).
#include "cli/export/column.hpp"
#include "cli/export/row_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

namespace mole::cli {
namespace {

using runtime::Column;
using runtime::RowTable;

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
void align(std::string& out, std::size_t to) { out.append((to - out.size() % to) % to, '\0'); }

// A FlatBuffer written front to back. Fields of a table are passed in the order of their ids; offsets to later objects are
// patched once the object has been written.
class FlatBuffer {
 public:
  struct Field {
    std::uint16_t id;
    std::uint8_t size;        // 1, 2, 4 or 8; 4 for offsets
    std::uint64_t value = 0;  // 0 for an offset
  };

  FlatBuffer() { put(bytes_, std::uint32_t{0}); }

  // Writes a table and returns the position of each field's value.
  std::vector<std::size_t> table(const std::vector<Field>& fields) {
    std::uint16_t slots = 0;
    for (const auto& field : fields) slots = std::max<std::uint16_t>(slots, static_cast<std::uint16_t>(field.id + 1));
    align(bytes_, 8);
    const auto vtable = bytes_.size();
    bytes_.append(4 + 2 * std::size_t{slots}, '\0');
    align(bytes_, 8);
    const auto table = bytes_.size();
    put(bytes_, static_cast<std::int32_t>(table - vtable));
    std::vector<std::size_t> places;
    for (const auto& field : fields) {
      align(bytes_, field.size);
      places.push_back(bytes_.size());
      write(vtable + 4 + 2 * std::size_t{field.id}, static_cast<std::uint16_t>(bytes_.size() - table));
      bytes_.append(reinterpret_cast<const char*>(&field.value), field.size);
    }
    write(vtable, static_cast<std::uint16_t>(4 + 2 * slots));
    write(vtable + 2, static_cast<std::uint16_t>(bytes_.size() - table));
    last_table_ = table;
    return places;
  }

  // Makes the offset at `place` point to the last written table.
  void point_at_table(std::size_t place) { write(place, static_cast<std::uint32_t>(last_table_ - place)); }

  void text(std::size_t place, std::string_view text) {
    align(bytes_, 4);
    write(place, static_cast<std::uint32_t>(bytes_.size() - place));
    put(bytes_, static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
    bytes_ += '\0';
  }

  // Writes a vector of `count` offsets and returns the position of each.
  std::vector<std::size_t> offsets(std::size_t place, std::size_t count) {
    align(bytes_, 4);
    write(place, static_cast<std::uint32_t>(bytes_.size() - place));
    put(bytes_, static_cast<std::uint32_t>(count));
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < count; ++i) {
      places.push_back(bytes_.size());
      put(bytes_, std::uint32_t{0});
    }
    return places;
  }

  // Writes a vector of structs of two int64.
  void pairs(std::size_t place, const std::vector<std::pair<std::int64_t, std::int64_t>>& values) {
    while (bytes_.size() % 8 != 4) bytes_ += '\0';
    write(place, static_cast<std::uint32_t>(bytes_.size() - place));
    put(bytes_, static_cast<std::uint32_t>(values.size()));
    for (const auto& [first, second] : values) {
      put(bytes_, first);
      put(bytes_, second);
    }
  }

  std::string finish() && {
    align(bytes_, 8);
    return std::move(bytes_);
  }

 private:
  template <class T>
  void write(std::size_t at, T value) {
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }

  std::string bytes_;
  std::size_t last_table_ = 0;
};

// Constants from Arrow's Message.fbs and Schema.fbs.
enum : std::uint64_t { metadata_v5 = 4, schema_header = 1, batch_header = 3 };
enum : std::uint64_t {
  int_type = 2,
  float_type = 3,
  binary_type = 4,
  utf8_type = 5,
  bool_type = 6,
  timestamp_type = 10,
  list_type = 12,
  fixed_binary_type = 15
};
enum : std::uint64_t { double_precision = 2, microsecond = 2 };

struct ArrowType {
  std::uint64_t id;
  std::vector<FlatBuffer::Field> fields;
};

const ArrowType& arrow_type(const Column& column) {
  static const ArrowType types[] = {{int_type, {{0, 4, 64}, {1, 1, 0}}},
                                    {int_type, {{0, 4, 64}, {1, 1, 1}}},
                                    {float_type, {{0, 2, double_precision}}},
                                    {bool_type, {}},
                                    {timestamp_type, {{0, 2, microsecond}, {1, 4}}},
                                    {utf8_type, {}},
                                    {int_type, {{0, 4, 8}, {1, 1, 0}}},
                                    {int_type, {{0, 4, 16}, {1, 1, 0}}},
                                    {int_type, {{0, 4, 32}, {1, 1, 0}}},
                                    {fixed_binary_type, {{0, 4, sizeof(Addr)}}},
                                    {binary_type, {}}};  // in the order of ColumnType
  return types[static_cast<std::size_t>(type_of(column))];
}

// Writes Message { version, header_type, header, bodyLength } and returns the position of the header.
std::size_t put_message(FlatBuffer& buffer, std::uint64_t header_type, std::uint64_t body) {
  const auto places = buffer.table({{0, 2, metadata_v5}, {1, 1, header_type}, {2, 4}, {3, 8, body}});
  buffer.point_at_table(0);
  return places[2];
}

// Writes the KeyValue pairs `unit`, `doc` and, if the column has one, `ipfix_element`.
void put_notes(FlatBuffer& buffer, std::size_t place, const Column& column) {
  std::vector<std::pair<std::string_view, std::string_view>> notes{{"unit", column.unit}, {"doc", column.doc}};
  if (!column.element.empty()) notes.emplace_back("ipfix_element", column.element);
  const auto pairs = buffer.offsets(place, notes.size());
  for (std::size_t i = 0; i < notes.size(); ++i) {
    const auto fields = buffer.table({{0, 4}, {1, 4}});
    buffer.point_at_table(pairs[i]);
    buffer.text(fields[0], notes[i].first);
    buffer.text(fields[1], notes[i].second);
  }
}

// Writes Field { name, nullable, type_type, type, children, custom_metadata } of a column that is not a list, or of its values.
void put_field(FlatBuffer& buffer, std::size_t place, const Column& column, bool of_list) {
  const auto& type = arrow_type(column);
  std::vector<FlatBuffer::Field> fields{{0, 4}, {1, 1, of_list ? 0U : 1U}, {2, 1, type.id}, {3, 4}, {5, 4}};
  if (!of_list) fields.push_back({6, 4});
  const auto places = buffer.table(fields);
  buffer.point_at_table(place);
  buffer.text(places[0], of_list ? "item" : column.name);
  const auto type_places = buffer.table(type.fields);
  buffer.point_at_table(places[3]);
  if (type_of(column) == ColumnType::time) buffer.text(type_places[1], "UTC");
  buffer.offsets(places[4], 0);
  if (!of_list) put_notes(buffer, places[5], column);
}

void put_list_field(FlatBuffer& buffer, std::size_t place, const Column& column) {
  const auto places = buffer.table({{0, 4}, {1, 1, 1}, {2, 1, list_type}, {3, 4}, {5, 4}, {6, 4}});
  buffer.point_at_table(place);
  buffer.text(places[0], column.name);
  buffer.table({});
  buffer.point_at_table(places[3]);
  const auto child = buffer.offsets(places[4], 1);
  put_field(buffer, child.front(), column, true);
  put_notes(buffer, places[5], column);
}

std::string schema_message(const RowTable& shape) {
  FlatBuffer buffer;
  const auto header = put_message(buffer, schema_header, 0);
  const auto fields_place = buffer.table({{0, 2, 0}, {1, 4}})[1];
  buffer.point_at_table(header);
  const auto fields = buffer.offsets(fields_place, shape.columns.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (shape.columns[i].list)
      put_list_field(buffer, fields[i], shape.columns[i]);
    else
      put_field(buffer, fields[i], shape.columns[i], false);
  }
  return std::move(buffer).finish();
}

// The body of a record batch and the positions of its buffers.
struct Body {
  std::string bytes;
  std::vector<std::pair<std::int64_t, std::int64_t>> nodes, buffers;

  template <class Fill>
  void buffer(Fill&& fill) {
    const auto begin = bytes.size();
    fill(bytes);
    buffers.emplace_back(begin, bytes.size() - begin);
    align(bytes, 8);
  }

  template <class IsSet>
  void bits(std::size_t rows, IsSet&& is_set) {
    buffer([&](std::string& out) {
      const auto begin = out.size();
      out.append((rows + 7) / 8, '\0');
      for (std::size_t row = 0; row < rows; ++row)
        if (is_set(row)) out[begin + row / 8] = static_cast<char>(out[begin + row / 8] | 1 << (row % 8));
    });
  }
};

void put_strings(Body& body, const std::vector<std::string>& values) {
  body.buffer([&](std::string& out) {
    std::int32_t offset = 0;
    put(out, offset);
    for (const auto& value : values) put(out, offset += static_cast<std::int32_t>(value.size()));
  });
  body.buffer([&](std::string& out) {
    for (const auto& value : values) out += value;
  });
}

// Writes the buffers of the values, without their validity.
void put_values(Body& body, const Column& column) {
  if (type_of(column) == ColumnType::boolean) {
    const auto& values = std::get<1>(column.values);
    return body.bits(values.size(), [&](std::size_t i) { return values[i] != 0; });
  }
  if (runtime::is_string(column.type)) return put_strings(body, std::get<3>(column.values));
  runtime::visit_fixed_size(column, [&]<class T>(const std::vector<T>& values) {
    body.buffer([&](std::string& out) { out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)); });
  });
}

void put_column(Body& body, const Column& column) {
  const auto rows = column.size();
  const auto nulls = std::count(column.valid.begin(), column.valid.end(), 0);
  body.nodes.emplace_back(rows, nulls);
  if (nulls > 0)
    body.bits(rows, [&](std::size_t row) { return column.valid[row] != 0; });
  else
    body.buffer([](std::string&) {});
  if (column.list) {
    body.buffer([&](std::string& out) {
      put(out, std::int32_t{0});
      for (const auto end : column.ends) put(out, static_cast<std::int32_t>(end));
    });
    body.nodes.emplace_back(column.value_count(), 0);
    body.buffer([](std::string&) {});
  }
  put_values(body, column);
}

std::string batch_message(const Body& body, std::size_t rows) {
  FlatBuffer buffer;
  const auto header = put_message(buffer, batch_header, body.bytes.size());
  const auto places = buffer.table({{0, 8, rows}, {1, 4}, {2, 4}});
  buffer.point_at_table(header);
  buffer.pairs(places[1], body.nodes);
  buffer.pairs(places[2], body.buffers);
  return std::move(buffer).finish();
}

class ArrowWriter final : public RowWriter {
 public:
  explicit ArrowWriter(Sink sink) : sink_(std::move(sink)) {}

  Result<> begin(const RowTable& shape) override { return message(schema_message(shape), {}); }

  Result<> rows(const RowTable& table) override {
    for (const auto& column : table.columns)
      if (auto good = check_size(column); !good) return good;
    Body body;
    for (const auto& column : table.columns) put_column(body, column);
    return message(batch_message(body, table.rows()), body.bytes);
  }

  Result<> end() override {
    std::string marker;
    put(marker, ~std::uint32_t{0});
    put(marker, std::uint32_t{0});
    return sink_(marker);
  }

 private:
  static Result<> check_size(const Column& column) {
    if (column.list && column.value_count() > std::numeric_limits<std::int32_t>::max())
      return exhausted(fmt::format("column {} has more than 2^31 values in one Arrow batch; use parquet", column.name));
    if (!runtime::is_string(column.type)) return {};
    std::uint64_t bytes = 0;
    for (const auto& value : std::get<3>(column.values)) bytes += value.size();
    if (bytes > std::numeric_limits<std::int32_t>::max())
      return exhausted(fmt::format("column {} has more than 2 GiB of text in one Arrow batch; use parquet", column.name));
    return {};
  }

  Result<> message(const std::string& metadata, std::string_view body) {
    std::string head;
    put(head, ~std::uint32_t{0});
    put(head, static_cast<std::int32_t>(metadata.size()));
    if (auto done = sink_(head + metadata); !done) return done;
    return sink_(body);
  }

  Sink sink_;
};

}  // namespace

std::unique_ptr<RowWriter> arrow_writer(Sink sink) { return std::make_unique<ArrowWriter>(std::move(sink)); }

}  // namespace mole::cli
