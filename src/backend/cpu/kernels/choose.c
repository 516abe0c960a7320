#include "backend/cpu/kernels/bf16.h"
#include "backend/cpu/kernels/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct variant {
  const cpu_kernels *kernels;
  bool supported;
} variant;

enum { MAX_VARIANTS = 3 };

/* All variants of this build, best first. The operating system must save the registers too, which
 * __builtin_cpu_supports takes into account. */
static int list_variants(variant *list) {
  int count = 0;
#ifdef __x86_64__
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  list[count++] = (variant){&cpu_kernels_avx512, avx512};
  list[count++] = (variant){&cpu_kernels_avx2, avx2};
#endif
  list[count++] = (variant){&cpu_kernels_generic, true};
  return count;
}

static const cpu_kernels *refuse(const char *wanted, const variant *list, int count, bool known, error *err) {
  char allowed[100] = "";
  for (int i = 0; i < count; i++)
    if (list[i].supported) {
      size_t used = strlen(allowed);
      snprintf(allowed + used, sizeof allowed - used, "%s%s", used ? ", " : "", list[i].kernels->name);
    }
  if (known)
    error_set(err, ERROR_UNSUPPORTED, "DEEPECG_CPU=%s: this processor lacks the instructions; it can run: %s",
              wanted, allowed);
  else
    error_set(err, ERROR_USAGE, "DEEPECG_CPU=%s is not a kernel variant; this processor can run: %s", wanted,
              allowed);
  return NULL;
}

const cpu_kernels *cpu_kernels_choose(error *err) {
  variant list[MAX_VARIANTS];
  int count = list_variants(list);
  const char *wanted = getenv("DEEPECG_CPU");
  if (wanted && !*wanted)
    wanted = NULL;
  for (int i = 0; i < count; i++) {
    if (!wanted && list[i].supported)
      return list[i].kernels;
    if (wanted && strcmp(wanted, list[i].kernels->name) == 0)
      return list[i].supported ? list[i].kernels : refuse(wanted, list, count, true, err);
  }
  return refuse(wanted ? wanted : "", list, count, false, err);
}

const bf16_kernels *bf16_kernels_choose(const cpu_kernels *kernels, error *err) {
#ifdef __x86_64__
  bool supported = __builtin_cpu_supports("avx512bf16");
  if (supported && kernels == &cpu_kernels_avx512)
    return &cpu_kernels_avx512bf16;
  if (supported) {
    error_set(err, ERROR_UNSUPPORTED,
              "precision bf16 goes with the avx512 kernels only; DEEPECG_CPU=%s asks for others",
              kernels->name);
    return NULL;
  }
#endif
  (void)kernels;
  error_set(err, ERROR_UNSUPPORTED,
            "precision bf16 wants AVX512-BF16 instructions, which this processor lacks");
  return NULL;
}
