#include "backend/cpu/match.h"

#include "backend/cpu/lower.h"

/* How far consumers are looked for. */
enum { NEAR = 32 };

static bool uses(const graph_node *n, value_id v) {
  for (int i = 0; i < n->input_count; i++)
    if (n->inputs[i] == v)
      return true;
  return false;
}

static const graph_node *find_consumer(const builder *b, value_id v,
                                       bool (*accept)(const builder *b, const graph_node *n)) {
  int first = graph_value_get(b->graph, v)->producer + 1, count = graph_node_count(b->graph);
  for (int i = first; i < count && i < first + NEAR; i++) {
    const graph_node *n = graph_node_get(b->graph, i);
    if (n->op && uses(n, v) && accept(b, n))
      return n;
  }
  return NULL;
}

const graph_node *find_sole_consumer(const builder *b, value_id v,
                                     bool (*accept)(const builder *b, const graph_node *n)) {
  return graph_use_count(b->graph, v) == 1 ? find_consumer(b, v, accept) : NULL;
}

bool node_is_mean(const builder *b, const graph_node *n) {
  return n->op == &op_adaptive_avg_pool1d && n->attributes.output_size == 1 &&
         value_is_signal(b, n->inputs[0]);
}

const graph_node *find_mean_consumer(const builder *b, value_id v) {
  return find_consumer(b, v, node_is_mean);
}

pairs_use find_pairs_use(const builder *b, value_id v) {
  int first = graph_value_get(b->graph, v)->producer + 1, count = graph_node_count(b->graph), readers = 0;
  for (int i = first; i < count && i < first + NEAR; i++) {
    const graph_node *n = graph_node_get(b->graph, i);
    readers += n->op && linear_reads_pairs(b, n) && n->inputs[0] == v;
  }
  return readers == 0 ? PAIRS_UNUSED : readers < graph_use_count(b->graph, v) ? PAIRS_TOO : PAIRS_ALONE;
}

static bool is_gate_of(const builder *b, value_id gate, value_id signal) {
  const shape *g = &graph_value_get(b->graph, gate)->shape, *x = &graph_value_get(b->graph, signal)->shape;
  return value_is_signal(b, gate) && value_is_signal(b, signal) && g->dims[1] == x->dims[1] &&
         g->dims[2] == 1;
}

bool node_is_gate(const builder *b, const graph_node *n, value_id *signal, value_id *gate) {
  if (n->op != &op_mul)
    return false;
  bool second = is_gate_of(b, n->inputs[1], n->inputs[0]);
  *signal = n->inputs[second ? 0 : 1];
  *gate = n->inputs[second ? 1 : 0];
  return second || is_gate_of(b, n->inputs[0], n->inputs[1]);
}
