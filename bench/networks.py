"""The three networks at their published size in PyTorch, with random weights, and their files.

EfficientNet and WCR take (B, 12, 2500); BERT takes token ids (B, T). docs/models.md describes them.
"""
import json
import math
import os
from collections import OrderedDict

import numpy
import torch
import torch.nn.functional as F
from torch import nn

LEADS, SAMPLES, LABELS = 12, 2500, 77
PADDING = 0  # token id


def signals(count, seed=0):
    """(count, 12, 2500): band-limited noise of an ECG's size."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(count, LEADS, SAMPLES + 8, generator=g)
    return F.avg_pool1d(x, 9, 1)


# ---- EfficientNetV2, one-dimensional

def conv_norm(inputs, outputs, kernel, stride=1, groups=1):
    return nn.Sequential(nn.Conv1d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
                         nn.BatchNorm1d(outputs))


class Gate(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.reduce, self.expand = nn.Conv1d(channels, channels // 4, 1), nn.Conv1d(channels // 4, channels, 1)

    def forward(self, x):
        mean = F.adaptive_avg_pool1d(x, 1)
        return x * torch.sigmoid(self.expand(F.leaky_relu(self.reduce(mean))))


class Block(nn.Module):
    """expansion 0: one full convolution; else 1x1, depthwise, 1x1."""

    def __init__(self, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        wide = inputs * expansion if expansion else outputs
        self.expand = conv_norm(inputs, wide, 1) if expansion else None
        self.conv = conv_norm(wide if expansion else inputs, wide, kernel, stride, wide if expansion else 1)
        self.gate = Gate(wide)
        self.project = conv_norm(wide, outputs, 1) if expansion else None
        self.shortcut = inputs == outputs and stride == 1

    def forward(self, x):
        y = F.leaky_relu(self.expand(x)) if self.expand is not None else x
        y = self.gate(F.leaky_relu(self.conv(y)))
        if self.project is not None:
            y = self.project(y)
        return x + y if self.shortcut else y


class EfficientNet(nn.Module):
    #         channels, kernel, stride of the first, blocks, expansion
    STAGES = ((12, 3, 1, 2, 0), (24, 3, 1, 4, 0), (32, 5, 2, 4, 0), (64, 3, 2, 6, 0), (80, 5, 2, 8, 2), (128, 3, 2, 10, 2))

    def __init__(self):
        super().__init__()
        self.stem = conv_norm(LEADS, 12, 3)
        blocks, channels = [], 12
        for wide, kernel, stride, count, expansion in self.STAGES:
            for i in range(count):
                blocks.append(Block(channels, wide, kernel, stride if i == 0 else 1, expansion))
                channels = wide
        self.blocks, self.head = nn.Sequential(*blocks), conv_norm(channels, 640, 1)
        self.classifier = nn.Linear(640, LABELS)

    def forward(self, x):
        x = self.head(self.blocks(F.leaky_relu(self.stem(x))))
        return self.classifier(F.adaptive_avg_pool1d(x, 1).flatten(1))


def efficientnet():
    """Batch-norm statistics come from a pass over inputs, so that activations keep an ordinary size."""
    torch.manual_seed(0)
    net = EfficientNet()
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm1d)]
    for m in norms:
        nn.init.uniform_(m.weight, 0.8, 1.2)
        nn.init.normal_(m.bias, 0, 0.1)
        m.momentum = None
    with torch.no_grad():
        net(signals(16, 1) / 0.0048)
    return net.eval()


# ---- WCR: wav2vec 2.0 for ECGs

class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x):
        q, k, v = (p(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Layer(nn.Module):
    def __init__(self, width, hidden, heads):
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.self_attn_layer_norm, self.final_layer_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        x = self.self_attn_layer_norm(x + self.self_attn(x))
        return self.final_layer_norm(x + self.fc2(F.gelu(self.fc1(x))))


class PositionalConv(nn.Module):
    """Weight-normalised over all but the kernel's axis; an even kernel gives one step too many."""

    def __init__(self, width, kernel, groups):
        super().__init__()
        self.groups, self.padding = groups, kernel // 2
        self.weight_g = nn.Parameter(torch.ones(1, 1, kernel))
        self.weight_v = nn.Parameter(torch.randn(width, width // groups, kernel) * math.sqrt(4 / (kernel * width)))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        weight = self.weight_v * (self.weight_g / self.weight_v.norm(dim=(0, 1), keepdim=True))
        y = F.conv1d(x.transpose(1, 2), weight, self.bias, padding=self.padding, groups=self.groups)
        return F.gelu(y[:, :, :-1]).transpose(1, 2)


class Wcr(nn.Module):
    """state_dict() has the names of the published checkpoints."""

    def __init__(self):
        super().__init__()
        encoder = nn.Module()
        encoder.feature_extractor = nn.Module()
        encoder.feature_extractor.conv_layers = nn.ModuleList(
            nn.ModuleList([nn.Conv1d(LEADS if i == 0 else 256, 256, 2, 2, bias=False), nn.Identity()]
                          + ([nn.GroupNorm(256, 256)] if i == 0 else [])) for i in range(4))
        encoder.layer_norm, encoder.post_extract_proj = nn.LayerNorm(256), nn.Linear(256, 768)
        encoder.conv_pos = nn.Module()
        encoder.conv_pos.pos_conv = nn.ModuleList([PositionalConv(768, 128, 16)])
        encoder.encoder = nn.Module()
        encoder.encoder.layer_norm = nn.LayerNorm(768)
        encoder.encoder.layers = nn.ModuleList(Layer(768, 3072, 12) for _ in range(12))
        self.encoder, self.proj = encoder, nn.Linear(768, LABELS)

    def forward(self, x):
        for layer in self.encoder.feature_extractor.conv_layers:
            for part in layer:
                x = part(x)
            x = F.gelu(x)
        x = self.encoder.post_extract_proj(self.encoder.layer_norm(x.transpose(1, 2)))
        x = self.encoder.encoder.layer_norm(x + self.encoder.conv_pos.pos_conv[0](x))
        for layer in self.encoder.encoder.layers:
            x = layer(x)
        return self.proj(x.sum(1) / (x != 0).sum(1))


def wcr():
    torch.manual_seed(0)
    net = Wcr()
    for m in net.modules():
        if isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, 0, 0.03)
            nn.init.normal_(m.bias, 0, 0.02)
        elif isinstance(m, nn.Conv1d):
            nn.init.kaiming_normal_(m.weight)
    return net.eval()


def wcr_checkpoint(net):
    """The dict that fairseq saves, with Adam's two moments per parameter."""
    model = {"_name": "ecg_transformer_classifier", "num_labels": LABELS, "in_d": LEADS, "conv_feature_layers": "[(256, 2, 2)] * 4",
             "extractor_mode": "default", "conv_bias": False, "encoder_layers": 12, "encoder_embed_dim": 768,
             "encoder_ffn_embed_dim": 3072, "encoder_attention_heads": 12, "activation_fn": "gelu", "layer_norm_first": False,
             "conv_pos": 128, "conv_pos_groups": 16}
    state = OrderedDict((name, value.detach().clone()) for name, value in net.state_dict().items())
    moments = {i: {"step": 1000, "exp_avg": torch.zeros_like(v), "exp_avg_sq": torch.zeros_like(v)} for i, v in enumerate(state.values())}
    return {"args": None, "cfg": {"_name": None, "model": model}, "model": state, "criterion": OrderedDict(), "optimizer_history": [],
            "task_state": {}, "extra_state": {}, "last_optimizer_state": {"state": moments, "param_groups": []}}


# ---- BERT

def bert():
    from transformers import BertConfig, BertForSequenceClassification
    torch.manual_seed(0)
    config = BertConfig(num_labels=LABELS, initializer_range=0.03, problem_type="multi_label_classification")
    return BertForSequenceClassification(config).eval()


def save_bert(net, folder):
    net.save_pretrained(folder)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [chr(c) for c in range(ord("a"), ord("z") + 1)]
    words += [f"[unused{i}]" for i in range(net.config.vocab_size - len(words))]
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as file:
        file.write("\n".join(words) + "\n")
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump({"do_lower_case": True, "tokenizer_class": "BertTokenizer", "model_max_length": 512}, file)


class BertLogits(nn.Module):
    """Token ids to logits; with a mask where ids are padded."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, ids, mask=None):
        return self.net(input_ids=ids, attention_mask=mask).logits


def make_files(folder):
    """efficientnet.pt (traced), wcr.pt (1.1 GB), bert/: what deepecg reads."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "efficientnet.pt")
    if not os.path.exists(path):
        net = efficientnet()
        with torch.no_grad():
            torch.jit.trace(net, signals(1) / 0.0048).save(path)
    path = os.path.join(folder, "wcr.pt")
    if not os.path.exists(path):
        torch.save(wcr_checkpoint(wcr()), path)
    path = os.path.join(folder, "bert")
    if not os.path.exists(os.path.join(path, "vocab.txt")):
        save_bert(bert(), path)


def load(name, folder):
    """The PyTorch module with the weights of a file that make_files wrote."""
    if name == "efficientnet":
        return efficientnet()
    if name == "wcr":
        state = torch.load(os.path.join(folder, "wcr.pt"), weights_only=True)["model"]
        net = Wcr()
        net.load_state_dict(state)
        return net.eval()
    return load_bert(folder)


def load_bert(folder):
    from transformers import BertForSequenceClassification
    return BertLogits(BertForSequenceClassification.from_pretrained(os.path.join(folder, "bert"))).eval()


def load_mapped(name, folder):
    """The same in the quickest way that PyTorch has: from the original file, mapped, no weight initialised in vain."""
    if name == "efficientnet":
        return torch.jit.load(os.path.join(folder, "efficientnet.pt"))
    if name == "wcr":
        state = torch.load(os.path.join(folder, "wcr.pt"), weights_only=True, mmap=True)["model"]
        with torch.device("meta"):
            net = Wcr()
        net.load_state_dict(state, assign=True)
        return net.eval()
    return load_bert(folder)


def inputs(name, batch, tokens):
    if name == "efficientnet":
        return signals(batch, 2) / 0.0048
    if name == "wcr":
        return signals(batch, 2)
    g = torch.Generator().manual_seed(2)
    lengths = [tokens_of(tokens)[i % len(tokens_of(tokens))] for i in range(batch)]
    ids = torch.randint(5, 31, (batch, max(lengths)), generator=g)
    for row, length in zip(ids, lengths):
        row[0], row[length - 1], row[length:] = 2, 3, PADDING
    return ids


def tokens_of(tokens):
    """The lengths of texts: "20" as [20], "12,20" as [12, 20]."""
    return [int(word) for word in str(tokens).split(",")]


def mixed(tokens):
    return len(tokens_of(tokens)) > 1


def mask_of(ids):
    """1 where there is a token, 0 where there is padding; torch or numpy."""
    return ids != PADDING


def input_file(name, batch, tokens, folder):
    return os.path.join(folder, f"{name}_{batch}_{tokens}.npy")


def onnx_file(name, batch, tokens, folder):
    """With the shape that is run in its name; of texts of several lengths that of the padded batch, with a mask."""
    shape = (batch, LEADS, SAMPLES) if not tokens else (batch, max(tokens_of(tokens))) + (("mask",) if mixed(tokens) else ())
    return os.path.join(folder, f"{name}_{'_'.join(map(str, shape))}.onnx")


def any_length_file(name, folder):
    """The network for one text of any length."""
    return os.path.join(folder, f"{name}_1_any.onnx")


def export(name, x, path, folder, **more):
    if not os.path.exists(path):
        with torch.no_grad():
            torch.onnx.export(load(name, folder), x, path + ".part", opset_version=17, dynamo=False, output_names=["logits"], **more)
        os.rename(path + ".part", path)


def prepare(name, batch, tokens, folder):
    """The input of a row and the network as ONNX, as files."""
    x, path = inputs(name, batch, tokens), onnx_file(name, batch, tokens, folder)
    numpy.save(input_file(name, batch, tokens, folder), x.numpy())
    if mixed(tokens):
        export(name, (x, mask_of(x).long()), path, folder, input_names=["x", "mask"])
        export(name, (x[:1],), any_length_file(name, folder), folder, input_names=["x"], dynamic_axes={"x": {1: "tokens"}})
    else:
        export(name, (x,), path, folder, input_names=["x"])
