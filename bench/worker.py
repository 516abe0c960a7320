"""One engine with one network loaded, in a process of its own; driven by compare.py over standard input and output.

    python worker.py ENGINE NET BATCH TOKENS THREADS FOLDER [--cold]

Says {"import": s, "load": s, "run": s, "peak_bytes": n} after its first call. Then, for each line `SECONDS`, it runs for about
that long and answers {"ms": [per call], "other": share of one core that other processes used meanwhile, "peak_bytes": n}; for
`outputs PATH` it saves its outputs. With --cold PyTorch loads the quickest way, and the first call is the only one.
"""
import json
import os
import resource
import sys
import time

START = time.perf_counter()


def busy_of_machine():
    """Seconds of processor time used by everybody since the start of the machine."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(x) for x in file.readline().split()[1:]]
    return (sum(fields[:3]) + sum(fields[5:7])) / os.sysconf("SC_CLK_TCK")


def own_time():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime


def peak_bytes():
    """ru_maxrss would count what the parent had when it started this process."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


class Row:
    def __init__(self, engine, name, batch, tokens, threads, folder):
        self.engine, self.name, self.threads, self.folder = engine, name, int(threads), folder
        self.shape = int(batch), int(tokens)

    def x(self):
        import numpy
        return numpy.load(os.path.join(self.folder, f"{self.name}_{self.shape[0]}_{self.shape[1]}.npy"))

    def onnx(self):
        shape = self.shape if self.shape[1] else (self.shape[0], 12, 2500)
        return os.path.join(self.folder, f"{self.name}_{'_'.join(map(str, shape))}.onnx")


def torch_engine(row, cold):
    import torch

    import networks
    imported = time.perf_counter()
    torch.set_num_threads(row.threads)
    net, x = (networks.load_mapped if cold else networks.load)(row.name, row.folder), torch.from_numpy(row.x())
    if row.engine == "torch frozen":
        with torch.no_grad():
            net = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, x)))

    def run():
        with torch.inference_mode():
            return net(x).numpy()
    return run, imported


def onnxruntime_engine(row, _cold):
    import onnxruntime
    imported = time.perf_counter()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = row.threads
    session = onnxruntime.InferenceSession(row.onnx(), options, providers=["CPUExecutionProvider"])
    feed = {"x": row.x()}
    return lambda: session.run(None, feed)[0], imported


def openvino_engine(row, _cold):
    """One request at a time, or as many at once as there are threads (throughput: a call then counts for all of them)."""
    import openvino
    imported = time.perf_counter()
    core = openvino.Core()
    streams = row.threads if row.engine == "openvino streams" else 1
    compiled = core.compile_model(core.read_model(row.onnx()), "CPU",
                                  {"INFERENCE_NUM_THREADS": row.threads, "NUM_STREAMS": streams, "INFERENCE_PRECISION_HINT": "f32"})
    feed = row.x()
    if streams == 1:
        request = compiled.create_infer_request()
        return lambda: next(iter(request.infer({0: feed}).values())), imported
    queue = openvino.AsyncInferQueue(compiled, streams)

    def run():
        for _ in range(streams):
            queue.start_async({0: feed})
        queue.wait_all()
        return queue[0].get_output_tensor(0).data
    return run, imported


def sample(run, seconds):
    ms, start, busy, own = [], time.perf_counter(), busy_of_machine(), own_time()
    while not ms or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        run()
        ms.append(1000 * (time.perf_counter() - before))
    wall = time.perf_counter() - start
    return {"ms": ms, "other": max(0.0, (busy_of_machine() - busy) - (own_time() - own)) / wall, "peak_bytes": peak_bytes()}


def main():
    cold = sys.argv[-1] == "--cold"
    row = Row(*sys.argv[1:7])
    make = torch_engine if row.engine.startswith("torch") else onnxruntime_engine if row.engine == "onnxruntime" else openvino_engine
    run, imported = make(row, cold)
    loaded = time.perf_counter()
    run()
    print(json.dumps({"import": imported - START, "load": loaded - imported, "run": time.perf_counter() - loaded,
                      "peak_bytes": peak_bytes()}), flush=True)
    if cold:
        return
    run()
    for line in sys.stdin:
        if line.startswith("outputs "):
            import numpy
            numpy.save(line[8:].strip(), run())
            print("{}", flush=True)
        else:
            print(json.dumps(sample(run, float(line))), flush=True)


main()
