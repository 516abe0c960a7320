/* Float32 products whose panels are too large for the first cache: the inner index in blocks, the rows of A
 * that a block needs gathered in scratch memory, a part of every panel passed over them; where a record has
 * rows enough, pairs of panels by strassen.h. */
#ifndef DEEPECG_BACKEND_CPU_PRODUCT_BLOCKED_H
#define DEEPECG_BACKEND_CPU_PRODUCT_BLOCKED_H

#include "backend/cpu/product.h"

/* Is such a product to be computed by Strassen's? From its shape alone. */
bool product_blocked_suits_strassen(const product *p);

size_t product_blocked_scratch(const product *p);

/* How many of the first samples may pass a panel one after the other, 1 or more: those that read the same
 * weights and whose rows there is room for. Two by Strassen's product would be no faster than one after the
 * other. */
int product_blocked_together(const product *const *p, int count);

/* As product_run_joint, for as many. */
void product_blocked_run(const product *const *p, const product_operands *o, int count, const frame *f);

#endif
