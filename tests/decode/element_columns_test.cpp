#include "runtime/decode/element_columns.hpp"
#include "runtime/decode/element_text.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace mole::runtime {
namespace {

ColumnSet set_of(std::initializer_list<const char*> names) {
  ColumnSet out;
  for (const auto* name : names) out.set(static_cast<std::size_t>(flow_column_named(name)));
  return out;
}

int put(mole_flow_builder& builder, std::uint32_t element, std::uint32_t row, std::string_view bytes) {
  return builder.put(builder.element_values, element, row, bytes.data(), bytes.size());
}
int put(mole_flow_builder& builder, std::uint32_t element, std::uint32_t row, std::uint64_t number) {
  return builder.put(builder.element_values, element, row, &number, sizeof number);
}

mole_flow_builder new_builder() {
  mole_flow_builder builder{};
  builder.struct_size = sizeof builder;
  builder.capacity = 10;
  return builder;
}

std::string text(const FlowBatch& batch, const char* name, std::uint32_t row) {
  const int column = flow_column_named(name);
  const auto& values = batch.column<mole_values>(column)[row];
  std::string out;
  for (std::uint64_t i = 0; i < values.count; ++i) {
    if (i > 0) out += ";";
    append_element_text(out, element_of_column(column)->type, values, i);
  }
  return out;
}

TEST(ElementColumns, AsksTheDecoderForTheWantedElements) {
  ElementColumns elements(set_of({"bytes", "dnsQName", "flowId", "sourceMacAddress"}));
  auto builder = new_builder();
  elements.start(builder);
  ASSERT_EQ(builder.element_count, 3u);
  std::string asked;
  for (std::uint32_t i = 0; i < 3; ++i)
    asked += std::to_string(builder.elements[i].enterprise) + "/" + std::to_string(builder.elements[i].id) + " ";
  for (const char* one : {"6871/179 ", "0/148 ", "0/56 "}) EXPECT_NE(asked.find(one), std::string::npos) << asked;
}

TEST(ElementColumns, WithoutElementsNothingIsAsked) {
  ElementColumns elements(set_of({"bytes"}));
  auto builder = new_builder();
  elements.start(builder);
  EXPECT_EQ(builder.elements, nullptr);
  EXPECT_EQ(builder.put, nullptr);
}

TEST(ElementColumns, RowsHaveNoneOneOrSeveralValues) {
  ElementColumns elements(set_of({"dnsQName"}));
  for (int batches = 0; batches < 2; ++batches) {
    auto builder = new_builder();
    elements.start(builder);
    EXPECT_EQ(put(builder, 0, 1, "a.example."), MOLE_OK);
    EXPECT_EQ(put(builder, 0, 3, "b.example."), MOLE_OK);
    EXPECT_EQ(put(builder, 0, 3, std::string_view("\xff\0", 2)), MOLE_OK);
    EXPECT_EQ(put(builder, 0, 3, ""), MOLE_OK);
    FlowBatch batch;
    batch.rows = 5;
    elements.finish(batch);
    EXPECT_EQ(text(batch, "dnsQName", 0), "");
    EXPECT_EQ(text(batch, "dnsQName", 1), "a.example.");
    EXPECT_EQ(text(batch, "dnsQName", 2), "");
    EXPECT_EQ(text(batch, "dnsQName", 3), "b.example.;0xff00;");
    EXPECT_EQ(text(batch.slice(3, 2), "dnsQName", 0), "b.example.;0xff00;");
    EXPECT_EQ(text(batch, "dnsQName", 4), "");
  }
}

TEST(ElementColumns, ValuesOfEveryType) {
  ElementColumns elements(set_of({"flowId", "absoluteError", "dataRecordsReliability", "systemInitTimeMilliseconds",
                                  "staIPv4Address", "sourceMacAddress", "mibObjectValueInteger"}));
  auto builder = new_builder();
  elements.start(builder);
  const double half = 0.5;
  const std::int64_t negative = -7, time = 1'190'487'600'500'000;
  const unsigned char address[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};
  for (std::uint32_t e = 0; e < builder.element_count; ++e) {
    std::string bytes;
    switch (builder.elements[e].type) {
      case MOLE_TYPE_F64:
        bytes.assign(reinterpret_cast<const char*>(&half), 8);
        break;
      case MOLE_TYPE_I64:
        bytes.assign(reinterpret_cast<const char*>(&negative), 8);
        break;
      case MOLE_TYPE_TIME:
        bytes.assign(reinterpret_cast<const char*>(&time), 8);
        break;
      case MOLE_TYPE_ADDR:
        bytes.assign(reinterpret_cast<const char*>(address), 16);
        break;
      case MOLE_TYPE_BYTES:
        bytes = std::string("\0\x11\x22\x33\x44\x55", 6);
        break;
      default:
        bytes = std::string("\x01\0\0\0\0\0\0\0", 8);
    }
    EXPECT_EQ(put(builder, e, 0, bytes), MOLE_OK);
    EXPECT_EQ(put(builder, e, 0, bytes), MOLE_OK);
  }
  FlowBatch batch;
  batch.rows = 1;
  elements.finish(batch);
  EXPECT_EQ(text(batch, "flowId", 0), "1;1");
  EXPECT_EQ(text(batch, "dataRecordsReliability", 0), "true;true");
  EXPECT_EQ(text(batch, "absoluteError", 0), "0.5;0.5");
  EXPECT_EQ(text(batch, "mibObjectValueInteger", 0), "-7;-7");
  EXPECT_EQ(text(batch, "systemInitTimeMilliseconds", 0), "2007-09-22T19:00:00.5Z;2007-09-22T19:00:00.5Z");
  EXPECT_EQ(text(batch, "staIPv4Address", 0), "10.0.0.1;10.0.0.1");
  EXPECT_EQ(text(batch, "sourceMacAddress", 0), "00:11:22:33:44:55;00:11:22:33:44:55");
}

TEST(ElementColumns, RejectsWhatADecoderMustNotPut) {
  ElementColumns elements(set_of({"flowId"}));
  auto builder = new_builder();
  elements.start(builder);
  EXPECT_EQ(put(builder, 1, 0, 1), MOLE_INVALID);          // no such element
  EXPECT_EQ(put(builder, 0, 10, 1), MOLE_INVALID);         // beyond the capacity
  EXPECT_EQ(put(builder, 0, 0, "1234567"), MOLE_INVALID);  // a number has 8 bytes
  EXPECT_EQ(put(builder, 0, 2, 1), MOLE_OK);
  EXPECT_EQ(put(builder, 0, 1, 1), MOLE_INVALID);  // rows must not decrease
}

TEST(ElementColumns, ValuesOfABatchAreBounded) {
  ElementColumns elements(set_of({"dnsQName"}));
  auto builder = new_builder();
  elements.start(builder);
  const std::string large(std::size_t{16} << 20, 'x');
  int puts = 0;
  while (put(builder, 0, 0, large) == MOLE_OK) ASSERT_LT(++puts, 16);
  EXPECT_EQ(put(builder, 0, 0, large), MOLE_EXHAUSTED);
  elements.start(builder);
  EXPECT_EQ(put(builder, 0, 0, large), MOLE_OK);
}

}  // namespace
}  // namespace mole::runtime
