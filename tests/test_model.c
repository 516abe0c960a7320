/* The model door: which file of a folder, which kind, what is refused, what is said, `inspect`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/text_model.h"
#include "support/damage.h"
#include "support/folders.h"
#include "support/messages.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODELS   DEEPECG_TEST_DATA "/golden/analysis/models/"
#define FIXTURES DEEPECG_TEST_DATA "/fixtures/"
#define BERT     "Bert_diagnosis2classification_En_Fr"

static const model_options one_thread = {.backend = "cpu", .threads = 1};

static void refuse(const char *path, const char *message) {
  error err = {0};
  model *m = model_open(path, &one_thread, NULL, &err);
  if (m)
    fail_msg("%s: opened, but should fail with: %s", path, message);
  if (!strstr(err.message, message))
    fail_msg("%s: message is \"%s\", not \"%s\"", path, err.message, message);
}

/* ---- kinds ---- */

static void every_kind_is_recognised(void **state) {
  (void)state;
  static const struct {
    const char *folder, *file, *kind;
    size_t logits;
  } models[] = {{"efficientnetv2_77_classes", "efficientnet_deepecg_unscaled.pt", "TorchScript", 77},
                {"efficientnetv2_afib_5y", "efficientnetv2_afib_5y.pt", "TorchScript", 1},
                {"wcr_77_classes", "wcr_77_classes.pt", "fairseq", 77}, /* beside base_ssl.pt */
                {"wcr_lvef_under_50", "wcr_lvef_under_50.pt", "fairseq", 1}};
  for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
    char folder[300], file[400];
    snprintf(folder, sizeof folder, MODELS "%s", models[i].folder);
    snprintf(file, sizeof file, "%s/%s", folder, models[i].file);
    error err = {0};
    messages said = {0};
    model *m = model_open(folder, &one_thread, &MESSAGES_REPORTER(said), &err);
    if (!m)
      fail_msg("%s", err.message);
    assert_string_equal(model_path(m), file);
    assert_string_equal(model_kind(m), models[i].kind);
    assert_int_equal(model_output_count(m), models[i].logits);
    assert_int_equal(said.warnings, 0);
    messages_free(&said);
    model_close(m);
  }
}

static void doors_are_not_mixed_up(void **state) {
  (void)state;
  refuse(MODELS BERT, "model.safetensors: a network that reads text, not ECGs");
  error err = {0};
  assert_null(text_model_open(MODELS "wcr_afib_5y", &one_thread, NULL, &err));
  assert_non_null(strstr(err.message, "wcr_afib_5y.pt: a network that reads ECGs, not text"));
}

/* ---- folders ---- */

static void the_folder_decides(void **state) {
  (void)state;
  char folder[FOLDER_PATH_SIZE], path[FOLDER_PATH_SIZE + 64];
  error err = {0};
  messages said = {0};
  refuse(MODELS "no_such_folder", "the model is not there");
  folder_make(folder, "model_folder");
  refuse(folder, "no .pt or model.safetensors file");
  folder_copy(folder, "base_ssl.pt", MODELS "wcr_77_classes/base_ssl.pt");
  refuse(folder, "base_ssl.pt only");
  folder_copy(folder, "config.json", MODELS "wcr_77_classes/config.json"); /* 0 bytes */
  folder_copy(folder, "earlier.pt", MODELS "wcr_afib_5y/wcr_afib_5y.pt");
  model *m = model_open(folder, &one_thread, &MESSAGES_REPORTER(said), &err);
  assert_non_null(m);
  assert_non_null(strstr(said.text, "earlier.pt is read, base_ssl.pt isn't needed"));
  model_close(m);
  folder_copy(folder, "two.pt", MODELS "wcr_lvef_under_50/wcr_lvef_under_50.pt");
  refuse(folder, "holds 2 .pt files and none is called model_folder.pt");
  folder_copy(folder, "model_folder.pt", MODELS "wcr_lvef_under_50/wcr_lvef_under_50.pt");
  m = model_open(folder, &one_thread, &MESSAGES_REPORTER(said), &err);
  assert_non_null(m);
  snprintf(path, sizeof path, "%s/model_folder.pt", folder);
  assert_string_equal(model_path(m), path);
  assert_non_null(strstr(said.text, "of 3 .pt files, model_folder.pt is read"));
  model_close(m);
  messages_free(&said);
}

static void older_hugging_face_files_are_refused_with_advice(void **state) {
  (void)state;
  char folder[FOLDER_PATH_SIZE];
  folder_make(folder, "model_older");
  folder_copy(folder, "pytorch_model.bin", FIXTURES "container/saved.pt");
  error err = {0};
  assert_null(text_model_open(folder, &one_thread, NULL, &err));
  assert_non_null(strstr(err.message, "save_pretrained"));
}

/* ---- damage, on files ---- */

