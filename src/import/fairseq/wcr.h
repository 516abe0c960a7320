/* fairseq checkpoints (torch.save) of the ECG transformer classifier to graphs: wav2vec 2.0's network as WCR
 * and its relatives use it (fairseq-signals' ecg_transformer_classifier), of any size that its configuration
 * describes. */
#ifndef DEEPECG_IMPORT_FAIRSEQ_WCR_H
#define DEEPECG_IMPORT_FAIRSEQ_WCR_H

#include "container/zip.h"
#include "graph/graph.h"
#include "import/description.h"

/* Does the archive look like one: by torch.save, with data.pkl and no code? What it holds is seen on import.
 */
bool fairseq_probe(const zip_archive *archive);

/* The network in evaluation mode, from ECGs of shape `input` (1, leads, samples) to logits (1, labels). Its
 * constants may lie in the archive, which must outlive the graph. Only the tensors that the network uses are
 * read; what pre-training and the optimiser left in the file isn't touched. NULL and *err, naming the option
 * or the tensor. */
graph *fairseq_import(zip_archive *archive, const shape *input, error *err);

/* Add the settings that shape the network, and the tensors of the model, those that the network doesn't use
 * included. */
bool fairseq_describe(zip_archive *archive, description *d, error *err);

#endif
