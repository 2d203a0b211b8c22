// The boundary between an author's class and the C function table.
#include <gtest/gtest.h>
#include <mole/decoder.hpp>
#include <mole/downloader.hpp>
#include <mole/metric.hpp>
#include <mole/testkit.hpp>

#include <stdexcept>

namespace {

using mole::testkit::CallFailed;
using mole::testkit::flows;
using mole::testkit::run;

struct Every {  // every type of parameter and column, several rows, a shared module
  static constexpr auto about = mole::metric("every", "1.0.0-dev", "Every type, \"quoted\"");
  struct Row {
    std::uint8_t small;
    std::int32_t number;
    double real;
    bool flag;
    std::optional<std::string> text;
    mole::Time time;
    std::optional<bool> maybe;
  };
  static constexpr auto output = mole::columns(
      mole::column("small", &Row::small, mole::unit::one, "u8"), mole::column("number", &Row::number, mole::unit::one, "i32"),
      mole::column("real", &Row::real, mole::unit::byte_per_second, "f64"),
      mole::column("flag", &Row::flag, mole::unit::one, "bool"), mole::column("text", &Row::text, mole::unit::one, "text"),
      mole::column("time", &Row::time, mole::unit::one, "time"),
      mole::column("maybe", &Row::maybe, mole::unit::one, "bool or null"));
  struct Params {
    std::uint64_t u = 1;
    std::int64_t i = -2;
    double f = 0.5;
    bool b = true;
    std::string t = "x\ny";
  };
  static constexpr auto params =
      mole::params(mole::param("u", &Params::u, "a u64"), mole::param("i", &Params::i, mole::range(-5, 5), "an i64"),
                   mole::param("f", &Params::f, mole::unit::second, "an f64"), mole::param("b", &Params::b, "a bool"),
                   mole::param("t", &Params::t, mole::format::path, mole::one_of("x\ny", "z"), "text"));

  struct Module {
    explicit Module(const Params& p) : params(p) {}
    Params params;
  };
  explicit Every(const Module& m) : module(&m) {}
  const Module* module;
  std::uint64_t rows = 0;
  static constexpr auto state = mole::fields(&Every::rows);

  void add(const mole::Flows<mole::start, mole::src_addr, mole::src_port, mole::protocol>& batch) {
    for (auto [start, address, port, protocol] : batch) {
      if (start.us == 2'000'000 && address == mole::Addr::v4(0x0a000002) && port == 53 && protocol == 17) ++rows;
    }
  }
  void merge(const Every& other) { rows += other.rows; }
  std::vector<Row> finish() const {
    const auto& p = module->params;
    std::vector<Row> out(rows, {200, static_cast<std::int32_t>(p.i), p.f, p.b, p.t, {static_cast<std::int64_t>(p.u)}, false});
    out.push_back({0, 0, 0, false, std::nullopt, {}, std::nullopt});
    return out;
  }
};

TEST(Metric, PassesEveryTypeAcrossTheBoundary) {
  const auto rows = run<Every>(flows(R"(
      start     src_addr  src_port  protocol
      00:00:01  10.0.0.1     53      17
      00:00:02  10.0.0.2     53      17
      00:00:02  10.0.0.2     53      17 )"),
                               {.params = {7, 5, 1.5, false, "héllo"}, .contexts = {}});
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[1].small, 200);
  EXPECT_EQ(rows[1].number, 5);
  EXPECT_EQ(rows[1].real, 1.5);
  EXPECT_FALSE(rows[1].flag);
  EXPECT_EQ(rows[1].text, "héllo");
  EXPECT_EQ(rows[1].time.us, 7);
  EXPECT_EQ(rows[1].maybe, false);
  EXPECT_EQ(rows[2].text, std::nullopt);
  EXPECT_EQ(rows[2].maybe, std::nullopt);
}

TEST(Metric, SatisfiesTheLawsWithSeveralRows) {
  mole::testkit::check_laws<Every>(
      flows("start src_addr src_port protocol\n 00:00:02 10.0.0.2 53 17\n 00:00:02 ::1 53 17\n 00:00:02 10.0.0.2 53 17"));
}

