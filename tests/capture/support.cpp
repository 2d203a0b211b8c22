#include "tests/capture/support.hpp"

#include "plugins/decoders/pcap/pcap.hpp"

namespace mole::testing {
namespace {

std::string ports_of_decoder;

// The pcap decoder with the parameters of the others.
class WithPorts : public plugins::Pcap {
 public:
  using Params = plugins::flow_export::ExportParams;
  static constexpr auto params = plugins::flow_export::export_params;
  WithPorts(ByteSource& source, Sink& sink, const Params& given) : Pcap(source, sink, {given.biflows, ports_of_decoder}) {}
};

}  // namespace

Decoded decode_capture(const std::string& bytes, const DecodeOptions& options, const std::string& ports) {
  ports_of_decoder = ports;
  return decode(mole::detail::Glue<mole::Kind::decoder>::vtable<WithPorts>, bytes, options);
}

}  // namespace mole::testing
