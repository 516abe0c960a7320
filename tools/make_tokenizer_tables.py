#!/usr/bin/env python3
"""Make src/text/character_tables.c: what the tokenizers library takes each Unicode character for.

Development only; needs tokenizers (made with 0.22.2) and a Python whose unicodedata is of Unicode 14 (such as 3.11).
Usage: make_tokenizer_tables.py > src/text/character_tables.c

The library's Rust crates carry tables of several Unicode versions, so every character is shown to the library itself.
Decompositions and most lower-case letters come from utf8proc at run time, whatever its version: Unicode never changes
those of a character once it is assigned, and only characters that Unicode 14 has are looked up there.
"""
import unicodedata

from tokenizers import normalizers, pre_tokenizers

assert unicodedata.unidata_version == "14.0.0"
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def bert(**chosen):
    steps = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**steps, **chosen})


CLEAN, SPACE, STRIP, LOWER = (bert(**{step: True}) for step in
                              ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase"))
NFD, SPLIT = normalizers.NFD(), pre_tokenizers.BertPreTokenizer()


def inside(normalizer, c):
    return normalizer.normalize_str("a" + chr(c) + "b")[1:-1]


def combining_class(c):
    """0 for a starter, which keeps the order of the two marks around it (U+0345 of class 240, U+0334 of class 1)."""
    text = "a\u0345" + chr(c) + "\u0334"
    if NFD.normalize_str(text) == text:
        return 0
    assert unicodedata.combining(chr(c)), f"U+{c:04X}: a class that Unicode 14 does not know"
    return unicodedata.combining(chr(c))


def check_order(classes):
    """The library sorts the marks that it keeps by the classes that Unicode 14 has."""
    kept = sorted(classes, key=lambda c: (-classes[c], c))
    assert NFD.normalize_str("a" + "".join(map(chr, kept))) == \
        "a" + "".join(map(chr, sorted(kept, key=lambda c: classes[c])))


def split_flags(c):
    pieces = tuple(piece for piece, _ in SPLIT.pre_tokenize_str("a" + chr(c) + "b"))
    if pieces == ("a", "b"):
        return {"WHITE_SPACE"}
    assert pieces in (("a", chr(c), "b"), ("a" + chr(c) + "b",))
    return {"PUNCTUATION"} if len(pieces) == 3 else set()


def lower_known(c):
    """What utf8proc says: simple mappings of Unicode 14."""
    text = chr(c).lower()
    return text if len(text) == 1 else text[0]


def flags_of(c):
    flags = split_flags(c)
    cleaned = inside(CLEAN, c)
    if cleaned == "":
        flags.add("DROPPED")
    else:
        assert cleaned == (" " if "WHITE_SPACE" in flags else chr(c))
    if inside(SPACE, c) != chr(c):
        flags.add("IDEOGRAPH")
    if inside(NFD, c) == chr(c) and inside(STRIP, c) == "":
        flags.add("MARK")
    lowered, decomposed = inside(LOWER, c), inside(NFD, c)
    if lowered not in (chr(c), lower_known(c)):
        flags.add("CAPITAL")
    if decomposed != chr(c) or lowered != chr(c) and "CAPITAL" not in flags:
        flags.add("MAPPED")
    return flags


def may_ask(c):
    """Does utf8proc, whatever its version, say of `c` what the library says?"""
    return (unicodedata.category(chr(c)) != "Cn" and inside(NFD, c) == unicodedata.normalize("NFD", chr(c))
            and inside(LOWER, c) == lower_known(c))


def fill_gaps(table):
    """Letters without a mapping that lie between letters with one: asking for them as well makes fewer ranges."""
    gap, reachable = [], False
    for c in CODE_POINTS:
        if table.get(c) == ({"MAPPED"}, 0):
            if reachable:
                table.update((g, ({"MAPPED"}, 0)) for g in gap)
            gap, reachable = [], True
        elif c not in table and may_ask(c):
            gap.append(c)
        else:
            reachable = False


def ranges(table):
    result = []
    for c in sorted(table):
        if result and result[-1][1] == c - 1 and result[-1][2] == table[c]:
            result[-1][1] = c
        else:
            result.append([c, c, table[c]])
    return result


def build():
    table, capitals, kept_marks = {}, [], {}
    for c in CODE_POINTS:
        flags, combining = flags_of(c), combining_class(c) if inside(NFD, c) == chr(c) else 0
        assert "MAPPED" not in flags or "CAPITAL" in flags or may_ask(c), hex(c)
        if combining and "MARK" in flags:
            combining = 1  # it never meets another: that it is no starter is all that matters
        elif combining:
            kept_marks[c] = combining
        if flags or combining:
            table[c] = (flags, combining)
        if "CAPITAL" in flags:
            capitals.append((c, inside(LOWER, c)))
    check_order(kept_marks)
    fill_gaps(table)
    return table, capitals


def print_classes(table):
    print("const character_range character_ranges[] = {")
    for first, last, (flags, combining) in ranges(table):
        names = " | ".join("CHARACTER_" + f for f in sorted(flags)) or "0"
        print(f"    {{0x{first:x}, 0x{last:x}, {combining}, {names}}},")
    print("};\nconst size_t character_range_count = sizeof character_ranges / sizeof *character_ranges;\n")


def print_capitals(capitals):
    runs = []
    for c, low in capitals:
        rest = ord(low[1]) if len(low) == 2 else 0
        assert len(low) <= 2
        if runs and runs[-1][1] == c - 1 and runs[-1][2] - runs[-1][0] == ord(low[0]) - c and rest == runs[-1][3]:
            runs[-1][1] = c
        else:
            runs.append([c, c, ord(low[0]), rest])
    print("const capital_range capital_ranges[] = {")
    for run in runs:
        print("    {" + ", ".join(f"0x{x:x}" for x in run) + "},")
    print("};\nconst size_t capital_range_count = sizeof capital_ranges / sizeof *capital_ranges;")


TABLE, CAPITALS = build()
print("/* Made by tools/make_tokenizer_tables.py with tokenizers 0.22.2; do not edit. */")
print("/* clang-format off */")
print('#include "text/character_tables.h"\n')
print_classes(TABLE)
print_capitals(CAPITALS)
