#!/usr/bin/env python3
"""Writes tests/fixtures/torchscript/: small TorchScript archives, an input for each, and what PyTorch answers.

    NAME.pt            the archive, without its debug_pkl entries
    NAME.input.f32     row-major float32
    NAME.output.f32    PyTorch's result in float32

Needs torch (made with 2.8). Weights are random, seeds fixed.
"""
import argparse
import copy
import math
import pathlib
import warnings
from typing import List, Optional

import torch
import torch.nn.functional as F
from torch import nn


# ------------------------------------------------------------------ a narrow 1-D EfficientNetV2, odd widths

class SqueezeExcite(nn.Module):
    def __init__(self, c, act):
        super().__init__()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Conv1d(c, c // 4, 1), act, nn.Conv1d(c // 4, c, 1), nn.Sigmoid())

    def forward(self, x):
        return x * self.gate(x)


def conv_norm(cin, cout, kernel, act, stride=1, groups=1):
    layers = [nn.Conv1d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm1d(cout)]
    return nn.Sequential(*layers, act) if act else nn.Sequential(*layers)


class Block(nn.Module):
    """Fused (expansion 1) or MBConv; the activation is one module shared by the whole network."""

    def __init__(self, cin, cout, kernel, stride, expansion, act):
        super().__init__()
        mid = cin * expansion
        if expansion == 1:
            self.body = nn.Sequential(conv_norm(cin, cout, kernel, act, stride), SqueezeExcite(cout, act))
        else:
            self.body = nn.Sequential(conv_norm(cin, mid, 1, act), conv_norm(mid, mid, kernel, act, stride, mid),
                                      SqueezeExcite(mid, act), conv_norm(mid, cout, 1, None))
        self.dropout = nn.Identity()
        self.shortcut = cin == cout and stride == 1

    def forward(self, x):
        y = self.dropout(self.body(x))
        return y + x if self.shortcut else y


class EfficientNet(nn.Module):
    def __init__(self, labels, widths):
        super().__init__()
        act = nn.LeakyReLU(0.01)
        a, b, c = widths
        self.stem = conv_norm(12, a, 3, act)
        self.blocks = nn.Sequential(Block(a, a, 3, 1, 1, act), Block(a, b, 5, 2, 1, act), Block(b, b, 3, 1, 1, act),
                                    Block(b, c, 5, 2, 2, act), Block(c, c, 3, 1, 2, act))
        self.head = nn.Sequential(nn.Conv1d(c, 37, 1), nn.BatchNorm1d(37), nn.AdaptiveAvgPool1d(1), nn.Flatten(),
                                  nn.Dropout(0.2), nn.Linear(37, labels))

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)))


class Half(nn.Module):
    """Weights and arithmetic in float16, float32 outside, as such models are shipped."""

    def __init__(self, net):
        super().__init__()
        self.net = net.half()

    def forward(self, x):
        return self.net(x.half()).float()


# ------------------------------------------------------------------ a residual CNN that is no EfficientNet

class ResidualBlock(nn.Module):
    def __init__(self, cin, cout, stride, norm):
        super().__init__()
        self.conv1 = nn.Conv1d(cin, cout, 3, stride, 1, bias=False)
        self.norm1 = norm(cout)
        self.conv2 = nn.Conv1d(cout, cout, 3, padding="same", dilation=2, groups=2)
        self.norm2 = norm(cout)
        self.relu = nn.ReLU(inplace=True)
        self.down = nn.Sequential(nn.AvgPool1d(stride, ceil_mode=True), nn.Conv1d(cin, cout, 1)) if cin != cout else None

    def forward(self, x):
        y = self.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        y += x if self.down is None else self.down(x)
        return self.relu(y)


