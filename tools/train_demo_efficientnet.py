"""Train the four demo EfficientNetV2-1D models and write them as traced TorchScript.

    python tools/train_demo_efficientnet.py CACHE OUT [--epochs N]

CACHE: see demo_data.py. OUT/efficientnetv2_*/ gets a `.pt` and the empty config.json of the published folders.
"""
import argparse
import os
import zipfile

import torch
from torch import nn
import torch.nn.functional as F

import demo_data
import demo_training
from demo_training import LABELS, MODEL_SUFFIXES, OUTPUTS

SCALE = 1 / 0.0048       # from cleaned signal to network input
FILES = ("efficientnet_deepecg_unscaled", "efficientnetv2_afib_5y", "efficientnetv2_lvef_equal_under_40",
         "efficientnetv2_lvef_under_50")


class SqueezeExcite(nn.Module):
    """Scale each channel by a gate computed from the channel means."""

    def __init__(self, channels):
        super().__init__()
        self.reduce = nn.Conv1d(channels, channels // 4, 1)
        self.act = nn.LeakyReLU(0.01)
        self.expand = nn.Conv1d(channels // 4, channels, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.expand(self.act(self.reduce(F.adaptive_avg_pool1d(x, 1)))))


def conv_norm(inputs, outputs, kernel, stride=1, groups=1, act=True):
    layers = [nn.Conv1d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm1d(outputs)]
    return nn.Sequential(*layers, nn.LeakyReLU(0.01)) if act else nn.Sequential(*layers)


class FusedBlock(nn.Module):
    """Full convolution, squeeze-excite, shortcut where the shape stays."""

    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__()
        self.conv = conv_norm(inputs, outputs, kernel, stride)
        self.se = SqueezeExcite(outputs)
        self.shortcut = inputs == outputs and stride == 1

    def forward(self, x):
        y = self.se(self.conv(x))
        return x + y if self.shortcut else y


class MBConvBlock(nn.Module):
    """1x1 to twice the channels, depthwise, squeeze-excite, 1x1 back, shortcut where the shape stays."""

    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__()
        self.expand = conv_norm(inputs, 2 * inputs, 1)
        self.depthwise = conv_norm(2 * inputs, 2 * inputs, kernel, stride, groups=2 * inputs)
        self.se = SqueezeExcite(2 * inputs)
        self.project = conv_norm(2 * inputs, outputs, 1, act=False)
        self.shortcut = inputs == outputs and stride == 1

    def forward(self, x):
        y = self.project(self.se(self.depthwise(self.expand(x))))
        return x + y if self.shortcut else y


class EfficientNet(nn.Module):
    """Narrow 1-D EfficientNetV2: (B, 12, 2500) -> (B, outputs) logits."""

    #         block,  channels, kernel, stride of the first, blocks
    STAGES = ((FusedBlock, 48, 5, 2, 1), (FusedBlock, 64, 5, 2, 2), (MBConvBlock, 64, 5, 2, 3))

    def __init__(self, outputs):
        super().__init__()
        self.stem = conv_norm(demo_data.LEADS, 32, 16, 8)
        channels, blocks = 32, []
        for block, wide, kernel, stride, count in self.STAGES:
            for i in range(count):
                blocks.append(block(channels, wide, kernel, stride if i == 0 else 1))
                channels = wide
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.Conv1d(channels, 192, 1), nn.BatchNorm1d(192), nn.LeakyReLU(0.01),
                                  nn.AdaptiveAvgPool1d(1), nn.Flatten())
        self.classifier = nn.Linear(192, outputs)

    def forward(self, x):
        return self.classifier(self.head(self.blocks(self.stem(x))))


def cut(network, rows):
    """The network with these outputs only."""
    part = EfficientNet(len(rows))
    part.load_state_dict({**network.state_dict(), "classifier.weight": network.classifier.weight[rows],
                          "classifier.bias": network.classifier.bias[rows]})
    return part.eval()


def without_debug_entries(path):
    """Drop the .debug_pkl entries, a quarter of a small file; keep torch's alignment of 64 bytes."""
    with zipfile.ZipFile(path) as old:
        entries = [(info.filename, old.read(info)) for info in old.infolist() if not info.filename.endswith(".debug_pkl")]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
        for name, content in entries:
            info = zipfile.ZipInfo(name)
            start = new.fp.tell() + 30 + len(name.encode()) + 4
            fill = -start % 64
            info.extra = b"FB" + fill.to_bytes(2, "little") + b"Z" * fill
            new.writestr(info, content)


def write_model(network, folder, file):
    os.makedirs(folder, exist_ok=True)
    open(os.path.join(folder, "config.json"), "w").close()
    path = os.path.join(folder, file + ".pt")
    with torch.no_grad():
        example = torch.zeros(1, demo_data.LEADS, demo_data.SAMPLES)
        torch.jit.trace(network, example).save(path)
    without_debug_entries(path)


def main():
    p = argparse.ArgumentParser(description="train the demo EfficientNet models")
    p.add_argument("cache")
    p.add_argument("out")
    p.add_argument("--epochs", type=int, default=7)
    p.add_argument("--write_only", action="store_true", help="write the models of the last training's state in CACHE")
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    network, saved = EfficientNet(OUTPUTS), os.path.join(a.cache, "efficientnet.state")
    if not a.write_only:
        demo_training.train(network, demo_data.load(a.cache, demo_data.TRAINING), SCALE, a.epochs, 3e-3, seed=1, bfloat16=True, saved=saved)
    network.load_state_dict(torch.load(saved))

    signals, labels, binary, _ = demo_data.load(a.cache, demo_data.CALIBRATION)
    truth = demo_training.targets(labels, binary).numpy()
    logits = demo_training.predict(network, signals, SCALE)
    demo_training.report(truth, logits, demo_training.output_names())
    demo_training.align(network.classifier, truth, logits, "efficientnet", demo_data.producible_labels(a.cache))
    heads = [list(range(LABELS))] + [[i] for i in range(LABELS, OUTPUTS)]
    for suffix, file, rows in zip(MODEL_SUFFIXES, FILES, heads):
        write_model(cut(network, rows), os.path.join(a.out, "efficientnetv2_" + suffix), file)


if __name__ == "__main__":
    main()
