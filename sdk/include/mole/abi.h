/* The Data Mole plugin ABI, version 1.2. C11, includes only <stdint.h>.
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

#include <mole/detail/arrow.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOLE_ABI_MAGIC 0x454c4f4du /* "MOLE" in little-endian memory order */
#define MOLE_ABI_MAJOR 1
#define MOLE_ABI_MINOR 2 /* 1: mole_index_sink.passed_over; 2: flow columns from 20, information elements */

/* Result codes. An error code says who must act. */
enum {
  MOLE_OK = 0,
  MOLE_END = 1,          /* no more data */
  MOLE_PENDING = 2,      /* ask again later */
  MOLE_INVALID = -1,     /* the request is wrong: it fails, and the user is informed */
  MOLE_CORRUPT = -2,     /* these bytes are damaged: the file is marked, rows become partial */
  MOLE_MISSING = -3,     /* the archive no longer has the file: it is indexed again, then rows become partial */
  MOLE_TRANSIENT = -4,   /* try again, on any node */
  MOLE_EXHAUSTED = -5,   /* memory, disk or a declared limit */
  MOLE_CANCELLED = -6,   /* the host asked to stop */
  MOLE_UNSUPPORTED = -7, /* not supported by this build */
  MOLE_INTERNAL = -8     /* a bug in the plugin (any unexpected exception) */
};

typedef struct mole_text {
  const char* data; /* NULL: only if size is 0 */
  uint64_t size;
} mole_text;

/* A buffer for a message, owned by the caller. The callee writes at most `capacity` bytes and sets `size`. */
typedef struct mole_error {
  char* text;
  uint32_t capacity;
  uint32_t size;
} mole_error;

enum {
  MOLE_TYPE_U64 = 1,
  MOLE_TYPE_I64,
  MOLE_TYPE_F64,
  MOLE_TYPE_BOOL,
  MOLE_TYPE_TEXT,
  MOLE_TYPE_TIME,
  MOLE_TYPE_U32,
  MOLE_TYPE_U16,
  MOLE_TYPE_U8,
  MOLE_TYPE_ADDR, /* u32 in a v4 batch, 16 bytes in a v6 batch */
  MOLE_TYPE_BYTES /* since 1.2: any bytes */
};

/* One parameter, in the order of the descriptor. The host has checked type and range. */
typedef struct mole_value {
  int32_t type; /* MOLE_TYPE_U64, I64, F64, BOOL (in i64), TEXT */
  int32_t reserved;
  union {
    uint64_t u64;
    int64_t i64;
    double f64;
    mole_text text;
  } as;
} mole_value;

/* Receives bytes. `write` copies them; on any result other than MOLE_OK, stop and return it. */
typedef struct mole_writer {
  void* self;
  int32_t (*write)(void* self, const void* data, uint64_t size);
} mole_writer;

enum { MOLE_LOG_DEBUG = 0, MOLE_LOG_INFO = 1, MOLE_LOG_WARNING = 2, MOLE_LOG_ERROR = 3 };

/* Functions of the host, valid for the life of the process and callable from any thread. */
typedef struct mole_host {
  uint32_t struct_size;
  uint32_t abi_minor;
  void* self;
  void (*log)(void* self, int32_t level, mole_text message);
  int32_t (*cancelled)(void* self);                     /* 1: return MOLE_CANCELLED soon */
  const void* (*extension)(void* self, const char* id); /* NULL: not available */
} mole_host;

/* ---- flow columns -------------------------------------------------------------------------------------------- */

