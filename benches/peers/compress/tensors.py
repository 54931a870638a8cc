"""Tensor formats by the packages that people use: CPU seconds of one thread, medians.

The numbers to decompose are files of little-endian f32: --matrix 4096 x 1024 as three foldings of a tensor train, --tensor
64 x 64 x 32 x 32 for CP by alternating least squares and Tucker by orthogonal iteration. Prints one JSON object.
"""

import argparse
import json
import statistics
import sys
import time
from importlib.metadata import version

import numpy as np
import tensorly
import teneva
import tntorch
import torch
from tensorly.decomposition import parafac, tensor_train, tucker

RANK = 32
FOLDINGS = [[16, 16, 16, 4, 16, 16], [8] * 6 + [4, 4], [4] * 4 + [8, 8] + [4] * 4]


def timed(runs, work):
    """The median of CPU seconds after a first run, and the last result."""
    work()
    spans = []
    for _ in range(runs):
        start = time.process_time()
        result = work()
        spans.append(time.process_time() - start)
    return statistics.median(spans), result


def error(cores, tensor):
    """Relative error of a train."""
    whole = np.asarray(cores[0], dtype=np.float64)
    for core in cores[1:]:
        whole = np.tensordot(whole, np.asarray(core, dtype=np.float64), axes=1)
    difference = whole.reshape(-1) - tensor.reshape(-1)
    return float(np.linalg.norm(difference) / np.linalg.norm(tensor.astype(np.float64)))


def trains(matrix, modes, runs):
    tensor = matrix.reshape(modes)
    wide = tensor.astype(np.float64)
    shared = torch.from_numpy(tensor)
    ranks = [1] + [RANK] * (len(modes) - 1) + [1]
    eig, train = timed(runs, lambda: tntorch.Tensor(shared, ranks_tt=RANK, algorithm="eig"))
    svd, _ = timed(1, lambda: tntorch.Tensor(shared, ranks_tt=RANK))
    by_tensorly, cores = timed(max(1, runs // 2), lambda: tensor_train(tensor, rank=list(ranks)))
    by_teneva, _ = timed(max(1, runs // 2), lambda: teneva.svd(wide, e=1e-12, r=RANK))
    return {
        "modes": modes,
        "tntorch": min(eig, svd),
        "tntorch_error": error([core.numpy() for core in train.cores], tensor),
        "tensorly": by_tensorly,
        "tensorly_error": error([np.asarray(core) for core in cores], tensor),
        "teneva": by_teneva,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--matrix", required=True)
    parser.add_argument("--tensor", required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    tensorly.set_backend("numpy")
    matrix = np.fromfile(options.matrix, dtype="<f4")
    foldings = []
    for modes in FOLDINGS:
        foldings.append(trains(matrix, modes, options.runs))
        print(json.dumps(foldings[-1]), file=sys.stderr)
    tensor = np.fromfile(options.tensor, dtype="<f4").reshape(64, 64, 32, 32)
    few = max(1, options.runs // 2)
    cp, _ = timed(few, lambda: parafac(tensor, rank=RANK, n_iter_max=20, init="random", random_state=0, tol=0))
    hooi, _ = timed(1, lambda: tucker(tensor, rank=[RANK] * 4, n_iter_max=5, tol=0))
    packages = ["tntorch", "tensorly", "teneva", "torch", "numpy"]
    print(
        json.dumps(
            {
                "peers": {name: version(name) for name in packages},
                "runs": options.runs,
                "foldings": foldings,
                "cp_als": cp,
                "tucker": hooi,
            }
        )
    )


if __name__ == "__main__":
    main()
