// All documents of the coordinator (docs/formats/api.md).
#pragma once

#include "coordinator/wire/documents/archive.hpp"
#include "coordinator/wire/documents/collection.hpp"
#include "coordinator/wire/documents/explanation.hpp"
#include "coordinator/wire/documents/lineage.hpp"
#include "coordinator/wire/documents/load.hpp"
#include "coordinator/wire/documents/pipeline.hpp"
#include "coordinator/wire/documents/plan.hpp"
#include "coordinator/wire/documents/request.hpp"
#include "coordinator/wire/documents/results.hpp"
#include "coordinator/wire/documents/status.hpp"
#include "coordinator/wire/documents/table_dump.hpp"
