// mole-wire-idl: prints documents.thrift, the structs of the coordinator's services, from the tables of fields.
#include "coordinator/wire/api.hpp"
#include "coordinator/wire/documents/reference.hpp"
#include "coordinator/wire/messages.hpp"

#include <iostream>

namespace mole::coordinator {
namespace {

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

void print(std::ostream& out, const Reference& all) {
  out << "// Digests are 16 bytes, or none for \"no digest\". Times and durations are in microseconds. Unsigned 64-bit values\n"
         "// are sent as i64 with the same bits. Free-form parts are JSON text. Meanings: docs/formats/api.md.\n"
         "namespace cpp mole.wire\n\nstruct TimeRange {\n  1: i64 from_us\n  2: i64 to_us\n}\n";
  for (const auto& names : all.enums) {
    out << "\nenum " << names.name << " {\n";
    for (const auto& [value, name, doc] : names.values) out << "  " << (*name ? upper(name) : "NONE") << " = " << value << "\n";
    out << "}\n";
  }
  for (const auto& document : all.documents) {
    out << "\nstruct " << document.name << " {\n";
    for (std::size_t i = 0; i < document.fields.size(); ++i) out << "  " << i + 1 << ": " << document.fields[i].thrift << "\n";
    out << "}\n";
  }
}

}  // namespace
}  // namespace mole::coordinator

int main() {
  using namespace mole::coordinator;
  auto all = client_documents();
  all.add<Submission>();
  all.add<CollectOptions>();
  all.add<NodeInfo>();
  all.add<Registration>();
  all.add<LeaseRequest>();
  all.add<Grants>();
  all.add<Heartbeat>();
  all.add<HeartbeatReply>();
  all.add<Completions>();
  all.add<Verdict>();
  print(std::cout, all);
}
