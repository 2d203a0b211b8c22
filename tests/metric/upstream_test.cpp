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

TEST(UpstreamRows, FindsTheRowOfAnIntervalAndGroup) {
  UpstreamRows rows(*dimensions_named({"router"}));
  ASSERT_TRUE(rows.append(table(), "mean", "f64", {0, 1800}));
  ASSERT_NE(rows.find(900, {"a"}), nullptr);
  EXPECT_EQ(rows.find(900, {"a"})->coverage, (RowCoverage{0.5, 3, 3, 3, 3}));
  EXPECT_FALSE(rows.find(0, {"b"})->valid);
  EXPECT_EQ(rows.find(900, {"b"}), nullptr);
}

TEST(UpstreamRows, ReadsOnlyTheRequestedRange) {
  UpstreamRows rows(*dimensions_named({"router"}));
  ASSERT_TRUE(rows.append(table(), "mean", "f64", {900, 1800}));
  EXPECT_EQ(rows.rows().size(), 1u);
}

TEST(UpstreamRows, RejectsADifferentSchema) {
  UpstreamRows rows(*dimensions_named({"router"}));
  EXPECT_FALSE(rows.append(table(), "median", "f64", {0, 1800}));
  EXPECT_FALSE(rows.append(table(), "mean", "u64", {0, 1800}));
  EXPECT_FALSE(rows.append(table({}), "mean", "f64", {0, 1800}));
  EXPECT_FALSE(rows.append(table({"router", "src_addr"}), "mean", "f64", {0, 1800}));
  EXPECT_FALSE(rows.append(RowTable{}, "mean", "f64", {0, 1800}));
}

TEST(ArrowRows, CarryValuesNullsAndCoverage) {
  UpstreamRows rows(*dimensions_named({"router"}));
  ASSERT_TRUE(rows.append(table(), "mean", "f64", {0, 1800}));
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
