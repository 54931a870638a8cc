"""What EZKL needs to prove the inference of a small MLP: 64-32-10 with ReLU, on a batch of 32.

The graph is Gemm, ReLU, Gemm in ONNX, with weights from a fixed seed. Scale 7 for inputs and parameters, inputs and outputs
public, parameters fixed in the circuit: EZKL's defaults but for the scale, and its cheapest set-up. The number of rows comes
from EZKL's own calibration. The reference string is made on the spot, which is insecure and fast.

Costs are CPU time of this process, user and system, over one call of EZKL each: `prove` and `verify` and, beside them, `setup`.
What is paid once (the reference string, calibration, compiling) is left out, and so is the witness, which `gen_witness` makes
before `prove`. Threads are limited to one where EZKL listens (RAYON_NUM_THREADS, set by run.sh).

Usage: inference.py [--runs N] [--batch N]. Prints one JSON object; progress goes to standard error.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib import metadata

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZES, SCALE, SEED = (64, 32, 10), 7, 1


def model(batch, generator):
    """The ONNX graph of the MLP, weights of the size that initialisation gives."""
    (features, hidden, classes) = SIZES
    shapes = {"w1": (features, hidden), "b1": (hidden,), "w2": (hidden, classes), "b2": (classes,)}
    tensors = {name: generator.normal(0, 1 / np.sqrt(shape[0]), shape) for name, shape in shapes.items()}
    weights = [numpy_helper.from_array(tensor.astype(np.float32), name) for name, tensor in tensors.items()]
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["z1"]),
        helper.make_node("Relu", ["z1"], ["a1"]),
        helper.make_node("Gemm", ["a1", "w2", "b2"], ["logits"]),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, features])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, classes])]
    graph = helper.make_graph(nodes, "mlp", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def cpu():
    """User and system seconds of this process and its threads so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def clocked(costs, name):
    """Appends the CPU seconds of the block to `costs[name]`."""
    before, began = cpu(), time.perf_counter()
    yield
    costs.setdefault(name, []).append(cpu() - before)
    print(f"{name}: {costs[name][-1]:.2f} CPU s, {time.perf_counter() - began:.2f} s", file=sys.stderr)


def succeed(what, result):
    """EZKL answers some failures with False."""
    if result is False:
        sys.exit(f"{what} failed")


def measure(runs, batch):
    """All figures, in the current directory."""
    import ezkl  # Reads its environment when it is loaded.

    generator = np.random.default_rng(SEED)
    onnx.save(model(batch, generator), "mlp.onnx")
    features = generator.uniform(0, 1, (batch, SIZES[0]))
    pathlib.Path("input.json").write_text(json.dumps({"input_data": [features.flatten().tolist()]}))

    arguments = ezkl.PyRunArgs()
    arguments.input_visibility = "public"
    arguments.output_visibility = "public"
    arguments.param_visibility = "fixed"
    arguments.input_scale = SCALE
    arguments.param_scale = SCALE
    succeed("gen_settings", ezkl.gen_settings("mlp.onnx", "settings.json", py_run_args=arguments))
    calibrated = ezkl.calibrate_settings("input.json", "mlp.onnx", "settings.json", "resources", scales=[SCALE])
    succeed("calibrate_settings", calibrated)
    settings = json.loads(pathlib.Path("settings.json").read_text())
    logrows = settings["run_args"]["logrows"]
    succeed("compile_circuit", ezkl.compile_circuit("mlp.onnx", "mlp.ezkl", "settings.json"))

    costs = {}
    with clocked(costs, "gen_srs"):
        ezkl.gen_srs("kzg.srs", logrows)
    with clocked(costs, "setup"):
        succeed("setup", ezkl.setup("mlp.ezkl", "vk.key", "pk.key", "kzg.srs"))
    ezkl.gen_witness("input.json", "mlp.ezkl", "witness.json")
    for _ in range(runs):
        with clocked(costs, "prove"):
            proof = ezkl.prove("witness.json", "mlp.ezkl", "pk.key", "proof.json", "kzg.srs")
        succeed("prove", proof)
        with clocked(costs, "verify"):
            succeed("verify", ezkl.verify("proof.json", "settings.json", "vk.key", "kzg.srs"))
    proof = json.loads(pathlib.Path("proof.json").read_text())
    median = {name: statistics.median(values) for name, values in costs.items()}
    return {
        "peer": "ezkl " + metadata.version("ezkl"),
        "model": "-".join(map(str, SIZES)),
        "batch": batch,
        "scale": SCALE,
        "logrows": logrows,
        "rows": settings["num_rows"],
        "runs": runs,
        "threads": int(os.environ.get("RAYON_NUM_THREADS", "0")),
        "prove_cpu_s": median["prove"],
        "verify_cpu_s": median["verify"],
        "setup_cpu_s": median["setup"],
        "proof_bytes": len(proof["hex_proof"]) // 2 - 1,
        "proving_key_bytes": pathlib.Path("pk.key").stat().st_size,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="proofs, of which the median is taken (default 3)")
    parser.add_argument("--batch", type=int, default=32, help="rows of the batch (default 32)")
    options = parser.parse_args()
    # EZKL prints to standard output from its own code, where only the object belongs.
    printed = os.dup(1)
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        figures = measure(options.runs, options.batch)
        os.chdir("/")
    with os.fdopen(printed, "w") as out:
        out.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
