"""deepecg against PyTorch, ONNX Runtime and OpenVINO on the same full-size networks with random weights.

    bench/compare [--networks efficientnet,wcr,bert] [--batches 1,8,32] [--threads 1,2] [--kernels best,avx2] [--rounds 3]
                  [--seconds 1] [--cold-rounds 5] [--output TABLE.md]

Engines take turns (A B C A B C ...), each in a process of its own, so that a clock that moves or a neighbour that wakes up
meets all of them. A sample is the mean over its calls; one during which other processes used more than 12 % of a core is
dropped and taken again, up to six times. The general engines get texts of different lengths padded to the longest and masked,
or one by one, whichever is faster (their peak of memory then counts both). A row shows the median of the samples and their
range; where none was undisturbed, those that were disturbed, marked so. The multiply-add peak is probed by `deepecg bench` beside its own samples; "of peak"
divides by the median probe times the threads. Rows for AVX2 are run with the largest number of threads only.
"""
import argparse
import os
import platform
import statistics
import subprocess
import time

import numpy

import cold
import engines
import networks

MIXED = "50,9,29,17,13,36,20,24"  # tokens of eight texts of diagnoses

#       network, batch, tokens
ROWS = (("efficientnet", 1, 0), ("efficientnet", 8, 0), ("efficientnet", 32, 0), ("wcr", 1, 0), ("wcr", 8, 0),
        ("bert", 1, 20), ("bert", 8, 20), ("bert", 8, MIXED), ("bert", 1, 512))
VARIANTS = ("generic", "avx2", "avx512")
MOST_OTHER, TRIES = 0.12, 6


def measure(running, rounds, seconds):
    """Per engine: (milliseconds of a call, was the sample disturbed) in the order of the rounds."""
    samples = {e.engine: [] for e in running}
    for _ in range(rounds):
        for engine in running:
            for attempt in range(TRIES):
                ms, other = engine.sample(seconds)
                if other <= MOST_OTHER or attempt == TRIES - 1:
                    samples[engine.engine].append((ms, other > MOST_OTHER))
                    break
                time.sleep(0.5)
    return samples


def kept(samples):
    """The undisturbed samples, or all of them, and whether those are disturbed."""
    good = [ms for ms, disturbed in samples if not disturbed]
    return (good, False) if good else ([ms for ms, _ in samples], True)


def outputs_differ(running, row, folder):
    """The largest difference of a logit between each engine and the first general one, PyTorch."""
    dump = os.path.join(folder, "outputs")
    values = {peer.engine: peer.outputs(dump + ".npy") for peer in running[1:]}
    values["deepecg"] = running[0].outputs(numpy.load(networks.input_file(*row, folder)), dump)
    truth = values.get("torch")
    return {} if truth is None else {engine: float(numpy.abs(v - truth).max()) for engine, v in values.items()}


def show(say, row, threads, running, samples, differences):
    name, batch, tokens = row
    own = running[0]
    peak = statistics.median(own.peaks) * threads
    lines = sorted(((statistics.median(kept(samples[e.engine])[0]), e) for e in running), key=lambda line: line[0])
    best = min((median for median, e in lines if e is not own), default=float("nan"))
    for median, e in lines:
        values, disturbed = kept(samples[e.engine])
        rate = own.gflop * batch / median  # GFLOP per ms = TFLOP/s
        difference = differences.get(e.engine)
        say(f"| {name}{f', {tokens} tokens' if tokens else ''} | {threads} | {own.variant} | {batch} | {e.title} "
            f"| {median / batch:.3f} ({min(values) / batch:.3f}-{max(values) / batch:.3f}), n={len(values)}{', all disturbed' if disturbed else ''} "
            f"| {1000 * rate:.1f} | {100 * rate * 1e12 / peak:.0f} % | {best / median:.2f} "
            f"| {'' if difference is None else f'{difference:.1e}'} | {e.peak_bytes / 1e6:.0f} |")


