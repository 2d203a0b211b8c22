/* The entry of a plugin library with one defect, selected by a macro (CMakeLists.txt). */
#include <mole/abi.h>

static const mole_metric_v1 table = {
#ifdef SHORT_TABLE
    .struct_size = 24,
#else
    .struct_size = sizeof(mole_metric_v1),
#endif
};

static const char descriptor[] =
    "{\"deterministic\":true,\"execution\":\"mergeable\",\"inputs\":[{\"kind\":\"flows\",\"reads\":[\"bytes\"],\"role\":"
    "\"flows\"}],\"kind\":\"metric\","
    "\"name\":\"broken\",\"output\":[{\"doc\":\"A "
    "number\",\"name\":\"n\",\"nullable\":false,\"type\":\"u64\",\"unit\":\"flow\"}],\"params\":[],"
    "\"state\":{\"revision\":1,\"shape\":\"0123456789abcdef\"},\"summary\":\""
#ifdef DIFFERENT_SUMMARY
    "Differs from the summary in the sidecar"
#else
    "Broken on purpose"
#endif
    "\",\"version\":\"1.0.0\"}";

static const mole_plugin plugin = {
    .struct_size = sizeof(mole_plugin),
#ifdef UNKNOWN_KIND
    .kind = "mole.metric/9",
#else
    .kind = "mole.metric/1",
#endif
    .descriptor = descriptor,
    .vtable = &table,
};

static uint32_t count(void) { return 1; }
static const mole_plugin* at(uint32_t i) { return i == 0 ? &plugin : 0; }

#ifndef NO_ENTRY
__attribute__((visibility("default"))) const mole_entry mole_plugin_entry = {
#ifdef WRONG_MAGIC
    0x12345678u,
#else
    MOLE_ABI_MAGIC,
#endif
#ifdef WRONG_MAJOR
    MOLE_ABI_MAJOR + 1,
#else
    MOLE_ABI_MAJOR,
#endif
#ifdef NEWER_MINOR
    MOLE_ABI_MINOR + 7,
#else
    MOLE_ABI_MINOR,
#endif
    count, at};
#endif

#ifdef EXTRA_SYMBOL
__attribute__((visibility("default"))) int helper_that_leaks(void) { return (int)count() + (at(0) != 0); }
#endif
#ifdef NO_ENTRY
__attribute__((visibility("default"))) int not_a_plugin(void) { return (int)count() + (at(0) != 0); }
#endif