class Attention(nn.Module):
    """Self-attention with heads, by the fused function."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x):                                     # (B, T, C)
        b, t, c = x.shape
        q, k, v = self.qkv(self.norm(x)).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v)
        return x + self.out(y.transpose(1, 2).reshape(b, t, c))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv1d(12, 16, 7, 2, 3), nn.BatchNorm1d(16), nn.ReLU(inplace=True), nn.MaxPool1d(3, 2, 1))
        self.block1 = ResidualBlock(16, 16, 1, lambda c: nn.GroupNorm(4, c))
        self.block2 = ResidualBlock(16, 24, 2, lambda c: nn.InstanceNorm1d(c, affine=True))
        self.gated = nn.utils.weight_norm(nn.Conv1d(24, 48, 4, padding="same"))
        self.attention = Attention(24, 3)
        self.pool = nn.Conv1d(24, 1, 1)
        self.dropout = nn.Dropout1d(0.1)
        self.hidden = nn.Linear(24 * 2, 20)
        self.act = nn.PReLU(20)
        self.head = nn.Linear(20, 5)

    def forward(self, x):
        x = self.block2(self.block1(self.stem(x)))
        value, gate = self.gated(x).chunk(2, dim=1)
        x = self.dropout(x + torch.tanh(value) * torch.sigmoid(gate))
        x = self.attention(x.transpose(1, 2)).transpose(1, 2)
        weights = torch.softmax(self.pool(x), dim=-1)          # (B, 1, T)
        x = torch.cat([torch.matmul(x, weights.transpose(1, 2)).squeeze(-1), x.amax(-1)], dim=1)
        x = x.view(x.size(0), 2, -1).permute(0, 2, 1).reshape(x.shape[0], x.shape[1] // 2 * 2)
        return self.head(self.act(self.hidden(x)))


# ------------------------------------------------------------------ every operator of the table

class Operators(nn.Module):
    """(1, 6, 20) -> the results of one operator after the other, flattened and joined."""

    def __init__(self):
        super().__init__()
        self.same = nn.Conv1d(6, 4, 4, padding="same", dilation=3)
        self.valid = nn.Conv1d(6, 9, 3, padding="valid", groups=3, bias=False)
        self.circular = nn.Conv1d(6, 2, 5, padding=2, padding_mode="circular")
        self.reflect = nn.Conv1d(6, 2, 5, padding=2, padding_mode="reflect")
        self.replicate = nn.Conv1d(6, 2, 5, padding=2, padding_mode="replicate")
        self.parametrized = nn.utils.parametrizations.weight_norm(nn.Conv1d(6, 3, 3), dim=1)
        self.norms = nn.ModuleList([nn.BatchNorm1d(6, affine=False), nn.GroupNorm(3, 6, affine=False), nn.InstanceNorm1d(6),
                                    nn.InstanceNorm1d(6, track_running_stats=True), nn.LayerNorm([6, 20]), nn.LayerNorm(20, elementwise_affine=False)])
        self.prelu1, self.prelu6 = nn.PReLU(), nn.PReLU(6)
        self.linear = nn.Linear(20, 3, bias=False)
        self.matrix = nn.Parameter(torch.randn(20, 3))
        self.vector = nn.Parameter(torch.randn(20))
        self.scale = nn.Parameter(torch.tensor(1.7))
        self.modules_ = nn.ModuleList([
            nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(0.2), nn.SiLU(), nn.GELU(), nn.GELU("tanh"), nn.Mish(), nn.SELU(), nn.ELU(0.7),
            nn.CELU(), nn.CELU(0.5), nn.Hardswish(), nn.Hardsigmoid(), nn.Sigmoid(), nn.Tanh(), nn.Hardtanh(), nn.Hardtanh(0, 6),
            nn.Hardtanh(-0.5, 1.5), nn.RReLU(), nn.Threshold(0, 0), nn.GLU(1), nn.GLU(), nn.Softmax(1),
            nn.MaxPool1d(3, 2, 1), nn.MaxPool1d(4, dilation=2, ceil_mode=True), nn.AvgPool1d(3, 2, 1),
            nn.AvgPool1d(3, 2, 1, ceil_mode=True, count_include_pad=False), nn.AdaptiveAvgPool1d(7), nn.AdaptiveMaxPool1d(3),
            nn.ConstantPad1d((2, 1), 0.3), nn.ReflectionPad1d((3, 2)), nn.ReplicationPad1d(2), nn.Flatten(), nn.Unflatten(1, (2, 3)),
            nn.Dropout(0.5), nn.AlphaDropout(0.5), nn.FeatureAlphaDropout(0.5), nn.Identity()])

    def activations(self, x):
        y = [m(x) for m in self.modules_ if not isinstance(m, nn.Identity)]
        for f in (F.relu_, F.selu_, F.leaky_relu_, torch.sigmoid_, torch.tanh_, F.elu_, F.hardtanh_):
            y.append(f(x.clone()))
        y += [F.silu(x + 1, inplace=True), F.mish(x + 1, inplace=True), F.hardswish(x + 1, inplace=True)]
        y += [x.clamp(min=0), x.clamp(min=-0.3), x.clamp(max=0.4), x.clamp(-0.2, 0.6), torch.clamp_min(x, 0.1), torch.clamp_max(x, 0.2)]
        return y + [self.prelu1(x), self.prelu6(x), x.abs(), -x, x.square(), x ** 3, x.reciprocal()]

    def arithmetic(self, x):
        a, b = x[:, :3], x[:, 3:]
        y = [a + b, a - b, a * b, a / (b * b + 1), 1 - a, 2 / (a * a + 2), a * 0.1, a / 3, 5 + a, torch.add(a, b, alpha=0.3), torch.sub(a, b, alpha=-2),
             torch.rsub(a, b, alpha=0.5), a * self.scale, self.scale - a, torch.maximum(a, b), torch.minimum(a, b), torch.max(a, b), torch.min(a, b)]
        c = a.clone()
        c += b
        c *= 2
        c -= 1
        c /= 4
        return y + [c, a + x.shape[1] // 4, a * math.sqrt(x.shape[-1]), a / x.size(2)]

    def reductions(self, x):
        return [x.mean(), x.mean(-1), x.mean((1, 2), keepdim=True), x.sum(), x.sum(1), x.sum((0, 2), keepdim=True), x.amax(-1), x.amin((1, 2)), x.max(), x.min(),
                x.max(dim=1)[0], x.min(dim=-1, keepdim=True)[0], x.var(-1), x.var((1, 2), unbiased=False, keepdim=True), torch.var(x, -1, correction=0), x.var(unbiased=False)]

    def matrices(self, x):
        t = x.transpose(1, 2)
        return [self.linear(x), x @ self.matrix, x @ self.vector, self.vector @ self.matrix, self.vector @ self.vector, torch.bmm(x, t), t @ x, torch.mm(x[0], t[0]),
                torch.addmm(torch.ones(3), x[0], self.matrix), torch.addmm(torch.ones(6, 3), x[0], self.linear.weight.t(), beta=0.5, alpha=2), torch.baddbmm(torch.ones(1, 6, 6), x, t),
                F.scaled_dot_product_attention(x, x * 2, x + 1, scale=0.3), x.mT.contiguous(), x[0].t()]

    def views(self, x):
        y = [x.view(1, 3, -1), x.reshape(2, -1), x.flatten(1), x.flatten(0, 1), x.flatten(), x.unflatten(2, (4, -1)), x.unsqueeze(0).squeeze(), x[:, :1].squeeze(1),
             x.unsqueeze(-1).squeeze((0, -1)), x.permute(2, 0, 1), x.swapaxes(-1, -2), x[:, 2], x[..., -1], x[:, 1:5:2], x[:, :, -7:-2], x[:, :, 3:100], x.narrow(2, 4, 5), x.narrow(1, -2, 2),
             x.view_as(x), x.reshape_as(x), x.detach(), x.clone(), x.contiguous(), x.to(torch.float64).float(), x.type_as(x), x.half().float() * 0 + 1]
        y += list(x.chunk(4, 1)) + list(x.split(3, 2)) + list(torch.split(x, [1, 2, 3], 1)) + list(x[:, :2].unbind(1))
        y += [torch.cat([x, x * 2], -1), torch.stack([x, x + 1], 1), torch.stack([x[0, 0], x[0, 1]]), x[:, :1].expand(-1, 4, -1), x[:, :, :1].expand_as(x), x.expand(2, 1, 6, 20), x.repeat(1, 2, 1),
              x[0].repeat(2, 1, 3), x[:, :1].broadcast_to(1, 3, 20), F.pad(x, (1, 2)), F.pad(x, (0, 1, 2, 0), value=-1.5), F.pad(x, (2, 3), mode="circular"), F.pad(x, (2, 3), mode="reflect"), F.pad(x, (1, 3), mode="replicate")]
        return y + [x + torch.zeros(6, 1), x * torch.ones(20), x * torch.full((1, 6, 1), 0.25), x + torch.zeros_like(x), x * torch.ones_like(x), torch.full_like(x, 0.5) * x, x + x.new_ones(1), x + x.new_zeros(6, 20), x * x.new_full((20,), 3.0)]

    def layers(self, x):
        return [self.same(x), self.valid(x), self.circular(x), self.reflect(x), self.replicate(x), self.parametrized(x)] + [m(x) for m in self.norms]

    def forward(self, x):
        parts = []
        for group in (self.activations, self.arithmetic, self.reductions, self.matrices, self.views, self.layers):
            parts += [y.reshape(-1) for y in group(x)]
        return torch.cat(parts)


# ------------------------------------------------------------------ scripted: control flow, lists, helpers

def gate(x: torch.Tensor, kind: str = "sigmoid", scale: Optional[float] = None) -> torch.Tensor:
    if kind == "sigmoid":
        y = torch.sigmoid(x)
    elif kind == "tanh":
        y = torch.tanh(x)
    else:
        raise ValueError("unknown gate {}".format(kind))
    if scale is not None:
        y = y * scale
    return y


class Branch(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv = nn.Conv1d(cin, cout, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm1d(cout)
        self.act = nn.ReLU(inplace=True)
        self.down = nn.Conv1d(cin, cout, 1, stride) if cin != cout else None

    def forward(self, x):
        y = self.act(self.norm(self.conv(x)))
        shortcut = x
        if self.down is not None:
            shortcut = self.down(x)
        y += shortcut
        return self.act(y)


class Scripted(nn.Module):
    def __init__(self):
        super().__init__()
        self.branches = nn.ModuleList([Branch(12, 8, 2), Branch(8, 8, 1), Branch(8, 12, 2)])
        self.norms = nn.ModuleList([nn.GroupNorm(3, 12), nn.InstanceNorm1d(12)])
        self.pool = nn.MaxPool1d(3, 2, 1)
        self.steps: List[int] = [1, 2, 4]
        self.head = nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Dropout(0.2), nn.LayerNorm(12), nn.Linear(12, 4))

    def forward(self, x, scale: Optional[float] = None):
        levels: List[torch.Tensor] = []
        for branch in self.branches:
            x = branch(x)
            levels.append(x.mean(-1))
        assert x.dim() == 3, "three axes"
        for norm in self.norms:
            x = norm(x)
        for step in self.steps:
            x = x + gate(F.pad(x, [step, 0])[:, :, :x.shape[2]], "tanh" if step > 1 else "sigmoid", 1.0 / float(step))
        i = 0
        while i < 2:
            x = self.pool(x)
            i += 1
        sizes = x.shape[1:]
        if len(levels) == 3 and sizes[0] == 12:
            x = x * gate(x)
        y = self.head(x)
        if scale is not None:
            y = y * scale
        return y + torch.cat(levels, 1)[:, :4]


# ------------------------------------------------------------------ files

def prepare(net, x, seed):
    """Sane random normalisation, statistics of the input itself, evaluation mode."""
    g = torch.Generator().manual_seed(seed)
    for m in net.modules():
        if getattr(m, "weight", None) is not None and "Norm" in type(m).__name__:
            m.weight.data.uniform_(0.8, 1.2, generator=g)
            m.bias.data.normal_(0, 0.1, generator=g)
        if getattr(m, "track_running_stats", False):
            m.momentum = None
    net.train()
    with torch.no_grad():
        for _ in range(3):
            net(x + 0.1 * torch.randn(x.shape, generator=g).repeat(1, 1, 1))
    return net.eval()


def strip(path):
    """The same archive without what debuggers read."""
    reader = torch._C.PyTorchFileReader(str(path))
    records = [(name, reader.get_record(name)) for name in reader.get_all_records()]
    del reader
    writer = torch._C.PyTorchFileWriter(str(path))
    own = ("version", "byteorder", ".data/serialization_id", ".format_version", ".storage_alignment")
    for name, data in records:
        if not name.endswith(".debug_pkl") and name not in own:
            writer.write_record(name, data, len(data))
    writer.write_record("byteorder", b"little", 6)
    writer.write_end_of_file()


def write(folder, name, module, x, expected):
    path = folder / f"{name}.pt"
    module.save(str(path))
    strip(path)
    with torch.no_grad():
        again = torch.jit.load(str(path))(x)
    assert torch.equal(again, module(x)), name
    x.numpy().tofile(folder / f"{name}.input.f32")
    expected.detach().float().numpy().tofile(folder / f"{name}.output.f32")
    print(f"{name}: {path.stat().st_size} bytes, {expected.numel()} outputs, |y| up to {expected.abs().max():.3g}")


def trace(net, x):
    with torch.no_grad():
        return torch.jit.trace(net, x, check_trace=False)


def write_efficientnets(folder):
    torch.manual_seed(1)
    x = torch.randn(1, 12, 200)
    net = prepare(EfficientNet(6, (7, 9, 15)), x.repeat(4, 1, 1), 2)
    with torch.no_grad():
        net.head[-1].weight.mul_(10)                          # spread the logits
        y = net(x)
    write(folder, "efficientnet_frozen", torch.jit.freeze(trace(net, x)), x, y)
    write(folder, "efficientnet_optimized", torch.jit.optimize_for_inference(trace(net, x)), x, y)
    half = trace(Half(copy.deepcopy(net)), x)
    with torch.no_grad():
        rounded = net.half().float()(x)                       # float arithmetic with the float16 weights
    write(folder, "efficientnet_half", half, x, rounded)


def write_others(folder):
    torch.manual_seed(3)
    x = torch.randn(1, 12, 160)
    net = prepare(Residual(), x.repeat(2, 1, 1), 4)
    write(folder, "residual", trace(net, x), x, net(x))

    torch.manual_seed(5)
    x = torch.randn(1, 6, 20)
    net = prepare(Operators(), x, 6)
    write(folder, "operators", trace(net, x), x, net(x))

    torch.manual_seed(7)
    x = torch.randn(1, 12, 160)
    net = prepare(Scripted(), x.repeat(2, 1, 1), 8)
    scripted = torch.jit.script(net)
    write(folder, "scripted", scripted, x, net(x))
    write(folder, "scripted_frozen", torch.jit.freeze(scripted), x, net(x))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "tests/fixtures/torchscript")
    folder = p.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    write_efficientnets(folder)
    write_others(folder)


if __name__ == "__main__":
    main()
