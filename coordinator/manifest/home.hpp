// `home` of an archive: the inside of the network, which gives each flow a direction.
//
//   home: {networks: [192.0.2.0/24, "2001:db8::/32"]}
//   home: {as: [64500, 64501]}                         # of the record, or of the routing table the module uses
//   home: {border_interfaces: [17, 18]}                # of any router; or {19991: [17], 19993: [4, 5]}
#pragma once

#include "coordinator/manifest/reader.hpp"
#include "sdk/model/task.hpp"

namespace mole::coordinator::manifest {

task::Home read_home(Reader& reader, const YamlNode& node);

}  // namespace mole::coordinator::manifest
