/* Offsets for activation buffers: the steps are walked in order, and at each one its new buffers take the
 * tightest hole that fits; buffers that no later step reads give their place back. */
#include "backend/cpu/program.h"
#include "base/buffer.h"
#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFER_ALIGNMENT = 64 };

/* Free ranges in order of offset; between two of them lies memory in use. The last one is open-ended. */
typedef struct hole {
  size_t begin, end;
} hole;

typedef struct planner {
  cpu_program *program;
  hole *holes;
  size_t hole_count, hole_capacity;
  int *by_first, *by_last; /* activation buffers ordered by first_step, by last_step */
  size_t count;
} planner;

static bool insert_hole(planner *p, size_t at, hole h, error *err) {
  if (!array_reserve((void **)&p->holes, &p->hole_capacity, p->hole_count + 1, sizeof *p->holes, err))
    return false;
  memmove(p->holes + at + 1, p->holes + at, (p->hole_count - at) * sizeof *p->holes);
  p->holes[at] = h;
  p->hole_count++;
  return true;
}

static void remove_hole(planner *p, size_t at) {
  p->hole_count--;
  memmove(p->holes + at, p->holes + at + 1, (p->hole_count - at) * sizeof *p->holes);
}

static bool padded_size(const cpu_buffer *b, size_t *size, error *err) {
  if (!checked_add(b->bytes, BUFFER_ALIGNMENT - 1, size))
    return error_out_of_memory(err);
  *size &= ~(size_t)(BUFFER_ALIGNMENT - 1);
  return true;
}

static bool place_buffer(planner *p, cpu_buffer *b, error *err) {
  size_t size, best = p->hole_count - 1;
  if (!padded_size(b, &size, err))
    return false;
  for (size_t i = 0; i < p->hole_count; i++) {
    size_t room = p->holes[i].end - p->holes[i].begin;
    if (room >= size && room < p->holes[best].end - p->holes[best].begin)
      best = i;
  }
  hole *h = &p->holes[best];
  if (h->end - h->begin < size)
    return error_out_of_memory(err);
  b->offset = h->begin;
  h->begin += size;
  if (h->begin > p->program->activation_bytes && best == p->hole_count - 1)
    p->program->activation_bytes = h->begin;
  if (h->begin == h->end)
    remove_hole(p, best);
  return true;
}

static bool release_buffer(planner *p, const cpu_buffer *b, error *err) {
  size_t size, at = 0;
  if (!padded_size(b, &size, err))
    return false;
  hole freed = {b->offset, b->offset + size};
  while (at < p->hole_count && p->holes[at].begin < freed.begin)
    at++;
  bool joins_next = at < p->hole_count && p->holes[at].begin == freed.end;
  bool joins_previous = at > 0 && p->holes[at - 1].end == freed.begin;
  if (joins_next && joins_previous) {
    p->holes[at - 1].end = p->holes[at].end;
    remove_hole(p, at);
  } else if (joins_next) {
    p->holes[at].begin = freed.begin;
  } else if (joins_previous) {
    p->holes[at - 1].end = freed.end;
  } else {
    return insert_hole(p, at, freed, err);
  }
  return true;
}

/* Buffers in use are as many as a network is wide, so that a counting sort by step keeps planning linear. */
static bool order_buffers(planner *p, bool by_last, int **order, error *err) {
  cpu_program *program = p->program;
  size_t *begin = calloc(program->step_count + 1, sizeof *begin);
  *order = malloc((p->count + 1) * sizeof **order);
  if (!begin || !*order) {
    free(begin);
    return error_out_of_memory(err);
  }
  for (size_t pass = 0; pass < 2; pass++) {
    for (size_t i = 0; i < program->buffer_count; i++) {
      const cpu_buffer *b = &program->buffers[i];
      size_t step = by_last ? b->last_step : b->first_step;
      if (b->place != PLACE_ACTIVATION)
        continue;
      if (pass == 0)
        begin[step + 1]++;
      else
        (*order)[begin[step]++] = (int)i;
    }
    for (size_t i = 0; pass == 0 && i < program->step_count; i++)
      begin[i + 1] += begin[i];
  }
  free(begin);
  return true;
}

static bool walk_steps(planner *p, error *err) {
  cpu_buffer *buffers = p->program->buffers;
  size_t next = 0, expired = 0;
  for (size_t step = 0; step < p->program->step_count; step++) {
    for (; next < p->count && buffers[p->by_first[next]].first_step == step; next++)
      if (!place_buffer(p, &buffers[p->by_first[next]], err))
        return false;
    for (; expired < p->count && buffers[p->by_last[expired]].last_step == step; expired++)
      if (!release_buffer(p, &buffers[p->by_last[expired]], err))
        return false;
  }
  return true;
}

bool program_plan_memory(cpu_program *program, error *err) {
  planner p = {.program = program};
  for (size_t i = 0; i < program->buffer_count; i++)
    p.count += program->buffers[i].place == PLACE_ACTIVATION;
  program->activation_bytes = 0;
  bool done = insert_hole(&p, 0, (hole){0, SIZE_MAX & ~(size_t)(BUFFER_ALIGNMENT - 1)}, err) &&
              order_buffers(&p, false, &p.by_first, err) && order_buffers(&p, true, &p.by_last, err) &&
              walk_steps(&p, err);
  free(p.holes);
  free(p.by_first);
  free(p.by_last);
  return done;
}
