#!/usr/bin/env python3
"""Writes tests/fixtures/container/: small archives, pickles and safetensors files by the programs that write the real ones.

Needs torch, numpy and safetensors. The tests hold the expected values themselves; this script is only how the files came
to be.
"""
import argparse
import collections
import datetime
import enum
import io
import pathlib
import pickle
import sys
import threading
import types
import zipfile

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch


class Unseekable(io.RawIOBase):
    """What zipfile writes to a pipe: sizes and CRC in data descriptors."""

    def __init__(self):
        self.written = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.written += data
        return len(data)


def write_zips(folder):
    lines = "".join(f"line {i}\n" for i in range(200))
    for name, stream in (("python.zip", io.BytesIO()), ("streamed.zip", Unseekable())):
        with zipfile.ZipFile(stream, "w") as archive:
            for entry, content, method in (
                ("stored.txt", lines, zipfile.ZIP_STORED),
                ("deflated.txt", lines, zipfile.ZIP_DEFLATED),
                ("folder/", "", zipfile.ZIP_STORED),
                ("folder/empty", "", zipfile.ZIP_STORED),
                ("bzip2.txt", lines, zipfile.ZIP_BZIP2),
            ):
                archive.writestr(zipfile.ZipInfo(entry), content, compress_type=method)  # ZipInfo: no date of today
            archive.comment = b"PK\5\6 a comment that begins like an end record"
        data = stream.getvalue() if isinstance(stream, io.BytesIO) else stream.written
        (folder / name).write_bytes(data)


class Colour(enum.Enum):
    RED = 1


class Slotted:
    __slots__ = ("width", "__dict__")


def pickled_value():
    shared = ["shared"]
    cycle = []
    cycle.append(cycle)
    tuple_cycle = ([],)
    tuple_cycle[0].append(tuple_cycle)
    return {
        "none": None, "true": True, "false": False,
        "integers": [0, 1, -1, 255, 256, 65535, 65536, -(2**31), 2**31, 2**63 - 1, -(2**63)],
        "big": [2**63, -(2**63) - 1, 10**30, -(10**30)],
        "floats": [0.0, -0.0, 0.1, -1.5e300, float("inf"), float("-inf"), float("nan")],
        "texts": ["", "plain", "h\u00e9llo \u4e2d \U0001f600", "back\\slash\nnewline\0nul"],
        "bytes": [b"", b"\0\xff", bytearray(b"array")],
        "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        "sets": [{7}, frozenset([8])],
        "shared": [shared, shared],
        "cycle": cycle,
        "tuple_cycle": tuple_cycle,
        "long": "x" * 300,
        "many": list(range(1100)),
        "ordered": collections.OrderedDict(b=1, a=2),
        "default": collections.defaultdict(list, k=[3]),
    }


def objects_value():
    slotted = Slotted()
    slotted.width = 3
    slotted.height = 4
    return {
        "namespace": argparse.Namespace(lr=0.1, name="x"),
        "enum": Colour.RED,
        "path": pathlib.PurePosixPath("a/b"),
        "date": datetime.date(2020, 1, 2),
        "scalar": np.float64(1.5),
        "slotted": slotted,
    }


def write_pickles(folder):
    for protocol in range(6):
        (folder / f"protocol{protocol}.pkl").write_bytes(pickle.dumps(pickled_value(), protocol))
    (folder / "objects2.pkl").write_bytes(pickle.dumps(objects_value(), 2))
    (folder / "objects4.pkl").write_bytes(pickle.dumps(objects_value(), 4))


def saved_tensors():
    base = torch.arange(24, dtype=torch.float32)
    parameter = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    with_attribute = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    with_attribute.note = "kept"
    subclassed = torch.tensor([5.0, 6.0])
    subclassed.note = "kept"
    numbers = [0, 1, 2, 100]
    return collections.OrderedDict(
        float32=base, float64=torch.tensor([0.1, -2.0], dtype=torch.float64),
        float16=torch.tensor([0.1, -2.0, 6e-8, 65504.0, float("inf")]).half(),
        bfloat16=torch.tensor([0.1, -2.0]).bfloat16(),
        int64=torch.tensor(numbers + [-(2**40)]), int32=torch.tensor(numbers, dtype=torch.int32),
        int16=torch.tensor(numbers, dtype=torch.int16), int8=torch.tensor([-128, 127], dtype=torch.int8),
        uint8=torch.tensor([0, 255], dtype=torch.uint8), bool=torch.tensor([True, False, True]),
        scalar=torch.tensor(7.5), empty=torch.zeros(0, 3),
        view=base[4:16].reshape(3, 4), transposed=base.reshape(4, 6).t(), strided=base[1::5], expanded=base[2:3].expand(2, 3),
        parameter=parameter, with_attribute=with_attribute, subclassed=subclassed,
        uint16=torch.tensor([1, 65535], dtype=torch.uint16), complex=torch.tensor([1j]),
        sparse=torch.eye(2).to_sparse(),
    )


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv1d(3, 4, 3)
        self.norm = torch.nn.BatchNorm1d(4)
        self.scale = torch.tensor([2, 3])

    def forward(self, x):
        return torch.sigmoid(self.norm(self.convolution(x))) * self.scale.sum()


def forget_paths():
    """A trace records where each call was made; keep the maker's folders out of the files (of functions called later)."""
    for module in [m for name, m in sys.modules.items() if m and (name.startswith("torch.nn.") or name in ("torch.jit._trace", "threading", "__main__"))]:
        for holder in [module] + [v for v in vars(module).values() if isinstance(v, type)]:
            for function in list(vars(holder).values()):
                if isinstance(function, types.FunctionType):
                    name = pathlib.PurePath(function.__code__.co_filename).name
                    function.__code__ = function.__code__.replace(co_filename=name)


def write_torch(folder):
    torch.manual_seed(0)
    torch.save({"cfg": {"lr": [0.1]}, "model": saved_tensors()}, folder / "saved.pt")
    torch.save([torch.ones(2)], folder / "before_1_6.pt", _use_new_zipfile_serialization=False)
    torch.serialization.set_crc32_options(False)
    torch.save(torch.arange(3.0), folder / "without_crc.pt")
    torch.serialization.set_crc32_options(True)
    net = Net().eval()
    with torch.no_grad():
        net.convolution.weight.copy_(torch.arange(36.0).reshape(4, 3, 3))
        traced = torch.jit.trace(net, torch.zeros(1, 3, 8))
    traced.save(str(folder / "traced.pt"))
    torch.jit.freeze(traced).save(str(folder / "frozen.pt"))


def write_safetensors(folder):
    tensors = {name: tensor.contiguous().clone() for name, tensor in saved_tensors().items()
               if name in ("float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8", "bool",
                           "scalar", "empty", "transposed")}
    safetensors.torch.save_file(tensors, folder / "tensors.safetensors", metadata={"format": "pt"})
    safetensors.numpy.save_file({"u": np.array([1, 2], np.uint32)}, folder / "uint32.safetensors")


def main():
    folder = pathlib.Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "container"
    folder.mkdir(parents=True, exist_ok=True)
    write_zips(folder)
    write_pickles(folder)
    forget_paths()
    tracing = threading.Thread(target=write_torch, args=(folder,))  # away from main's frame and its path
    tracing.start()
    tracing.join()
    write_safetensors(folder)


if __name__ == "__main__":
    main()
