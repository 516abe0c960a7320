#!/usr/bin/env python3
"""Write tests/fixtures/text/: what BertTokenizer of transformers makes of every character and of 2,000 texts, for
tests/test_text.c.

Development only; needs transformers (made with 5.0.0rc3) on tokenizers (0.22.2). Usage: make_tokenizer_fixtures.py FOLDER

tokens.json holds, for six settings, the first 8 hex digits of the SHA-256 of token ids (each text's count, then its ids,
all int32 little-endian): of the texts a<c>b for each block of characters, and of each text under all six. pieces.txt holds
the pieces of more than one character that the vocabulary has beside the special tokens and every character of planes 0 to 2.
"""
import array
import collections
import hashlib
import json
import os
import random
import sys
import tempfile
import unicodedata

from transformers import BertTokenizer

SETTINGS = [dict(do_lower_case=lower, strip_accents=strip, tokenize_chinese_chars=chinese)
            for lower, strip, chinese in ((False, None, True), (True, None, True), (True, False, True),
                                          (False, True, True), (True, True, False), (False, False, False))]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WHITE_SPACE = {*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
BLOCK, BLOCKS_END, PLANE = 256, 0x30000, 0x10000
rng = random.Random(20240607)

PHRASES = """Normal sinus rhythm\nNormal ECG|Sinus bradycardia with occasional premature ventricular complexes|
Fibrillation auriculaire avec réponse ventriculaire rapide, bloc de branche gauche|Otherwise normal ECG|
Rythme sinusal; Sus-décalage du segment ST — infarctus antérieur aigu à considérer|*** Poor data quality ***|
Anomalie non spécifique de l’onde T|Bloc auriculo-ventriculaire du 1er degré (PR > 200 ms)|QRS 110 ms, QTc 480 ms|
Hypertrophie ventriculaire gauche (Sokolow-Lyon ≥ 35 mm)|ST elevation, "consider" anterior injury or acute infarct|
Déviation axiale gauche; œdème, cœur, naïve, Noël, façade, où, être|RSR' in V1/V2|Flutter 2:1 – bloc A-V n° 3""".split("|")
SCRIPTS = [(0x20, 0x7F), (0xA0, 0x250), (0x370, 0x530), (0x590, 0x700), (0x900, 0xE00), (0x10A0, 0x1100), (0x1E00, 0x2000),
           (0x2000, 0x2100), (0x3040, 0x3130), (0x4E00, 0x4F00), (0xAC00, 0xAD00), (0xF900, 0xFB00), (0xFF00, 0xFFF0),
           (0x1F300, 0x1F700), (0x1D400, 0x1D500), (0x20000, 0x20040), (0x10400, 0x10450), (0x1E900, 0x1E950)]
MARKS = [c for c in range(0x300, 0x1E950) if unicodedata.combining(chr(c))]
CONTROLS = [0, 1, 7, 9, 10, 11, 12, 13, 0x1B, 0x7F, 0x85, 0xA0, 0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x2028, 0x2029, 0x202E,
            0x2060, 0xFEFF, 0xFFFD, 0xFFFF, 0xE000, 0xE0041, 0x10FFFF]
EMOJI = ["👨‍👩‍👧", "❤️", "🏳️‍🌈", "👍🏽", "🇨🇦", "🫀", "1️⃣", "☠"]


def phrase():
    text = " ".join(rng.choice(PHRASES).strip() for _ in range(rng.randint(1, 3)))
    change = rng.choice([str, str, str.upper, str.title, lambda t: unicodedata.normalize("NFD", t)])
    return change(text)


def mixed():
    low, high = zip(*(rng.choice(SCRIPTS) for _ in range(3)))
    return "".join(chr(rng.randrange(low[i % 3], high[i % 3])) if rng.random() < 0.8 else " "
                   for i in range(rng.randint(2, 30)))


def marked():
    return "".join(rng.choice("aeEcÇÅéö가한漢 x") + "".join(chr(rng.choice(MARKS)) for _ in range(rng.randint(0, 5)))
                   for _ in range(rng.randint(1, 8)))


def controlled():
    text = list(phrase())
    for _ in range(rng.randint(1, 8)):
        text.insert(rng.randint(0, len(text)), chr(rng.choice(CONTROLS)))
    return "".join(text)


def long_word():
    letters = rng.choice(["a", "é", "e\u0301", "ab\u0300", "İ", "ꙮ", "c\u200bd", "쀍", "ab漢"])
    return "x " + (letters * 110)[:rng.randint(95, 105)] + rng.choice(["", "y", " y", ".", "\u0301", "-abc"])


def special():
    text = list(phrase()[:40])
    for _ in range(rng.randint(1, 4)):
        token = rng.choice(SPECIAL + ["[sep]", "[Mask]", "[SEP", "SEP]", "[[CLS]]", "[ SEP ]", "[SE\u0301P]", "[SEP][SEP]", "##a"])
        text.insert(rng.randint(0, len(text)), token)
    return "".join(text)


def emoji():
    return " ".join(rng.choice([phrase()[:20], rng.choice(EMOJI), rng.choice(EMOJI) * 2, "a" + rng.choice(EMOJI) + "b"])
                    for _ in range(rng.randint(1, 6)))


def scattered():
    return "".join(chr(c) for c in (rng.choice([rng.randrange(0x3000), rng.randrange(0x20000), rng.randrange(0x110000)])
                                    for _ in range(rng.randint(1, 20))) if not 0xD800 <= c < 0xE000)


def too_long():
    return rng.choice([lambda: "é " * rng.randint(505, 515), lambda: "antérieur" * 11 + " " + "abc " * 300,
                       lambda: "[SEP]" * rng.randint(508, 513), lambda: "." * 600, lambda: "漢字" * 300])()


KINDS = [(phrase, 500), (mixed, 350), (marked, 400), (controlled, 266), (long_word, 150), (special, 200), (emoji, 70),
         (scattered, 50), (too_long, 8)]
TEXTS = [make() for make, count in KINDS for _ in range(count)] + ["", " ", "\n", "a", "[SEP]", "\u0301"]


def pieces():
    """Frequent parts of words, so that cutting words has choices to make."""
    counts = collections.Counter()
    for text in TEXTS[:500]:
        for form in (text, text.lower(), unicodedata.normalize("NFC", text)):
            for word in form.split():
                word = "".join(c for c in word if c.isalpha() or unicodedata.combining(c))
                counts.update(("##" if start else "") + word[start:end] for start in range(len(word))
                              for end in range(start + 2, min(len(word), start + 8) + 1))
    return sorted(p for p, _ in counts.most_common(600)) + ["##" + "abcdefgh" * 12]


def vocabulary():
    characters = [chr(c) for c in range(BLOCKS_END) if not 0xD800 <= c < 0xE000 and c not in WHITE_SPACE]
    return SPECIAL + characters + ["##" + c for c in characters] + pieces()


def open_tokenizer(folder, lines, settings):
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8", newline="") as f:
        f.write("".join(line + "\n" for line in lines))
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump(dict(settings, tokenizer_class="BertTokenizer", model_max_length=512), f)
    tokenizer = BertTokenizer.from_pretrained(folder)
    tokenizer(["a"], truncation=True, max_length=512)  # sets the backend's truncation
    return tokenizer.backend_tokenizer


def token_bytes(tokenizer, texts):
    """One bytes object per text."""
    for encoded in tokenizer.encode_batch(texts):
        yield array.array("i", [len(encoded.ids), *encoded.ids]).tobytes()


def digest(parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()[:8]


def blocks():
    at = 0
    while at < 0x110000:
        end = at + (BLOCK if at < BLOCKS_END else PLANE)
        yield range(at, end)
        at = end


def digest_characters(tokenizer):
    return [digest(token_bytes(tokenizer, ["a" + chr(c) + "b" for c in block if not 0xD800 <= c < 0xE000]))
            for block in blocks()]


def main(folder):
    assert sys.byteorder == "little" and array.array("i").itemsize == 4
    lines, settings, of_texts = vocabulary(), [], [[] for _ in TEXTS]
    for chosen in SETTINGS:
        with tempfile.TemporaryDirectory() as scratch:
            tokenizer = open_tokenizer(scratch, lines, chosen)
        settings.append(dict(chosen, characters=digest_characters(tokenizer)))
        for parts, text in zip(of_texts, token_bytes(tokenizer, TEXTS)):
            parts.append(text)
    with open(os.path.join(folder, "pieces.txt"), "w", encoding="utf-8") as f:
        f.write("".join(piece + "\n" for piece in pieces()))
    with open(os.path.join(folder, "tokens.json"), "w", encoding="utf-8") as f:
        body = ",\n".join(json.dumps(s, separators=(",", ":")) for s in settings)
        rows = ",\n".join(json.dumps([text, digest(parts)], ensure_ascii=False, separators=(",", ":"))
                         for text, parts in zip(TEXTS, of_texts))
        f.write(f'{{"settings": [\n{body}\n],\n"texts": [\n{rows}\n]}}\n')


main(sys.argv[1])
