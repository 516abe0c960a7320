/* The table of operators. */
#ifndef DEEPECG_IMPORT_TORCHSCRIPT_ATEN_OPS_H
#define DEEPECG_IMPORT_TORCHSCRIPT_ATEN_OPS_H

#include "import/torchscript/aten.h"

/* The operator with this name, or NULL. */
const aten_operator *aten_find(const char *name, size_t length);

#endif
