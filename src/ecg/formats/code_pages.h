/* Single-byte character encodings. */
#ifndef DEEPECG_ECG_FORMATS_CODE_PAGES_H
#define DEEPECG_ECG_FORMATS_CODE_PAGES_H

#include <stdint.h>

/* The Unicode code points of the bytes 0x80 ... 0xff (0: no character) of ISO-8859-1 to -16 (there is no
 * -12), windows-1250 to -1258 and KOI8-R, from Unicode's mapping tables. Case, blanks and punctuation of the
 * name don't matter, and the aliases latin1 to latin10, l1 to l10 and cp125x are known. NULL: none of these.
 */
const uint16_t *code_page_upper_half(const char *name);

#endif
