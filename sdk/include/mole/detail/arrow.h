/* The part of the Arrow C Data Interface that Data Mole uses: one array of one batch.
 * Source: Apache Arrow format specification, "The Arrow C data interface"; the struct may be copied into any
 * project. Types are fixed by descriptors (see mole/abi.h), so no ArrowSchema crosses the boundary. */
#ifndef MOLE_ARROW_H
#define MOLE_ARROW_H

#include <stdint.h>

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

struct ArrowArray {
  int64_t length;
  int64_t null_count; /* -1: not counted */
  int64_t offset;     /* always 0 here */
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers; /* [0] validity bitmap or NULL, [1] values or offsets, [2] text bytes */
  struct ArrowArray** children;
  struct ArrowArray* dictionary;       /* always NULL here */
  void (*release)(struct ArrowArray*); /* NULL: already released */
  void* private_data;
};

#endif
#endif
