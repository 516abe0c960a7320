"""deepecg against PyTorch, ONNX Runtime and OpenVINO on the same full-size networks with random weights.

    bench/compare [--only efficientnet,wcr,bert] [--threads 1,2] [--rounds 5] [--seconds 2] [--folder build/bench/models]

Engines take turns (A B C A B C ...), each in a process of its own, so that a clock that moves or a neighbour that wakes up
meets all of them. A sample is dropped when other processes used more than 12 % of a core meanwhile. A sample is the mean over
its calls; a row shows the median of samples and their range. The multiply-add peak is probed by `deepecg bench` beside its own
samples; "of peak" divides by the median probe times the threads.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import numpy

import networks

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "..", "build", "release", "deepecg")
FILES = {"efficientnet": "efficientnet.pt", "wcr": "wcr.pt", "bert": "bert"}
#       network, batch, tokens
ROWS = (("efficientnet", 1, 0), ("efficientnet", 8, 0), ("efficientnet", 32, 0), ("wcr", 1, 0), ("wcr", 8, 0),
        ("bert", 1, 20), ("bert", 8, 20), ("bert", 1, 512))
PEERS = ("torch", "torch frozen", "onnxruntime", "openvino", "openvino streams")
MOST_OTHER = 0.12


class Peer:
    """A worker process; None of its samples is kept when it can't run."""

    def __init__(self, engine, name, batch, tokens, threads, folder):
        self.engine, self.calls_at_once = engine, threads if engine == "openvino streams" else 1
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "worker.py"), engine, name, str(batch), str(tokens),
                                         str(threads), folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, env={**os.environ, "OMP_NUM_THREADS": str(threads)})
        self.works = bool(self.process.stdout.readline())

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def sample(self, seconds):
        answer = self.ask(str(seconds))
        return statistics.fmean(answer["ms"]) / self.calls_at_once, answer["other"]

    def outputs(self, path):
        self.ask("outputs " + path)
        return numpy.load(path)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Own:
    """`deepecg bench`, a process per sample."""

    engine = "deepecg"

    def __init__(self, name, batch, tokens, threads, folder):
        self.model, self.peaks = os.path.join(folder, FILES[name]), []
        self.command = [PROGRAM, "bench", self.model, "--batch", str(batch), "--threads", str(threads), "--json"]
        if tokens:
            self.command += ["--tokens", str(tokens)]

    def sample(self, seconds):
        line = json.loads(subprocess.run(self.command + ["--seconds", str(seconds)], check=True, capture_output=True, text=True).stdout)
        self.peaks.append(line["peak_flops_per_thread"]["median"])
        self.gflop, self.variant = line["gflop"], line["variant"]
        return line["ms"]["median"] * line["batch"], line["other_programs"]

    def outputs(self, x, dump):
        """Logits of these inputs; token ids go as the one-letter words that bench/networks.py gave them for."""
        if x.dtype == numpy.float32:
            x.tofile(dump + ".in")
        else:
            with open(dump + ".in", "w", encoding="ascii") as file:
                file.writelines(" ".join(chr(ord("a") + i - 5) for i in row[1:-1]) + "\n" for row in x)
        subprocess.run(self.command + ["--once", "--input", dump + ".in", "--output", dump + ".out"], check=True)
        return numpy.fromfile(dump + ".out", "<f4").reshape(len(x), -1)


def measure(engines, rounds, seconds):
    samples = {e.engine: [] for e in engines}
    for _ in range(rounds):
        for engine in engines:
            for _ in range(3):  # a disturbed sample is taken again, a few times
                ms, other = engine.sample(seconds)
                if other <= MOST_OTHER:
                    samples[engine.engine].append(ms)
                    break
    return samples


