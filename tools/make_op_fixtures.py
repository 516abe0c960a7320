#!/usr/bin/env python3
"""Write tests/fixtures/ops/ops.json: what PyTorch computes for every operator of src/ops, for tests/test_ops.c.

Development only; needs PyTorch (made with 2.8). Usage: make_op_fixtures.py OUTPUT

One case per line. Inputs are whole numbers to be divided by 64 (so that they are exact in float32 and short in the file), or int32 where
the case says so; PyTorch computes in float64, and the expected values are written as float32.
"""
import itertools
import json
import random
import sys

import numpy as np
import torch
import torch.nn.functional as F

UNIT = 64
cases = []
rng = random.Random(20240607)


def tensor(*shape, low=-3.0, high=3.0):
    """A random tensor whose elements are multiples of 1/UNIT."""
    count = int(np.prod(shape)) if shape else 1
    values = [rng.randint(int(low * UNIT), int(high * UNIT)) / UNIT for _ in range(count)]
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def shortest(value):
    """The float with the fewest digits that reads back as the same float32."""
    return float(np.format_float_scientific(np.float32(value), unique=True))


def encode(t):
    if t is None:
        return None
    flat = t.reshape(-1).tolist()
    if t.dtype == torch.int32:
        return {"type": "i32", "shape": list(t.shape), "values": flat}
    units = [round(v * UNIT) for v in flat]
    assert all(u / UNIT == v for u, v in zip(units, flat))
    return {"shape": list(t.shape), "values": units}


def add(op, inputs, expected, **attributes):
    flat = expected.to(torch.float32).reshape(-1).numpy()
    cases.append({"op": op, "attributes": attributes, "inputs": [encode(t) for t in inputs],
                  "shape": list(expected.shape), "expected": [shortest(v) for v in flat]})


ACTIVATIONS = {
    "none": lambda x, a: x,
    "relu": lambda x, a: F.relu(x),
    "leaky_relu": lambda x, a: F.leaky_relu(x, a),
    "relu6": lambda x, a: F.relu6(x),
    "silu": lambda x, a: F.silu(x),
    "gelu": lambda x, a: F.gelu(x),
    "gelu_tanh": lambda x, a: F.gelu(x, approximate="tanh"),
    "mish": lambda x, a: F.mish(x),
    "selu": lambda x, a: F.selu(x),
    "elu": lambda x, a: F.elu(x, a),
    "hardswish": lambda x, a: F.hardswish(x),
    "hardsigmoid": lambda x, a: F.hardsigmoid(x),
    "sigmoid": lambda x, a: torch.sigmoid(x),
    "tanh": lambda x, a: torch.tanh(x),
}


