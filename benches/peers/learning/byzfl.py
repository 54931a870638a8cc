"""ByzFL beside ours: its outputs on shared inputs, and what its rules cost.

    byzfl.py outputs > crates/learning/tests/fixtures/byzfl.txt
    byzfl.py speed

`outputs` writes one line for each scene and rule: the scene's name, the rule as `merge::named` reads it, the values. The
inputs are not written: a linear congruential generator makes the same numbers here and in the test. `speed` prints one
JSON object, CPU milliseconds of one thread for each rule (n = 50, f = 10, d = 100,000), the least of three runs.
"""

import importlib
import inspect
import json
import sys
import time

# This file has the name of the package.
sys.path.pop(0)

import numpy

import byzfl
from byzfl.aggregators import preaggregators

# Name, voices, liars, length, seed.
SCENES = [("odd", 11, 2, 40, 1), ("even", 14, 3, 33, 2), ("many", 20, 4, 24, 3)]
MASK = (1 << 64) - 1


def numbers(seed):
    """Multiples of 2^-23 in -1 ... 1, the upper bits of Knuth's MMIX generator."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) & MASK
        yield ((state >> 40) - (1 << 23)) / (1 << 23)


def voices(count, liars, length, seed):
    """Zero, honest vectors about a common one, liars that agree roughly; but for zero, nearest to zero first."""
    draw = numbers(seed)
    centre = [next(draw) for _ in range(length)]
    rows = []
    for index in range(count - 1):
        noise = [next(draw) for _ in range(length)]
        if index < liars:
            rows.append([-4 * c + n / 2 for c, n in zip(centre, noise)])
        else:
            rows.append([c + n for c, n in zip(centre, noise)])
    rows.sort(key=lambda row: sum(value * value for value in row))
    return numpy.array([[0.0] * length] + rows)


def converged_caf():
    """ByzFL's CAF with two repairs. Its power iteration runs to the end: the published one takes a single step from a
    random vector, so its outcome is random. And what has faded altogether no longer sets the scale: one far vector
    would else keep all others from fading ever after."""
    module = importlib.import_module("byzfl.aggregators.aggregators")
    source = inspect.getsource(module.CAF).replace("max_iters=1", "max_iters=3000")
    source = source.replace("tau_max = tau.max()", "tau_max = tau[c > 0].max()")
    scope = dict(vars(module))
    exec(source, scope)
    return scope["CAF"]


def rules(count, liars):
    """Our name of a rule, and what ByzFL makes of the vectors."""
    f, caf = liars, converged_caf()
    nnm, arc, clip = preaggregators.NNM(f), preaggregators.ARC(f), preaggregators.Clipping(2.0)
    return {
        "mean": byzfl.Average(),
        "median": byzfl.Median(),
        f"trimmed:f={f}": byzfl.TrMean(f),
        f"meamed:f={f}": byzfl.Meamed(f),
        "geomed:nu=0.1,steps=3": byzfl.GeometricMedian(nu=0.1, T=3),
        "geomed:nu=1e-6,steps=5000": byzfl.GeometricMedian(nu=1e-6, T=5000),
        # ByzFL counts n - f - 1 neighbours where the paper counts n - f - 2.
        f"krum:f={f}": byzfl.Krum(f + 1),
        f"multikrum:f={f},m={count - f - 1}": byzfl.MultiKrum(f + 1),
        f"mda:f={f}": byzfl.MDA(f),
        f"monna:f={f}": byzfl.MoNNA(f, idx=0),
        "cclip:radius=1.5,steps=1": byzfl.CenteredClipping(L=1, tau=1.5),
        "cclip:radius=1.5,steps=4": byzfl.CenteredClipping(L=4, tau=1.5),
        f"caf:f={f}": caf(f),
        f"nnm:f={f}+mean": lambda x: byzfl.Average()(nnm(x)),
        f"nnm:f={f}+trimmed:f={f}": lambda x: byzfl.TrMean(f)(nnm(x)),
        f"nnm:f={f}+median": lambda x: byzfl.Median()(nnm(x)),
        f"nnm:f={f}+krum:f={f}": lambda x: byzfl.Krum(f + 1)(nnm(x)),
        f"arc:f={f}+mean": lambda x: byzfl.Average()(arc(x)),
        f"arc:f={f}+trimmed:f={f}": lambda x: byzfl.TrMean(f)(arc(x)),
        "norm:radius=2+mean": lambda x: byzfl.Average()(clip(x)),
    }


def outputs():
    for name, count, liars, length, seed in SCENES:
        x = voices(count, liars, length, seed)
        for rule, aggregate in rules(count, liars).items():
            values = " ".join(f"{value:.9g}" for value in aggregate(x.copy()))
            print(f"{name}\t{rule}\t{values}")


def speed():
    import torch

    torch.set_num_threads(1)
    x = torch.tensor(numpy.random.default_rng(0).standard_normal((50, 100_000)), dtype=torch.float32)
    f = 10
    timed = {
        "krum": byzfl.Krum(f),
        "nnm": preaggregators.NNM(f),
        "trimmed_mean": byzfl.TrMean(f),
        "median": byzfl.Median(),
        "meamed": byzfl.Meamed(f),
        "geometric_median": byzfl.GeometricMedian(),
    }
    costs = {}
    for name, aggregate in timed.items():
        best = float("inf")
        for _ in range(3):
            before = time.process_time()
            aggregate(x)
            best = min(best, time.process_time() - before)
        costs[name] = 1e3 * best
    print(json.dumps({"peer": "ByzFL 0.0.11 on torch", "cpu_ms": costs}))


if __name__ == "__main__":
    {"outputs": outputs, "speed": speed}[sys.argv[1]]()
