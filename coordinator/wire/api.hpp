// The whole interface of the coordinator, for its implementations: coordinator/service.hpp (in this process) and
// coordinator/wire/client.hpp (over Thrift). Callers use the part they need: ClientApi, NodeApi or BlobApi.
#pragma once

#include "coordinator/wire/client_api.hpp"
#include "coordinator/wire/node_api.hpp"

namespace mole::coordinator {

class Api : public ClientApi, public NodeApi {};

}  // namespace mole::coordinator