def show(row, threads, own, samples, differences):
    name, batch, tokens = row
    peak = statistics.median(own.peaks) * threads
    peers = {e: statistics.median(s) for e, s in samples.items() if s and e != "deepecg"}
    best = min(peers.values(), default=float("nan"))
    title = name + (f", {tokens} tokens" if tokens else "")
    for engine, values in sorted(samples.items(), key=lambda item: statistics.median(item[1]) if item[1] else float("inf")):
        if not values:
            print(f"| {title} | {threads} | {batch} | {engine} | no undisturbed sample | | | | |")
            continue
        median = statistics.median(values)
        rate = own.gflop * batch / median  # GFLOP per ms = TFLOP/s
        difference = differences.get(engine)
        print(f"| {title} | {threads} | {batch} | {engine} | {median / batch:.3f} ({min(values) / batch:.3f}-{max(values) / batch:.3f}), n={len(values)} "
              f"| {1000 * rate:.1f} | {100 * rate * 1e12 / peak:.0f} % | {best / median:.2f} | {'' if difference is None else f'{difference:.1e}'} |")
    sys.stdout.flush()


def run_row(row, threads, arguments):
    name, batch, tokens = row
    own = Own(name, batch, tokens, threads, arguments.folder)
    peers = [Peer(e, name, batch, tokens, threads, arguments.folder) for e in PEERS]
    engines = [own] + [p for p in peers if p.works]
    dump = os.path.join(arguments.folder, "outputs")
    truth, differences = None, {}
    for peer in engines[1:]:
        values = peer.outputs(dump + ".npy")
        truth = values if truth is None else truth
        differences[peer.engine] = float(numpy.abs(values - truth).max())
    if truth is not None:
        x = networks.inputs(name, batch, tokens).numpy()
        differences["deepecg"] = float(numpy.abs(own.outputs(x, dump) - truth).max())
    samples = measure(engines, arguments.rounds, arguments.seconds)
    for peer in peers:
        peer.close()
    show(row, threads, own, samples, differences)
    return own


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        lines = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
    lines = {key.strip(): value.strip() for key, value in lines.items()}
    features = [f for f in lines.get("flags", "").split() if f in ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16")]
    return f"{lines.get('model name', platform.processor())}; {', '.join(features)}"


def cold_starts(folder, threads):
    """Process start to the first answer, files in the page cache; and peak memory."""
    print("\n| cold start | engine | s | peak MB |\n|---|---|---|---|")
    for name in ("efficientnet", "wcr"):
        commands = {"deepecg": [PROGRAM, "bench", os.path.join(folder, FILES[name]), "--batch", "1", "--threads", str(threads), "--once"]}
        for engine in PEERS[:-1]:
            commands[engine] = [sys.executable, os.path.join(HERE, "worker.py"), engine, name, "1", "0", str(threads), folder]
        for engine, command in commands.items():
            seconds, memory = [], 0
            for _ in range(3):
                start = time.perf_counter()
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                _, _, use = os.wait4(process.pid, 0)
                seconds.append(time.perf_counter() - start)
                memory = max(memory, use.ru_maxrss / 1024)
            print(f"| {name} | {engine} | {statistics.median(seconds):.3f} | {memory:.0f} |")
            sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="efficientnet,wcr,bert")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--folder", default=os.path.join(HERE, "..", "build", "bench", "models"))
    parser.add_argument("--no-cold-start", action="store_true")
    arguments = parser.parse_args()
    networks.make_files(arguments.folder)
    print(processor())
    print("| network | threads | batch | engine | ms per ECG or text: median (range) | GFLOP/s | of peak | times the best peer | largest difference of a logit |")
    print("|---|---|---|---|---|---|---|---|---|")
    own = None
    for threads in map(int, arguments.threads.split(",")):
        for row in ROWS:
            if row[0] in arguments.only.split(","):
                own = run_row(row, threads, arguments)
    if own:
        print(f"\nKernels: {own.variant}. Peak per thread, probed beside the last row: {statistics.median(own.peaks) / 1e9:.1f} GFLOP/s.")
    if not arguments.no_cold_start:
        cold_starts(arguments.folder, max(map(int, arguments.threads.split(","))))


if __name__ == "__main__":
    main()
