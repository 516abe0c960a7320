"""Which of the 77 labels a statement of `deepecg synth` says: the phrases and their findings are read from
src/synth/statements.c and findings.c, what the rhythms' phrases say stands here."""
import os
import re

import demo_data

# Phrases whose finding isn't beside them in statements.c.
SAYS = {
    "sinus_rhythm": ["SINUS"], "sinus_plain": ["SINUS"], "sinus_bradycardia": ["SINUS", "BRADYCARDIA"],
    "marked_bradycardia": ["SINUS", "BRADYCARDIA"], "sinus_tachycardia": ["SINUS"],
    "RHYTHM_ATRIAL_FIBRILLATION": ["AFIB", "IRREGULARLY_IRREGULAR"], "RHYTHM_ATRIAL_FLUTTER": ["FLUTTER"],
    "RHYTHM_SUPRAVENTRICULAR_TACHYCARDIA": ["SUPRAVENTRICULAR_TACHYCARDIA"], "RHYTHM_JUNCTIONAL": ["JUNCTIONAL"],
    "RHYTHM_MOBITZ_1": ["SINUS", "MOBITZ_1", "REGULARLY_IRREGULAR"],
    "RHYTHM_MOBITZ_2": ["SINUS", "MOBITZ_2", "REGULARLY_IRREGULAR"],
    "RHYTHM_COMPLETE_BLOCK": ["SINUS", "THIRD_DEGREE_BLOCK", "BRADYCARDIA"],
    "RHYTHM_ATRIAL_PACED": ["ATRIAL_PACED"], "RHYTHM_VENTRICULAR_PACED": ["VENTRICULAR_PACED"],
    "RHYTHM_VENTRICULAR_TACHYCARDIA": ["VENTRICULAR_TACHYCARDIA"],
    "ectopic_atrial": ["ECTOPIC_ATRIAL"], "atrial_tachycardia": ["ATRIAL_TACHYCARDIA"],
    "rapid_response": [], "slow_response": ["BRADYCARDIA"], "variable_block": ["IRREGULARLY_IRREGULAR"],
    "two_to_one": [], "three_to_one": [], "four_to_one": [], "escape": ["VENTRICULAR_RHYTHM"],
    "first_degree": ["FIRST_DEGREE_BLOCK"], "bigeminy": ["PREMATURE_VENTRICULAR", "REGULARLY_IRREGULAR"],
    "many_ventricular": ["PREMATURE_VENTRICULAR"], "few_ventricular": ["PREMATURE_VENTRICULAR"],
    "many_atrial": ["PREMATURE_ATRIAL"], "few_atrial": ["PREMATURE_ATRIAL"], "poor_quality": [],
    "HARMLESS": [], "MINOR": [], "BORDERLINE": [], "ABNORMAL": [],     # the closings
}
ALSO = {"BOTH_ATRIA": ["LEFT_ATRIUM", "RIGHT_ATRIUM"], "PREEXCITATION": ["DELTA"]}
RHYTHMS = [name for name in SAYS if name.startswith("RHYTHM") or name.startswith("sinus")] + [
    "marked_bradycardia", "ectopic_atrial", "atrial_tachycardia"]
IRREGULAR = {"IRREGULARLY_IRREGULAR", "REGULARLY_IRREGULAR", "PREMATURE_VENTRICULAR", "PREMATURE_ATRIAL"}

TEXTS = r'\{\s*((?:"(?:[^"\\]|\\.)*"\s*,?\s*)+)\}'
PHRASE = re.compile(r"(?:phrase (\w+) =|\{FINDING_(\w+),|\[(\w+)\] =)\s*\{\s*\w+,\s*" + TEXTS + r",\s*" + TEXTS, re.S)


class Phrase:
    def __init__(self, name, findings, english, french):
        self.name, self.findings, self.english, self.french = name, findings, english, french

    @property
    def is_rhythm(self):
        return self.name in RHYTHMS


def source(name):
    with open(os.path.join(demo_data.ROOT, "src", "synth", name), encoding="utf-8") as f:
        return f.read()


def read_phrases():
    phrases = []
    for match in PHRASE.finditer(source("statements.c")):
        name, finding, key, english, french = match.groups()
        findings = [finding] + ALSO.get(finding, []) if finding else SAYS[name or key]
        texts = [re.findall(r'"((?:[^"\\]|\\.)*)"', part) for part in (english, french)]
        phrases.append(Phrase(finding or name or key, findings, *texts))
    assert len(phrases) > 70, "statements.c has changed"
    return phrases


PHRASES = read_phrases()
BY_TEXT = {text: phrase for phrase in PHRASES for text in phrase.english + phrase.french}
LONGEST_FIRST = sorted(BY_TEXT, key=len, reverse=True)
LABEL_OF = dict(re.findall(r'\[FINDING_(\w+)\] = "([^"]*)"', source("findings.c")))
INDEX = {label["name"]: i for i, label in enumerate(demo_data.label_facts())}


def split(text):
    """The phrases that a statement consists of."""
    found = []
    while text:
        piece = next((p for p in LONGEST_FIRST if text.startswith(p) and text[len(p):len(p) + 1] in ("", " ")), None)
        if piece is None:
            raise ValueError("no phrase of synth begins %r" % text)
        found.append(BY_TEXT[piece])
        text = text[len(piece) + 1:]
    return found


def labels_of(phrases):
    """The set of label indices."""
    findings = {finding for phrase in phrases for finding in phrase.findings}
    if any(phrase.is_rhythm for phrase in phrases):
        if not findings & IRREGULAR:
            findings.add("REGULAR")
        if "PREMATURE_VENTRICULAR" not in findings:
            findings.add("MONOMORPH")
    return {INDEX[LABEL_OF[finding]] for finding in findings}
