/* Remove nodes whose result nothing uses. */
#include "graph/passes/match.h"

static bool run(graph *g, int *changes, error *err) {
  (void)err;
  for (int i = graph_node_count(g) - 1; i >= 0; i--) {
    const graph_node *node = graph_node_get(g, i);
    if (node->op && graph_use_count(g, node->output) == 0) {
      graph_remove_node(g, i);
      ++*changes;
    }
  }
  return true;
}

const graph_pass pass_remove_dead = {"remove_dead", run};
