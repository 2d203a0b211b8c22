// Decoders: convert the decompressed bytes of a file into flows.
//
//   struct Raw48 {
//     static constexpr auto about = mole::decoder("raw48", "1.0.0", "Fixed 48-byte flow records");
//     using writes = mole::Writes<mole::start, mole::bytes>;            // columns it can fill
//
//     static bool recognises(std::span<const std::byte> head);          // head: the first 4 KiB
//
//     Raw48(mole::ByteSource& source, mole::Sink& sink) : in(source), sink(sink) {}
//     mole::Result<bool> next(mole::FlowBuilder& out);                  // fills one batch; false: no more flows
//
//     mole::ByteSource& in;
//     mole::Sink& sink;
//   };
//   MOLE_PLUGINS(Raw48)
//
// A decoder with parameters declares `Params` and `params` (params.hpp) and takes `const Params&` as its third constructor
// argument. It must accept any bytes: damage is not an error; the decoder reports it to the Sink and continues after it. An
// object decodes one file on one thread. ByteSource and Sink outlive it.
#pragma once

#include <mole/byte_source.hpp>
#include <mole/columns.hpp>
#include <mole/detail/entry.hpp>
#include <mole/params.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace mole {

// The columns that a decoder can fill.
template <class... C>
struct Writes {};

// In Writes: the decoder also provides the values of information elements (FlowBuilder::elements).
struct any_element {
  static constexpr const char* name = "elements";
};

// Reads an unsigned number in network byte order.
template <class T>
T big_endian(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
  return value;
}

enum class Describes : std::int32_t {
  data_template = MOLE_DESCRIBES_TEMPLATE,
  options_template = MOLE_DESCRIBES_OPTIONS,
  element = MOLE_DESCRIBES_ELEMENT,
  interface = MOLE_DESCRIBES_INTERFACE,
  application = MOLE_DESCRIBES_APPLICATION,
};

// What a file says about an exporter (mole_description in abi.h). `name` needs to be valid only during the call.
struct Description {
  Describes kind;
  std::uint32_t exporter = 0;  // as in Sink::datagram
  std::uint32_t domain = 0;    // observation domain
  std::uint64_t id = 0;        // of the template, element, interface or application
  std::uint32_t enterprise = 0;
  std::uint32_t count = 0;     // template: its fields; element: as MOLE_DESCRIBES_ELEMENT
  std::string_view name = {};  // UTF-8; template: the address of its exporter, if it is known
};

// Receives what a decoder reports besides flows. Calls must be in file order.
class Sink {
 public:
  explicit Sink(const mole_decode_sink* sink) : sink_(sink) {}

  // Reports a datagram: when it was exported, the number of flows in it, and the number of flows lost right before it according
  // to the sequence number. in_damage: that gap spans damaged bytes of this file, so the flows were not lost by the exporter.
  // exporter: a number for each exporter in this file, from 0, if they can be distinguished. repeated: it has the same bytes as
  // an earlier datagram of its exporter.
  void datagram(Time exported, std::uint32_t flows, std::uint64_t lost = 0, bool in_damage = false, std::uint32_t exporter = 0,
                bool repeated = false) {
    sink_->datagram(sink_->self, exported.us, flows, lost,
                    (in_damage ? std::uint32_t{MOLE_LOST_IN_DAMAGE} : 0u) | (repeated ? std::uint32_t{MOLE_REPEATED} : 0u) |
                        exporter << MOLE_EXPORTER_SHIFT);
  }
  // Reports `size` unreadable bytes at `offset` (ByteSource::offset).
  void skipped(std::uint64_t offset, std::uint64_t size, std::string_view reason) {
    sink_->skipped(sink_->self, offset, size, detail::text_of(reason));
  }
  // Whether the host needs descriptions.
  bool wants_descriptions() const { return sink_->described != nullptr; }
  // Describes an exporter; does nothing if the host does not need it.
  void describe(const Description& d) {
    if (!sink_->described) return;
    const mole_description raw{sizeof raw, static_cast<std::int32_t>(d.kind),
                               d.exporter, d.domain,
                               d.id,       d.enterprise,
                               d.count,    detail::text_of(d.name)};
    sink_->described(sink_->self, &raw);
  }

 private:
  const mole_decode_sink* sink_;
};

// One batch under construction: the host's columns of `capacity` rows each.
class FlowBuilder {
 public:
  explicit FlowBuilder(mole_flow_builder* raw) : raw_(raw) {}

  std::uint32_t capacity() const { return raw_->capacity; }
  std::uint32_t rows() const { return raw_->rows; }
  std::uint32_t room() const { return raw_->capacity - raw_->rows; }
  void set_rows(std::uint32_t rows) { raw_->rows = rows; }                // at most capacity()
  void set_address_family(std::uint32_t f) { raw_->address_family = f; }  // 4 (the default) or 6; set it before the first row