/* In text, the names are lower case without the prefix (`start`, `src_addr`, ...); docs/flow_columns.md lists types and units. */
enum {
  MOLE_COLUMN_START = 0, /* time */
  MOLE_COLUMN_END,       /* time */
  MOLE_COLUMN_SRC_ADDR,  /* addr */
  MOLE_COLUMN_DST_ADDR,  /* addr */
  MOLE_COLUMN_SRC_PORT,  /* u16 */
  MOLE_COLUMN_DST_PORT,  /* u16 */
  MOLE_COLUMN_PROTOCOL,  /* u8 */
  MOLE_COLUMN_PACKETS,   /* u64 */
  MOLE_COLUMN_BYTES,     /* u64 */
  MOLE_COLUMN_TCP_FLAGS, /* u16 */
  MOLE_COLUMN_TOS,       /* u8 */
  MOLE_COLUMN_SRC_AS,    /* u32 */
  MOLE_COLUMN_DST_AS,    /* u32 */
  MOLE_COLUMN_SRC_MASK,  /* u8 */
  MOLE_COLUMN_DST_MASK,  /* u8 */
  MOLE_COLUMN_NEXT_HOP,  /* addr */
  MOLE_COLUMN_IN_IF,     /* u32 */
  MOLE_COLUMN_OUT_IF,    /* u32 */
  MOLE_COLUMN_ROUTER,    /* u32, filled by the host */
  MOLE_COLUMN_SAMPLING,  /* u32, 1 = none */
  /* Since 1.2. addr16: 16 bytes in every batch, an IPv4 address as its IPv4-mapped IPv6 address; all zero: unknown. */
  MOLE_COLUMN_APPLICATION_LABEL,  /* u32 */
  MOLE_COLUMN_OBSERVATION_DOMAIN, /* u32 */
  MOLE_COLUMN_EXPORTER_ADDR,      /* addr16 */
  MOLE_COLUMN_SRC_VLAN,           /* u16 */
  MOLE_COLUMN_DST_VLAN,           /* u16 */
  MOLE_COLUMN_MPLS_LABEL,         /* u32, of the top of the stack */
  MOLE_COLUMN_POST_SRC_ADDR,      /* addr16, after translation (NAT) */
  MOLE_COLUMN_POST_DST_ADDR,      /* addr16 */
  MOLE_COLUMN_POST_SRC_PORT,      /* u16 */
  MOLE_COLUMN_POST_DST_PORT,      /* u16 */
  MOLE_COLUMN_REVERSE_PACKETS,    /* u64, of the other direction of a biflow */
  MOLE_COLUMN_REVERSE_BYTES,      /* u64 */
  MOLE_COLUMN_ICMP_TYPE,          /* u8 */
  MOLE_COLUMN_ICMP_CODE,          /* u8 */
  MOLE_COLUMN_END_REASON,         /* u8 */
  MOLE_COLUMN_FLOW_DIRECTION,     /* u8: 0 ingress, 1 egress, 255 unknown */
  MOLE_COLUMN_SCALED,             /* u8, 1: packets and bytes have been multiplied by sampling */
  MOLE_COLUMN_SAMPLING_SOURCE,    /* u8: MOLE_SAMPLING_*, what states `sampling` */
  MOLE_COLUMN_COUNT
};

/* What states the sampling rate of a flow. A decoder writes the first three; the host also fills in rates of the manifest. */
enum {
  MOLE_SAMPLING_UNKNOWN = 0,
  MOLE_SAMPLING_RECORD = 1,  /* the flow record, or the header of its datagram */
  MOLE_SAMPLING_OPTIONS = 2, /* options of the exporter */
  MOLE_SAMPLING_MANIFEST = 3,
};
/* Number of column pointers in a mole_flow_builder, of which the first MOLE_COLUMN_COUNT are used. Never changes. */
#define MOLE_COLUMN_LIMIT 64

/* ---- metrics: kind "mole.metric/1" --------------------------------------------------------------------------- */

typedef struct mole_module mole_module; /* owned by the plugin between open and close */
typedef struct mole_state mole_state;   /* owned by the plugin between create and destroy */

/* What an input role is bound to. Inputs are numbered from 0 in the order of the descriptor. */
typedef struct mole_binding {
  uint32_t struct_size;
  int32_t type; /* type of the bound column; 0 for an input of kind "flows" */
  mole_text role;
  mole_text module; /* name of the upstream module or the archive */
  mole_text column; /* name of the bound column; empty for flows */
  mole_text unit;
} mole_binding;

/* Since 1.2: the values of an information element in one flow. They point to `count` numbers, times or booleans of 8 bytes in
 * native order, mole_text (of text and bytes) or addresses of 16 bytes. 0: the flow does not have the element. */
typedef struct mole_values {
  const void* values;
  uint64_t count;
} mole_values;

/* A batch of rows of one input.
 *  kind "flows": children are the flow columns listed in "reads" of the descriptor, in that order, non-null, of fixed types. The
 *                child of an information element is a column of mole_values.
 *  kind "rows":  children are [0] the bound column in its own type, nullable; [1] coverage, f64; [2] interval_start, time.
 */
