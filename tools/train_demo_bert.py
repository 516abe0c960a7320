"""Train the demo BERT on synth's statements and write its Hugging Face folder.

    python tools/train_demo_bert.py CACHE OUT [--first_cycle N]

Half of each batch are statements of synthetic records (the training sets of demo_data.py), half are phrases of synth
drawn at random, in any order, so that rare findings and unusual neighbours are seen often enough.
"""
import argparse
import json
import math
import os
import random
import unicodedata
from collections import Counter

import torch
import torch.nn.functional as F
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

import demo_data
import demo_statements
from demo_training import logit

FOLDER = "Bert_diagnosis2classification_En_Fr"
SPECIAL = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"}
OTHER_LETTERS = "æðøþßđħıłœŋµ"      # Latin letters that stay when accents are taken off
OTHER_MARKS = "°±²³·¹×÷–—‘’“”«»…≤≥"
BATCH, PART = 64, 16
#        seed, steps, learning rate, share of hard ones among the made-up texts, weight of present labels
CYCLES = ((3, 1500, 2.5e-3, 0.0, 2.0), (4, 1000, 1.5e-3, 0.5, 1.0), (5, 1000, 1e-3, 0.5, 1.0))
SPREAD = 0.11                        # of the first weights; the usual 0.02 is for 768 features
OFFSETS = -4, -3, -2, -1, 1, 2       # where the heads look at first, in words
PAIRS, SHARPNESS = 8, 1.5            # sine and cosine pairs of a position; how sharply the heads look


def plain(text):
    """Lower case without accents, as the tokenizer does."""
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")


def words_of(text):
    return "".join(c if c.isalnum() else " " for c in plain(text)).split()


def vocabulary():
    """Special tokens, characters, word endings and beginnings that occur often, the words of synth."""
    words = Counter(word for text in demo_statements.BY_TEXT for word in words_of(text))
    endings = Counter(word[-n:] for word in words for n in (2, 3, 4) if len(word) > n + 2)
    beginnings = Counter(word[:n] for word in words for n in (3, 4, 5) if len(word) > n + 2)
    letters = [c for c in map(chr, range(33, 127)) if c.isalnum() and not c.isupper()] + list(OTHER_LETTERS)
    marks = [c for c in map(chr, range(33, 127)) if not c.isalnum()] + list(OTHER_MARKS)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + marks + letters + ["##" + c for c in letters]
    tokens += sorted("##" + ending for ending, n in endings.items() if n >= 3)
    tokens += sorted(beginning for beginning, n in beginnings.items() if n >= 3)
    return list(dict.fromkeys(tokens + sorted(words)))


def write_tokenizer(folder):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as f:
        f.write("\n".join(vocabulary()) + "\n")
    with open(os.path.join(folder, "special_tokens_map.json"), "w") as f:
        json.dump(SPECIAL, f, indent=2)
        f.write("\n")
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump({"clean_up_tokenization_spaces": False, "do_basic_tokenize": True, "do_lower_case": True,
                   "never_split": None, "strip_accents": None, "tokenize_chinese_chars": True, "model_max_length": 512,
                   "tokenizer_class": "BertTokenizer", **SPECIAL}, f, indent=2)
        f.write("\n")


def random_statement(draw):
    """Some phrases, each in English or French, mostly one language per text; upper case now and then."""
    count = draw.choice((1, 2, 3, 4, 6))
    french = draw.random() < 0.4
    phrases, texts = [], []
    rhythms = [p for p in demo_statements.PHRASES if p.is_rhythm]
    if draw.random() < 0.6:
        phrases.append(draw.choice(rhythms))
    phrases += draw.sample([p for p in demo_statements.PHRASES if not p.is_rhythm], count)
    if draw.random() < 0.3:
        draw.shuffle(phrases)
    for phrase in phrases:
        other = draw.random() < 0.05
        texts.append(draw.choice(phrase.french if french != other else phrase.english))
    text = draw.choice((" ", " ", " ", ", ", ". ", "; ")).join(texts)
    return text, demo_statements.labels_of(phrases)


TERRITORIAL = [p for p in demo_statements.PHRASES if p.name.rpartition("_")[2] in ("SEPTAL", "ANTERIOR", "LATERAL", "INFERIOR")]


def hard_statement(draw):
    """Several waves in several territories: which belongs to which?"""
    french = draw.random() < 0.4
    phrases = draw.sample(TERRITORIAL, draw.choice((2, 3, 4, 5)))
    if draw.random() < 0.7:
        phrases.sort(key=demo_statements.PHRASES.index)      # as synth writes them
    texts = [draw.choice(phrase.french if french else phrase.english) for phrase in phrases]
    return " ".join(texts), demo_statements.labels_of(phrases)


def statements(cache, sets):
    """(text, labels) of every record of the sets."""
    texts = []
    for options in sets:
        folder = os.path.join(cache, demo_data.make_set(cache, options))
        texts += [row["ecg_machine_diagnosis"] for row in demo_data.read_table(os.path.join(folder, "table.csv"))]
    return [(text, demo_statements.labels_of(demo_statements.split(text))) for text in texts]


