/* Where the columns of a product come from when its weights are packed: one constant, or several side by
 * side.
 */
#ifndef DEEPECG_BACKEND_CPU_PRODUCT_SOURCES_H
#define DEEPECG_BACKEND_CPU_PRODUCT_SOURCES_H

#include "backend/cpu/product.h"

typedef struct product_sources {
  const product_weights *list;
  int count; /* 1 to PRODUCT_MOST_SOURCES; with more than one the product has one group */
} product_sources;

static inline ptrdiff_t columns_of_source(const product *p, const product_sources *s) {
  return p->groups * p->columns / s->count;
}

/* The weights of a column, counted through all groups, of which *count columns, at most `wanted`, lie one
 * behind the other. */
static inline const float *source_columns(const product *p, const product_sources *s, ptrdiff_t column,
                                          ptrdiff_t wanted, ptrdiff_t *count) {
  ptrdiff_t each = columns_of_source(p, s), within = column % each;
  *count = wanted < each - within ? wanted : each - within;
  return s->list[column / each].weight + within * p->inner;
}

/* A column's bias; 0 where there is none. */
static inline float source_bias(const product *p, const product_sources *s, ptrdiff_t column) {
  ptrdiff_t each = columns_of_source(p, s);
  const float *bias = s->list[column / each].bias;
  return bias ? bias[column % each] : 0.0f;
}

/* The key of what is made of the sources' weights; form and sizes are the caller's. */
static inline weight_key key_of_weights(const product_sources *s) {
  return (weight_key){.source = s->list[0].weight,
                      .second = s->count > 1 ? s->list[1].weight : NULL,
                      .third = s->count > 2 ? s->list[2].weight : NULL};
}

static inline weight_key key_of_biases(const product_sources *s) {
  return (weight_key){.source = s->list[0].bias,
                      .second = s->count > 1 ? s->list[1].bias : NULL,
                      .third = s->count > 2 ? s->list[2].bias : NULL};
}

#endif
