/* What lowering functions ask about the nodes around theirs. */
#ifndef DEEPECG_BACKEND_CPU_MATCH_H
#define DEEPECG_BACKEND_CPU_MATCH_H

#include "backend/cpu/builder.h"
#include "ops/ops.h"

/* Operand i of the node; VALUE_NONE where it is absent or the list ends before it. */
static inline value_id node_operand(const graph_node *n, int i) {
  return i < n->input_count ? n->inputs[i] : VALUE_NONE;
}

/* The only node that uses v, near behind its producer, if `accept` takes it; else NULL. */
const graph_node *find_sole_consumer(const builder *b, value_id v,
                                     bool (*accept)(const builder *b, const graph_node *n));

/* The mean of the signal v over time, near behind its producer; NULL if there is none. */
const graph_node *find_mean_consumer(const builder *b, value_id v);
bool node_is_mean(const builder *b, const graph_node *n);

/* How many of v's readers, near behind its producer, are products that read rows of pairs: none, some of
 * them, or all. */
typedef enum pairs_use { PAIRS_UNUSED, PAIRS_TOO, PAIRS_ALONE } pairs_use;
pairs_use find_pairs_use(const builder *b, value_id v);

/* Is the node signal * gate, with one factor for each channel? */
bool node_is_gate(const builder *b, const graph_node *n, value_id *signal, value_id *gate);

#endif
