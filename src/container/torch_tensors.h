/* Tensors of the ZIP archives that torch.save (torch >= 1.6) and torch.jit.save write.
 *
 * All entries of such an archive lie in one folder, its root: `<root>/data.pkl`, a pickle;
 * `<root>/data/<key>`, the bytes of one storage each; of TorchScript also `<root>/constants.pkl`,
 * `<root>/constants/<key>` and `<root>/code/`. In the pickle a tensor is the call of
 * torch._utils._rebuild_tensor_v2 with a persistent id that names the storage. */
#ifndef DEEPECG_CONTAINER_TORCH_TENSORS_H
#define DEEPECG_CONTAINER_TORCH_TENSORS_H

#include "base/arena.h"
#include "base/error.h"
#include "container/pickle.h"
#include "container/tensor.h"
#include "container/zip.h"

/* The root: the folder that `data.pkl` lies in, in `memory`. NULL and *err when there is no such entry, or
 * when the archive holds big-endian numbers. */
const char *torch_archive_root(zip_archive *archive, arena *memory, error *err);

/* Parse `<root>/<name>`, such as "data.pkl" or "constants.pkl". */
pickle_value *torch_read_pickle(zip_archive *archive, const char *root, const char *name, arena *memory,
                                error *err);

/* Is this value a tensor, or a parameter or a Python subclass wrapped around one? False for NULL. */
bool torch_is_tensor(const pickle_value *value);

/* The tensor that `value` describes, checked, over the bytes of its storage in `<root>/<folder>/`; folder is
 * "data" or "constants". The CRC-32 of the storage is verified at its first use; other storages aren't
 * touched. `tensor` is valid until zip_close. False and *err (the caller says which tensor it is): not a
 * tensor, a kind that isn't read (sparse, quantised, complex), a view that leaves its storage, a damaged or
 * missing entry. One thread at a time per archive. */
bool torch_tensor_from_pickle(zip_archive *archive, const char *root, const char *folder,
                              const pickle_value *value, stored_tensor *tensor, error *err);

#endif
