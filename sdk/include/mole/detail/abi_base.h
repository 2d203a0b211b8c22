/* The plugin ABI: versions, result codes, text, values, the host. Part of mole/abi.h, which states the rules. */
#ifndef MOLE_DETAIL_ABI_BASE_H
#define MOLE_DETAIL_ABI_BASE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOLE_ABI_MAGIC 0x454c4f4du /* "MOLE" in little-endian memory order */
#define MOLE_ABI_MAJOR 1
/* Minor versions. 1: mole_index_sink.passed_over; 2: flow columns from 20, information elements; 3: mole_decode_sink.described,
 * downloaders from index_range, MOLE_DENIED, MOLE_BUSY */
#define MOLE_ABI_MINOR 3

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
  MOLE_INTERNAL = -8,    /* a bug in the plugin (any unexpected exception) */
  /* Since 1.3. */
  MOLE_DENIED = -9, /* credentials or host key do not match: the operator must act, trying again does not help */
  MOLE_BUSY = -10   /* the archive asks to wait (throttled, no connection or drive is free): try again later */
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

#ifdef __cplusplus
}
#endif
#endif
