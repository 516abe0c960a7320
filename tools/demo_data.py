"""Synthetic ECGs for the demo models: made by `deepecg synth`, cleaned by `deepecg --mode preprocessing`.

    python tools/demo_data.py CACHE           make the training, calibration and test sets (minutes, once)

CACHE/NAME/signals.npy   (records, 12, 2500) float16, cleaned as the pipeline does
CACHE/NAME/table.csv, truth.csv   as synth wrote them
"""
import argparse
import base64
import csv
import json
import os
import shutil
import subprocess
import tempfile

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAM = os.path.join(ROOT, "build", "release", "deepecg")
LABELS_FILE = os.path.join(ROOT, "tests", "fixtures", "labels.json")
LEADS, SAMPLES = 12, 2500
BINARY = ("afib_5y", "lvef_40", "lvef_50")

# A set is one batch of the cleaning: sizes, formats, rates and hum differ so that their statistics do. Small batches
# teach the networks how much the scale of a batch may vary.
#        seed, records, format, rate, hum_hz, hum_microvolts
TRAINING = (
    (101, 4000, "mixed", "mixed", 60, 25),
    (102, 4000, "muse", "500", 60, 25),
    (103, 4000, "mixed", "mixed", 0, 0),
    (104, 4000, "mixed", "mixed", 50, 25),
    (105, 3000, "npy", "mixed", 60, 60),
    (106, 1000, "cardiosoft", "500", 50, 40),
    *((200 + i, 200, "mixed", "mixed", (0, 50, 60)[i % 3], 25) for i in range(20)),
)
CALIBRATION = ((301, 4000, "mixed", "mixed", 60, 25),)
TEST = (
    (9001, 1000, "mixed", "mixed", 60, 25),
    (9002, 1000, "muse", "500", 60, 25),
    (9003, 500, "mixed", "mixed", 0, 0),
    (9004, 500, "mixed", "mixed", 50, 40),
)


def program(*arguments, folder=None):
    subprocess.run([PROGRAM, *map(str, arguments), "--quiet"], cwd=folder, check=True)


def synth(folder, seed, count, fmt="mixed", rate="mixed", hum_hz=60, hum_microvolts=25):
    leads = "usual" if fmt == "npy" else "mixed"
    program("synth", "--out", folder, "--seed", seed, "--count", count, "--format", fmt, "--rate", rate, "--leads", leads,
            "--hum_hz", hum_hz, "--hum_microvolts", hum_microvolts, "--truth")


def read_cleaned(path):
    with open(path, "rb") as f:
        samples = np.frombuffer(base64.b64decode(f.read()), "<f4")
    return samples.reshape(SAMPLES, LEADS).T


def make_set(cache, options):
    """Make and clean one set, keep its signals and tables."""
    name = "seed%d" % options[0]
    target = os.path.join(cache, name)
    if os.path.exists(os.path.join(target, "signals.npy")):
        return name
    os.makedirs(target, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        synth(work, *options)
        with open(os.path.join(work, "empty.config"), "w"):
            pass
        program("--mode", "preprocessing", "--config", "empty.config", "--data_path", "table.csv", "--ecg_signals_path", ".",
                "--preprocessing_folder", "cleaned", "--output_folder", "reports", folder=work)
        files = [row["file_name"] for row in read_table(os.path.join(work, "truth.csv"))]
        signals = np.empty((len(files), LEADS, SAMPLES), np.float16)
        for i, file in enumerate(files):
            stem = os.path.splitext(file)[0]
            signals[i] = read_cleaned(os.path.join(work, "cleaned", stem + ".base64"))
        for table in ("table.csv", "truth.csv"):
            shutil.copy(os.path.join(work, table), target)
        np.save(os.path.join(target, "signals.npy"), signals)
    return name


def read_table(path):
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def facts():
    with open(LABELS_FILE, encoding="utf-8") as f:
        return json.load(f)


def label_facts():
    """The 77 labels in published order: name, bert_threshold, wcr_raw_column."""
    return facts()["labels"]


def truth_matrix(truth):
    """(records, 77) float32 in label order; a label that synth never makes is 0."""
    names = [label["name"] for label in label_facts()]
    return np.array([[float(row.get(name, 0)) for name in names] for row in truth], np.float32)


def producible_labels(cache):
    """Indices of the labels that synth can make."""
    with open(os.path.join(cache, make_set(cache, TRAINING[0]), "truth.csv"), encoding="utf-8", newline="") as f:
        columns = next(csv.reader(f))
    return {i for i, label in enumerate(label_facts()) if label["name"] in columns}


def load(cache, sets):
    """signals (N, 12, 2500) float16, labels (N, 77), binary (N, 3), statements [N]."""
    signals, labels, binary, statements = [], [], [], []
    for options in sets:
        folder = os.path.join(cache, make_set(cache, options))
        signals.append(np.load(os.path.join(folder, "signals.npy")))
        labels.append(truth_matrix(read_table(os.path.join(folder, "truth.csv"))))
        table = read_table(os.path.join(folder, "table.csv"))
        binary.append(np.array([[float(row[b]) for b in BINARY] for row in table], np.float32))
        statements += [row["ecg_machine_diagnosis"] for row in table]
    return np.concatenate(signals), np.concatenate(labels), np.concatenate(binary), statements


def main():
    p = argparse.ArgumentParser(description="make the demo models' training and test sets")
    p.add_argument("cache")
    cache = p.parse_args().cache
    os.makedirs(cache, exist_ok=True)
    for options in TRAINING + CALIBRATION + TEST:
        print(make_set(cache, options), options[1:], flush=True)


if __name__ == "__main__":
    main()
