#include "backend/cpu/lower.h"

typedef struct attention_parameters {
  attention_job job; /* without its arrays */
  ptrdiff_t units;
} attention_parameters;

static void run_attention(const cpu_step *s, const frame *f) {
  const attention_parameters *p = s->parameters;
  attention_job job = p->job;
  job.q = step_read(s, f, 0);
  job.k = step_read(s, f, 1);
  job.v = step_read(s, f, 2);
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
  p->job.stride = s->dims[2];
  p->job.width = p->job.stride / heads;
  p->job.scale = (float)n->attributes.scale;
  p->units = heads * ((p->job.steps + tile - 1) / tile);
  ptrdiff_t pairs = b->program->bf16 ? bf16_attention_floats(p->job.steps, p->job.width) : 0;
  builder_scratch(b, (size_t)((p->job.steps + p->job.width) * tile + pairs) * sizeof(float));
  return p;
}

lower_result lower_attention_step(builder *b, const graph_node *n, error *err) {
  if (graph_value_get(b->graph, n->output)->shape.dims[0] != 1)
    return LOWER_DECLINED;
  attention_parameters *p = parameters_of(b, n, err);
  int reads[3], write;
  if (!p)
    return LOWER_FAILED;
  for (int i = 0; i < 3; i++)
    if (!builder_read(b, n->inputs[i], LAYOUT_ROW_MAJOR, &reads[i], err))
      return LOWER_FAILED;
  cpu_step step = {.run = run_attention, .parameters = p};
  return builder_write(b, n->output, LAYOUT_ROW_MAJOR, &write, err) &&
                 builder_step(b, &step, reads, 3, &write, 1, err)
             ? LOWER_DONE
             : LOWER_FAILED;
}
