#include "text/characters.h"

#include <utf8proc.h>

character_class character_classify(uint32_t c) {
  size_t low = 0, high = character_range_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const character_range *range = &character_ranges[middle];
    if (c > range->last)
      low = middle + 1;
    else if (c < range->first)
      high = middle;
    else
      return (character_class){range->flags, range->combining};
  }
  return (character_class){0, 0};
}

size_t character_decompose(uint32_t c, character_class class, uint32_t out[CHARACTER_MAX_DECOMPOSED]) {
  out[0] = c;
  if (c < 0x80 || !(class.flags & CHARACTER_MAPPED))
    return 1;
  utf8proc_int32_t parts[CHARACTER_MAX_DECOMPOSED];
  utf8proc_ssize_t count =
      utf8proc_decompose_char((utf8proc_int32_t)c, parts, CHARACTER_MAX_DECOMPOSED, UTF8PROC_DECOMPOSE, NULL);
  if (count < 1 || count > CHARACTER_MAX_DECOMPOSED) /* no character of Unicode has more */
    return 1;
  for (utf8proc_ssize_t i = 0; i < count; i++)
    out[i] = (uint32_t)parts[i];
  return (size_t)count;
}

static size_t lower_capital(uint32_t c, uint32_t out[CHARACTER_MAX_LOWERED]) {
  for (size_t i = 0; i < capital_range_count; i++) {
    const capital_range *range = &capital_ranges[i];
    if (c < range->first || c > range->last)
      continue;
    out[0] = range->lower + (c - range->first);
    out[1] = range->second;
    return range->second ? 2 : 1;
  }
  return 1;
}

size_t character_lower(uint32_t c, character_class class, uint32_t out[CHARACTER_MAX_LOWERED]) {
  out[0] = c;
  if (class.flags & CHARACTER_CAPITAL)
    return lower_capital(c, out);
  if (!(class.flags & CHARACTER_MAPPED))
    return 1;
  out[0] = c < 0x80 ? c | 0x20 : (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
  return 1;
}
