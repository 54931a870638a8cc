"""What one gossip message costs in GossipPy: the set-up of `bitneuron::sim::lab::GossipLab`, run several times.

100 nodes on a random 20-regular graph, softmax regression on the handwritten digits, delta = 100, delay U(0, 10), push,
merge then update (SGD, rate 0.5, one epoch of batches of 8), 50 rounds, a tenth of the nodes judged after each round, by
accuracy alone. The cost is CPU time of this process over the simulation alone; building nodes and reading data are left
out.

Usage: gossippy.py [--runs N] [--rounds N]. Prints one JSON object; progress goes to standard error.
"""

import argparse
import contextlib
import gzip
import json
import logging
import pathlib
import statistics
import sys
import time
from importlib import metadata

import networkx as nx
import numpy as np
import torch
from gossipy import set_seed
from gossipy.core import AntiEntropyProtocol, CreateModelMode, StaticP2PNetwork, UniformDelay
from gossipy.data import DataDispatcher
from gossipy.data.handler import ClassificationDataHandler
from gossipy.model.handler import TorchModelHandler
from gossipy.model.nn import LogisticRegression
from gossipy.node import GossipNode
from gossipy.simul import GossipSimulator, SimulationReport
from sklearn.model_selection import train_test_split

DIGITS = pathlib.Path(__file__).resolve().parents[3] / "data" / "digits.csv.gz"
NODES, NEIGHBOURS, DELTA, HELD_OUT = 100, 20, 100, 360


def read_digits(seed):
    """Features in [0, 1] and labels, split into training rows and stratified held-out rows."""
    with gzip.open(DIGITS, "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.float32)
    features, labels = table[:, :-1] / 16, table[:, -1].astype(np.int64)
    return train_test_split(features, labels, test_size=HELD_OUT, random_state=seed, stratify=labels)


class AccuracyOnly(TorchModelHandler):
    """Judges a model by its accuracy alone, as the lab does.

    The handler of the library computes macro precision, recall and F1 beside it, which would be counted as gossip.
    """

    def evaluate(self, data):
        features, labels = data
        self.model.eval()
        with torch.no_grad():
            right = (self.model(features).argmax(dim=-1) == labels).sum()
        return {"accuracy": float(right) / len(labels)}


def build(seed):
    """A simulator with its report, not started."""
    set_seed(seed)
    train_x, test_x, train_y, test_y = (torch.tensor(part) for part in read_digits(seed))
    handler = ClassificationDataHandler(train_x, train_y, test_x, test_y)
    dispatcher = DataDispatcher(handler, n=NODES, eval_on_user=False, auto_assign=True)
    graph = nx.random_regular_graph(NEIGHBOURS, NODES, seed=seed)
    learner = AccuracyOnly(
        net=LogisticRegression(train_x.shape[1], int(train_y.max()) + 1),
        optimizer=torch.optim.SGD,
        optimizer_params={"lr": 0.5},
        criterion=torch.nn.CrossEntropyLoss(),
        local_epochs=1,
        batch_size=8,
        create_model_mode=CreateModelMode.MERGE_UPDATE,
    )
    nodes = GossipNode.generate(
        data_dispatcher=dispatcher,
        p2p_net=StaticP2PNetwork(NODES, nx.to_numpy_array(graph)),
        model_proto=learner,
        round_len=DELTA,
        sync=False,
    )
    simulator = GossipSimulator(
        nodes=nodes,
        data_dispatcher=dispatcher,
        delta=DELTA,
        protocol=AntiEntropyProtocol.PUSH,
        delay=UniformDelay(0, 10),
        sampling_eval=0.1,
    )
    report = SimulationReport()
    simulator.add_receiver(report)
    simulator.init_nodes(seed=seed)
    return simulator, report


def run(seed, rounds):
    """CPU seconds, messages and the last accuracy of one simulation."""
    simulator, report = build(seed)
    before = time.process_time()
    simulator.start(n_rounds=rounds)
    cpu = time.process_time() - before
    _, last = report.get_evaluation(False)[-1]
    return cpu, report._sent_messages, float(last["accuracy"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="simulations, each with its own seed (default 5)")
    parser.add_argument("--rounds", type=int, default=50, help="rounds of each (default 50)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.CRITICAL)
    costs, accuracies = [], []
    for seed in range(1, options.runs + 1):
        # Its progress bars and notes go where notes belong.
        with contextlib.redirect_stdout(sys.stderr):
            cpu, messages, accuracy = run(seed, options.rounds)
        costs.append(1e6 * cpu / messages)
        accuracies.append(accuracy)
        print(f"run {seed}: {cpu:.2f} CPU s, {messages} messages, accuracy {accuracy:.4f}", file=sys.stderr)
    print(
        json.dumps(
            {
                "peer": "gossipy-dfl " + metadata.version("gossipy-dfl"),
                "torch": torch.__version__,
                "runs": options.runs,
                "rounds": options.rounds,
                "cpu_us_per_message": statistics.median(costs),
                "accuracy": statistics.median(accuracies),
            }
        )
    )


if __name__ == "__main__":
    main()
