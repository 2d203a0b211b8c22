#include "duckdb_api.hpp"

#include <dlfcn.h>

#include <string>

namespace mole::plugins::parquet {
namespace {

Result<DuckDb> load() {
  DuckDb out;
  void* library = ::dlopen("libduckdb.so", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) library = ::dlopen(MOLE_DUCKDB_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return unsupported(std::string("Parquet files need DuckDB's library, which cannot be loaded: ") + (why ? why : "") +
                       "; install libduckdb.so, or run ./dev setup");
  }
#define MOLE_DUCKDB_LOAD(name)                                                               \
  if (!(out.name = reinterpret_cast<decltype(out.name)>(::dlsym(library, "duckdb_" #name)))) \
    return unsupported("DuckDB's library has no function duckdb_" #name "; install the pinned one with ./dev setup");
  MOLE_DUCKDB_FUNCTIONS(MOLE_DUCKDB_LOAD)
#undef MOLE_DUCKDB_LOAD
  return out;
}

}  // namespace

Result<const DuckDb*> load_duckdb() {
  static const Result<DuckDb> loaded = load();
  if (!loaded) return loaded.error();
  return &*loaded;
}

}  // namespace mole::plugins::parquet
