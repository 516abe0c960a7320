#include "graph/graph.h"
#include "graph/passes/match.h"

const graph_pass *const graph_passes[] = {
    &pass_remove_dead,     &pass_fold_constants, &pass_merge_moves,     &pass_remove_identities,
    &pass_fold_batch_norm, &pass_fuse_residual,  &pass_fuse_activation,
};
const size_t graph_pass_count = sizeof graph_passes / sizeof graph_passes[0];

/* More than any real network needs. Stopping early costs speed only, and bounds the work on a hostile file.
 */
enum { MAX_ROUNDS = 16 };

static bool run_round(graph *g, int *changes, error *err) {
  for (size_t i = 0; i < graph_pass_count; i++)
    if (!graph_passes[i]->run(g, changes, err))
      return error_prefix(err, "%s", graph_passes[i]->name);
  return true;
}

bool graph_optimise(graph *g, error *err) {
  int changes = 1;
  for (int round = 0; round < MAX_ROUNDS && changes > 0; round++) {
    changes = 0;
    if (!run_round(g, &changes, err))
      return false;
  }
  return graph_compact(g, err) && graph_verify(g, err);
}
