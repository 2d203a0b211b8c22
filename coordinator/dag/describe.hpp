// Formats a resolved pipeline as a document and as Graphviz text.
#pragma once

#include "coordinator/dag/graph.hpp"
#include "coordinator/wire/documents/pipeline.hpp"

namespace mole::coordinator::dag {

PipelineDescription describe(const Graph& graph);

std::string to_dot(const PipelineDescription& pipeline);

}  // namespace mole::coordinator::dag