typedef struct mole_batch {
  uint32_t struct_size;
  uint32_t input;          /* index into the descriptor's inputs */
  uint32_t address_family; /* 4, 6; 0: no addresses */
  uint32_t reserved;
  uint64_t rows;
  const struct ArrowArray* columns; /* a struct array */
} mole_batch;

/* The interval that a state is finished for: [start, end), microseconds. With a window: the last interval of the window. */
typedef struct mole_interval {
  int64_t start_us;
  int64_t end_us;
} mole_interval;

#define MOLE_NO_STATE 0xffffffffu

typedef struct mole_metric_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* Called once per process and module. bindings and params are valid during the call. */
  int32_t (*open)(const mole_host*, const mole_binding* bindings, uint32_t binding_count, const mole_value* params,
                  uint32_t param_count, mole_module** out, mole_error*);
  void (*close)(mole_module*);
  int32_t (*create)(const mole_module*, mole_state** out, mole_error*);
  void (*destroy)(const mole_module*, mole_state*);
  /* The row of a "context" input for the state's interval and group: children as for kind "rows", 0 rows if upstream has no value
   * there, else 1. Called right after create, before add, merge and load; never for other inputs. */
  int32_t (*begin)(const mole_module*, mole_state*, uint32_t input, const struct ArrowArray* rows, mole_error*);
  /* Adds a batch, which is valid during the call. state_of_row[i] is the index in `states` of row i; MOLE_NO_STATE: skip the row.
   * NULL: add all rows to states[0]. */
  int32_t (*add)(const mole_module*, mole_state* const* states, uint32_t state_count, const uint32_t* state_of_row,
                 const mole_batch*, mole_error*);
  /* NULL: the metric is sequential. `other` is unchanged. */
  int32_t (*merge)(const mole_module*, mole_state*, const mole_state* other, mole_error*);
  /* Computes the rows of `count` states, each for its interval: a struct array with the children of "output" of the descriptor,
   * which the host releases. rows_of_state[i] is the number of rows of state i, in order. Closes a sequential state for this
   * interval and opens it for the next. */
  int32_t (*finish)(const mole_module*, mole_state* const* states, const mole_interval* intervals, uint32_t count,
                    uint32_t* rows_of_state, struct ArrowArray* rows, mole_error*);
  /* Equal states must save to equal bytes. */
  int32_t (*save)(const mole_module*, const mole_state*, const mole_writer*, mole_error*);
  /* Loads into a fresh state. The bytes may be corrupt or hostile: return MOLE_CORRUPT, without undefined behaviour. */
  int32_t (*load)(const mole_module*, mole_state*, const void* data, uint64_t size, mole_error*);
} mole_metric_v1;

/* ---- decoders: kind "mole.decoder/1" ------------------------------------------------------------------------- */

typedef struct mole_decoder mole_decoder; /* owned by the plugin; decodes one file */

/* The decompressed bytes of one file, in order. Owned by the host; used by one thread. */
typedef struct mole_source {
  void* self;
  /* Returns the next bytes (at least 1), valid until the next call. *offset is their offset in the readable part of the
   * decompressed file. *gap = 1: bytes are missing right before them; resynchronise. Returns MOLE_OK, MOLE_END, or an error to
   * pass on. */
  int32_t (*next)(void* self, const uint8_t** data, uint64_t* size, uint64_t* offset, int32_t* gap);
} mole_source;

/* Flags of a datagram. */
enum {
  MOLE_LOST_IN_DAMAGE = 1, /* the sequence gap spans damaged bytes of this file */
  MOLE_EXPORTER_SHIFT = 8, /* bits 8 to 31: number of its exporter in this file, from 0, if several can be distinguished */
};

/* Receives what a decoder reports besides flows, in file order. Owned by the host; used by one thread. */
typedef struct mole_decode_sink {
  void* self;
  /* A datagram (message): when it was exported, the flows in it and, by sequence number, the flows lost right before it. */
  void (*datagram)(void* self, int64_t exported_us, uint32_t flows, uint64_t lost, uint32_t flags);
  /* `size` unreadable decompressed bytes at `offset`. */
  void (*skipped)(void* self, uint64_t offset, uint64_t size, mole_text reason);
} mole_decode_sink;