TEST(Metric, DescribesItselfInCanonicalJson) {
  EXPECT_EQ(
      std::string(mole::detail::plugin_of<Every>()->descriptor),
      R"({"deterministic":true,"execution":"mergeable","inputs":[{"kind":"flows","reads":["start","src_addr","src_port","protocol"],"role":"flows"}],"kind":"metric","name":"every",)"
      R"("output":[{"doc":"u8","name":"small","nullable":false,"type":"u64","unit":"1"},{"doc":"i32","name":"number","nullable":false,"type":"i64","unit":"1"},)"
      R"({"doc":"f64","name":"real","nullable":false,"type":"f64","unit":"B/s"},{"doc":"bool","name":"flag","nullable":false,"type":"bool","unit":"1"},)"
      R"({"doc":"text","name":"text","nullable":true,"type":"text","unit":"1"},{"doc":"time","name":"time","nullable":false,"type":"time","unit":"1"},)"
      R"({"doc":"bool or null","name":"maybe","nullable":true,"type":"bool","unit":"1"}],)"
      R"("params":[{"default":1,"doc":"a u64","name":"u","type":"u64"},{"default":-2,"doc":"an i64","name":"i","range":[-5,5],"type":"i64"},)"
      R"({"default":0.5,"doc":"an f64","name":"f","type":"f64","unit":"s"},{"default":true,"doc":"a bool","name":"b","type":"bool"},)"
      R"({"choices":["x\u000ay","z"],"default":"x\u000ay","doc":"text","format":"path","name":"t","type":"text"}],)"
      R"("rows":"many","state":{"revision":1,"shape":"4d35d3193e8d66f2"},"summary":"Every type, \"quoted\"","version":"1.0.0-dev"})");
}

struct Side {
  std::uint64_t flows = 0;
  std::optional<double> share;
  static constexpr auto output = mole::columns(mole::column("flows_*", &Side::flows, mole::unit::flow, "Flows by *"),
                                               mole::column("share_*", &Side::share, mole::unit::one, "Share of *"));
};
struct Both {
  Side low, high;
  static constexpr auto output = mole::columns(mole::group("*_low", "low * ports", &Both::low, Side::output),
                                               mole::group("*_high", "high * ports", &Both::high, Side::output));
};
struct Grouped {  // columns from tables within tables, and from arrays
  [[maybe_unused]] static constexpr auto about = mole::metric("grouped", "1.0.0", "Columns in groups");
  struct Row {
    Both src;
    std::array<std::uint64_t, 2> sizes{};
    std::uint64_t last = 0;
  };
  static constexpr auto output =
      mole::columns(mole::group("src", "source", &Row::src, Both::output),
                    mole::each(std::array{"small", "large"}, "flows_*", &Row::sizes, mole::unit::flow, "Flows that are *"),
                    mole::column("last", &Row::last, mole::unit::one, "A * that is not replaced"));
  std::uint64_t rows = 0;
  static constexpr auto state = mole::fields(&Grouped::rows);

  void add(const mole::Flows<mole::src_port>& batch) { rows += batch.size(); }
  void merge(const Grouped& other) { rows += other.rows; }
  Row finish() const { return {{{rows, {}}, {rows + 1, 0.5}}, {rows + 2, rows + 3}, rows + 4}; }
};

TEST(Metric, NamesTheColumnsOfGroupsAndArrays) {
  const std::string descriptor = mole::detail::plugin_of<Grouped>()->descriptor;
  const auto from = descriptor.find("\"output\":"), to = descriptor.find(",\"params\"");
  EXPECT_EQ(descriptor.substr(from, to - from),
            R"("output":[{"doc":"Flows by low source ports","name":"flows_src_low","nullable":false,"type":"u64","unit":"flow"},)"
            R"({"doc":"Share of low source ports","name":"share_src_low","nullable":true,"type":"f64","unit":"1"},)"
            R"({"doc":"Flows by high source ports","name":"flows_src_high","nullable":false,"type":"u64","unit":"flow"},)"
            R"({"doc":"Share of high source ports","name":"share_src_high","nullable":true,"type":"f64","unit":"1"},)"
            R"({"doc":"Flows that are small","name":"flows_small","nullable":false,"type":"u64","unit":"flow"},)"
            R"({"doc":"Flows that are large","name":"flows_large","nullable":false,"type":"u64","unit":"flow"},)"
            R"({"doc":"A * that is not replaced","name":"last","nullable":false,"type":"u64","unit":"1"}])");
}

