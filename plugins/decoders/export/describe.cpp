#include "plugins/decoders/export/describe.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <string_view>

namespace mole::plugins::flow_export {
namespace {

// Strings of fixed length are padded with zeros, or by some exporters with spaces.
std::string_view text_of(const Value& value) {
  std::string_view text(reinterpret_cast<const char*>(value.data), value.size);
  text = text.substr(0, text.find('\0'));
  const auto last = text.find_last_not_of(' ');
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

}  // namespace

void describe_template(Sink& sink, const Described& by, const Template& layout) {
  char address[INET6_ADDRSTRLEN] = "";
  if (by.address.is_v4())
    ::inet_ntop(AF_INET, by.address.bytes.data() + 12, address, sizeof address);
  else if (by.address != Addr{})
    ::inet_ntop(AF_INET6, by.address.bytes.data(), address, sizeof address);
  sink.describe({layout.options ? Describes::options_template : Describes::data_template, by.exporter, by.domain, layout.id, 0,
                 static_cast<std::uint32_t>(layout.fields.size()), address});
  for (const Field& field : layout.fields)
    if (field.enterprise != scope_enterprise)
      sink.describe({Describes::element, by.exporter, by.domain, field.id, field.enterprise, field.length});
}

void describe_names(Sink& sink, const Described& by, const Template& layout, const Value* values) {
  const Value* interface = nullptr;
  const Value* application = nullptr;
  std::string_view interface_name, interface_description, application_name, application_description, element_name;
  std::uint64_t element = 0, enterprise = 0, type = UINT32_MAX;
  for (std::size_t i = 0; i < layout.fields.size(); ++i) {
    const Field& field = layout.fields[i];
    const Value& value = values[i];
    if (field.enterprise == scope_enterprise && field.id == 2) interface = &value;
    if (field.enterprise != 0 || value.size == 0) continue;
    switch (field.id) {
      case 10:  // ingressInterface, egressInterface
      case 14:
        interface = &value;
        break;
      case 82:
        interface_name = text_of(value);
        break;
      case 83:
        interface_description = text_of(value);
        break;
      case 94:
        application_description = text_of(value);
        break;
      case 95:
        application = &value;
        break;
      case 96:
        application_name = text_of(value);
        break;
      case 303:
        element = read_unsigned(value.data, value.size) & 0x7fff;
        break;
      case 339:
        type = read_unsigned(value.data, value.size);
        break;
      case 341:
        element_name = text_of(value);
        break;
      case 346:
        enterprise = read_unsigned(value.data, value.size);
        break;
      default:
        break;
    }
  }
  const auto name = [&](Describes kind, std::uint64_t id, std::string_view text, std::string_view otherwise) {
    if (text.empty()) text = otherwise;
    if (!text.empty()) sink.describe({kind, by.exporter, by.domain, id, static_cast<std::uint32_t>(enterprise), 0, text});
  };
  if (element != 0 && !element_name.empty())
    sink.describe({Describes::element, by.exporter, by.domain, element, static_cast<std::uint32_t>(enterprise),
                   static_cast<std::uint32_t>(std::min<std::uint64_t>(type, UINT32_MAX)), element_name});
  if (interface != nullptr && interface->size > 0)
    name(Describes::interface, read_unsigned(interface->data, interface->size), interface_name, interface_description);
  if (application != nullptr)
    name(Describes::application, application_number(*application), application_name, application_description);
}

}  // namespace mole::plugins::flow_export
