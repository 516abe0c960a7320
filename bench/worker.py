"""One engine with one network loaded, in a process of its own; driven by compare.py over standard input and output.

    python worker.py ENGINE NET BATCH TOKENS THREADS FOLDER

Says {"ready": seconds to load} when it can run; then for each line `SECONDS` runs for about that long and answers
{"ms": [per call], "other": share of one core that other processes used meanwhile}; for `outputs PATH` saves its outputs.
"""
import json
import os
import resource
import sys
import time


def busy_of_machine():
    """Seconds of processor time used by everybody since the start of the machine."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(x) for x in file.readline().split()[1:]]
    return (sum(fields[:3]) + sum(fields[5:7])) / os.sysconf("SC_CLK_TCK")


def own_time():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime


def torch_engine(engine, name, x, threads, folder):
    import torch

    import networks
    torch.set_num_threads(threads)
    net = networks.load(name, folder)
    if engine == "torch frozen":
        with torch.no_grad():
            net = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, x)))

    def run():
        with torch.inference_mode():
            return net(x).numpy()
    return run


def onnx_file(name, x, folder):
    import torch

    import networks
    path = os.path.join(folder, f"{name}_{'_'.join(map(str, x.shape))}.onnx")
    if not os.path.exists(path):
        with torch.no_grad():
            torch.onnx.export(networks.load(name, folder), (x,), path + ".part", opset_version=17, dynamo=False,
                              input_names=["x"], output_names=["logits"])
        os.rename(path + ".part", path)
    return path


def onnxruntime_engine(name, x, threads, folder):
    path = onnx_file(name, x, folder)
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {"x": x.numpy()}
    return lambda: session.run(None, feed)[0]


def openvino_engine(name, x, threads, folder, requests):
    """One request at a time, or as many at once as there are threads (throughput: a call then counts for all of them)."""
    path = onnx_file(name, x, folder)
    import openvino
    core = openvino.Core()
    streams = threads if requests == "all" else 1
    compiled = core.compile_model(core.read_model(path), "CPU",
                                  {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": streams, "INFERENCE_PRECISION_HINT": "f32"})
    feed = x.numpy()
    if streams == 1:
        request = compiled.create_infer_request()
        return lambda: next(iter(request.infer({0: feed}).values()))
    queue = openvino.AsyncInferQueue(compiled, streams)

    def run():
        for _ in range(streams):
            queue.start_async({0: feed})
        queue.wait_all()
        return queue[0].get_output_tensor(0).data
    return run


def make(engine, name, batch, tokens, threads, folder):
    import networks
    x = networks.inputs(name, batch, tokens)
    if engine.startswith("torch"):
        return torch_engine(engine, name, x, threads, folder)
    if engine == "onnxruntime":
        return onnxruntime_engine(name, x, threads, folder)
    return openvino_engine(name, x, threads, folder, "all" if engine.endswith("streams") else "one")


def sample(run, seconds):
    ms, start, busy, own = [], time.perf_counter(), busy_of_machine(), own_time()
    while not ms or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        run()
        ms.append(1000 * (time.perf_counter() - before))
    wall = time.perf_counter() - start
    return {"ms": ms, "other": max(0.0, (busy_of_machine() - busy) - (own_time() - own)) / wall}


def main():
    engine, name, batch, tokens, threads, folder = sys.argv[1:]
    start = time.perf_counter()
    run = make(engine, name, int(batch), int(tokens), int(threads), folder)
    run()
    loaded = time.perf_counter() - start
    run()
    print(json.dumps({"ready": loaded}), flush=True)
    for line in sys.stdin:
        if line.startswith("outputs "):
            import numpy
            numpy.save(line[8:].strip(), run())
            print("{}", flush=True)
        else:
            print(json.dumps(sample(run, float(line))), flush=True)


main()
