"""The engines that take turns: `deepecg bench` and, in worker.py, the general ones."""
import json
import os
import statistics
import subprocess
import sys

import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.normpath(os.path.join(HERE, "..", "build", "release", "deepecg"))
FILES = {"efficientnet": "efficientnet.pt", "wcr": "wcr.pt", "bert": "bert"}
PEERS = ("torch", "torch frozen", "onnxruntime", "openvino", "openvino streams")

# How each engine is kept from instructions beyond AVX2, and how far that holds.
AVX2_ENVIRONMENT = {"DEEPECG_CPU": "avx2", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
AVX2_NOTES = """In rows for AVX2 the engines are held to it as far as they can be: deepecg by DEEPECG_CPU, PyTorch by ATEN_CPU_CAPABILITY,
ONEDNN_MAX_CPU_ISA and MKL_ENABLE_INSTRUCTIONS. OpenVINO's convolutions and products obey ONEDNN_MAX_CPU_ISA, its element-wise
kernels don't ("in part"); ONNX Runtime has no switch and uses what the processor has ("not held")."""
AVX2_TITLES = {"onnxruntime": "onnxruntime (not held)", "openvino": "openvino (in part)", "openvino streams": "openvino streams (in part)"}


def environment(kernels, threads):
    return {**os.environ, "OMP_NUM_THREADS": str(threads), **(AVX2_ENVIRONMENT if kernels == "avx2" else {})}


def own_command(name, batch, tokens, threads, folder):
    command = [PROGRAM, "bench", os.path.join(folder, FILES[name]), "--batch", str(batch), "--threads", str(threads), "--json"]
    return command + (["--tokens", str(tokens)] if tokens else [])


def worker_command(engine, name, batch, tokens, threads, folder):
    return [sys.executable, os.path.join(HERE, "worker.py"), engine, name, str(batch), str(tokens), str(threads), folder]


class Peer:
    """A worker process, which begins to load at once."""

    def __init__(self, engine, row, threads, kernels, folder):
        self.engine = engine
        self.title = AVX2_TITLES.get(engine, engine) if kernels == "avx2" else engine
        self.calls_at_once = threads if engine == "openvino streams" else 1
        self.process = subprocess.Popen(worker_command(engine, *row, threads, folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, env=environment(kernels, threads))
        self.peak_bytes = 0

    def ready(self):
        """Wait until it has run the network once; False when it can't."""
        line = self.process.stdout.readline()
        if line and json.loads(line)["way"]:
            self.title += ", " + json.loads(line)["way"]
        return bool(line)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def sample(self, seconds):
        """Milliseconds of a call, and the share of a core that others used meanwhile."""
        answer = self.ask(str(seconds))
        self.peak_bytes = answer["peak_bytes"]
        return statistics.fmean(answer["ms"]) / self.calls_at_once, answer["other"]

    def outputs(self, path):
        self.ask("outputs " + path)
        return numpy.load(path)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Own:
    """`deepecg bench`, a process per sample."""

    engine = title = "deepecg"

    def __init__(self, row, threads, kernels, folder):
        self.command, self.environment = own_command(*row, threads, folder), environment(kernels, threads)
        self.peaks, self.peak_bytes = [], 0

    def sample(self, seconds):
        line = json.loads(subprocess.run(self.command + ["--seconds", str(seconds)], env=self.environment, check=True,
                                         capture_output=True, text=True).stdout)
        self.peaks.append(line["peak_flops_per_thread"]["median"])
        self.gflop, self.variant, self.peak_bytes = line["gflop"], line["variant"], line["peak_bytes"]
        return line["ms"]["median"] * line["batch"], line["other_programs"]

    def outputs(self, x, dump):
        """Logits of these inputs; token ids go as the one-letter words that networks.py gave them for."""
        if x.dtype == numpy.float32:
            x.tofile(dump + ".in")
        else:
            with open(dump + ".in", "w", encoding="ascii") as file:
                file.writelines(" ".join(chr(ord("a") + i - 5) for i in row[row > 0][1:-1]) + "\n" for row in x)
        subprocess.run(self.command + ["--once", "--input", dump + ".in", "--output", dump + ".out"], env=self.environment, check=True,
                       stdout=subprocess.DEVNULL)
        return numpy.fromfile(dump + ".out", "<f4").reshape(len(x), -1)

    def close(self):
        pass
