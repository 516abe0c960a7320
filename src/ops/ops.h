/* The descriptors, one family per file: for the table, and for passes that look for certain operators.
 * Importers find them by name (op_find). */
#ifndef DEEPECG_OPS_OPS_H
#define DEEPECG_OPS_OPS_H

#include "ops/op.h"

extern const op_descriptor op_conv1d;                                      /* conv.c */
extern const op_descriptor op_linear, op_matmul;                           /* linear.c */
extern const op_descriptor op_attention;                                   /* attention.c */
extern const op_descriptor op_batch_norm, op_group_norm, op_layer_norm;    /* normalisation.c */
extern const op_descriptor op_activation, op_prelu;                        /* activation.c */
extern const op_descriptor op_softmax;                                     /* softmax.c */
extern const op_descriptor op_max_pool1d, op_avg_pool1d;                   /* pooling.c */
extern const op_descriptor op_adaptive_avg_pool1d, op_adaptive_max_pool1d; /* adaptive_pooling.c */
extern const op_descriptor op_reduce_mean, op_reduce_sum, op_reduce_max, op_count_nonzero; /* reduce.c */
extern const op_descriptor op_add, op_sub, op_mul, op_div, op_maximum, op_minimum;         /* elementwise.c */
extern const op_descriptor op_concat, op_slice, op_pad, op_reshape, op_transpose;          /* shape_ops.c */
extern const op_descriptor op_embedding;                                                   /* embedding.c */

#endif
