"""What the demo models of both signal families share: the loop, the score, the decision points.

One network with 80 outputs is trained per family: the 77 labels and the three binary tasks. It is then cut into the
four models of the family, which have the trunk in common and one head each.
"""
import math
import time

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

import demo_data

LABELS = 77
OUTPUTS = LABELS + len(demo_data.BINARY)
MODEL_SUFFIXES = ("77_classes", "afib_5y", "lvef_equal_under_40", "lvef_under_50")
NEVER = -4.0      # logit, below its decision point, of a label that synth never makes


def auc(truth, score):
    """Area under the ROC curve, ties counted half; None without both kinds."""
    truth = np.asarray(truth) > 0.5
    positives, negatives = truth.sum(), (~truth).sum()
    if positives == 0 or negatives == 0:
        return None
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def targets(labels, binary):
    return torch.from_numpy(np.concatenate([labels, binary], 1))


def predict(network, signals, scale, batch=250):
    """Logits (N, outputs) of an evaluation."""
    network.eval()
    with torch.no_grad():
        parts = [network(torch.from_numpy(signals[i:i + batch]).float() * scale) for i in range(0, len(signals), batch)]
    return torch.cat(parts).numpy()


def report(truth, logits, names):
    """Print the AUC of every output that has one; return the macro average of the 77 labels."""
    scores = [auc(truth[:, i], logits[:, i]) for i in range(truth.shape[1])]
    known = [s for s in scores[:LABELS] if s is not None]
    worst = sorted((s, names[i]) for i, s in enumerate(scores) if s is not None)[:12]
    print("macro AUC %.4f over %d labels; binary %s" % (
        np.mean(known), len(known), " ".join("%s %.4f" % (n, s) for n, s in zip(names[LABELS:], scores[LABELS:]))))
    print("lowest: " + "; ".join("%s %.3f" % (name[:32], s) for s, name in worst))
    return float(np.mean(known))


def output_names():
    return [label["name"] for label in demo_data.label_facts()] + list(demo_data.BINARY)


def train(network, data, scale, epochs, rate, batch=32, decay=0.02, seed=0, bfloat16=False, saved=None):
    """AdamW, one cycle of the learning rate, cross-entropy with rare findings weighing more. The state after each epoch
    goes to the file `saved`."""
    signals, labels, binary, _ = data
    wanted = targets(labels, binary)
    frequency = wanted.mean(0).clamp(min=1e-3)
    weight = ((1 - frequency) / frequency).sqrt().clamp(1, 6)
    steps = len(signals) // batch
    norms = [p for p in network.parameters() if p.ndim < 2]
    others = [p for p in network.parameters() if p.ndim >= 2]
    optimizer = torch.optim.AdamW([{"params": others, "weight_decay": decay}, {"params": norms, "weight_decay": 0.0}], rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, epochs * steps, pct_start=0.15)
    order = np.random.default_rng(seed)
    start = time.time()
    for epoch in range(epochs):
        network.train()
        chosen, total = order.permutation(len(signals)), 0.0
        for step in range(steps):
            index = np.sort(chosen[step * batch:(step + 1) * batch])
            x = torch.from_numpy(signals[index]).float() * scale
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                logits = network(x)
            loss = F.binary_cross_entropy_with_logits(logits.float(), wanted[index], pos_weight=weight)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
        torch.save(network.state_dict(), saved)
        print("epoch %d: loss %.4f, %.0f s" % (epoch + 1, total / steps, time.time() - start), flush=True)


def logit(p):
    return math.log(p / (1 - p))


def best_cut(truth, logits):
    """The logit that divides present from absent with the highest F1, halfway between its two neighbours."""
    order = np.argsort(-logits)
    hits = np.cumsum(truth[order] > 0.5)
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + hits[-1])
    best = int(np.argmax(f1[:-1]))
    return float(logits[order[best]] + logits[order[best + 1]]) / 2


def decision_points(family):
    """Per output, the published operating point of the family, or 0.5."""
    facts = demo_data.facts()
    names = ("efficientnet_sens_spec",) if family == "efficientnet" else ("wcr_sens_spec", "wcr_youden")
    tasks = {task["column"]: task for task in facts["binary_tasks"]}
    points = []
    for item in facts["labels"] + [tasks[column] for column in demo_data.BINARY]:
        known = [item.get("operating_point", {}).get(name) for name in names]
        points.append(next((p for p in known if p is not None and 0 < p < 1), 0.5))
    return points


CLEAR = 2.0          # logit, at least, of the median record with a finding; minus that, at most, without
STEEPEST = 5.0


def align(head, truth, logits, family, producible):
    """Move and stretch each logit so that the published operating point is where the network itself decides best (the
    published points belong to the published networks' scales), with typical records clearly on their side of 0.5. Order,
    and so the AUC, stays."""
    with torch.no_grad():
        for i, point in enumerate(decision_points(family)):
            if i < LABELS and i not in producible:
                head.weight[i] = 0
                head.bias[i] = logit(point) + NEVER
                continue
            z, present = logits[:, i], truth[:, i] > 0.5
            cut = best_cut(truth[:, i], z)
            above = (CLEAR - logit(point)) / max(np.median(z[present]) - cut, 0.1)
            below = (CLEAR + logit(point)) / max(cut - np.median(z[~present]), 0.1)
            slope = min(max(above, below, 1.0), STEEPEST)
            head.weight[i] *= slope
            head.bias[i] = slope * (head.bias[i] - cut) + logit(point)
