"""ByzFL's rules under ByzFL's attacks at a server: the setting of examples/experiments/server.toml.

    byzfl_table.py [--seeds 5] [--first 1]

Twenty workers, six of them liars, send gradients with momentum 0.9 of an MLP of 64-32-10 on digits, spread by a Dirichlet draw of
0.5; 300 steps at rate 0.5 on batches of 32. Prints one JSON object: for each rule and attack the accuracy of each seed on 360 rows
that nobody learned from. Splits, draws and starts follow the same rules as ours, but not the same random numbers.
"""

import argparse
import gzip
import json
import pathlib
import warnings

import numpy

from byzfl.aggregators import aggregators as rules
from byzfl.aggregators import preaggregators as before
from byzfl.attacks import attacks

WORKERS, LIARS, STEPS, BATCH, RATE, MOMENTUM, HIDDEN = 20, 6, 300, 32, 0.5, 0.9, 32
DIGITS = pathlib.Path(__file__).resolve().parents[3] / "data" / "digits.csv.gz"


def digits(seed):
    """1,437 rows to learn from and 360 to judge by, stratified, features from 0 to 1."""
    with gzip.open(DIGITS, "rt") as file:
        rows = numpy.loadtxt(file, delimiter=",")
    features, labels = rows[:, :64] / 16, rows[:, 64].astype(int)
    draw = numpy.random.default_rng(seed)
    order = draw.permutation(len(labels))
    report = numpy.zeros(len(labels), bool)
    for label in range(10):
        own = order[labels[order] == label]
        report[own[: round(360 * len(own) / len(labels))]] = True
    return features[~report], labels[~report], features[report], labels[report]


def spread(labels, draw, alpha=0.5):
    """Each class is dealt by shares of its own; drawn anew until everybody has a row."""
    while True:
        parts = [[] for _ in range(WORKERS)]
        for label in range(10):
            own = draw.permutation(numpy.flatnonzero(labels == label))
            ends = numpy.round(numpy.cumsum(draw.dirichlet([alpha] * WORKERS)) * len(own)).astype(int)
            for part, rows in zip(parts, numpy.split(own, ends[:-1])):
                part.extend(rows)
        if min(map(len, parts)) > 0:
            return [numpy.array(part) for part in parts]


def start(draw):
    bound = [(6 / width) ** 0.5 for width in (64, HIDDEN)]
    weights = [draw.uniform(-bound[0], bound[0], 64 * HIDDEN), numpy.zeros(HIDDEN)]
    weights += [draw.uniform(-bound[1], bound[1], HIDDEN * 10), numpy.zeros(10)]
    return numpy.concatenate(weights)


def parts(theta):
    one, two = 64 * HIDDEN, 64 * HIDDEN + HIDDEN
    three = two + HIDDEN * 10
    return (theta[:one].reshape(64, HIDDEN), theta[one:two], theta[two:three].reshape(HIDDEN, 10), theta[three:])


def scores(theta, x):
    w, b, v, c = parts(theta)
    hidden = numpy.maximum(x @ w + b, 0)
    return hidden, hidden @ v + c


def gradient(theta, x, y):
    v = parts(theta)[2]
    hidden, out = scores(theta, x)
    out = numpy.exp(out - out.max(1, keepdims=True))
    out /= out.sum(1, keepdims=True)
    out[numpy.arange(len(y)), y] -= 1
    out /= len(y)
    back = (out @ v.T) * (hidden > 0)
    return numpy.concatenate([(x.T @ back).ravel(), back.sum(0), (hidden.T @ out).ravel(), out.sum(0)])


def joined(first, then):
    return lambda vectors: then(first(vectors))


RULES = {
    "mean": rules.Average,
    "median": rules.Median,
    "trimmed:f=6": lambda: rules.TrMean(LIARS),
    "multikrum:f=6": lambda: rules.MultiKrum(LIARS),
    "geomed": rules.GeometricMedian,
    "nnm:f=6+trimmed:f=6": lambda: joined(before.NNM(LIARS), rules.TrMean(LIARS)),
    "nnm:f=6+krum:f=6": lambda: joined(before.NNM(LIARS), rules.Krum(LIARS)),
}
ATTACKS = {
    "none": None,
    "signflip": attacks.SignFlipping,
    "ipm:strength=5": lambda: attacks.InnerProductManipulation(5.0),
    "alie:z=1.5": lambda: attacks.ALittleIsEnough(1.5),
    "labelflip": None,
    "gauss:sigma=10": lambda: attacks.Gaussian(0.0, 10.0),
}


def play(rule, attack, seed):
    x, y, x_report, y_report = digits(seed)
    draw = numpy.random.default_rng([seed, 1])
    shards = spread(y, draw)
    theta, merge = start(draw), RULES[rule]()
    forge = ATTACKS[attack]
    forge = forge and forge()
    lies = numpy.zeros(WORKERS, bool)
    if attack != "none":
        lies[draw.choice(WORKERS, LIARS, replace=False)] = True
    moved = numpy.zeros((WORKERS, len(theta)))
    for _ in range(STEPS):
        for worker, own in enumerate(shards):
            rows = draw.choice(own, min(BATCH, len(own)), replace=False)
            told = 9 - y[rows] if lies[worker] and attack == "labelflip" else y[rows]
            moved[worker] = MOMENTUM * moved[worker] + (1 - MOMENTUM) * gradient(theta, x[rows], told)
        sent = moved.copy()
        if forge:
            sent[lies] = forge(moved[~lies])
        step = theta - RATE * merge(sent)
        theta = step if numpy.isfinite(step).all() else theta
    return float((scores(theta, x_report)[1].argmax(1) == y_report).mean())


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--first", type=int, default=1)
    arguments = arguments.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    warnings.simplefilter("ignore")
    cells = {rule: {attack: [play(rule, attack, seed) for seed in seeds] for attack in ATTACKS} for rule in RULES}
    print(json.dumps({"peer": "ByzFL 0.0.11", "accuracy": cells}))


if __name__ == "__main__":
    main()
