//! Checks the laws of [`Sampler`] in a benign network of 200 nodes that know three contacts at first.

use crate::sampling::{Effect, Input, Sampler};
use bitneuron_core::{NodeId, Outbox, Seed, Time};
use rand::Rng;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use thiserror::Error;

/// Nodes in the network.
const NODES: usize = 200;
/// Periods until the graph must be even.
const PERIODS: u64 = 60;
/// Periods until it must be connected.
const CONNECTED: u64 = 5;
/// Microseconds in a period.
const PERIOD: u64 = 1_000_000;

/// The law that was broken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// Law 1: the view holds the node itself.
    #[error("no self: {0} is in its own view")]
    SelfInView(NodeId),
    /// Law 2: the view holds somebody twice.
    #[error("no twice: {0} holds a peer twice")]
    Twice(NodeId),
    /// Law 3: the view is over its capacity.
    #[error("bound: {node} holds {found} of at most {capacity}")]
    Bound {
        /// Whose view.
        node: NodeId,
        /// Peers in it.
        found: usize,
        /// Peers allowed.
        capacity: usize,
    },
    /// Law 4: the graph of views is in pieces.
    #[error("connected: only {reached} of {nodes} nodes are reached after {period} periods")]
    Disconnected {
        /// Nodes in the largest piece that was found from the first node.
        reached: usize,
        /// Nodes in all.
        nodes: usize,
        /// When.
        period: u64,
    },
    /// Law 5: in-degrees are spread too wide.
    #[error("even: in-degree variance {variance}, mean {mean}, least {least}")]
    Uneven {
        /// Variance, rounded down.
        variance: u64,
        /// Mean, rounded down.
        mean: u64,
        /// The least in-degree.
        least: u64,
    },
    /// Law 1 of `Machine`: the same inputs gave another outcome.
    #[error("determinism: a second run differs")]
    Unequal,
    /// Law 2 of `Machine`: a refused input left an effect or changed the view.
    #[error("refusal is free: {0} changed on a refused input")]
    RefusalChanged(NodeId),
}

/// Checks all laws of the sampler that `make` builds from a name, a seed and a list of contacts.
///
/// # Errors
/// The first law broken.
pub fn check<S, F>(make: F, seed: Seed) -> Result<(), Violation>
where
    S: Sampler,
    F: Fn(NodeId, Seed, &[NodeId]) -> S,
{
    let first = Network::new(&make, seed).run()?;
    let second = Network::new(&make, seed).run()?;
    if first == second { Ok(()) } else { Err(Violation::Unequal) }
}

struct Network<S: Sampler> {
    nodes: BTreeMap<NodeId, S>,
    names: Vec<NodeId>,
    order: Seed,
}

impl<S: Sampler> Network<S> {
    fn new(make: impl Fn(NodeId, Seed, &[NodeId]) -> S, seed: Seed) -> Self {
        let name = |number| NodeId(seed.derive_number("name", number).0);
        let names: Vec<NodeId> = (0..NODES as u64).map(name).collect();
        let contacts: Vec<NodeId> = names.iter().take(3).copied().collect();
        let node = |(number, &name): (usize, &NodeId)| {
            (name, make(name, seed.derive_number("node", number as u64), &contacts))
        };
        let nodes = names.iter().enumerate().map(node).collect();
        Self { nodes, names, order: seed.derive("order") }
    }

    /// All periods; returns all views at the end.
    fn run(mut self) -> Result<Vec<Vec<NodeId>>, Violation> {
        for (name, node) in &self.nodes {
            laws_of_view(*name, node)?;
        }
        for period in 1..=PERIODS {
            for name in self.shuffled(period) {
                self.deliver(Time(period.saturating_mul(PERIOD)), name)?;
            }
            if period >= CONNECTED {
                self.connected(period)?;
            }
        }
        self.even()?;
        Ok(self.nodes.values().map(Sampler::view).collect())
    }

    /// Ticks one node and carries messages until none is left.
    fn deliver(&mut self, now: Time, name: NodeId) -> Result<(), Violation> {
        let mut waiting = VecDeque::from([(name, Input::Tick)]);
        // A sampler that answers answers for ever is cut off; its graph shows what it is.
        for _ in 0..NODES {
            let Some((to, input)) = waiting.pop_front() else { break };
            let Some(node) = self.nodes.get_mut(&to) else { continue };
            let before = node.view();
            let mut out = Outbox::new();
            let refused = node.step(now, input, &mut out).is_err();
            laws_of_view(to, node)?;
            if refused && (!out.is_empty() || node.view() != before) {
                return Err(Violation::RefusalChanged(to));
            }
            for Effect::Send { to: peer, message } in out {
                waiting.push_back((peer, Input::Message { from: to, message }));
            }
        }
        Ok(())
    }

    fn shuffled(&self, period: u64) -> Vec<NodeId> {
        let mut rng = self.order.derive_number("period", period).rng();
        let mut keyed: Vec<_> = self.names.iter().map(|&name| (rng.next_u64(), name)).collect();
        keyed.sort_unstable();
        keyed.into_iter().map(|(_, name)| name).collect()
    }

    /// Follows views both ways from the first node.
    fn connected(&self, period: u64) -> Result<(), Violation> {
        let mut links: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for (&name, node) in &self.nodes {
            for peer in node.view() {
                links.entry(name).or_default().push(peer);
                links.entry(peer).or_default().push(name);
            }
        }
        let mut reached = BTreeSet::new();
        let mut open: Vec<NodeId> = self.names.iter().take(1).copied().collect();
        while let Some(name) = open.pop() {
            if reached.insert(name) {
                open.extend(links.get(&name).into_iter().flatten());
            }
        }
        match reached.len() {
            NODES => Ok(()),
            reached => Err(Violation::Disconnected { reached, nodes: NODES, period }),
        }
    }

    /// In a random graph in-degrees are Poisson: the variance is the mean. Twice the deviation is four times that.
    fn even(&self) -> Result<(), Violation> {
        let mut degrees: BTreeMap<NodeId, u64> = self.names.iter().map(|&name| (name, 0)).collect();
        for peer in self.nodes.values().flat_map(Sampler::view) {
            if let Some(degree) = degrees.get_mut(&peer) {
                *degree = degree.saturating_add(1);
            }
        }
        let count = NODES as u64;
        let sum: u64 = degrees.values().sum();
        let squares: u64 = degrees.values().map(|degree| degree.saturating_mul(*degree)).sum();
        let (mean, least) = (sum / count, degrees.values().copied().min().unwrap_or(0));
        // n·Σd² − (Σd)² = n²·variance, in integers.
        let scaled = count.saturating_mul(squares).saturating_sub(sum.saturating_mul(sum));
        let variance = scaled / count.saturating_mul(count);
        if least == 0 || scaled > sum.saturating_mul(count).saturating_mul(4) {
            return Err(Violation::Uneven { variance, mean, least });
        }
        Ok(())
    }
}

/// Laws 1 to 3.
fn laws_of_view<S: Sampler>(node: NodeId, sampler: &S) -> Result<(), Violation> {
    let view = sampler.view();
    let different: BTreeSet<_> = view.iter().collect();
    let (found, capacity) = (view.len(), sampler.capacity());
    if different.contains(&node) {
        Err(Violation::SelfInView(node))
    } else if different.len() < found {
        Err(Violation::Twice(node))
    } else if found > capacity {
        Err(Violation::Bound { node, found, capacity })
    } else {
        Ok(())
    }
}
