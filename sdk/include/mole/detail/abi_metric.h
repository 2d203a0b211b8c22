/* The plugin ABI: flow columns, and metrics (kind "mole.metric/1"). Part of mole/abi.h, which states the rules. */
#ifndef MOLE_DETAIL_ABI_METRIC_H
#define MOLE_DETAIL_ABI_METRIC_H

#include <mole/detail/abi_base.h>
#include <mole/detail/arrow.h>

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif
#endif