static void check_damage(const damage_case *c, void *context) {
  error err = {0};
  if (!damage_case_write(c, context, &err))
    fail_msg("%s", err.message);
  model *m = model_open(context, &one_thread, NULL, &err);
  damage_assert(c, m != NULL, &err);
  model_close(m);
}

static void damage_is_named_with_the_file(void **state) {
  (void)state;
  char folder[FOLDER_PATH_SIZE], path[FOLDER_PATH_SIZE + 64];
  folder_make(folder, "model_damage");
  snprintf(path, sizeof path, "%s/damaged.pt", folder);
  damage_for_each(DEEPECG_TEST_DATA, "model", check_damage, path);
}

/* A NaN among the weights: in the middle of the pooled projection's. */
static void weights_that_are_not_finite_are_said(void **state) {
  (void)state;
  char folder[FOLDER_PATH_SIZE];
  folder_make(folder, "model_nan");
  folder_copy(folder, "config.json", FIXTURES "bert/float32/config.json");
  folder_copy(folder, "vocab.txt", FIXTURES "bert/float32/vocab.txt");
  folder_copy(folder, "model.safetensors", FIXTURES "bert/float32/model.safetensors");
  folder_set_bytes(folder, "model.safetensors", -8, "\x00\x00\xc0\x7f", 4);
  messages said = {0};
  error err = {0};
  text_model *m = text_model_open(folder, &one_thread, &MESSAGES_REPORTER(said), &err);
  if (!m)
    fail_msg("%s", err.message);
  assert_int_equal(said.warnings, 1);
  assert_non_null(
      strstr(said.text, "model.safetensors: weight 'classifier.weight' holds values that are not finite"));
  messages_free(&said);
  text_model_close(m);
}

/* ---- inspect ---- */

static json_t *inspect(const char *path) {
  buffer text = {0};
  error err = {0};
  if (!model_inspect(path, true, &text, &err))
    fail_msg("%s", err.message);
  json_t *json = json_loads(text.data, 0, NULL);
  assert_non_null(json);
  buffer_free(&text);
  assert_true(model_inspect(path, false, &text, &err));
  assert_non_null(strstr(text.data, "parameters"));
  buffer_free(&text);
  return json;
}

static const json_t *tensor_named(const json_t *json, const char *name) {
  const json_t *tensors = json_object_get(json, "tensors");
  for (size_t i = 0; i < json_array_size(tensors); i++)
    if (strcmp(json_string_value(json_object_get(json_array_get(tensors, i), "name")), name) == 0)
      return json_array_get(tensors, i);
  fail_msg("no tensor %s", name);
  return NULL;
}

static void check_tensor(const json_t *json, const char *name, const char *dtype, size_t rank, int first) {
  const json_t *tensor = tensor_named(json, name), *shape = json_object_get(tensor, "shape");
  assert_string_equal(json_string_value(json_object_get(tensor, "dtype")), dtype);
  assert_int_equal(json_array_size(shape), rank);
  assert_int_equal(json_integer_value(json_array_get(shape, 0)), first);
}

static void inspect_knows_every_kind(void **state) {
  (void)state;
  json_t *json = inspect(MODELS "efficientnetv2_afib_5y");
  assert_string_equal(json_string_value(json_object_get(json, "kind")), "TorchScript");
  assert_string_equal(json_string_value(json_object_get(json, "sha256")),
                      "d221cf8e30f3b57ad9e7098a3dd878575009a5aa4ecbc84ea2de0623fb1c9643");
  check_tensor(json, "initial_conv.0.weight", "float32", 3, 8);
  json_decref(json);
  json = inspect(MODELS "wcr_77_classes");
  assert_string_equal(json_string_value(json_object_get(json, "kind")), "fairseq");
  assert_int_equal(
      json_integer_value(json_object_get(json_object_get(json, "settings"), "encoder_embed_dim")), 48);
  assert_true(json_real_value(json_object_get(json, "flops")) > 1e7);
  check_tensor(json, "proj.weight", "float32", 2, 77);
  json_decref(json);
  json = inspect(FIXTURES "bert/float16/model.safetensors");
  assert_string_equal(json_string_value(json_object_get(json, "kind")), "Hugging Face BERT");
  assert_string_equal(json_string_value(json_object_get(json, "flops_for_one")), "text of 24 tokens");
  check_tensor(json, "classifier.bias", "float16", 1, 5);
  json_decref(json);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_is_recognised),
      cmocka_unit_test(doors_are_not_mixed_up),
      cmocka_unit_test(the_folder_decides),
      cmocka_unit_test(older_hugging_face_files_are_refused_with_advice),
      cmocka_unit_test(damage_is_named_with_the_file),
      cmocka_unit_test(weights_that_are_not_finite_are_said),
      cmocka_unit_test(inspect_knows_every_kind),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