def run_row(say, row, threads, kernels, arguments):
    networks.prepare(*row, arguments.folder)
    peers = [engines.Peer(e, row, threads, kernels, arguments.folder) for e in engines.PEERS]
    ready = [peer.ready() for peer in peers]
    failed = [peer for peer, works in zip(peers, ready) if not works]
    running = [engines.Own(row, threads, kernels, arguments.folder)] + [peer for peer, works in zip(peers, ready) if works]
    differences = outputs_differ(running, row, arguments.folder)
    samples = measure(running, arguments.rounds, arguments.seconds)
    for engine in running + failed:
        engine.close()
    show(say, row, threads, running, samples, differences)
    for engine in failed:
        say(f"| {row[0]} | {threads} | | {row[1]} | {engine.title} | NOT RUN | | | | | |")


def throughput(say, arguments):
    say("| network | threads | kernels | batch | engine | ms per ECG or text: median (range) | GFLOP/s | of peak | times the best peer "
        "| largest difference of a logit | peak MB |")
    say("|---|---|---|---|---|---|---|---|---|---|---|")
    rows = [row for row in ROWS if row[0] in arguments.networks and row[1] in arguments.batches]
    for kernels in arguments.kernels:
        for threads in arguments.threads if kernels == "best" else [max(arguments.threads)]:
            for row in rows:
                run_row(say, row, threads, kernels, arguments)
    if "avx2" in arguments.kernels:
        say("\n" + engines.AVX2_NOTES)


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        lines = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
    lines = {key.strip(): value.strip() for key, value in lines.items()}
    features = [f for f in lines.get("flags", "").split() if f in ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16")]
    return f"{lines.get('model name', platform.processor())}; {os.cpu_count()} processors; {', '.join(features)}"


def runs(variant, folder):
    command = engines.own_command("efficientnet", 1, 0, 1, folder) + ["--once"]
    return subprocess.run(command, env={**os.environ, "DEEPECG_CPU": variant}, check=False, capture_output=True).returncode == 0


def variants_run(say, folder):
    """The variants that this machine runs; the others are named as NOT RUN."""
    found = [v for v in VARIANTS if runs(v, folder)]
    say("Kernels: " + ", ".join(f"{v} {'runs' if v in found else 'NOT RUN'}" for v in VARIANTS) + ".\n")
    return found


def read_arguments():
    def words(text):
        return text.split(",")

    def numbers(text):
        return [int(word) for word in text.split(",")]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=words, default=list(engines.FILES), help="efficientnet, wcr, bert; all by default")
    parser.add_argument("--batches", type=numbers, default=[1, 8, 32])
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--kernels", type=words, default=["best", "avx2"], help="best: what the machine has; avx2: all engines held to AVX2")
    parser.add_argument("--rounds", type=int, default=3, help="0: cold starts only")
    parser.add_argument("--seconds", type=float, default=1, help="of a sample")
    parser.add_argument("--cold-rounds", type=int, default=5, help="0: no cold starts")
    parser.add_argument("--output", help="write the tables there too, as Markdown")
    parser.add_argument("--folder", default=os.path.join(engines.HERE, "..", "build", "bench", "models"))
    return parser.parse_args()


def main():
    arguments = read_arguments()
    networks.make_files(arguments.folder)
    output = open(arguments.output, "w", encoding="utf-8") if arguments.output else None

    def say(line):
        print(line, flush=True)
        if output:
            print(line, file=output, flush=True)
    say(processor() + "\n")
    found = variants_run(say, arguments.folder)
    if found[-1] == "avx2":
        arguments.kernels = ["best"]  # the same
    elif "avx2" not in found:
        arguments.kernels = [k for k in arguments.kernels if k != "avx2"]
    if arguments.rounds:
        throughput(say, arguments)
    if arguments.cold_rounds:
        for name in arguments.networks:
            networks.prepare(name, 1, 20 if name == "bert" else 0, arguments.folder)
        cold.table(say, arguments.networks, 20, max(arguments.threads), arguments.cold_rounds, arguments.folder)
    if output:
        output.close()


if __name__ == "__main__":
    main()
