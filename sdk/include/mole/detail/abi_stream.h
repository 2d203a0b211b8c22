/* The plugin ABI: decoders (kind "mole.decoder/1") and downloaders (kind "mole.downloader/1"). Part of mole/abi.h, which states
 * the rules. */
#ifndef MOLE_DETAIL_ABI_STREAM_H
#define MOLE_DETAIL_ABI_STREAM_H

#include <mole/detail/abi_base.h>
#include <mole/detail/abi_metric.h>

#ifdef __cplusplus
extern "C" {
#endif

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
  MOLE_REPEATED = 2,       /* since 1.3: the same bytes as an earlier datagram of its exporter */
  MOLE_EXPORTER_SHIFT = 8, /* bits 8 to 31: number of its exporter in this file, from 0, if several can be distinguished */
};

/* Since 1.3: kinds of mole_description. */
enum {
  MOLE_DESCRIBES_TEMPLATE = 1, /* id: template; count: fields */
  MOLE_DESCRIBES_OPTIONS,      /* an options template; id: template; count: fields */
  MOLE_DESCRIBES_ELEMENT,      /* an element of a template; id and enterprise: the element; count: its length, 65535: variable.
                                * With a name, a type record (RFC 5610); count: its type, UINT32_MAX: not stated */
  MOLE_DESCRIBES_INTERFACE,    /* id: its index; name */
  MOLE_DESCRIBES_APPLICATION   /* id: as in application_label; name */
};

/* Since 1.3: what a file says about its exporters. It does not change flows. */
typedef struct mole_description {
  uint32_t struct_size;
  int32_t kind;
  uint32_t exporter; /* its number, as in the flags of a datagram */
  uint32_t domain;   /* observation domain */
  uint64_t id;
  uint32_t enterprise;
  uint32_t count;
  mole_text name; /* UTF-8; of a template: the address of its exporter, if it is known */
} mole_description;

/* Receives what a decoder reports besides flows, in file order. Owned by the host; used by one thread. */
typedef struct mole_decode_sink {
  void* self;
  /* A datagram (message): when it was exported, the flows in it and, by sequence number, the flows lost right before it. */
  void (*datagram)(void* self, int64_t exported_us, uint32_t flows, uint64_t lost, uint32_t flags);
  /* `size` unreadable decompressed bytes at `offset`. */
  void (*skipped)(void* self, uint64_t offset, uint64_t size, mole_text reason);
  /* Since 1.3. May be repeated; the host keeps a limited number of different ones. NULL: not needed. */
  void (*described)(void* self, const mole_description*);
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
  /* Since 1.3, set by next; 0 before the call. Bits of columns and elements that are not needed are ignored, and
   * absent_columns if rows is 0. */
  uint64_t absent_columns; /* bit c: the records of this batch have no field for columns[c]; its values are defaults */
  uint64_t known_elements; /* bit e: a template read so far has elements[e], even if no record has a value of it */
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
  /* Since 1.3. */
  mole_text digest; /* of the bytes: "sha256:" or "md5:" and hexadecimal digits; empty if unknown */
  int32_t offline;  /* 1: must be staged before it can be fetched */
  int32_t reserved2;
} mole_object;

/* Since 1.3: the part of an archive that is needed. A downloader may list more. */
typedef struct mole_index_range {
  uint32_t struct_size;
  uint32_t prefix_count;
  int64_t start_us; /* files whose time, by their name, is in [start, end) */
  int64_t end_us;
  const mole_text* prefixes; /* ids of needed files begin with one of these; NULL: with anything */
} mole_index_range;

/* Since 1.3: receives the state of files that are being staged. */
typedef struct mole_stage_sink {
  void* self;
  /* Reports the state of ids[index]: MOLE_OK: ready; MOLE_PENDING: not yet; else an error of this file alone, with its message.
   */
  void (*staged)(void* self, uint32_t index, int32_t code, mole_text message);
} mole_stage_sink;

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
  /* Since 1.3. Each may be NULL: then the host calls the function named. */
  /* Lists the files of a range (index). */
  int32_t (*index_range)(const mole_module*, const mole_index_range*, const mole_index_sink*, mole_error*);
  /* Requests files, in the order in which they are wanted, and reports the state of each (stage). Idempotent; returns without
   * waiting for the medium. An error concerns all files. */
  int32_t (*stage_each)(const mole_module*, const mole_text* ids, uint32_t count, const mole_stage_sink*, mole_error*);
  /* Writes the bytes of a ready file from `offset` on (fetch, from 0). `expected`: the file as it was listed; MOLE_MISSING if its
   * size or version has changed. */
  int32_t (*fetch_from)(const mole_module*, const mole_object* expected, uint64_t offset, const mole_writer*, mole_error*);
  /* Says that these files are no longer needed, so that the archive may free their space (nothing). */
  int32_t (*release)(const mole_module*, const mole_text* ids, uint32_t count, mole_error*);
} mole_downloader_v1;

#ifdef __cplusplus
}
#endif
#endif