TEST(Metric, PassesGroupsAndArraysAcrossTheBoundary) {
  const auto row = run<Grouped>(flows("src_port\n 1\n 2"));
  EXPECT_EQ(row.src.low.flows, 2u);
  EXPECT_EQ(row.src.low.share, std::nullopt);
  EXPECT_EQ(row.src.high.flows, 3u);
  EXPECT_EQ(row.src.high.share, 0.5);
  EXPECT_EQ(row.sizes, (std::array<std::uint64_t, 2>{4, 5}));
  EXPECT_EQ(row.last, 6u);
  mole::testkit::check_laws<Grouped>(flows("src_port\n 1\n 2\n 3"));
}

struct Thrower {
  [[maybe_unused]] static constexpr auto about = mole::metric("thrower", "1.0.0", "Throws the selected exception");
  struct Row {
    std::uint64_t n;
  };
  static constexpr auto output = mole::columns(mole::column("n", &Row::n, mole::unit::one, "n"));
  std::uint64_t n = 0;
  static constexpr auto state = mole::fields(&Thrower::n);

  void add(const mole::Flows<mole::bytes>& batch) {
    for (auto [bytes] : batch) {
      if (bytes == 1) throw std::bad_alloc();
      if (bytes == 2) throw std::runtime_error("what went wrong");
      if (bytes == 3) throw 3;
      if (bytes == 4) throw mole::Failure(mole::invalid("four is not allowed"));
      if (bytes == 5) throw std::runtime_error(std::string(499, 'x') + "é");
    }
  }
  void merge(const Thrower&) {}
  Row finish() const { return {n}; }
};

CallFailed failure_of(const std::string& bytes) {
  try {
    run<Thrower>(flows("bytes\n" + bytes));
  } catch (const CallFailed& e) {
    return e;
  }
  return {MOLE_OK, "nothing was thrown"};
}

TEST(Metric, StopsEveryExceptionAtTheBoundary) {
  EXPECT_EQ(failure_of("1").code(), mole::Code::exhausted);
  EXPECT_EQ(failure_of("2").code(), mole::Code::internal);
  EXPECT_STREQ(failure_of("2").what(), "what went wrong");
  EXPECT_EQ(failure_of("3").code(), mole::Code::internal);
  EXPECT_EQ(failure_of("4").code(), mole::Code::invalid);
  EXPECT_STREQ(failure_of("4").what(), "four is not allowed");
}

TEST(Metric, TruncatesALongMessageBetweenCharacters) { EXPECT_EQ(failure_of("5").what(), std::string(499, 'x')); }

TEST(Metric, RejectsUnknownParameters) {
  const auto& calls = mole::testkit::Metric<Every>::calls;
  mole_module* module = nullptr;
  mole_binding binding{};
  std::array<char, 300> text{};
  mole_error error{text.data(), text.size(), 0};
  EXPECT_EQ(calls.open(nullptr, &binding, 1, nullptr, 0, &module, &error), MOLE_INVALID);
  const std::vector<mole_value> wrong(5, mole_value{MOLE_TYPE_TEXT, 0, {}});
  EXPECT_EQ(calls.open(nullptr, &binding, 1, wrong.data(), 5, &module, &error), MOLE_INVALID);
  EXPECT_EQ(calls.open(nullptr, &binding, 0, nullptr, 0, &module, &error), MOLE_INVALID);
  EXPECT_EQ(module, nullptr);
}

