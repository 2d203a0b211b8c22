#include "runtime/host/arrow_columns.hpp"
#include "runtime/host/plugin_call.hpp"

#include <gtest/gtest.h>

namespace mole::runtime {
namespace {

TEST(PluginCall, ErrorsNameTheModuleAndTheCall) {
  const auto record = CallRecord::in_memory();
  const auto call = [&](std::int32_t outcome, const std::string& text) {
    return plugin_call(*record, Call::add, 1, "median", 4, [&](mole_error* e) {
      EXPECT_STREQ(record->read().module, "median");
      EXPECT_EQ(record->read().batch, 4u);
      std::memcpy(e->text, text.data(), text.size());
      e->size = static_cast<std::uint32_t>(text.size());
      return outcome;
    });
  };
  EXPECT_EQ(*call(MOLE_OK, ""), MOLE_OK);
  EXPECT_EQ(*call(MOLE_PENDING, ""), MOLE_PENDING);
  EXPECT_EQ(call(MOLE_INVALID, "ddof 2; choose 0").error().message, "median: add: ddof 2; choose 0");
  EXPECT_EQ(call(MOLE_INVALID, "ddof 2; choose 0").error().code, Code::invalid);
  EXPECT_EQ(call(MOLE_EXHAUSTED, "two\nlines\x1b[31m").error().message, "median: add: two lines [31m");
  EXPECT_EQ(call(-99, "").error().code, Code::internal);
  EXPECT_EQ(call(42, "").error().code, Code::internal);
  EXPECT_EQ(static_cast<Call>(record->read().call), Call::none) << "cleared after the call";
}

TEST(PluginCall, TruncatesAMessageLargerThanItsBuffer) {
  const auto record = CallRecord::in_memory();
  auto failed = plugin_call(*record, Call::add, 1, "oversized", 0, [](mole_error* e) {
    e->size = 0xffffffff;
    return std::int32_t{MOLE_INTERNAL};
  });
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("without a message"), std::string::npos);
}

// An array as returned by a plugin.
struct ReturnedArray {
  std::vector<const void*> buffers;
  ArrowArray child{}, rows{};
  ArrowArray* children[1];
  ReturnedArray(std::int64_t length, std::vector<const void*> b) : buffers(std::move(b)) {
    child.length = rows.length = length;
    child.n_buffers = static_cast<std::int64_t>(buffers.size());
    child.buffers = buffers.data();
    child.null_count = -1;
    children[0] = &child;
    rows.n_children = 1;
    rows.children = children;
  }
};

TEST(ReturnedColumns, AreCopiedByType) {
  const std::uint8_t validity = 0b01;
  const double values[] = {1.5, 2.5};
  const auto columns = to_columns(ReturnedArray(2, {&validity, values}).rows, 2, {{"x", "f64", true, "B", "doc"}});
  ASSERT_TRUE(columns);
  EXPECT_EQ(std::get<std::vector<double>>((*columns)[0].values)[0], 1.5);
  EXPECT_EQ((*columns)[0].valid, (std::vector<std::uint8_t>{1, 0}));
  EXPECT_EQ((*columns)[0].unit, "B");

  const std::int32_t offsets[] = {0, 2, 5};
  const auto strings = to_columns(ReturnedArray(2, {nullptr, offsets, "abcde"}).rows, 2, {{"t", "text", false, "", ""}});
  ASSERT_TRUE(strings);
  EXPECT_EQ(std::get<std::vector<std::string>>((*strings)[0].values), (std::vector<std::string>{"ab", "cde"}));

  const std::uint8_t bits = 0b10;
  const auto bools = to_columns(ReturnedArray(2, {nullptr, &bits}).rows, 2, {{"b", "bool", false, "", ""}});
  EXPECT_EQ(std::get<std::vector<std::int64_t>>((*bools)[0].values), (std::vector<std::int64_t>{0, 1}));
}

TEST(ReturnedColumns, RejectUndeclaredLayouts) {
  const std::uint64_t values[] = {1, 2};
  const std::uint8_t validity = 0b01;
  const std::vector<Output> declared{{"n", "u64", false, "", ""}};
  EXPECT_TRUE(to_columns(ReturnedArray(2, {nullptr, values}).rows, 2, declared));
  EXPECT_FALSE(to_columns(ReturnedArray(2, {nullptr, values}).rows, 3, declared)) << "counts differ";
  EXPECT_FALSE(to_columns(ReturnedArray(2, {nullptr, nullptr}).rows, 2, declared)) << "no values";
  EXPECT_FALSE(to_columns(ReturnedArray(2, {values}).rows, 2, declared)) << "one buffer";
  EXPECT_FALSE(to_columns(ReturnedArray(2, {&validity, values}).rows, 2, declared)) << "a null in a column that is not nullable";
  EXPECT_FALSE(to_columns(ReturnedArray(2, {nullptr, values}).rows, 2, {})) << "one column too many";
  EXPECT_FALSE(to_columns(ReturnedArray(-1, {nullptr, values}).rows, 0, declared));
  const std::int32_t decreasing[] = {0, 5, 2};
  EXPECT_FALSE(to_columns(ReturnedArray(2, {nullptr, decreasing, "abcde"}).rows, 2, {{"t", "text", false, "", ""}}));
}

TEST(Values, AreInTheOrderOfTheDescriptor) {
  Descriptor d;
  d.params = {{"ddof", "u64", 0, {}, "", "", {}, ""},
              {"name", "text", "", {}, "", "", {}, ""},
              {"deep", "bool", false, {}, "", "", {}, ""}};
  const nlohmann::json params = {{"name", "x"}, {"ddof", 1}, {"deep", true}};
  const auto values = to_values(d, params);
  ASSERT_TRUE(values);
  EXPECT_EQ((*values)[0].as.u64, 1u);
  EXPECT_EQ(std::string((*values)[1].as.text.data, (*values)[1].as.text.size), "x");
  EXPECT_EQ((*values)[2].as.i64, 1);
  EXPECT_FALSE(to_values(d, {{"ddof", 1}}));
}

}  // namespace
}  // namespace mole::runtime
