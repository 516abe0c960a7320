"""Score the demo models on synthetic ECGs and statements that they never saw.

    python tools/evaluate_demo.py CACHE demo/weights [--pytorch]

The program itself runs the models (`deepecg --mode full_run` on the test sets of demo_data.py); with --pytorch, PyTorch and
transformers run the same files on the same cleaned signals. Prints macro and per-label AUC against truth.csv, the AUC of
the binary tasks, and the share of statements with every label right.
"""
import argparse
import glob
import os
import subprocess
import tempfile

import numpy as np
import torch
from transformers import BertForSequenceClassification, BertTokenizer

import demo_data
import demo_statements
import demo_training
import train_demo_bert
import train_demo_efficientnet
import train_demo_wcr
from demo_training import LABELS, MODEL_SUFFIXES


def families(weights):
    """Logits (N, 80) of each family by PyTorch, label order."""
    def wcr(suffix):
        return train_demo_wcr.load(os.path.join(weights, "wcr_" + suffix, "wcr_%s.pt" % suffix))

    def efficientnet(suffix, file):
        return torch.jit.load(os.path.join(weights, "efficientnetv2_" + suffix, file + ".pt"))

    files = dict(zip(MODEL_SUFFIXES, train_demo_efficientnet.FILES))
    columns = [label["wcr_raw_column"] for label in demo_data.label_facts()]
    return {
        "efficientnet": ([efficientnet(s, files[s]) for s in MODEL_SUFFIXES], train_demo_efficientnet.SCALE, slice(None)),
        "wcr": ([wcr(s) for s in MODEL_SUFFIXES], train_demo_wcr.SCALE, columns),
    }


def by_pytorch(cache, weights):
    signals, labels, binary, _ = demo_data.load(cache, demo_data.TEST)
    truth = demo_training.targets(labels, binary).numpy()
    for family, (models, scale, columns) in families(weights).items():
        logits = [demo_training.predict(model, signals, scale) for model in models]
        logits[0] = logits[0][:, columns]
        show(family, truth, np.concatenate(logits, 1))
    folder = os.path.join(weights, train_demo_bert.FOLDER)
    tokenizer = BertTokenizer.from_pretrained(folder)
    network = BertForSequenceClassification.from_pretrained(folder)
    examples = train_demo_bert.statements(cache, demo_data.TEST)
    show_bert(train_demo_bert.right(network, tokenizer, examples), len(examples))


def show(family, truth, scores):
    """Print the family's scores; labels alone without positives have none."""
    names = demo_training.output_names()
    print("\n%s, %d records" % (family, len(truth)))
    demo_training.report(truth, scores, names)
    points = demo_training.decision_points(family)
    cuts = np.array([demo_training.logit(p) for p in points])
    for i, name in enumerate(names):
        area = demo_training.auc(truth[:, i], scores[:, i])
        called, present = scores[:, i] >= cuts[i], truth[:, i] > 0.5
        area = "  -   " if area is None else "%.4f" % area
        print("  %-48s %5d present, %5d called, %5d both, AUC %s" % (
            name, present.sum(), called.sum(), (called & present).sum(), area))


def read_probabilities(folder, model):
    """{file stem: {column: probability}} of a model's probabilities file; None where the run wrote none."""
    found = glob.glob(os.path.join(folder, model + "_*_probabilities.csv"))
    if not found:
        return None
    rows = demo_data.read_table(found[0])
    return {os.path.splitext(row.pop("file_name"))[0]: {k: float(v or "nan") for k, v in row.items()} for row in rows}


def program_scores(outputs, prefix, stems):
    """Logits (N, 80) of one family from a run's output folder, and BERT's probabilities (N, 77); None where absent."""
    names = [label["name"] for label in demo_data.label_facts()]
    tables = [read_probabilities(outputs, prefix + suffix) for suffix in MODEL_SUFFIXES]
    if None in tables:
        return None, None
    rows = [[tables[0][stem][name + "_sig_model"] for name in names] + [table[stem]["predictions"] for table in tables[1:]]
            for stem in stems]
    probabilities = np.clip(np.array(rows), 1e-37, 1 - 1e-7)
    bert = np.array([[tables[0][stem].get(name + "_bert_model", np.nan) for name in names] for stem in stems])
    return np.log(probabilities / (1 - probabilities)), bert


def by_program(cache, weights):
    truths, scores, berts, texts = [], {"efficientnet": [], "wcr": []}, [], []
    for options in demo_data.TEST:
        with tempfile.TemporaryDirectory(dir=cache) as work:
            demo_data.synth(work, *options)
            with open(os.path.join(work, "empty.config"), "w"):
                pass
            # 1 where a model failed to open: its outputs are missing then, and the family is left out below
            subprocess.run([demo_data.PROGRAM, "--config", "empty.config", "--data_path", "table.csv", "--ecg_signals_path", ".",
                            "--weights_folder", os.path.abspath(weights), "--quiet"], cwd=work)
            truth, table = (demo_data.read_table(os.path.join(work, name)) for name in ("truth.csv", "table.csv"))
            stems = [os.path.splitext(row["file_name"])[0] for row in truth]
            for family, prefix in (("efficientnet", "efficientnetv2_"), ("wcr", "wcr_")):
                logits, bert = program_scores(os.path.join(work, "outputs"), prefix, stems)
                if logits is not None:
                    scores[family].append(logits)
                    last = bert
        binary = np.array([[float(row[b]) for b in demo_data.BINARY] for row in table], np.float32)
        truths.append(np.concatenate([demo_data.truth_matrix(truth), binary], 1))
        berts.append(last)
        texts += [row["ecg_machine_diagnosis"] for row in table]
    for family, parts in scores.items():
        if parts:
            show(family, np.concatenate(truths), np.concatenate(parts))
    bert = np.concatenate(berts)
    if np.isfinite(bert).all():
        thresholds = np.array([label["bert_threshold"] for label in demo_data.label_facts()])
        said = [demo_statements.labels_of(demo_statements.split(text)) for text in texts]
        right = sum(set(np.flatnonzero(row >= thresholds)) == labels for row, labels in zip(bert, said))
        show_bert(right, len(texts))


def show_bert(right, count):
    print("\nBERT: every label right in %d of %d statements (%.2f %%)" % (right, count, 100 * right / count))


def main():
    p = argparse.ArgumentParser(description="score the demo models")
    p.add_argument("cache")
    p.add_argument("weights")
    p.add_argument("--pytorch", action="store_true")
    a = p.parse_args()
    torch.set_num_threads(1)
    (by_pytorch if a.pytorch else by_program)(a.cache, a.weights)


if __name__ == "__main__":
    main()
