/* Products whose operands are rounded to bfloat16 (kernels/bf16.h).
 *
 * The part of the signal that a block of rows reads is rounded once, a row of channels as pairs, into scratch
 * memory; a convolution's windows are then overlapping rows of that, taps and zeros of the padding included.
 * Linear layers, whose operand often goes into several products, read it as rows of pairs: the step before
 * rounds them.
 * Weights are packed as pairs in the same order: half the memory. As in float32 every element of the result
 * is one chain of multiply-adds in the order of the inner index. */
#ifndef DEEPECG_BACKEND_CPU_PRODUCT_BF16_H
#define DEEPECG_BACKEND_CPU_PRODUCT_BF16_H

#include "backend/cpu/product_sources.h"

/* Is the product, of which in_rows to dilation are filled in, to be computed so? Not where the program is
 * float32 throughout, where a caller wants panels of its own width, and where there is little to gain: a
 * single row (heads), few inner indices (the filter on the signal itself). */
bool product_bf16_suits(const builder *b, const product *p, int vectors);

/* Pack the weights; from then on p->bf16 is set, and sums and gates are not to be had. Of one tap and one
 * group, p->reads_pairs may be set before. */
bool product_bf16_pack(builder *b, product *p, const product_sources *s, error *err);

size_t product_bf16_weight_bytes(const product *p);

size_t product_bf16_scratch(const product *p);

/* As product_blocked_panels; what isn't at hand rounded each thread rounds for itself. */
void product_bf16_panels(const product *const *p, const product_operands *o, int samples, ptrdiff_t group,
                         ptrdiff_t first_panel, ptrdiff_t end_panel, const frame *f);

#endif
