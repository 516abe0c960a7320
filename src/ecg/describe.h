/* What was understood of an ECG file, for people and programs. */
#ifndef DEEPECG_ECG_DESCRIBE_H
#define DEEPECG_ECG_DESCRIBE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdint.h>

/* Does it look like an ECG file: a format recognises it, or it is XML? */
bool ecg_looks_like(const uint8_t *data, size_t size);

/* Append a description of the bytes as text or JSON: format, rate, length, unit, device, number of
 * statements, checksum, which leads are stored, range and typical amplitude per lead, residual of II - I -
 * III, warnings, and what ecg_conform would say. Never a name, an identifier, a date or a statement's words.
 * `name` is what the file is called in it. Fails as ecg_read does. Thread-safe. */
bool ecg_describe(const char *name, const uint8_t *data, size_t size, bool json, buffer *text, error *err);

#endif
