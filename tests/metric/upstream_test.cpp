#include "runtime/metric/upstream_rows.hpp"

#include "runtime/host/arrow_columns.hpp"

#include <gtest/gtest.h>

namespace mole::runtime {
namespace {

RowTable table(std::vector<std::string> group_columns = {"router"}) {
  RowTable t;
  t.columns.push_back({"interval_start", "time", "", "", std::vector<std::int64_t>{0, 0, 900}, {}});
  t.columns.push_back({"interval_end", "time", "", "", std::vector<std::int64_t>{900, 900, 1800}, {}});
  for (const auto& name : group_columns) t.columns.push_back({name, "text", "", "", std::vector<std::string>{"a", "b", "a"}, {}});
  t.columns.push_back({"mean", "f64", "B", "", std::vector<double>{1.5, 0, 3}, {1, 0, 1}});
  t.columns.push_back({"coverage", "f64", "1", "", std::vector<double>{1, 0, 0.5}, {}});
  for (const char* name : {"flows_lost", "flows_late", "files_expected", "files_present"})
    t.columns.push_back({name, "u64", "", "", std::vector<std::uint64_t>{1, 2, 3}, {}});
  return t;
}

task::Input bound(const char* column, const char* type, std::vector<task::RowFilter> where = {}) {
  task::Input input;
  input.column = column;
  input.type = type;
  input.where = std::move(where);
  return input;
}

// Two rows for the interval and group (0, a), one for (900, a), ranked.
RowTable ranked() {
  auto t = table();
  t.columns[2].values = std::vector<std::string>{"a", "a", "a"};
  t.columns.insert(t.columns.begin() + 3, {"rank", "u64", "", "", std::vector<std::uint64_t>{1, 2, 2}, {}});
  t.columns.insert(t.columns.begin() + 3, {"side", "text", "", "", std::vector<std::string>{"src", "src", "src"}, {1, 1, 0}});
  return t;
}

TEST(UpstreamRows, FindsTheRowOfAnIntervalAndGroup) {
  UpstreamRows rows(*dimensions_named({"router"}));
  ASSERT_TRUE(rows.append(table(), bound("mean", "f64"), {0, 1800}));
  ASSERT_NE(rows.find(900, {"a"}), nullptr);
  EXPECT_EQ(rows.find(900, {"a"})->coverage, (RowCoverage{0.5, 3, 3, 3, 3}));
  EXPECT_FALSE(rows.find(0, {"b"})->valid);
  EXPECT_EQ(rows.find(900, {"b"}), nullptr);
}

TEST(UpstreamRows, ReadsOnlyTheRequestedRange) {
  UpstreamRows rows(*dimensions_named({"router"}));
  ASSERT_TRUE(rows.append(table(), bound("mean", "f64"), {900, 1800}));
  EXPECT_EQ(rows.rows().size(), 1u);
}

TEST(UpstreamRows, RejectsADifferentSchema) {
  UpstreamRows rows(*dimensions_named({"router"}));
  EXPECT_FALSE(rows.append(table(), bound("median", "f64"), {0, 1800}));
  EXPECT_FALSE(rows.append(table(), bound("mean", "u64"), {0, 1800}));
  EXPECT_FALSE(rows.append(table({}), bound("mean", "f64"), {0, 1800}));
  EXPECT_FALSE(rows.append(table({"router", "src_addr"}), bound("mean", "f64"), {0, 1800}));
  EXPECT_FALSE(rows.append(RowTable{}, bound("mean", "f64"), {0, 1800}));
}

TEST(UpstreamRows, RefusesSeveralRowsOfAGroup) {
  UpstreamRows rows(*dimensions_named({"router"}));
  const auto refused = rows.append(ranked(), bound("mean", "f64"), {0, 1800});
  EXPECT_EQ(
      refused.error().message,
      "several rows of the interval 1970-01-01T00:00:00Z belong to one group; say which one to read, such as `where: {rank: 1}`");
  UpstreamRows same_side(*dimensions_named({"router"}));
  EXPECT_NE(same_side.append(ranked(), bound("mean", "f64", {{"side", "src"}}), {0, 1800})
                .error()
                .message.find("have {side: src}; add"),
            std::string::npos);
}

TEST(UpstreamRows, ReadsTheRowThatPasses) {
  UpstreamRows rows(*dimensions_named({"router"}));
  ASSERT_TRUE(rows.append(ranked(), bound("mean", "f64", {{"rank", "1"}, {"side", "src"}}), {0, 1800}));
  ASSERT_EQ(rows.rows().size(), 2u);
  EXPECT_TRUE(rows.find(0, {"a"})->valid);
  // No row passes: the interval is kept with its coverage and without a value.
  EXPECT_FALSE(rows.find(900, {"a"})->valid);
  EXPECT_EQ(rows.find(900, {"a"})->coverage.share, 0.5);
}

TEST(UpstreamRows, RefusesASelectionByAnUnknownColumn) {
  UpstreamRows rows(*dimensions_named({"router"}));
  EXPECT_FALSE(rows.append(ranked(), bound("mean", "f64", {{"position", "1"}}), {0, 1800}));
}

TEST(ArrowRows, CarryValuesNullsAndCoverage) {
  UpstreamRows rows(*dimensions_named({"router"}));
  ASSERT_TRUE(rows.append(table(), bound("mean", "f64"), {0, 1800}));
  ArrowRows values;
  for (const auto& row : rows.rows()) values.add(row);
  ArrowView columns;
  const ArrowArray* array = values.view(columns);
  ASSERT_EQ(array->length, 3);
  ASSERT_EQ(array->n_children, 3);
  EXPECT_EQ(static_cast<const double*>(array->children[0]->buffers[1])[2], 3.0);
  EXPECT_EQ(*static_cast<const std::uint8_t*>(array->children[0]->buffers[0]), 0b101);
  EXPECT_EQ(array->children[0]->null_count, 1);
  EXPECT_EQ(static_cast<const double*>(array->children[1]->buffers[1])[2], 0.5);
}

TEST(AppendValue, KeepsANullInTheFirstRow) {
  const Column from{"x", "f64", "", "", std::vector<double>{0, 7}, {0, 1}};
  Column to{"x", "f64", "", "", std::vector<double>{}, {}};
  append_value(to, from, 0);
  append_value(to, from, 1);
  EXPECT_EQ(to.valid, (std::vector<std::uint8_t>{0, 1}));
  Column later{"x", "f64", "", "", std::vector<double>{}, {}};
  append_value(later, from, 1);
  EXPECT_TRUE(later.valid.empty());
  append_value(later, from, 0);
  EXPECT_EQ(later.valid, (std::vector<std::uint8_t>{1, 0}));
}

}  // namespace
}  // namespace mole::runtime