  // Whether column C is needed.
  template <class C>
  bool wants() const {
    return raw_->columns[C::index] != nullptr;
  }
  // The memory of a column, or nullptr if it is not needed. For addresses of family 6 use column6.
  template <class C>
  typename C::stored* column() const {
    return static_cast<typename C::stored*>(raw_->columns[C::index]);
  }
  template <class C>
  Addr* column6() const {
    static_assert(is_address<C>);
    return static_cast<Addr*>(raw_->columns[C::index]);
  }
  // The information elements that are needed besides the columns; the same in every call for one decoder.
  std::span<const mole_element> elements() const { return {raw_->elements, raw_->element_count}; }
  // Adds a value of elements()[element] to `row`, which is not less than that of the previous call. Numbers, times and booleans
  // are 8 bytes in native order. False: the host has no memory left for values; stop with an error of Code::exhausted.
  bool put(std::size_t element, std::uint32_t row, const void* data, std::size_t size) {
    return raw_->put(raw_->element_values, static_cast<std::uint32_t>(element), row, data, size) == MOLE_OK;
  }
  // States for which columns the records of this batch have no field, so that their values are defaults: bit C::index. If that is
  // so in all batches of a file, its flows count as missing for modules that read the column.
  void set_absent(std::uint64_t columns) { raw_->absent_columns = columns; }
  // States which of elements() the templates read so far have, even if no record has a value of them: bit e stands for element e.
  void set_known(std::uint64_t elements) { raw_->known_elements = elements; }
  // Writes one cell if the column is needed.
  template <class C>
  void set(std::uint32_t row, typename C::stored value) {
    if (auto* c = column<C>()) c[row] = value;
  }

 private:
  mole_flow_builder* raw_;
};

namespace detail {

template <class D>
struct DecoderInstance {
  ByteSource source;
  Sink sink;
  D decoder;
  bool finished = false;

  template <class... Params>
  DecoderInstance(const mole_source* in, const mole_decode_sink* to, const Params&... params)
      : source(in), sink(to), decoder(source, sink, params...) {}
};

template <class D>
struct DecoderCalls {
  using Params = typename ParamsOf<D>::type;
  using Instance = DecoderInstance<D>;

  static std::int32_t open(const mole_host*, const mole_value* params, std::uint32_t count, mole_module** out, mole_error* e) {
    return guarded(e, [&] { *out = as_module(new Params(read_params<D>(params, count))); });
  }
  static void close(mole_module* m) { delete reinterpret_cast<Params*>(m); }
  static std::int32_t recognises(const std::uint8_t* head, std::uint64_t size) {
    return guarded(nullptr, [&] { return D::recognises({reinterpret_cast<const std::byte*>(head), size}) ? 1 : 0; }) == 1;
  }
  static std::int32_t create(const mole_module* m, const mole_source* source, const mole_decode_sink* sink, mole_decoder** out,
                             mole_error* e) {
    return guarded(e, [&] {
      Instance* instance;
      if constexpr (requires { D::params; })
        instance = new Instance(source, sink, module_of<Params>(m));
      else
        instance = new Instance(source, sink);
      *out = reinterpret_cast<mole_decoder*>(instance);
    });
  }
  static void destroy(mole_decoder* d) { delete reinterpret_cast<Instance*>(d); }
  static std::int32_t next(mole_decoder* d, mole_flow_builder* raw, mole_error* e) {
    return guarded(e, [&]() -> std::int32_t {
      auto& instance = *reinterpret_cast<Instance*>(d);
      raw->rows = 0;
      raw->address_family = 4;
      if (instance.finished) return MOLE_END;
      FlowBuilder builder(raw);
      const Result<bool> more = instance.decoder.next(builder);
      if (!more) return put_error(e, more.error());
      instance.finished = !*more;
      return instance.finished && raw->rows == 0 ? MOLE_END : MOLE_OK;
    });
  }
};

template <class... C>
std::string names_of(Writes<C...>) {
  return json_array({json_text(C::name)...});
}

template <>
struct Glue<Kind::decoder> {
  static constexpr const char* kind_id = "mole.decoder/1";
  template <class D>
  static std::string describe() {
    return describe_about(D::about).raw("params", describe_params<D>()).raw("writes", names_of(typename D::writes{})).str();
  }
  template <class D>
  static constexpr mole_decoder_v1 vtable{sizeof(mole_decoder_v1),     0,
                                          DecoderCalls<D>::open,       DecoderCalls<D>::close,
                                          DecoderCalls<D>::recognises, DecoderCalls<D>::create,
                                          DecoderCalls<D>::destroy,    DecoderCalls<D>::next};
};

}  // namespace detail
}  // namespace mole
