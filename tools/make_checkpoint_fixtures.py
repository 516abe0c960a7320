#!/usr/bin/env python3
"""Writes tests/fixtures/fairseq/ and tests/fixtures/bert/: small checkpoints in every dtype and layout that is read, and what
PyTorch answers in float32.

    fairseq/NAME.pt            a checkpoint; fairseq/ecg.f32: an input (12, 200); fairseq/NAME.logits.f32: the result
    bert/NAME/                 config.json, model.safetensors, vocab.txt; bert/NAME.logits.f32: the results for bert/ids.json

Needs torch, safetensors and transformers (made with 2.8, 0.8 and 5.0.0rc3). Weights are random, seeds fixed.
"""
import argparse
import json
import math
import pathlib
import shutil
from collections import OrderedDict

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

LEADS, SAMPLES = 12, 200


# ---------------------------------------------------------------- the ECG transformer classifier, of any size

class Wcr:
    """Evaluates a state dict as fairseq-signals' ecg_transformer_classifier does, without dropout."""

    def __init__(self, cfg, layers, state):
        self.cfg, self.layers, self.state = cfg, layers, state

    def __getitem__(self, name):
        return self.state[name].float()

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self[name + ".weight"], self[name + ".bias"])

    def linear(self, x, name):
        return F.linear(x, self[name + ".weight"], self[name + ".bias"])

    def attention(self, x, name):
        split = lambda y: y.unflatten(-1, (self.cfg["encoder_attention_heads"], -1)).transpose(1, 2)
        q, k, v = (split(self.linear(x, f"{name}.{p}_proj")) for p in "qkv")
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1)
        return self.linear((weights @ v).transpose(1, 2).flatten(2), name + ".out_proj")

    def positions(self, x):
        name = "encoder.conv_pos.pos_conv.0"
        if name + ".weight_g" in self.state:
            g, v = self[name + ".weight_g"], self[name + ".weight_v"]
        else:
            g, v = self[name + ".parametrizations.weight.original0"], self[name + ".parametrizations.weight.original1"]
        kernel = v.shape[-1]
        weight = v * (g / v.norm(dim=(0, 1), keepdim=True))
        y = F.conv1d(x.transpose(1, 2), weight, self[name + ".bias"], padding=kernel // 2, groups=self.cfg["conv_pos_groups"])
        return F.gelu(y[:, :, :-1] if kernel % 2 == 0 else y).transpose(1, 2)

    def __call__(self, x):
        every = self.cfg["extractor_mode"] == "layer_norm"
        for i, (width, kernel, stride) in enumerate(self.layers):
            name = f"encoder.feature_extractor.conv_layers.{i}"
            bias = self[name + ".0.bias"] if self.cfg["conv_bias"] else None
            x = F.conv1d(x, self[name + ".0.weight"], bias, stride)
            if every:
                x = self.norm(x.transpose(1, 2), name + ".2.1").transpose(1, 2)
            elif i == 0:
                x = F.group_norm(x, width, self[name + ".2.weight"], self[name + ".2.bias"])
            x = F.gelu(x)
        x = self.norm(x.transpose(1, 2), "encoder.layer_norm")
        if "encoder.post_extract_proj.weight" in self.state:
            x = self.linear(x, "encoder.post_extract_proj")
        x = x + self.positions(x)
        first = self.cfg["layer_norm_first"]
        x = x if first else self.norm(x, "encoder.encoder.layer_norm")
        activation = {"gelu": F.gelu, "relu": F.relu}[self.cfg["activation_fn"]]
        for i in range(self.cfg["encoder_layers"]):
            name = f"encoder.encoder.layers.{i}"
            ffn = lambda y: self.linear(activation(self.linear(y, name + ".fc1")), name + ".fc2")
            for norm, part in ((".self_attn_layer_norm", lambda y: self.attention(y, name + ".self_attn")), (".final_layer_norm", ffn)):
                x = x + part(self.norm(x, name + norm)) if first else self.norm(x + part(x), name + norm)
        x = self.norm(x, "encoder.encoder.layer_norm") if first else x
        return self.linear(x.sum(1) / (x != 0).sum(1), "proj")


def random_state(cfg, layers, labels, newer_names):
    width, ffn = cfg["encoder_embed_dim"], cfg["encoder_ffn_embed_dim"]
    state = OrderedDict()

    def norm(name, size):
        state[name + ".weight"] = torch.empty(size).uniform_(0.8, 1.2)
        state[name + ".bias"] = torch.randn(size) * 0.1

    def linear(name, cin, cout):
        state[name + ".weight"] = torch.randn(cout, cin) / math.sqrt(cin)
        state[name + ".bias"] = torch.randn(cout) * 0.1

    channels = LEADS
    for i, (cout, kernel, _) in enumerate(layers):
        name = f"encoder.feature_extractor.conv_layers.{i}"
        state[name + ".0.weight"] = torch.randn(cout, channels, kernel) * math.sqrt(2 / (channels * kernel))
        if cfg["conv_bias"]:
            state[name + ".0.bias"] = torch.randn(cout) * 0.1
        if cfg["extractor_mode"] == "layer_norm":
            norm(name + ".2.1", cout)
        elif i == 0:
            norm(name + ".2", cout)
        channels = cout
    norm("encoder.layer_norm", channels)
    if channels != width:
        linear("encoder.post_extract_proj", channels, width)
    kernel, groups = cfg["conv_pos"], cfg["conv_pos_groups"]
    g, v = ("parametrizations.weight.original0", "parametrizations.weight.original1") if newer_names else ("weight_g", "weight_v")
    name = "encoder.conv_pos.pos_conv.0."
    state[name + "bias"] = torch.randn(width) * 0.1
    state[name + v] = torch.randn(width, width // groups, kernel)
    state[name + g] = torch.empty(1, 1, kernel).uniform_(0.5, 2)
    norm("encoder.encoder.layer_norm", width)
    for i in range(cfg["encoder_layers"]):
        name = f"encoder.encoder.layers.{i}"
        for p in "kvq":
            linear(f"{name}.self_attn.{p}_proj", width, width)
        linear(name + ".self_attn.out_proj", width, width)
        norm(name + ".self_attn_layer_norm", width)
        linear(name + ".fc1", width, ffn)
        linear(name + ".fc2", ffn, width)
        norm(name + ".final_layer_norm", width)
    linear("proj", width, labels)
    state["encoder.mask_emb"] = torch.rand(width)  # left over from pre-training
    return state


def as_views(state):
    """The same tensors as views into one storage, matrices stored transposed."""
    flat = torch.cat([(t.t() if t.dim() == 2 else t).reshape(-1) for t in state.values()])
    views, at = OrderedDict(), 0
    for name, t in state.items():
        part = flat[at:at + t.numel()]
        views[name] = part.reshape(t.shape[::-1]).t() if t.dim() == 2 else part.reshape(t.shape)
        at += t.numel()
    return views


PLAIN = dict(_name="ecg_transformer_classifier", in_d=LEADS, conv_feature_layers="[(8, 2, 2)] * 2", extractor_mode="default",
             conv_bias=False, encoder_layers=1, encoder_embed_dim=16, encoder_ffn_embed_dim=24, encoder_attention_heads=2,
             activation_fn="gelu", layer_norm_first=False, conv_pos=8, conv_pos_groups=4)
VARIED = dict(PLAIN, conv_feature_layers="[(6, 5, 3)] + [(16, 3, 2)]", extractor_mode="layer_norm", conv_bias=True, encoder_layers=2,
              encoder_attention_heads=4, activation_fn="relu", layer_norm_first=True, conv_pos=7, conv_pos_groups=2)


def write_fairseq(folder):
    torch.manual_seed(1)
    folder.mkdir(parents=True, exist_ok=True)
    ecg = torch.randn(LEADS, SAMPLES)
    ecg.numpy().tofile(folder / "ecg.f32")

    def write(name, cfg, state, adam=False, **how):
        layers = eval(cfg["conv_feature_layers"])
        logits = Wcr(cfg, layers, state)(ecg[None])[0]
        model = argparse.Namespace(**cfg) if name == "varied" else cfg
        moments = {i: {"exp_avg": torch.zeros_like(t)} for i, t in enumerate(state.values())} if adam else None
        torch.save({"args": None, "cfg": {"common": {"fp16": False}, "model": model}, "model": state,
                    "last_optimizer_state": moments}, folder / f"{name}.pt", **how)
        if logits.isfinite().all():
            logits.numpy().astype("<f4").tofile(folder / f"{name}.logits.f32")

    plain = random_state(PLAIN, eval(PLAIN["conv_feature_layers"]), 3, False)
    torch.serialization.set_crc32_options(False)  # so that damaged copies get past the checksums
    write("plain", PLAIN, plain)
    torch.serialization.set_crc32_options(True)
    write("adam", PLAIN, plain, adam=True)
    write("views", PLAIN, as_views(plain))
    for name, dtype in (("float16", torch.float16), ("bfloat16", torch.bfloat16), ("float64", torch.float64)):
        write(name, PLAIN, OrderedDict((k, t.to(dtype)) for k, t in plain.items()), pickle_protocol=4)
    write("varied", VARIED, random_state(VARIED, eval(VARIED["conv_feature_layers"]), 2, True), pickle_protocol=5)
    not_finite = random_state(PLAIN, eval(PLAIN["conv_feature_layers"]), 1, False)
    not_finite["proj.bias"][0] = math.inf
    write("not_finite", PLAIN, not_finite)


# ---------------------------------------------------------------- BERT

def write_bert(folder):
    from transformers import BertConfig, BertForSequenceClassification
    torch.manual_seed(2)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "sinus", "rhythm", "bloc", "atrial", "##s", "-", "st"]
    words += list("abcdefghijklmnopqrstuvwxyz")
    config = BertConfig(vocab_size=len(words) + 2, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=24, max_position_embeddings=24, num_labels=5, initializer_range=0.5)
    net = BertForSequenceClassification(config).eval()
    for m in net.modules():
        if isinstance(m, nn.LayerNorm):
            nn.init.uniform_(m.weight, 0.8, 1.2)
            nn.init.normal_(m.bias, 0, 0.1)
    ids = [[2, 3], [2, 5, 6, 3], [2] + list(range(5, 27)) + [3]]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ids.json").write_text(json.dumps(ids) + "\n")
    settings = {k: v for k, v in config.to_dict().items() if k in (
        "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "max_position_embeddings",
        "type_vocab_size", "hidden_act", "layer_norm_eps", "model_type")}
    settings["architectures"] = ["BertForSequenceClassification"]
    older = lambda name: name.removeprefix("bert.").replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    state = net.state_dict()
    state.pop("bert.embeddings.position_ids", None)
    for name, dtype in (("float32", torch.float32), ("float16", torch.float16), ("bfloat16", torch.bfloat16), ("float64", torch.float64),
                        ("older", torch.float32)):
        out = folder / name
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        stored = {k: t.to(dtype).contiguous() for k, t in state.items()}
        net.load_state_dict({k: t.float() for k, t in stored.items()})
        save_file({older(k): t for k, t in stored.items()} if name == "older" else stored, out / "model.safetensors")
        (out / "config.json").write_text(json.dumps(settings, indent=1) + "\n")
        (out / "vocab.txt").write_text("\n".join(words) + "\n")
        with torch.no_grad():
            logits = torch.stack([net(torch.tensor([i])).logits[0] for i in ids])
        logits.numpy().astype("<f4").tofile(folder / f"{name}.logits.f32")


def main():
    fixtures = pathlib.Path(__file__).resolve().parent.parent / "tests" / "fixtures"
    with torch.no_grad():
        write_fairseq(fixtures / "fairseq")
    write_bert(fixtures / "bert")


if __name__ == "__main__":
    main()
