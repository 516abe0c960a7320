/* TorchScript archives (torch.jit.save) to graphs: the archive's own code is read, parsed and followed;
 * nothing is assumed of the network's names or sizes. */
#ifndef DEEPECG_IMPORT_TORCHSCRIPT_TORCHSCRIPT_H
#define DEEPECG_IMPORT_TORCHSCRIPT_TORCHSCRIPT_H

#include "container/zip.h"
#include "graph/graph.h"
#include "import/description.h"

/* Does the archive look like one (has <root>/code/ and <root>/data.pkl)? */
bool torchscript_probe(const zip_archive *archive);

/* Make the graph of the model's forward for one input of shape `input` (its axis 0 is 1). The archive must
 * outlive the graph (constants may point into it). NULL and *err, naming operator, file and line of the
 * archive's code where it has one. */
graph *torchscript_import(zip_archive *archive, const shape *input, error *err);

/* Add the archive's tensors, under the names of the modules that hold them, and its constants. */
bool torchscript_describe(zip_archive *archive, description *d, error *err);

#endif
