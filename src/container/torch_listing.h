/* All tensors of a torch archive's pickle, wherever they lie in it. */
#ifndef DEEPECG_CONTAINER_TORCH_LISTING_H
#define DEEPECG_CONTAINER_TORCH_LISTING_H

#include "container/torch_tensors.h"

enum {
  TORCH_LISTING_MAX_DEPTH = 64, /* containers and objects inside each other; what is deeper is left out */
  TORCH_LISTING_MAX_STEPS = 1000000, /* values visited: a pickle may lead to one value on many ways */
  TORCH_LISTING_MAX_NAME = 512       /* bytes of a name, the NUL included; what is longer is cut */
};

/* Called for a tensor under its name, "encoder.layers.0.weight": the keys, attributes and positions that lead
 * to it. Both are valid during the call. False ends the listing. */
typedef bool (*torch_tensor_visitor)(void *context, const char *name, const stored_tensor *tensor,
                                     error *err);

/* Visit the tensors in `value` (a pickle of the archive, or a part of one) in the order in which they stand.
 * Their storages, in `<root>/<folder>/`, are read and checked. Tensors that can't be read are left out. False
 * and *err only when `visit` says so. */
bool torch_list_tensors(zip_archive *archive, const char *root, const char *folder, const pickle_value *value,
                        torch_tensor_visitor visit, void *context, error *err);

#endif
