#include "runtime/host/plugin_call.hpp"

#include <algorithm>

namespace mole::runtime {

Error call_error(std::string_view name, Call call, std::int32_t code, std::string_view message) {
  std::string text(message);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  const auto prefix = std::string(name) + ": " + std::string(call_name(call)) + ": ";
  if (code > MOLE_OK || code < MOLE_BUSY)
    return internal(prefix + "returned " + std::to_string(code) +
                    ", which is not a result code of the ABI; report this bug to the author of the plugin");
  return {static_cast<Code>(code), prefix + (text.empty() ? "failed without a message; ask the author of the plugin" : text)};
}

Result<std::vector<mole_value>> to_values(const Descriptor& descriptor, const nlohmann::json& params) {
  std::vector<mole_value> out;
  for (const auto& param : descriptor.params) {
    const auto found = params.find(param.name);
    if (found == params.end())
      return invalid("parameter '" + param.name + "' of '" + descriptor.name + "' is missing; submit the manifest again");
    if (param.type == "u64")
      out.push_back({MOLE_TYPE_U64, 0, {.u64 = found->get<std::uint64_t>()}});
    else if (param.type == "i64")
      out.push_back({MOLE_TYPE_I64, 0, {.i64 = found->get<std::int64_t>()}});
    else if (param.type == "f64")
      out.push_back({MOLE_TYPE_F64, 0, {.f64 = found->get<double>()}});
    else if (param.type == "bool")
      out.push_back({MOLE_TYPE_BOOL, 0, {.i64 = found->get<bool>() ? 1 : 0}});
    else
      out.push_back({MOLE_TYPE_TEXT, 0, {.text = to_text(found->get_ref<const std::string&>())}});
  }
  return out;
}

}  // namespace mole::runtime
