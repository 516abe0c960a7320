"""One engine with one network loaded, in a process of its own; driven by compare.py over standard input and output.

    python worker.py ENGINE NET BATCH TOKENS THREADS FOLDER [--cold]

TOKENS is the length of texts, or a list of lengths (12,20) that the batch goes through. Texts of different lengths are padded to
the longest and masked, or run one by one, whichever is faster: "way" says which.

Says {"import": s, "load": s, "run": s, "peak_bytes": n, "way": null or which} after its first calls. Then, for each line
`SECONDS`, it runs for about that long and answers {"ms": [per call], "other": share of one core that other processes used
meanwhile, "peak_bytes": n}; for `outputs PATH` it saves its outputs. With --cold PyTorch loads the quickest way, and the first
call is the only one.
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
    """What is run: one batch, or, of texts of several lengths, a padded batch with its mask and the same texts one by one."""

    def __init__(self, engine, name, batch, tokens, threads, folder):
        import numpy
        self.engine, self.name, self.threads, self.folder = engine, name, int(threads), folder
        self.mixed = "," in tokens
        x = numpy.load(os.path.join(folder, f"{name}_{batch}_{tokens}.npy"))
        self.batch = {"x": x, "mask": (x != 0).astype(x.dtype)} if self.mixed else {"x": x}
        self.single = [{"x": text[text != 0][None]} for text in x] if self.mixed else []
        self.onnx = os.path.join(folder, f"{name}_{'_'.join(map(str, x.shape))}{'_mask' if self.mixed else ''}.onnx")
        self.onnx_single = os.path.join(folder, f"{name}_1_any.onnx")


def each(row, single):
    """The texts one by one; None where all have the same length."""
    import numpy
    return (lambda: numpy.concatenate([single(text) for text in row.single])) if row.mixed else None


def faster(batch, one_by_one):
    """(run, how it runs): the faster of the two ways, each tried three times."""
    if one_by_one is None:
        return batch, None

    def least(run):
        seconds = []
        for _ in range(4):
            before = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - before)
        return min(seconds[1:])
    return (batch, "padded") if least(batch) < least(one_by_one) else (one_by_one, "one by one")


def torch_engine(row, cold):
    import torch

    import networks
    imported = time.perf_counter()
    torch.set_num_threads(row.threads)
    net = (networks.load_mapped if cold else networks.load)(row.name, row.folder)
    batch = tuple(torch.from_numpy(x) for x in row.batch.values())
    if row.engine == "torch frozen":
        with torch.no_grad():
            net = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, batch)))

    def run(*x):
        with torch.inference_mode():
            return net(*x).numpy()
    one_by_one = each(row, lambda text: run(torch.from_numpy(text["x"]))) if row.engine == "torch" else None  # a trace has one shape
    return *faster(lambda: run(*batch), one_by_one), imported


def onnxruntime_engine(row, _cold):
    import onnxruntime
    imported = time.perf_counter()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = row.threads

    def runner(path):
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda feed: session.run(None, feed)[0]
    batch, single = runner(row.onnx), runner(row.onnx_single) if row.mixed else None
    return *faster(lambda: batch(row.batch), each(row, single)), imported


def openvino_engine(row, _cold):
    """One request at a time, or as many at once as there are threads (throughput: a call then counts for all of them)."""
    import numpy
    import openvino
    imported = time.perf_counter()
    core = openvino.Core()
    streams = row.threads if row.engine == "openvino streams" else 1

    def compiled(path):
        return core.compile_model(core.read_model(path), "CPU",
                                  {"INFERENCE_NUM_THREADS": row.threads, "NUM_STREAMS": streams, "INFERENCE_PRECISION_HINT": "f32"})

    def runner(path):
        request = compiled(path).create_infer_request()
        return lambda feed: next(iter(request.infer(feed).values())).copy()
    if streams == 1:
        batch, single = runner(row.onnx), runner(row.onnx_single) if row.mixed else None
        return *faster(lambda: batch(row.batch), each(row, single)), imported

    def queue_runner(path, feeds):
        queue, found = openvino.AsyncInferQueue(compiled(path), streams), [None] * len(feeds)
        queue.set_callback(lambda request, i: found.__setitem__(i, request.get_output_tensor(0).data.copy()))

        def run():
            for _ in range(streams):
                for i, feed in enumerate(feeds):
                    queue.start_async(feed, i)
            queue.wait_all()
            return numpy.concatenate(found)
        return run
    return *faster(queue_runner(row.onnx, [row.batch]), queue_runner(row.onnx_single, row.single) if row.mixed else None), imported


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
    run, way, imported = make(row, cold)
    loaded = time.perf_counter()
    run()
    print(json.dumps({"import": imported - START, "load": loaded - imported, "run": time.perf_counter() - loaded,
                      "peak_bytes": peak_bytes(), "way": way or ("padded" if row.mixed else None)}), flush=True)
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
