//! What an experiment may say.

/// A setting of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// As it stands in the file.
    pub name: &'static str,
    /// What it is where the file does not say.
    pub default: &'static str,
    /// What it means, in one line.
    pub about: &'static str,
}

/// All settings that can be swept over, in the order of tables and of sweeps: the last one turns fastest.
pub const KEYS: [Key; 28] = [
    Key { name: "data", default: "digits", about: "the rows that are learned from" },
    Key {
        name: "partition",
        default: "iid",
        about: "who holds which rows: `iid`, `dirichlet:ALPHA`, `shards:COUNT`",
    },
    Key { name: "model", default: "softmax", about: "what is trained" },
    Key { name: "update", default: "sgd:rate=0.5,batch=8", about: "how it is trained" },
    Key { name: "codec", default: "dense", about: "how models travel" },
    Key {
        name: "exchange",
        default: "neighbours",
        about: "`neighbours` merge as a set, `pairs` gossip one by one, `choco` sends differences, `federated` averages at a server, `server` merges gradients",
    },
    Key { name: "sampling", default: "graph", about: "how `pairs` find partners" },
    Key { name: "send", default: "push", about: "whether `pairs` `push`, `pull` or `push-pull`" },
    Key {
        name: "order",
        default: "merge-update",
        about: "what `pairs` do first: `merge-update`, `update-merge`; `update` merges nothing",
    },
    Key {
        name: "gather",
        default: "each",
        about: "whether `pairs` learn from `each` model or once a `period`",
    },
    Key { name: "fanout", default: "1", about: "how many partners `pairs` select at once" },
    Key {
        name: "flow",
        default: "proactive",
        about: "when `pairs` send: token accounts, as `randomised:10,20`",
    },
    Key { name: "parting", default: "whole", about: "what a message of `pairs` carries, as `partitioned:4`" },
    Key { name: "spread", default: "1", about: "the longest period of a node over the shortest" },
    Key {
        name: "gamma",
        default: "auto",
        about: "how far `choco` goes toward its neighbours: a share, or `auto` for as far as the codec bears",
    },
    Key { name: "topology", default: "regular:10", about: "who talks to whom" },
    Key { name: "nodes", default: "40", about: "how many nodes" },
    Key { name: "rounds", default: "40", about: "how many periods, or steps of a server" },
    Key { name: "loss", default: "0", about: "the share of messages that get lost" },
    Key {
        name: "delay",
        default: "0.05",
        about: "of a message, in periods: the longest of equally likely ones, `constant:X`, `lognormal:MEDIAN,SIGMA`, `measured:X,X,…`",
    },
    Key { name: "uplink", default: "0", about: "bytes that a node can send in a period; 0 for any number" },
    Key {
        name: "online",
        default: "1",
        about: "the share of the time that a node is there, in sessions of ten periods; `independent:SHARE` in each period; `recorded:STAY,AWAY,…;…` in periods, a record for each node",
    },
    Key {
        name: "voices",
        default: "names",
        about: "what a voice weighs: `names` are one each, `stake` is shared by the names of a node",
    },
    Key {
        name: "row_cap",
        default: "0",
        about: "how many rows of each contributor a node trains on beside its own",
    },
    Key {
        name: "judged",
        default: "10",
        about: "how many honest nodes are judged after each round; all after the last",
    },
    Key { name: "liars", default: "0.25", about: "the share of nodes that attack" },
    Key { name: "attack", default: "none", about: "what they do" },
    Key { name: "merge", default: "default", about: "how models become one" },
];