/* Since 1.2: an information element that is needed besides the flow columns. */
typedef struct mole_element {
  uint32_t enterprise; /* 0: IANA */
  uint16_t id;         /* without the enterprise bit; reverse elements as their enterprise numbers them */
  uint16_t type;       /* MOLE_TYPE_U64, I64, F64, BOOL, TIME, TEXT, BYTES, or ADDR: 16 bytes, IPv4 mapped */
  mole_text name;
} mole_element;

/* The columns of one batch, in the host's memory. */
typedef struct mole_flow_builder {
  uint32_t struct_size;
  uint32_t capacity;       /* maximum number of rows */
  uint32_t rows;           /* set by next */
  uint32_t address_family; /* set by next: 4 or 6; a batch holds one family */
  /* NULL: not needed. The decoder writes every row of the columns that it names in "writes", the default of the column where the
   * record has no value (docs/flow_columns.md). */
  void* columns[MOLE_COLUMN_LIMIT];
  /* Since 1.2. */
  const mole_element* elements; /* needed elements, equal in all calls for one decoder; NULL: none */
  uint32_t element_count;
  uint32_t reserved;
  void* element_values; /* passed to put */
  /* Adds a value of an element to a row of this batch; copies it. Numbers, times and booleans are 8 bytes in native order.
   * Several calls for a row add several values, as of an element in a list; without a call the row has none. Rows must not
   * decrease. Returns MOLE_OK or MOLE_EXHAUSTED: pass it on. NULL: no elements are needed. */
  int32_t (*put)(void* element_values, uint32_t element, uint32_t row, const void* data, uint64_t size);
} mole_flow_builder;

typedef struct mole_decoder_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  int32_t (*open)(const mole_host*, const mole_value* params, uint32_t param_count, mole_module** out, mole_error*);
  void (*close)(mole_module*);
  /* Returns 1 if these first (up to 4096) decompressed bytes look like this format. */
  int32_t (*recognises)(const uint8_t* head, uint64_t size);
  int32_t (*create)(const mole_module*, const mole_source*, const mole_decode_sink*, mole_decoder** out, mole_error*);
  void (*destroy)(mole_decoder*);
  /* Fills one batch. MOLE_OK (rows may be 0); MOLE_END: no more flows, rows is 0. Must accept any bytes. */
  int32_t (*next)(mole_decoder*, mole_flow_builder*, mole_error*);
} mole_decoder_v1;

/* ---- downloaders: kind "mole.downloader/1" ------------------------------------------------------------------- */

/* One file of an archive. The strings are valid during the call. */
typedef struct mole_object {
  uint32_t struct_size;
  uint32_t reserved;
  mole_text id;      /* passed to fetch; the end of this path is matched against `files` of the manifest */
  uint64_t size;     /* bytes */
  mole_text version; /* changes when the content may have changed (mtime, etag); empty if unknown */
  mole_text medium;  /* the tape; empty if there is none */
  uint64_t position; /* on the medium */
} mole_object;

typedef struct mole_index_sink {
  void* self;
  int32_t (*found)(void* self, const mole_object*); /* on any result other than MOLE_OK, stop and return it */
  /* Since 1.1: names a path that is not listed, and why: one short sentence, the same for all paths of a kind. Both are UTF-8. */
  void (*passed_over)(void* self, mole_text path, mole_text reason);
} mole_index_sink;

typedef struct mole_downloader_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  int32_t (*open)(const mole_host*, const mole_value* params, uint32_t param_count, mole_module** out, mole_error*);
  void (*close)(mole_module*);
  /* Lists all files, in any order. */
  int32_t (*index)(const mole_module*, const mole_index_sink*, mole_error*);
  /* Makes files ready. Idempotent. MOLE_OK: all are ready; MOLE_PENDING: call again later. */
  int32_t (*stage)(const mole_module*, const mole_text* ids, uint32_t count, mole_error*);
  /* Writes the bytes of a ready file, which the host hashes and publishes. */
  int32_t (*fetch)(const mole_module*, mole_text id, const mole_writer*, mole_error*);
} mole_downloader_v1;

/* ---- the entry ------------------------------------------------------------------------------------------------ */

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
