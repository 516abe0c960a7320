/* Vectors of the heart's dipole, in millivolts: x to the patient's left, y down, z to the back. */
#ifndef DEEPECG_SYNTH_VECTOR_H
#define DEEPECG_SYNTH_VECTOR_H

typedef struct vector {
  double x, y, z;
} vector;

static inline vector vector_scale(vector a, double factor) {
  return (vector){a.x * factor, a.y * factor, a.z * factor};
}

static inline vector vector_add(vector a, vector b) {
  return (vector){a.x + b.x, a.y + b.y, a.z + b.z};
}

static inline double vector_dot(vector a, vector b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

#endif
