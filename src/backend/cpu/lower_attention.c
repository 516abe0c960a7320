#include "backend/cpu/lower.h"
#include "backend/cpu/lower_linear.h"
#include "backend/cpu/match.h"

typedef struct attention_parameters {
  attention_job job;    /* without its arrays */
  ptrdiff_t offsets[3]; /* of q, k and v in what is read */
  ptrdiff_t units;
} attention_parameters;

static void run_attention(const cpu_step *s, const frame *f) {
  const attention_parameters *p = s->parameters;
  attention_job job = p->job;
  job.q = (const float *)step_read(s, f, 0) + p->offsets[0];
  job.k = (const float *)step_read(s, f, 1) + p->offsets[1];
  job.v = (const float *)step_read(s, f, 2) + p->offsets[2];
  job.result = step_write(s, f, 0);
  ptrdiff_t begin, end;
  frame_share(f, p->units, &begin, &end);
  const cpu_program *program = f->program;
  (program->bf16 ? program->bf16->attend : program->kernels->attend)(&job, begin, end, f->scratch);
}

static attention_parameters *parameters_of(builder *b, const graph_node *n, error *err) {
  attention_parameters *p = builder_parameters(b, sizeof *p, err);
  if (!p)
    return NULL;
  const shape *s = &graph_value_get(b->graph, n->output)->shape;
  ptrdiff_t heads = (ptrdiff_t)n->attributes.heads,
            tile = ATTENTION_QUERY_VECTORS * b->program->kernels->lanes;
  p->job.steps = s->dims[1];
  p->job.stride = p->job.result_stride = s->dims[2];
  p->job.width = s->dims[2] / heads;
  p->job.scale = (float)n->attributes.scale;
  p->units = heads * ((p->job.steps + tile - 1) / tile);
  ptrdiff_t pairs = b->program->bf16 ? bf16_attention_floats(p->job.steps, p->job.width) : 0;
  builder_scratch(b, (size_t)((p->job.steps + p->job.width) * tile + pairs) * sizeof(float));
  return p;
}

/* Have the three linear layers been left to n? */
static bool projections_deferred(const builder *b, const graph_node *n, const graph_node *projections[3]) {
  return find_projections(b, n, projections) && builder_deferred(b, n->inputs[0]) &&
         builder_deferred(b, n->inputs[1]) && builder_deferred(b, n->inputs[2]);
}

/* Where q, k and v come from one product they lie side by side. */
static bool read_operands(builder *b, const graph_node *n, attention_parameters *p, buffer_id reads[3],
                          error *err) {
  const graph_node *projections[3];
  if (!projections_deferred(b, n, projections)) {
    for (int i = 0; i < 3; i++)
      if (!builder_read(b, n->inputs[i], LAYOUT_ROW_MAJOR, &reads[i], err))
        return false;
    return true;
  }
  buffer_id result;
  if (!linear_joined(b, projections, 3, &result, &p->job.stride, err))
    return false;
  for (int i = 0; i < 3; i++) {
    reads[i] = result;
    p->offsets[i] = i * p->job.result_stride;
  }
  return true;
}

lower_result lower_attention_step(builder *b, const graph_node *n, error *err) {
  if (graph_value_get(b->graph, n->output)->shape.dims[0] != 1)
    return LOWER_DECLINED;
  attention_parameters *p = parameters_of(b, n, err);
  buffer_id reads[3], write;
  if (!p || !read_operands(b, n, p, reads, err))
    return LOWER_FAILED;
  cpu_step step = {.run = run_attention, .parameters = p};
  return builder_write(b, n->output, LAYOUT_ROW_MAJOR, &write, err) &&
                 builder_step(b, &step, reads, 3, &write, 1, err)
             ? LOWER_DONE
             : LOWER_FAILED;
}