struct WrongMerge : Thrower {
  static constexpr auto about = mole::metric("wrong_merge", "1.0.0", "Overwrites its count instead of adding");
  std::uint64_t count = 0;
  static constexpr auto state = mole::fields(&WrongMerge::count);
  void add(const mole::Flows<mole::bytes>& batch) { count += batch.size(); }
  void merge(const WrongMerge& other) { count = other.count; }
  Row finish() const { return {count}; }
};

TEST(Laws, DetectAWrongMerge) {
  EXPECT_THROW(mole::testkit::check_laws<WrongMerge>(flows("bytes\n 1\n 2\n 3")), mole::testkit::LawBroken);
}

struct Unsaved {
  static constexpr auto about = mole::metric("unsaved", "1.0.0", "Does not save its count");
  using Row = Thrower::Row;
  static constexpr auto output = Thrower::output;
  std::uint64_t n = 0, count = 0;
  static constexpr auto state = mole::fields(&Unsaved::n);
  void add(const mole::Flows<mole::bytes>& batch) { count += batch.size(); }
  Row finish() const { return {count}; }
};

TEST(Laws, DetectAFieldThatIsNotSaved) {
  EXPECT_THROW(mole::testkit::check_laws<Unsaved>(flows("bytes\n 1\n 2\n 3")), mole::testkit::LawBroken);
}

struct Late : Thrower {
  [[maybe_unused]] static constexpr auto about =
      mole::metric("late", "1.0.0", "Seconds from the last value to the end of the interval");
  mole::Time last;
  static constexpr auto state = mole::fields(&Late::last);
  void add(const mole::Flows<mole::start>& batch) { last = batch.span<mole::start>().back(); }
  void merge(const Late& other) { last = std::max(last, other.last); }
  Row finish(const mole::Interval& i) const {
    return {static_cast<std::uint64_t>(i.seconds()) + static_cast<std::uint64_t>(i.end.us - last.us) / 1'000'000};
  }
};

TEST(Metric, PassesTheIntervalToFinish) {
  const mole::testkit::Given<Late> given{{}, {}, {{900'000'000}, {1'800'000'000}}};
  EXPECT_EQ(run<Late>(flows("start\n 00:20:00"), given).n, 900u + 600u);
}

struct OneShot {  // a decoder with a single batch
  [[maybe_unused]] static constexpr auto about = mole::decoder("one_shot", "1.0.0", "One flow per file");
  using writes = mole::Writes<mole::bytes>;
  static bool recognises(std::span<const std::byte> head) {
    if (head.empty()) throw std::runtime_error("empty");
    return head[0] == std::byte{'1'};
  }
  OneShot(mole::ByteSource&, mole::Sink&) {}
  mole::Result<bool> next(mole::FlowBuilder& out) {
    out.set<mole::bytes>(0, 42);
    out.set<mole::packets>(0, 7);
    out.set_rows(1);
    return false;
  }
};

TEST(Decoder, EndsAfterItsLastBatch) {
  const auto& calls = mole::detail::Glue<mole::Kind::decoder>::vtable<OneShot>;
  mole_module* module = nullptr;
  mole_decoder* decoder = nullptr;
  mole_source source{};
  mole_decode_sink sink{};
  ASSERT_EQ(calls.open(nullptr, nullptr, 0, &module, nullptr), MOLE_OK);
  ASSERT_EQ(calls.create(module, &source, &sink, &decoder, nullptr), MOLE_OK);
  std::uint64_t bytes[4] = {};
  mole_flow_builder builder{};
  builder.struct_size = sizeof builder;
  builder.capacity = 4;
  builder.columns[MOLE_COLUMN_BYTES] = bytes;
  EXPECT_EQ(calls.next(decoder, &builder, nullptr), MOLE_OK);
  EXPECT_EQ(builder.rows, 1u);
  EXPECT_EQ(bytes[0], 42u);
  EXPECT_EQ(calls.next(decoder, &builder, nullptr), MOLE_END);
  EXPECT_EQ(builder.rows, 0u);
  EXPECT_EQ(calls.recognises(reinterpret_cast<const std::uint8_t*>("1"), 1), 1);
  EXPECT_EQ(calls.recognises(nullptr, 0), 0);
  calls.destroy(decoder);
  calls.close(module);
}

}  // namespace
