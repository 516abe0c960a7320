/* Everything that is compiled once per instruction set, in one translation unit: vec and its functions come
 * from the simd_*.h header that was included before, KERNELS and KERNELS_NAME say what the table is called.
 */
#include "backend/cpu/kernels/gemm_template.h"
#include "backend/cpu/kernels/kernels.h"

#include "backend/cpu/kernels/activate_result_template.h"
#include "backend/cpu/kernels/depthwise_template.h"
#include "backend/cpu/kernels/gemm_half_template.h"
#include "backend/cpu/kernels/gemm_scale_template.h"
#include "backend/cpu/kernels/probe_template.h"
#include "backend/cpu/kernels/squeeze_template.h"
#include "backend/cpu/kernels/strassen_template.h"
#include "backend/cpu/kernels/winograd_template.h"

#include "backend/cpu/kernels/activation_template.h"
#include "backend/cpu/kernels/attention_template.h"
/* after attention_template.h */
#include "backend/cpu/kernels/attention_floats.h"
#include "backend/cpu/kernels/elementwise_template.h"
#include "backend/cpu/kernels/reduction_template.h"
#include "backend/cpu/kernels/transpose_template.h"
/* after reduction_template.h */
#include "backend/cpu/kernels/normalisation_template.h"

const cpu_kernels KERNELS = {
    .name = KERNELS_NAME,
    .lanes = VECTOR_LANES,
    .probe_peak = probe_peak,
    .gemm_rows = {GEMM_ROWS_1, GEMM_ROWS_2, GEMM_ROWS_3},
    .gemm_tiles = GEMM_TABLE,
    .half_lanes = VECTOR_HALF_LANES,
    .gemm_half_tiles = GEMM_HALF_TABLE,
    .gemm_scale_panel = gemm_scale_panel,
    .strassen_rows = strassen_rows,
    .strassen_panels = strassen_panels,
    .add_rows = add_rows,
    .depthwise = depthwise,
    .winograd_input = winograd_transform_input,
    .winograd_output = winograd_transform_output,
    .mean_of_rows = mean_of_rows,
    .gated_sum = gated_sum,
    .activate = activate,
    .attend = attend,
    .binary = binary,
    .reduce_columns = reduce_columns,
    .reduce_rows = reduce_rows,
    .softmax_rows = softmax_rows,
    .layer_norm = layer_norm,
    .group_norm = group_norm,
    .instance_norm = instance_norm,
    .scale_shift = scale_shift,
    .transpose = transpose,
};
