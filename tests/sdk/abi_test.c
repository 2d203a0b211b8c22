/* The ABI is C11: this file compiles as C11 with warnings as errors, and checks the sizes on which built plugins depend. */
#include <mole/abi.h>

_Static_assert(sizeof(struct ArrowArray) == 80, "ArrowArray");
_Static_assert(sizeof(mole_text) == 16, "mole_text");
_Static_assert(sizeof(mole_error) == 16, "mole_error");
_Static_assert(sizeof(mole_value) == 24, "mole_value");
_Static_assert(sizeof(mole_host) == 40, "mole_host");
_Static_assert(sizeof(mole_binding) == 72, "mole_binding");
_Static_assert(sizeof(mole_batch) == 32, "mole_batch");
_Static_assert(sizeof(mole_interval) == 16, "mole_interval");
_Static_assert(sizeof(mole_metric_v1) == 88, "mole_metric_v1");
_Static_assert(sizeof(mole_source) == 16, "mole_source");
_Static_assert(sizeof(mole_decode_sink) == 32, "mole_decode_sink");
_Static_assert(sizeof(mole_flow_builder) == 16 + 8 * MOLE_COLUMN_LIMIT + 48, "mole_flow_builder");
_Static_assert(sizeof(mole_decoder_v1) == 56, "mole_decoder_v1");
_Static_assert(sizeof(mole_object) == 96, "mole_object");
_Static_assert(sizeof(mole_downloader_v1) == 80, "mole_downloader_v1");
_Static_assert(sizeof(mole_plugin) == 32, "mole_plugin");
_Static_assert(sizeof(mole_entry) == 24, "mole_entry");
_Static_assert(sizeof(mole_element) == 24, "mole_element");
_Static_assert(sizeof(mole_values) == 16, "mole_values");
_Static_assert(MOLE_COLUMN_SAMPLING == 19 && MOLE_COLUMN_SCALED == 36 && MOLE_COLUMN_SAMPLING_SOURCE == 37 && MOLE_COLUMN_COUNT == 38 && MOLE_COLUMN_LIMIT == 64,
               "the numbers of columns are fixed");

const mole_plugin *mole_test_c_plugin(void);
const mole_plugin *mole_test_c_plugin(void) {
  static const mole_metric_v1 calls = {sizeof(mole_metric_v1)};
  static const mole_plugin plugin = {sizeof(mole_plugin), 0, "mole.metric/1", "{}", &calls};
  return &plugin;
}