def conv(batch, cin, cout, length, kernel, stride, left, right, dilation, groups, bias, residual, activation, alpha=0.0):
    x = tensor(batch, cin, length)
    weight = tensor(cout, cin // groups, kernel, low=-1, high=1)
    b = tensor(cout) if bias else None
    y = F.conv1d(F.pad(x, (left, right)), weight, b, stride, 0, dilation, groups)
    inputs = [x, weight, b]
    if residual:
        r = tensor(*y.shape)
        y = y + r
        inputs.append(r)
    elif not bias:
        inputs.pop()
    add("conv1d", inputs, ACTIVATIONS[activation](y, alpha), kernel=kernel, stride=stride, padding_left=left,
        padding_right=right, dilation=dilation, groups=groups, activation=activation, alpha=alpha)


def convolutions():
    conv(1, 2, 3, 8, 3, 1, 1, 1, 1, 1, True, False, "none")
    conv(2, 4, 6, 9, 3, 2, 1, 1, 1, 2, False, False, "relu")
    conv(1, 4, 4, 10, 5, 2, 2, 2, 1, 4, False, False, "leaky_relu", 0.01)
    conv(1, 4, 8, 10, 2, 1, 0, 1, 2, 4, True, False, "gelu")
    conv(1, 3, 5, 7, 1, 1, 0, 0, 1, 1, True, True, "none")
    conv(1, 3, 5, 7, 1, 3, 0, 0, 1, 1, False, True, "silu")
    conv(2, 2, 2, 6, 4, 1, 5, 0, 1, 1, True, True, "elu", 0.7)
    conv(1, 1, 1, 1, 3, 1, 1, 1, 1, 1, True, False, "none")
    conv(1, 1, 2, 4, 2, 7, 3, 9, 3, 1, True, False, "tanh")
    conv(1, 2, 2, 5, 6, 1, 3, 3, 1, 1, True, False, "hardswish")
    conv(1, 6, 3, 5, 3, 2, 0, 4, 2, 3, False, False, "mish")
    conv(1, 1, 1, 300, 3, 1, 1, 1, 1, 1, True, False, "none")  # longer than one tile
    for activation in ACTIVATIONS:
        conv(1, 2, 2, 4, 2, 1, 0, 0, 1, 1, True, True, activation, 0.3)


def linears():
    for shape in [(5,), (1, 5), (2, 3, 5), (1, 2, 2, 5)]:
        for bias, residual, activation in [(True, False, "none"), (False, False, "gelu"), (True, True, "sigmoid"),
                                           (False, True, "leaky_relu")]:
            x, weight = tensor(*shape), tensor(4, 5, low=-1, high=1)
            b = tensor(4) if bias else None
            y = F.linear(x, weight, b)
            inputs = [x, weight, b]
            if residual:
                inputs.append(tensor(*y.shape))
                y = y + inputs[3]
            add("linear", inputs, ACTIVATIONS[activation](y, 0.2), activation=activation, alpha=0.2)


def matmuls():
    for a, b in [((2, 3), (3, 4)), ((1, 2, 3), (3, 2)), ((2, 2, 3), (2, 3, 2)), ((2, 1, 2, 3), (3, 3, 2)),
                 ((3, 2), (2, 2, 1)), ((1, 1), (1, 1))]:
        x, y = tensor(*a), tensor(*b)
        add("matmul", [x, y], x @ y, transpose_b=0)
        add("matmul", [x, y.transpose(-1, -2).contiguous()], x @ y, transpose_b=1)


def normalisations():
    for shape in [(2, 3), (1, 3, 5), (2, 4, 2, 3)]:
        c = shape[1]
        x, mean, variance, gamma, beta = tensor(*shape), tensor(c), tensor(c, low=0.1, high=3), tensor(c), tensor(c)
        add("batch_norm", [x, mean, variance, gamma, beta], F.batch_norm(x, mean, variance, gamma, beta, eps=1e-5),
            epsilon=1e-5)
        add("batch_norm", [x, mean, variance], F.batch_norm(x, mean, variance, eps=1e-3), epsilon=1e-3)
        add("batch_norm", [x, mean, variance, None, beta], F.batch_norm(x, mean, variance, None, beta, eps=0.1), epsilon=0.1)
        for groups in {1, c}:
            add("group_norm", [x, gamma, beta], F.group_norm(x, groups, gamma, beta, eps=1e-5), groups=groups, epsilon=1e-5)
            add("group_norm", [x], F.group_norm(x, groups, eps=0.01), groups=groups, epsilon=0.01)
    x, gamma, beta = tensor(1, 6, 4), tensor(6), tensor(6)
    add("group_norm", [x, gamma, beta], F.group_norm(x, 3, gamma, beta, eps=1e-5), groups=3, epsilon=1e-5)
    add("group_norm", [x, gamma, beta], F.instance_norm(x, weight=gamma, bias=beta, eps=1e-5), groups=6, epsilon=1e-5)
    for shape, axis in [((5,), 0), ((2, 5), 1), ((2, 3, 4), 2), ((2, 3, 4), 1), ((1, 2, 2, 3), 3)]:
        x, gamma, beta = tensor(*shape), tensor(*shape[axis:]), tensor(*shape[axis:])
        add("layer_norm", [x, gamma, beta], F.layer_norm(x, shape[axis:], gamma, beta, eps=1e-5), axis=axis, epsilon=1e-5)
        add("layer_norm", [x, None, beta], F.layer_norm(x, shape[axis:], None, beta, eps=1e-12), axis=axis, epsilon=1e-12)
        add("layer_norm", [x], F.layer_norm(x, shape[axis:], eps=0.5), axis=axis, epsilon=0.5)


def activations():
    corners = torch.tensor([0, 1, -1, 0.5, -0.5, 3, -3, 6, -6, 2.984375, -2.984375, 7, 12, -12, 30, -30, 100, -100, 750, -750,
                            0.015625, -0.015625], dtype=torch.float64)
    for name, f in ACTIVATIONS.items():
        if name != "none":
            for alpha in ([0.01, 0.2, 1.0, -0.5] if name in ("leaky_relu", "elu") else [0.0]):
                x = torch.cat([corners, tensor(30, low=-9, high=9)])
                add("activation", [x], f(x, alpha), activation=name, alpha=alpha)
    for shape, slopes in [((2, 3), 3), ((1, 3, 4), 3), ((2, 2, 2, 2), 2), ((1, 3, 4), 1), ((2, 3), 1)]:
        x, slope = tensor(*shape), tensor(slopes, low=-1, high=1)
        add("prelu", [x, slope], F.prelu(x, slope))


def softmaxes():
    for shape, axis in [((5,), 0), ((2, 4), 0), ((2, 4), 1), ((2, 3, 4), 1), ((1, 2, 1, 5), 3), ((3, 1), 1)]:
        x = tensor(*shape, low=-9, high=9)
        add("softmax", [x], F.softmax(x, axis), axis=axis)
    x = torch.tensor([1000.0, 999, -1000], dtype=torch.float64)
    add("softmax", [x], F.softmax(x, 0), axis=0)


def mean_without_padding(x, kernel, stride, left, right):
    ones = torch.ones_like(x)
    total = F.avg_pool1d(F.pad(x, (left, right)), kernel, stride)
    return total / F.avg_pool1d(F.pad(ones, (left, right)), kernel, stride)


def poolings():
    grid = list(itertools.product([1, 4, 7, 10], [1, 2, 3, 4, 5], [1, 2, 3, 5], [0, 1, 2], [1, 2, 3], [0, 1], [0, 1]))
    rng.shuffle(grid)
    made = {"max": 0, "avg": 0}
    for length, kernel, stride, padding, dilation, ceil, include in grid:
        if padding > kernel // 2 or length + 2 * padding < dilation * (kernel - 1) + 1:
            continue
        x = tensor(1, 2 if made["max"] % 8 == 0 else 1, length)
        common = dict(kernel=kernel, stride=stride, padding_left=padding, padding_right=padding, ceil_mode=ceil)
        if made["max"] < 100 and include == 0:
            add("max_pool1d", [x], F.max_pool1d(x, kernel, stride, padding, dilation, bool(ceil)), dilation=dilation, **common)
            made["max"] += 1
        if made["avg"] < 100 and dilation == 1:
            add("avg_pool1d", [x], F.avg_pool1d(x, kernel, stride, padding, bool(ceil), bool(include)),
                count_include_pad=include, **common)
            made["avg"] += 1
    for length, kernel, stride, left, right in [(6, 3, 2, 1, 0), (7, 4, 1, 0, 2), (5, 5, 3, 2, 1)]:
        x = tensor(1, 2, length)
        common = dict(kernel=kernel, stride=stride, padding_left=left, padding_right=right, ceil_mode=0)
        add("max_pool1d", [x], F.max_pool1d(F.pad(x, (left, right), value=-torch.inf), kernel, stride), dilation=1, **common)
        add("avg_pool1d", [x], F.avg_pool1d(F.pad(x, (left, right)), kernel, stride), count_include_pad=1, **common)
        add("avg_pool1d", [x], mean_without_padding(x, kernel, stride, left, right), count_include_pad=0, **common)
    for length, size in itertools.product([1, 2, 5, 8, 13], [1, 2, 3, 5, 7, 13, 16]):
        x = tensor(1, 1, length)
        add("adaptive_avg_pool1d", [x], F.adaptive_avg_pool1d(x, size), output_size=size)
        add("adaptive_max_pool1d", [x], F.adaptive_max_pool1d(x, size), output_size=size)
    x = tensor(2, 3, 7)
    add("adaptive_avg_pool1d", [x], F.adaptive_avg_pool1d(x, 3), output_size=3)
    add("adaptive_max_pool1d", [x], F.adaptive_max_pool1d(x, 3), output_size=3)


def reductions():
    for shape, axes in [((4,), [0]), ((2, 3), [0]), ((2, 3), [1]), ((2, 3), [0, 1]), ((2, 3, 4), [1]), ((2, 3, 4), [2, 0]),
                        ((1, 2, 3, 2), [1, 3]), ((1, 3, 5), [2])]:
        for keep in [0, 1]:
            x = tensor(*shape)
            x[torch.rand(shape, generator=torch.Generator().manual_seed(len(cases))) < 0.3] = 0
            attributes = dict(ints=axes, keep_dim=keep)
            add("reduce_mean", [x], x.mean(axes, keepdim=bool(keep)), **attributes)
            add("reduce_sum", [x], x.sum(axes, keepdim=bool(keep)), **attributes)
            add("reduce_max", [x], x.amax(axes, keepdim=bool(keep)), **attributes)
            count = (x != 0).sum(axes, keepdim=bool(keep)).to(torch.float64)
            add("count_nonzero", [x], count, **attributes)
            add("count_nonzero", [x.to(torch.int32)], (x.to(torch.int32) != 0).sum(axes, keepdim=bool(keep)).to(torch.float64),
                **attributes)


def elementwise():
    for a, b in [((2, 3), (2, 3)), ((2, 3), ()), ((), (2,)), ((1, 3, 4), (1, 3, 1)), ((2, 1, 3), (4, 1)), ((3,), (2, 1)), ((), ())]:
        x, y = tensor(*a), tensor(*b, low=0.5, high=3)
        add("add", [x, y], x + y)
        add("sub", [x, y], x - y)
        add("mul", [x, y], x * y)
        add("div", [x, y], x / y)
        add("maximum", [x, y], torch.maximum(x, y))
        add("minimum", [x, y], torch.minimum(x, y))


def shapes():
    x, y, z = tensor(2, 3, 2), tensor(2, 1, 2), tensor(2, 2, 2)
    add("concat", [x, y, z], torch.cat([x, y, z], 1), axis=1)
    add("concat", [y, y], torch.cat([y, y], 0), axis=0)
    add("concat", [y, y, y], torch.cat([y, y, y], 2), axis=2)
    add("concat", [y], y, axis=2)
    x = tensor(2, 7, 3)
    add("slice", [x], x[:, 1:6:2], axis=1, start=1, stop=6, step=2)
    add("slice", [x], x[1:2], axis=0, start=1, stop=2, step=1)
    add("slice", [x], x[:, :, 0:3:9], axis=2, start=0, stop=3, step=9)
    add("slice", [x], x[:, :-1], axis=1, start=0, stop=6, step=1)
    x = tensor(2, 2, 3)
    for padding, value in [((1, 2), 0.0), ((0, 1, 2, 0), 0.5), ((1, 1, 1, 1, 1, 1), -2.0), ((0, 0), 1.0)]:
        add("pad", [x], F.pad(x, padding, value=value), ints=list(padding), value=value)
    add("reshape", [x], x.reshape(4, 3), ints=[4, 3])
    add("reshape", [x], x.reshape(1, 12, 1), ints=[1, 12, 1])
    add("reshape", [tensor(1, 1) * 0 + 1], torch.ones((), dtype=torch.float64), ints=[])
    for permutation in [(0, 2, 1), (2, 1, 0), (1, 2, 0)]:
        add("transpose", [x], x.permute(permutation), ints=list(permutation))
    x = tensor(1, 2, 3, 2)
    add("transpose", [x], x.permute(0, 2, 3, 1), ints=[0, 2, 3, 1])
    x = tensor(2, 2, 1, 2, 3)
    add("transpose", [x], x.permute(4, 0, 3, 1, 2), ints=[4, 0, 3, 1, 2])


def embeddings():
    table = tensor(5, 3)
    for indices in [[[0, 4, 2]], [[1], [1]]]:
        i = torch.tensor(indices, dtype=torch.int32)
        add("embedding", [table, i], F.embedding(i, table))
    i = torch.tensor(3, dtype=torch.int32)
    add("embedding", [table, i], F.embedding(i, table))


def attentions():
    for batch, steps, heads, width, scale in [(1, 4, 1, 3, 0.5), (2, 3, 2, 2, 0.7071067811865476), (1, 1, 2, 2, 1.0),
                                              (1, 5, 3, 1, -2.0), (1, 2, 1, 70, 0.125)]:
        q, k, v = (tensor(batch, steps, heads * width) for _ in range(3))
        split = [t.reshape(batch, steps, heads, width).transpose(1, 2) for t in (q, k, v)]
        y = F.scaled_dot_product_attention(*split, scale=scale).transpose(1, 2).reshape(batch, steps, heads * width)
        add("attention", [q, k, v], y, heads=heads, scale=scale)


def main():
    for family in (convolutions, linears, matmuls, normalisations, activations, softmaxes, poolings, reductions, elementwise,
                   shapes, embeddings, attentions):
        family()
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    with open(sys.argv[1], "w", encoding="utf-8") as output:
        output.write("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main()
