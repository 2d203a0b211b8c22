/* The Data Mole plugin ABI, version 1.3. C11; includes only <stdint.h> and the parts below.
 *
 * A plugin is a shared library that exports exactly one symbol, `mole_plugin_entry` (a mole_entry). Authors normally write C++
 * against mole/metric.hpp, mole/decoder.hpp or mole/downloader.hpp, which fill these tables. This header is the specification,
 * and sufficient to write a plugin in any language with a C calling convention.
 *
 * Rules
 *  1. Memory allocated on one side is never freed on the other: arguments are valid during the call, or have their own `release`
 *     function (ArrowArray).
 *  2. No function throws, longjmps, changes the locale, installs a signal handler, or forks.
 *  3. A mole_error is a buffer of the caller; errors allocate no memory.
 *  4. Integers have fixed sizes; enumerations and booleans are int32_t; text is UTF-8, pointer and length, not terminated.
 *  5. Pointers are not NULL unless their comment says "NULL: ...".
 *  6. The members of released tables never change. New features use a new kind or extension id, or members appended to a table;
 *     struct_size shows which members exist.
 *  7. abi_major must be equal and the plugin's abi_minor not greater than the host's; otherwise the host rejects the plugin.
 *  8. Times are int64_t microseconds since 1970-01-01T00:00:00Z, durations int64_t microseconds.
 *  9. Threads: a `mole_module` is immutable after open and shared by threads; a state, decoder or source is used by one thread
 *     at a time. Plugins are never unloaded.
 */
#ifndef MOLE_ABI_H
#define MOLE_ABI_H

#include <mole/detail/abi_base.h>
#include <mole/detail/abi_metric.h>
#include <mole/detail/abi_stream.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mole_plugin {
  uint32_t struct_size;
  uint32_t reserved;
  const char* kind;       /* "mole.metric/1", "mole.decoder/1", "mole.downloader/1" */
  const char* descriptor; /* canonical JSON, docs/formats/descriptor.md; valid while the library is loaded */
  const void* vtable;     /* the type depends on kind */
} mole_plugin;

typedef struct mole_entry {
  uint32_t magic; /* MOLE_ABI_MAGIC */
  uint16_t abi_major;
  uint16_t abi_minor;
  uint32_t (*count)(void);
  const mole_plugin* (*plugin)(uint32_t index); /* NULL: index out of range */
} mole_entry;

#ifdef __cplusplus
}
#endif
#endif
