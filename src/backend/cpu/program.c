#include "backend/cpu/program.h"

#include <stdlib.h>

void *frame_data(const frame *f, buffer_id id) {
  if (id == BUFFER_NONE)
    return NULL;
  const cpu_buffer *b = &f->program->buffers[id];
  switch (b->place) {
  case PLACE_ACTIVATION:
    return f->activations + b->offset;
  case PLACE_INPUT: /* steps only read inputs and constants */
    return (unsigned char *)f->inputs[b->index] + f->sample * b->bytes;
  case PLACE_OUTPUT:
    return (unsigned char *)f->outputs[b->index] + f->sample * b->bytes;
  case PLACE_CONSTANT:
    break;
  }
  return (void *)b->constant;
}

void program_destroy(cpu_program *p) {
  if (!p)
    return;
  arena_destroy(p->memory);
  free(p->steps);
  free(p->buffers);
  free(p);
}
