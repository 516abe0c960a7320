/* From nodes to steps: one function per operator that has a kernel. */
#ifndef DEEPECG_BACKEND_CPU_LOWER_H
#define DEEPECG_BACKEND_CPU_LOWER_H

#include "backend/cpu/builder.h"

/* LOWER_DECLINED: nothing was added, the kernel doesn't cover this case; the scalar implementation will do
 * it. */
typedef enum lower_result { LOWER_FAILED, LOWER_DONE, LOWER_DECLINED } lower_result;

typedef lower_result lower_function(builder *b, const graph_node *n, error *err);

/* All nodes of the graph, and the copies to its outputs, as steps. */
bool lower_graph(builder *b, error *err);

/* Is the node a linear layer that is computed in bfloat16, and reads its operand as rows of pairs? */
bool linear_reads_pairs(const builder *b, const graph_node *n);

/* Any operator, by its scalar implementation on row-major operands. */
lower_function lower_scalar;

/* Several functions may stand for one operator: they are tried in the order of lower.c's table. */
lower_function lower_conv1d, lower_depthwise, lower_spectral_conv, lower_winograd, lower_linear_layer,
    lower_matrix_product;
/* Squeeze-excitation: a mean whose sums a convolution has left; x * gate, deferred to the convolution or the
 * sum that is its only consumer; that sum. */
lower_function lower_mean_of_pointwise, lower_mean_of_sums, lower_gate, lower_gated_sum;
/* With kernels. */
lower_function lower_activation_step, lower_adaptive_pool_step, lower_attention_step, lower_batch_norm_step,
    lower_binary_step, lower_concat_step, lower_embedding_step, lower_group_norm_step, lower_layer_norm_step,
    lower_pad_step, lower_pool_step, lower_prelu_step, lower_reduce_step, lower_reshape_step,
    lower_slice_step, lower_softmax_step, lower_transpose_step;

#endif
