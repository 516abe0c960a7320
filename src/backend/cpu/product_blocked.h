/* Float32 products whose panels are too large for the first cache: the inner index in blocks, a part
 * of every panel passed over the rows of A; where a record has
 * rows enough, pairs of panels by strassen.h. */
#ifndef DEEPECG_BACKEND_CPU_PRODUCT_BLOCKED_H
#define DEEPECG_BACKEND_CPU_PRODUCT_BLOCKED_H

#include "backend/cpu/product.h"

/* Is such a product to be computed by Strassen's? From its shape alone. */
bool product_blocked_suits_strassen(const product *p);

size_t product_blocked_scratch(const product *p);

/* Panels [first_panel, end_panel) of a group, for samples that product_run_joint takes together. */
void product_blocked_panels(const product *const *p, const product_operands *o, int samples, ptrdiff_t group,
                            ptrdiff_t first_panel, ptrdiff_t end_panel, const frame *f);

#endif
