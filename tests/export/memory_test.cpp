// The memory of decoders under hostile input stays under a limit, however long the input is.
#include "tests/export/support.hpp"
#include "tests/export/writer.hpp"

#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace mole::testing {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MOLE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MOLE_SANITIZED 1
#endif
#endif
#ifdef MOLE_SANITIZED
constexpr std::size_t limit_bytes = std::size_t{1} << 30;  // sanitizers keep freed memory and records of it
#else
constexpr std::size_t limit_bytes = std::size_t{112} << 20;
#endif
constexpr std::size_t file_bytes = std::size_t{16} << 20;  // the growth is the same for 64 MiB

std::size_t resident_bytes() {
  unsigned long long total = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  EXPECT_EQ(std::fscanf(file, "%llu %llu", &total, &resident), 2);
  std::fclose(file);
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// The messages of a file, written when they are read.
struct Stream {
  std::function<std::string(std::uint32_t)> message;
  std::uint32_t next = 0;
  std::size_t offset = 0, peak = 0;
  std::string chunk = {};

  static std::int32_t read(void* self, const std::uint8_t** data, std::uint64_t* size, std::uint64_t* offset, std::int32_t* gap) {
    auto& s = *static_cast<Stream*>(self);
    s.peak = std::max(s.peak, resident_bytes());
    s.offset += s.chunk.size();
    s.chunk.clear();
    while (s.chunk.size() < std::size_t{256} << 10 && s.offset + s.chunk.size() < file_bytes) s.chunk += s.message(s.next++);
    if (s.chunk.empty()) return MOLE_END;
    *data = reinterpret_cast<const std::uint8_t*>(s.chunk.data());
    *size = s.chunk.size();
    *offset = s.offset;
    *gap = 0;
    return MOLE_OK;
  }
};

// Returns by how many bytes the process grows while it decodes the file. Values of elements are dropped.
std::size_t growth(const mole_decoder_v1& decoder, std::function<std::string(std::uint32_t)> message) {
  ::malloc_trim(0);
  const std::size_t before = resident_bytes();
  Stream stream{std::move(message)};
  const mole_source source{&stream, Stream::read};
  mole_decode_sink sink{};
  sink.datagram = [](void*, std::int64_t, std::uint32_t, std::uint64_t, std::uint32_t) {};
  sink.skipped = [](void*, std::uint64_t, std::uint64_t, mole_text) {};
  char text[256];
  mole_error error{text, sizeof text, 0};
  mole_value biflows{MOLE_TYPE_TEXT, 0, {}};
  biflows.as.text = {"split", 5};
  mole_module* module = nullptr;
  EXPECT_EQ(decoder.open(nullptr, &biflows, 1, &module, &error), MOLE_OK);
  mole_decoder* instance = nullptr;
  EXPECT_EQ(decoder.create(module, &source, &sink, &instance, &error), MOLE_OK);
  constexpr std::uint32_t capacity = 4096;
  std::vector<std::vector<std::uint64_t>> cells(MOLE_COLUMN_COUNT, std::vector<std::uint64_t>(2 * capacity));
  mole_element element{6871, 179, MOLE_TYPE_TEXT, {"dnsName", 7}};
  mole_flow_builder batch{};
  batch.struct_size = sizeof batch;
  batch.capacity = capacity;
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c)
    if (c != MOLE_COLUMN_ROUTER) batch.columns[c] = cells[static_cast<std::size_t>(c)].data();
  batch.elements = &element;
  batch.element_count = 1;
  batch.put = [](void*, std::uint32_t, std::uint32_t, const void*, std::uint64_t) -> std::int32_t { return MOLE_OK; };
  std::int32_t code = MOLE_OK;
  do {
    batch.rows = 0;
    batch.address_family = 4;
    code = decoder.next(instance, &batch, &error);
    stream.peak = std::max(stream.peak, resident_bytes());
  } while (code == MOLE_OK);
  EXPECT_EQ(code, MOLE_END);
  decoder.destroy(instance);
  decoder.close(module);
  return stream.peak - std::min(stream.peak, before);
}

// Numbers that look random, equal in every run.
std::uint32_t scattered(std::uint32_t i) { return (i * 2'654'435'761u) ^ (i * 40'503u >> 7); }

