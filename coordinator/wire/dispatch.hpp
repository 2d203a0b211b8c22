// Runs a generated Thrift processor on a frame. Internal to wire/.
#pragma once

#include "coordinator/wire/processor.hpp"

#include <thrift/TProcessor.h>

#include <memory>

namespace mole::coordinator {

FrameHandler frames_to(std::shared_ptr<apache::thrift::TProcessor> processor);

}  // namespace mole::coordinator
