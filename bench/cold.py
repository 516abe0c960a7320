"""Cold starts: a process per sample, from its start to the first answer; the files lie in the page cache."""
import json
import os
import statistics
import subprocess
import time

import engines

# The streams of OpenVINO answer no sooner; a frozen module is first loaded as an ordinary one.
ENGINES = ("deepecg", "torch", "onnxruntime", "openvino")
FROM = {"torch": "the original file, mapped", "onnxruntime": "a converted file", "openvino": "a converted file", "deepecg": "the original file"}


def cold_start(engine, name, tokens, threads, folder):
    """(seconds in all, of import, of loading, of the first run, peak bytes): deepecg to the end of its process, others to their answer."""
    command = engines.own_command(name, 1, tokens, threads, folder) + ["--once"] if engine == "deepecg" else \
        engines.worker_command(engine, name, 1, tokens, threads, folder) + ["--cold"]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               env=engines.environment("best", threads))
    line = process.stdout.readline()
    answered = time.perf_counter() - start
    process.stdout.close()
    process.wait()
    if not line:
        return None
    facts = json.loads(line)
    if engine == "deepecg":
        total = time.perf_counter() - start
        return total, total - facts["open_seconds"] - facts["run_seconds"], facts["open_seconds"], facts["run_seconds"], facts["peak_bytes"]
    return answered, facts["import"], facts["load"], facts["run"], facts["peak_bytes"]


def read_once(name, folder):
    """Bring the files into the page cache."""
    for found, _, names in os.walk(folder):
        for file in names:
            if name in os.path.relpath(os.path.join(found, file), folder):
                with open(os.path.join(found, file), "rb") as bytes_:
                    while bytes_.read(1 << 24):
                        pass


def table(say, names, tokens, threads, rounds, folder):
    say("\n| cold start | threads | engine | reads | seconds to the first answer: median (range) | program start and import | load | first run | peak MB |")
    say("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        read_once(name, folder)
        samples = {engine: [] for engine in ENGINES}
        for _ in range(rounds):
            for engine in ENGINES:
                sample = cold_start(engine, name, tokens if name == "bert" else 0, threads, folder)
                if sample:
                    samples[engine].append(sample)
        for engine, found in samples.items():
            if not found:
                say(f"| {name} | {threads} | {engine} | {FROM[engine]} | NOT RUN | | | | |")
                continue
            total, start, load, run, _ = (statistics.median(column) for column in zip(*found))
            totals = [sample[0] for sample in found]
            peak = max(sample[4] for sample in found) / 1e6
            say(f"| {name} | {threads} | {engine} | {FROM[engine]} | {total:.3f} ({min(totals):.3f}-{max(totals):.3f}), n={len(found)} "
                f"| {start:.3f} | {load:.3f} | {run:.3f} | {peak:.0f} |")