def encode(tokenizer, batch):
    x = tokenizer([text for text, _ in batch], padding=True, truncation=True, max_length=512, return_tensors="pt")
    y = torch.zeros(len(batch), len(demo_statements.INDEX))
    for i, (_, labels) in enumerate(batch):
        y[i, list(labels)] = 1
    return x, y


def network_for(tokenizer):
    names = [label["name"] for label in demo_data.label_facts()]
    network = BertForSequenceClassification(BertConfig(
        vocab_size=len(tokenizer), hidden_size=96, num_hidden_layers=3, num_attention_heads=len(OFFSETS), intermediate_size=192,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, max_position_embeddings=512,
        initializer_range=SPREAD, problem_type="multi_label_classification", id2label=dict(enumerate(names)),
        label2id={name: i for i, name in enumerate(names)}))
    look_at_neighbours(network.bert)
    return network


def look_at_neighbours(bert):
    """Begin where a long pre-training would have led: "lateral" belongs to the words around it. Positions are sines and
    cosines, in features of their own, and each head of all layers but the last looks a fixed number of words away:
    query and key are those features, the query's turned by that distance."""
    speeds = 1.5 * 0.6 ** torch.arange(PAIRS)
    angle = torch.arange(bert.config.max_position_embeddings)[:, None] * speeds
    own = 2 * PAIRS
    with torch.no_grad():
        bert.embeddings.word_embeddings.weight[:, :own] = 0
        positions = bert.embeddings.position_embeddings.weight
        positions.zero_()
        positions[:, 0:own:2], positions[:, 1:own:2] = 2 * SPREAD * angle.sin(), 2 * SPREAD * angle.cos()
        for layer in bert.encoder.layer[:-1]:
            query, key = layer.attention.self.query.weight, layer.attention.self.key.weight
            size = query.shape[0] // len(OFFSETS)
            for head, offset in enumerate(OFFSETS):
                for pair, turn in enumerate((offset * speeds).tolist()):
                    row, column = head * size + 2 * pair, 2 * pair
                    query[row:row + 2] = key[row:row + 2] = 0
                    key[row:row + 2, column:column + 2] = SHARPNESS * torch.eye(2)
                    query[row:row + 2, column:column + 2] = SHARPNESS * torch.tensor(
                        [[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])


def thresholds():
    """The logits at which the pipeline takes a label as present."""
    return torch.tensor([logit(label["bert_threshold"]) for label in demo_data.label_facts()])


def right(network, tokenizer, examples, batch=100):
    """How many texts have every label on the right side of its threshold."""
    network.eval()
    correct, cut = 0, thresholds()
    with torch.no_grad():
        for i in range(0, len(examples), batch):
            x, y = encode(tokenizer, examples[i:i + batch])
            correct += ((network(**x).logits >= cut) == (y > 0.5)).all(1).sum().item()
    network.train()
    return correct


def train(network, tokenizer, real, cycle):
    """Cross-entropy around each label's own threshold instead of 0.5."""
    seed, steps, rate, hard, weight = cycle
    draw, cut, weight = random.Random(seed), thresholds(), torch.tensor(weight)
    optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=0.08)
    for step in range(1, steps + 1):
        made_up = [hard_statement(draw) if i < hard * BATCH / 2 else random_statement(draw) for i in range(BATCH // 2)]
        batch = sorted(draw.sample(real, BATCH // 2) + made_up, key=lambda example: len(example[0]))
        optimizer.zero_grad()
        total = 0.0
        for first in range(0, BATCH, PART):      # texts of like lengths together: less padding
            x, y = encode(tokenizer, batch[first:first + PART])
            loss = F.binary_cross_entropy_with_logits(network(**x).logits - cut, y, pos_weight=weight) * (PART / BATCH)
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 200 == 0:
            print("step %d: loss %.5f, right: %d of 300 training texts" % (
                step, total, right(network, tokenizer, real[:300])), flush=True)


def main():
    p = argparse.ArgumentParser(description="train the demo BERT")
    p.add_argument("cache")
    p.add_argument("out")
    p.add_argument("--first_cycle", type=int, default=0, help="1: go on with the model in OUT, after the first cycle")
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(3)
    folder = os.path.join(a.out, FOLDER)
    write_tokenizer(folder)
    tokenizer = BertTokenizer.from_pretrained(folder)
    network = BertForSequenceClassification.from_pretrained(folder).train() if a.first_cycle else network_for(tokenizer)
    real = statements(a.cache, demo_data.TRAINING)
    for cycle in CYCLES[a.first_cycle:]:
        train(network, tokenizer, real, cycle)
        network.save_pretrained(folder)
    calibration = statements(a.cache, demo_data.CALIBRATION)
    print("right: %d of %d statements" % (right(network, tokenizer, calibration), len(calibration)))


if __name__ == "__main__":
    main()
