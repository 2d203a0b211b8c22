// Runs a generated Thrift processor on each frame. Internal to wire/.
#pragma once

#include "coordinator/wire/processor.hpp"

#include <thrift/TProcessor.h>

#include <memory>

namespace mole::coordinator {

FrameHandler make_frame_handler(std::shared_ptr<apache::thrift::TProcessor> processor);

}  // namespace mole::coordinator
