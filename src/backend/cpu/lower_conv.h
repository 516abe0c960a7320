/* What all lowerings of convolutions share. */
#ifndef DEEPECG_BACKEND_CPU_LOWER_CONV_H
#define DEEPECG_BACKEND_CPU_LOWER_CONV_H

#include "backend/cpu/product.h"

enum { CONV_READ_X, CONV_READ_RESIDUAL, CONV_READ_GATE, CONV_READ_COUNT };
enum { CONV_WRITE_Y, CONV_WRITE_SUMS, CONV_WRITE_COUNT };

/* Reads x and the residual; y and, where a mean of y is wanted, its sums are written. */
typedef struct conv_buffers {
  buffer_id reads[CONV_READ_COUNT], writes[CONV_WRITE_COUNT];
} conv_buffers;

static const conv_buffers conv_no_buffers = {{BUFFER_NONE, BUFFER_NONE, BUFFER_NONE},
                                             {BUFFER_NONE, BUFFER_NONE}};

/* Work too small to be worth a meeting of threads, in multiply-adds. */
enum { CONV_SMALL_WORK = 20000 };

/* Those operands of a step of conv_add_step. */
product_operands conv_operands(const cpu_step *s, const frame *f);

/* The convolution's weights, if they are constants. */
bool conv_weights(const builder *b, const graph_node *n, product_weights *w);

/* Sizes of the product that is this convolution. */
product conv_product(const builder *b, const graph_node *n);

/* Buffers for the result, if it is wanted, and for the sums of its columns over `blocks` blocks of its rows,
 * if a later mean can use them. `blocks` 0: the step can't leave sums. */
bool conv_write_result(builder *b, const graph_node *n, ptrdiff_t blocks, ptrdiff_t padded_columns,
                       conv_buffers *c, error *err);

bool conv_add_step(builder *b, const conv_buffers *c, const cpu_step *step, error *err);

#endif
