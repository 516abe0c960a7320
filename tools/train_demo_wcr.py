"""Train the four demo WCR models (wav2vec 2.0 style transformers) and write them as fairseq checkpoints.

    python tools/train_demo_wcr.py CACHE OUT [--epochs N]

CACHE: see demo_data.py. OUT/wcr_*/ gets a `.pt` and the empty config.json of the published folders. The published
ones also hold base_ssl.pt, the pre-trained network before fine-tuning: these were never pre-trained, and nothing
reads it.
"""
import argparse
import math
import os
from collections import OrderedDict

import torch
from torch import nn
import torch.nn.functional as F

import demo_data
import demo_training
from demo_training import LABELS, MODEL_SUFFIXES, OUTPUTS

SCALE = 1.0
#                channels, kernel, stride
CONVOLUTIONS = ((48, 16, 8), (80, 8, 4))       # fairseq has no post_extract_proj where the last width is DIM
DIM, FFN, HEADS, LAYERS = 64, 128, 4, 2
POSITION_KERNEL, POSITION_GROUPS = 32, 16


class FirstConvolution(nn.Conv1d):
    """The group norm after the first convolution has a group per channel: it divides by each channel's own size, and
    with it goes the voltage. Where the channel is tiny beside the norm's epsilon, it doesn't. So half of the channels
    are kept tiny by a constant gain, which fold() multiplies into the weights."""

    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__(inputs, outputs, kernel, stride, bias=False)
        self.register_buffer("gain", torch.ones(outputs, 1, 1), persistent=False)
        self.gain[outputs // 2:] = 1e-3

    def forward(self, x):
        return F.conv1d(x, self.weight * self.gain, stride=self.stride)

    def fold(self):
        with torch.no_grad():
            self.weight.mul_(self.gain)
            self.gain.fill_(1)


class FeatureExtractor(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_layers = nn.ModuleList()
        channels = demo_data.LEADS
        for i, (wide, kernel, stride) in enumerate(CONVOLUTIONS):
            if i == 0:
                conv, norm = FirstConvolution(channels, wide, kernel, stride), [nn.GroupNorm(wide, wide)]
                nn.init.constant_(norm[0].weight[wide // 2:], 8.0)
            else:
                conv, norm = nn.Conv1d(channels, wide, kernel, stride, bias=False), []
            nn.init.kaiming_normal_(conv.weight)
            self.conv_layers.append(nn.Sequential(conv, nn.Dropout(0.0), *norm, nn.GELU()))
            channels = wide

    def forward(self, x):
        for layer in self.conv_layers:
            x = layer(x)
        return x


class WeightNormConvolution(nn.Module):
    """Grouped convolution whose weight is g * v / |v|, the norm taken per kernel position; an even kernel's extra step
    is dropped."""

    def __init__(self):
        super().__init__()
        shape = DIM, DIM // POSITION_GROUPS, POSITION_KERNEL
        self.weight_v = nn.Parameter(torch.randn(shape) * math.sqrt(4 / (POSITION_KERNEL * DIM)))
        self.weight_g = nn.Parameter(self.weight_v.detach().norm(dim=(0, 1), keepdim=True))
        self.bias = nn.Parameter(torch.zeros(DIM))

    def forward(self, x):
        weight = self.weight_v * (self.weight_g / self.weight_v.norm(dim=(0, 1), keepdim=True))
        return F.conv1d(x, weight, self.bias, padding=POSITION_KERNEL // 2, groups=POSITION_GROUPS)[:, :, :-1]


class PositionalConvolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.pos_conv = nn.ModuleList([WeightNormConvolution()])

    def forward(self, x):
        return F.gelu(self.pos_conv[0](x.transpose(1, 2))).transpose(1, 2)


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.k_proj, self.v_proj, self.q_proj, self.out_proj = (nn.Linear(DIM, DIM) for _ in range(4))

    def forward(self, x):
        split = lambda y: y.unflatten(-1, (HEADS, -1)).transpose(1, 2)
        y = F.scaled_dot_product_attention(split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(x)))
        return self.out_proj(y.transpose(1, 2).flatten(2))


class EncoderLayer(nn.Module):
    """Transformer layer, normalised after each sum."""

    def __init__(self):
        super().__init__()
        self.self_attn = SelfAttention()
        self.self_attn_layer_norm = nn.LayerNorm(DIM)
        self.fc1, self.fc2 = nn.Linear(DIM, FFN), nn.Linear(FFN, DIM)
        self.final_layer_norm = nn.LayerNorm(DIM)

    def forward(self, x):
        x = self.self_attn_layer_norm(x + self.self_attn(x))
        return self.final_layer_norm(x + self.fc2(F.gelu(self.fc1(x))))


class TransformerEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer() for _ in range(LAYERS))
        self.layer_norm = nn.LayerNorm(DIM)

    def forward(self, x):
        x = self.layer_norm(x)
        for layer in self.layers:
            x = layer(x)
        return x


class WcrEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = TransformerEncoder()
        self.feature_extractor = FeatureExtractor()
        self.post_extract_proj = nn.Linear(CONVOLUTIONS[-1][0], DIM)
        self.conv_pos = PositionalConvolution()
        self.layer_norm = nn.LayerNorm(CONVOLUTIONS[-1][0])

    def forward(self, x):
        x = self.feature_extractor(x).transpose(1, 2)
        x = self.post_extract_proj(self.layer_norm(x))
        return self.encoder(x + self.conv_pos(x))


class Wcr(nn.Module):
    """(B, 12, 2500) -> (B, outputs) logits. state_dict() has the published checkpoints' names."""

    def __init__(self, outputs):
        super().__init__()
        self.encoder = WcrEncoder()
        self.proj = nn.Linear(DIM, outputs)

    def forward(self, x):
        x = self.encoder(x)
        return self.proj(x.sum(1) / (x != 0).sum(1))


def configuration(outputs):
    """cfg as fairseq saves it: nested dicts of plain values."""
    convolutions = " + ".join("[(%d, %d, %d)]" % layer for layer in CONVOLUTIONS)
    return {
        "_name": None,
        "common": {"_name": None, "log_format": "json", "seed": 1, "fp16": False},
        "dataset": {"_name": None, "batch_size": 32, "train_subset": "train", "valid_subset": "valid"},
        "optimization": {"_name": None, "max_epoch": 0, "max_update": 0, "clip_norm": 1.0, "update_freq": [1]},
        "checkpoint": {"_name": None, "save_dir": "checkpoints", "no_save_optimizer_state": True},
        "model": {
            "_name": "ecg_transformer_classifier", "all_gather": False, "normalize": False, "filter": False,
            "data": "manifest", "args": None, "encoder_layers": LAYERS, "encoder_embed_dim": DIM,
            "encoder_ffn_embed_dim": FFN, "encoder_attention_heads": HEADS, "layer_norm_first": False,
            "dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "encoder_layerdrop": 0.0,
            "dropout_input": 0.0, "dropout_features": 0.0, "apply_mask": False, "extractor_mode": "default",
            "conv_feature_layers": convolutions, "in_d": demo_data.LEADS, "conv_bias": False,
            "feature_grad_mult": 1.0, "conv_pos": POSITION_KERNEL, "conv_pos_groups": POSITION_GROUPS,
            "model_path": None, "no_pretrained_weights": True, "final_dropout": 0.0, "num_labels": outputs,
        },
        "task": {"_name": "ecg_classification", "data": "manifest", "filter": False, "normalize": False},
        "criterion": {"_name": "binary_cross_entropy_with_logits", "report_auc": True},
        "lr_scheduler": {"_name": "fixed"},
        "optimizer": {"_name": "adam", "adam_betas": "(0.9, 0.999)", "adam_eps": 1e-08, "weight_decay": 0.02},
    }


def checkpoint(network, rows):
    """The dict that fairseq saves, for these outputs of the network."""
    state = OrderedDict((name, tensor.detach().clone()) for name, tensor in network.state_dict().items())
    for name in ("proj.weight", "proj.bias"):
        state[name] = state[name][rows].clone()
    return {
        "args": None, "cfg": configuration(len(rows)), "model": state, "criterion": None,
        "optimizer_history": [{"criterion_name": "BinaryCrossEntropyWithLogitsCriterion", "optimizer_name": "Adam",
                               "lr_scheduler_state": {"best": None}, "num_updates": 0}],
        "task_state": {}, "extra_state": {"metrics": [], "previous_training_time": 0.0}, "last_optimizer_state": None,
    }


def load(path):
    """The network of a file that checkpoint() went into."""
    state = torch.load(path, map_location="cpu", weights_only=True)["model"]
    network = Wcr(len(state["proj.bias"]))
    network.load_state_dict(state)
    network.encoder.feature_extractor.conv_layers[0][0].gain.fill_(1)
    return network.eval()


def raw_order():
    """Which label stands in each raw column."""
    columns = [label["wcr_raw_column"] for label in demo_data.label_facts()]
    return [columns.index(column) for column in range(LABELS)]


def main():
    p = argparse.ArgumentParser(description="train the demo WCR models")
    p.add_argument("cache")
    p.add_argument("out")
    p.add_argument("--epochs", type=int, default=5)
    p.add_argument("--write_only", action="store_true", help="write the models of the last training's state in CACHE")
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(2)
    network, saved = Wcr(OUTPUTS), os.path.join(a.cache, "wcr.state")
    if not a.write_only:
        demo_training.train(network, demo_data.load(a.cache, demo_data.TRAINING), SCALE, a.epochs, 1.5e-3, seed=2, saved=saved)
    network.load_state_dict(torch.load(saved))
    network.encoder.feature_extractor.conv_layers[0][0].fold()

    signals, labels, binary, _ = demo_data.load(a.cache, demo_data.CALIBRATION)
    truth = demo_training.targets(labels, binary).numpy()
    logits = demo_training.predict(network, signals, SCALE)
    demo_training.report(truth, logits, demo_training.output_names())
    demo_training.align(network.proj, truth, logits, "wcr", demo_data.producible_labels(a.cache))
    heads = [raw_order()] + [[i] for i in range(LABELS, OUTPUTS)]
    for suffix, rows in zip(MODEL_SUFFIXES, heads):
        folder = os.path.join(a.out, "wcr_" + suffix)
        os.makedirs(folder, exist_ok=True)
        open(os.path.join(folder, "config.json"), "w").close()
        torch.save(checkpoint(network, rows), os.path.join(folder, "wcr_%s.pt" % suffix))


if __name__ == "__main__":
    main()