TEST(Export, MemoryStaysLimitedUnderHostileInput) {
  const auto id = [](std::uint32_t i) { return static_cast<std::uint16_t>(256 + i % 65'000); };
  const auto repeat = [](std::uint32_t n, const std::function<std::string(std::uint32_t)>& part) {
    std::string out;
    for (std::uint32_t i = 0; i < n; ++i) out += part(i);
    return out;
  };
  const auto wrap = [](bool nine, std::uint32_t i, std::uint32_t domain, const std::string& sets) {
    const Message message{i, domain};
    return nine ? message.v9(sets) : message.ipfix(sets);
  };
  for (const bool nine : {false, true}) {
    const auto templates_of = [nine](const std::string& records) { return set(nine ? 0 : 2, records); };
    struct Case {
      const char* name;
      std::function<std::string(std::uint32_t)> message;
    };
    const std::vector<Case> cases{
        {"small templates, each with data",
         [&](std::uint32_t i) {
           return wrap(
               nine, i, i % 97, repeat(200, [&](std::uint32_t n) {
                 const auto number = id(i * 200 + n);
                 return templates_of(template_record(number, {{2, 4}, {8, 4}, {27, 16}})) + set(number, std::string(24, 'x'));
               }));
         }},
        {"large templates",
         [&](std::uint32_t i) {
           return wrap(nine, i, i % 97, templates_of(template_record(id(i), std::vector<FieldSpec>(4000, {210, 1}))));
         }},
        {"domains",
         [&](std::uint32_t i) {
           return wrap(nine, i, scattered(i),
                       templates_of(template_record(256, {{2, 4}, {8, 4}})) + set(256, std::string(64, 'x')));
         }},
        {"small sets without template",
         [&](std::uint32_t i) {
           return wrap(nine, i, i % 97, repeat(500, [&](std::uint32_t n) { return set(id(scattered(i * 500 + n)), be(n, 4)); }));
         }},
        {"large sets without template",
         [&](std::uint32_t i) { return wrap(nine, i, scattered(i), set(id(scattered(i)), std::string(20'000, 'x'))); }},
        {"redefinitions among data",
         [&](std::uint32_t i) {
           return wrap(nine, i, i % 97, repeat(300, [&](std::uint32_t n) {
                         return templates_of(template_record(256, {{2, 4}, {static_cast<std::uint16_t>(100 + n), 4}})) +
                                set(256, std::string(16, 'x'));
                       }));
         }},
        {"strings",
         [&](std::uint32_t i) {
           return wrap(nine, i, 7,
                       templates_of(template_record(256, {{2, 4}, {82, 0xffff}})) +
                           set(256, be(1, 4) + variable(std::string(60'000, 'x'))));
         }},
    };
    for (const Case& c : cases) {
      const std::size_t grown = growth(nine ? netflow9() : ipfix(), c.message);
      EXPECT_LE(grown, limit_bytes) << c.name << (nine ? ", v9" : ", IPFIX");
    }
  }
  const auto lists = [&](std::uint32_t i) {
    std::string list = "\x03" + be(179 | 0x8000, 2) + be(1, 2) + be(6871, 4) + std::string(50'000, 'x');
    for (int depth = 0; depth < 20; ++depth) list = "\x03" + be(291, 2) + be(0xffff, 2) + variable(list, true);
    return Message{i, 7}.ipfix(ipfix_template(256, {{2, 4}, {291, 0xffff}}) + set(256, be(1, 4) + variable(list)));
  };
  const auto shallow = [&](std::uint32_t i) {
    const std::string list = "\x03" + be(179 | 0x8000, 2) + be(1, 2) + be(6871, 4) + std::string(50'000, 'x');
    return Message{i, 7}.ipfix(ipfix_template(256, {{2, 4}, {291, 0xffff}}) + set(256, be(1, 4) + variable(list)));
  };
  const auto options = [&](std::uint32_t i) {
    const std::string records = repeat(1000, [&](std::uint32_t n) {
      return be(scattered(i), 4) + be(scattered(i * 1000 + n), 4) + be(scattered(n + i), 4) + be(n, 4);
    });
    return Message{i, i % 97}.ipfix(ipfix_options(256, 2, {{149, 4}, {10, 4}, {302, 4}, {34, 4}}) + set(256, records));
  };
  const auto boots = [&](std::uint32_t i) {
    const Message message{scattered(i), i % 97, 1'700'000'000, scattered(i)};
    return message.v9(v9_template(256, {{2, 4}, {8, 4}}) + set(256, std::string(64, 'x')));
  };
  EXPECT_LE(growth(ipfix(), lists), limit_bytes) << "deep lists";
  EXPECT_LE(growth(ipfix(), shallow), limit_bytes) << "lists of many values";
  EXPECT_LE(growth(ipfix(), options), limit_bytes) << "options";
  EXPECT_LE(growth(netflow9(), boots), limit_bytes) << "boot times";
}

}  // namespace
}  // namespace mole::testing
