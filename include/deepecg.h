/* deepecg: read 12-lead ECGs, clean them as published, run the DeepECG networks.
 *
 *     deepecg_error err;
 *     deepecg_ecg *ecg = deepecg_ecg_read("ecg.xml", &err);
 *     deepecg_model *model = deepecg_model_open("weights/efficientnetv2_afib_5y", 2, &err);
 *     float probability;
 *     if (!ecg || !model || !deepecg_clean(&ecg, 1, &err) ||
 *         !deepecg_model_predict(model, &ecg, 1, &probability, &err))
 *       fprintf(stderr, "%s\n", err.message);
 *     deepecg_ecg_free(ecg);
 *     deepecg_model_close(model);
 *
 * Every function may be called from several threads at once, on different objects. Nothing is printed, no
 * global state is kept. Functions return false or NULL on failure and fill *err (which may be NULL). */
#ifndef DEEPECG_H
#define DEEPECG_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DEEPECG_API __attribute__((visibility("default")))
#else
#define DEEPECG_API
#endif

enum { DEEPECG_LEADS = 12, DEEPECG_SAMPLES = 2500, DEEPECG_RATE_HZ = 250 };

/* One line of text that names the file and the reason. */
typedef struct deepecg_error {
  char message[1000];
} deepecg_error;

/* "0.1.0" */
DEEPECG_API const char *deepecg_version(void);

/* ---- ECGs ---- */

/* A 12-lead ECG of 10 s at 250 Hz. */
typedef struct deepecg_ecg deepecg_ecg;

/* Read a file of any known format (found by content) and bring it to 10 s at 250 Hz. Fails on an unknown
 * format, a missing lead, samples that are not finite, and fewer than 10 s. */
DEEPECG_API deepecg_ecg *deepecg_ecg_read(const char *path, deepecg_error *err);

/* The same from memory, which is not needed afterwards; messages name no file. */
DEEPECG_API deepecg_ecg *deepecg_ecg_read_bytes(const void *bytes, size_t size, deepecg_error *err);

/* NULL is allowed. */
DEEPECG_API void deepecg_ecg_free(deepecg_ecg *ecg);

/* "MHI" (GE MUSE XML), "CLSA" (GE CardioSoft XML), "DICOM" or "NPY". A constant. */
DEEPECG_API const char *deepecg_ecg_format(const deepecg_ecg *ecg);

/* What the ECG machine stated, "" where the file has nothing. Valid until the ECG is freed. */
DEEPECG_API const char *deepecg_ecg_statements(const deepecg_ecg *ecg);

/* DEEPECG_SAMPLES samples of one lead (0 ... 11: I, II, III, aVR, aVL, aVF, V1 ... V6), one after the other;
 * until cleaned in the file's own unit (DICOM: microvolts / 4.88). NULL for another number. Valid until the
 * ECG is freed. */
DEEPECG_API const float *deepecg_ecg_lead(const deepecg_ecg *ecg, int lead);

/* Clean ecgs[0..count) together, in place: the published method takes its scale and its frequency ranges from
 * the batch. Must be done once before prediction. Fails (ecgs untouched) when there is no signal in any of
 * them. */
DEEPECG_API bool deepecg_clean(deepecg_ecg *const *ecgs, size_t count, deepecg_error *err);

/* ---- networks ---- */

typedef struct deepecg_model deepecg_model;

/* Open a signal model: a TorchScript file (EfficientNet), a fairseq checkpoint (WCR), or the folder that
 * holds one. threads: 0 for one per processor. */
DEEPECG_API deepecg_model *deepecg_model_open(const char *path, int threads, deepecg_error *err);

/* What the large products of a network are computed in. DEEPECG_BF16 rounds their operands to bfloat16: WCR
 * models run about twice as fast in half the memory, on processors with AVX512-BF16 only, and probabilities
 * move (`deepecg drift` says how far). EfficientNets are computed in float32 always. */
typedef enum deepecg_precision { DEEPECG_FP32, DEEPECG_BF16 } deepecg_precision;

/* deepecg_model_open, which means DEEPECG_FP32, in a precision. Fails where the processor cannot compute so.
 */
DEEPECG_API deepecg_model *deepecg_model_open_in(const char *path, int threads, deepecg_precision precision,
                                                 deepecg_error *err);

/* NULL is allowed. */
DEEPECG_API void deepecg_model_close(deepecg_model *model);

/* Probabilities per ECG: 77 or 1. */
DEEPECG_API size_t deepecg_model_output_count(const deepecg_model *model);

/* Name of output `index` of a 77-label model ("Sinusal", ...), "" for a binary one. */
DEEPECG_API const char *deepecg_model_output_name(const deepecg_model *model, size_t index);

/* probabilities[count][deepecg_model_output_count]. The ECGs must have been cleaned. One call at a time on
 * one model; a row depends on its own ECG only, to the last bit. A row whose result is not finite numbers
 * throughout is NaN. */
DEEPECG_API bool deepecg_model_predict(deepecg_model *model, deepecg_ecg *const *ecgs, size_t count,
                                       float *probabilities, deepecg_error *err);

#ifdef __cplusplus
}
#endif

#endif
