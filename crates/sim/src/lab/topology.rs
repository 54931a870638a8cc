//! Shapes of networks, by name: who is whose neighbour.
//!
//! | text | neighbours | connected |
//! |---|---|---|
//! | `ring` | the two beside one | yes |
//! | `torus` | four on a grid whose borders meet, as square as the number of nodes allows | yes |
//! | `regular:D` | `D` each, drawn at random | from 3 on, nearly always |
//! | `small-world:k=K,p=P` | `K` on a ring, each edge moved at random with probability `P` (Watts and Strogatz 1998) | nearly always |
//! | `erdos-renyi:p=P` | each pair with probability `P` (Gilbert 1959) | not below `P ≈ ln n / n` |
//! | `exponential` | those 1, 2, 4, … places away on a ring (Assran et al. 2019), either way | yes |
//! | `dumbbell` | two complete halves and one edge between them | yes |
//! | `complete` | everybody | yes |
//! | `star` | node 0 and all others | yes |
//!
//! Whether a graph is connected is counted, not believed: [`Graph::components`]. Building takes time and memory in proportion to
//! the edges; the complete graph takes none. The same seed gives the same graph.

use super::graph::Graph;
use crate::{Address, Stream, distribution, unread::Unread};
use bitneuron_core::Seed;
use rand::seq::SliceRandom as _;
use std::fmt;
use std::str::FromStr;

/// A shape of networks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Topology {
    /// A circle.
    Ring,
    /// A grid whose borders meet.
    Torus,
    /// So many neighbours each, at random. All others where there are fewer; one more where the numbers are both odd.
    RandomRegular(u32),
    /// A ring with shortcuts.
    SmallWorld {
        /// Neighbours on the ring, rounded up to an even number.
        k: u32,
        /// How likely an edge is moved, 0 to 1.
        p: f64,
    },
    /// Each pair by chance.
    ErdosRenyi {
        /// How likely, 0 to 1.
        p: f64,
    },
    /// Doubling distances.
    Exponential,
    /// Two halves and a bridge.
    Dumbbell,
    /// Everybody knows everybody.
    Complete,
    /// One in the middle.
    Star,
}

impl Topology {
    /// The graph of so many nodes.
    pub fn graph(self, nodes: u32, seed: Seed) -> Graph {
        let mut stream = Stream::new(&seed, "topology", u64::from(nodes));
        match self {
            Self::Complete => Graph::complete(nodes),
            Self::Ring => ring(nodes, 1),
            Self::Torus => torus(nodes),
            Self::Exponential => {
                let steps = || (0..32).map(|bit| 1u32 << bit).take_while(|step| *step < nodes);
                Graph::of(
                    nodes,
                    (0..nodes).flat_map(|node| steps().map(move |step| (node, around(node, step, nodes)))),
                )
            }
            Self::Star => Graph::of(nodes, (1..nodes).map(|node| (0, node))),
            Self::Dumbbell => {
                let half = nodes / 2;
                let pairs =
                    |from: Address, to: Address| (from..to).flat_map(move |a| (from..a).map(move |b| (a, b)));
                let bridge = half.checked_sub(1).map(|last| (last, half));
                Graph::of(nodes, pairs(0, half).chain(pairs(half, nodes)).chain(bridge))
            }
            Self::RandomRegular(degree) => regular(nodes, degree, &mut stream),
            Self::SmallWorld { k, p } => small_world(nodes, k, p, &mut stream),
            Self::ErdosRenyi { p } => erdos_renyi(nodes, p, &mut stream),
        }
    }
}

/// So many places further on a ring of `nodes`.
const fn around(node: Address, step: u32, nodes: u32) -> Address {
    ((node as u64 + step as u64) % nodes as u64) as Address
}

/// A ring on which everybody knows `reach` nodes to either side.
fn ring(nodes: u32, reach: u32) -> Graph {
    let reach = reach.min(nodes / 2);
    Graph::of(
        nodes,
        (0..nodes).flat_map(|node| (1..=reach).map(move |step| (node, around(node, step, nodes)))),
    )
}

fn torus(nodes: u32) -> Graph {
    let height = (1..=nodes.isqrt()).rev().find(|side| nodes.is_multiple_of(*side)).unwrap_or(1);
    let width = nodes / height;
    let right = |node: Address| node / width * width + (node % width + 1) % width;
    Graph::of(nodes, (0..nodes).flat_map(|node| [(node, right(node)), (node, around(node, width, nodes))]))
}

/// Pairs of the two ends of edges; the first is anywhere, the other one of its node's.
struct Ends {
    edges: Vec<(Address, Address)>,
    /// `degree` slots for each node, filled from the left.
    known: Vec<Address>,
    filled: Vec<u32>,
    degree: usize,
}

impl Ends {
    fn of(&self, node: Address) -> &[Address] {
        let start = node as usize * self.degree;
        &self.known[start..start + self.filled[node as usize] as usize]
    }

    fn may(&self, a: Address, b: Address) -> bool {
        a != b && !self.of(a).contains(&b)
    }

    fn add(&mut self, a: Address, b: Address) {
        self.edges.push((a, b));
        for (node, other) in [(a, b), (b, a)] {
            let filled = &mut self.filled[node as usize];
            self.known[node as usize * self.degree + *filled as usize] = other;
            *filled += 1;
        }
    }

    fn remove(&mut self, edge: usize) -> (Address, Address) {
        let (a, b) = self.edges.swap_remove(edge);
        for (node, other) in [(a, b), (b, a)] {
            let start = node as usize * self.degree;
            let filled = &mut self.filled[node as usize];
            *filled -= 1;
            let last = start + *filled as usize;
            if let Some(place) = (start..=last).find(|place| self.known[*place] == other) {
                self.known.swap(place, last);
            }
        }
        (a, b)
    }
}

/// The pairing model (Bollobás 1980): every node holds `degree` ends, which are joined at random. A pair that would be a loop
/// or a repetition is mended by a switch with a random edge. Dense graphs are the complements of sparse ones.
fn regular(nodes: u32, degree: u32, stream: &mut Stream) -> Graph {
    let most = nodes.saturating_sub(1);
    let degree = degree + (degree & nodes & 1);
    if degree >= most {
        return Graph::complete(nodes);
    }
    if degree > most / 2 {
        let sparse = regular(nodes, most - degree, stream);
        let missing = |a: Address| {
            let held: Vec<Address> = sparse.neighbours(a).collect();
            (a + 1..nodes).filter(move |b| held.binary_search(b).is_err()).map(move |b| (a, b))
        };
        return Graph::of(nodes, (0..nodes).flat_map(missing));
    }
    let slots = nodes as usize * degree as usize;
    let mut ends: Vec<Address> =
        (0..nodes).flat_map(|node| std::iter::repeat_n(node, degree as usize)).collect();
    ends.shuffle(stream);
    let mut made = Ends {
        edges: Vec::with_capacity(slots / 2),
        known: vec![0; slots],
        filled: vec![0; nodes as usize],
        degree: degree as usize,
    };
    let mut bad = Vec::new();
    for pair in ends.chunks_exact(2) {
        if made.may(pair[0], pair[1]) { made.add(pair[0], pair[1]) } else { bad.push((pair[0], pair[1])) }
    }
    for (a, b) in bad {
        // An edge (c, d) becomes (a, c) and (b, d). One that fits is found at once, unless the graph is tiny.
        for _ in 0..100_000 {
            if made.edges.is_empty() {
                break;
            }
            let (c, d) = made.remove(stream.below(made.edges.len() as u64) as usize);
            let (c, d) = if stream.next() & 1 == 0 { (c, d) } else { (d, c) };
            if made.may(a, c) && made.may(b, d) && (a, c) != (d, b) {
                made.add(a, c);
                made.add(b, d);
                break;
            }
            made.add(c, d);
        }
    }
    Graph::of(nodes, made.edges)
}

/// A ring of `k` neighbours each; each edge keeps its first end and gets a random other one with probability `p`.
fn small_world(nodes: u32, k: u32, p: f64, stream: &mut Stream) -> Graph {
    let reach = k.div_ceil(2).min(nodes.saturating_sub(1) / 2);
    let mut known: Vec<Vec<Address>> = vec![Vec::new(); nodes as usize];
    let join = |known: &mut Vec<Vec<Address>>, a: Address, b: Address| {
        known[a as usize].push(b);
        known[b as usize].push(a);
    };
    for step in 1..=reach {
        (0..nodes).for_each(|node| join(&mut known, node, around(node, step, nodes)));
    }
    for step in 1..=reach {
        for node in 0..nodes {
            if chance(stream) >= p {
                continue;
            }
            let old = around(node, step, nodes);
            let free = (0..64)
                .map(|_| stream.below(u64::from(nodes)) as Address)
                .find(|new| *new != node && !known[node as usize].contains(new));
            if let Some(new) = free {
                known[node as usize].retain(|other| *other != old);
                known[old as usize].retain(|other| *other != node);
                join(&mut known, node, new);
            }
        }
    }
    let edges = (0..).zip(&known).flat_map(|(node, others)| others.iter().map(move |other| (node, *other)));
    Graph::of(nodes, edges)
}

/// Pairs are counted through in order; how many are left out before the next is geometric (Batagelj and Brandes 2005), drawn
/// as an exponential span rounded down.
fn erdos_renyi(nodes: u32, p: f64, stream: &mut Stream) -> Graph {
    if p >= 1.0 {
        return Graph::complete(nodes);
    }
    let pairs = u64::from(nodes) * u64::from(nodes.saturating_sub(1)) / 2;
    // Spans in 2⁻²⁰ of a pair; a p so small that this does not hold leaves no edge.
    let mean = -f64::from(1 << 20) / (-p).ln_1p();
    let mut edges = Vec::new();
    let mut skip =
        || if p > 0.0 { distribution::exponential(stream.next(), mean as u64) >> 20 } else { u64::MAX };
    let mut next = skip();
    while next < pairs {
        // Pair number t of the triangle: (a, b) with a(a − 1)/2 + b = t and b < a.
        let a = (1 + 8 * next).isqrt().div_ceil(2);
        edges.push((a as Address, (next - a * (a - 1) / 2) as Address));
        next = next.saturating_add(1).saturating_add(skip());
    }
    Graph::of(nodes, edges)
}

/// A number from 0 to 1, 1 excluded.
fn chance(stream: &mut Stream) -> f64 {
    (stream.next() >> 11) as f64 / (1u64 << 53) as f64
}

impl FromStr for Topology {
    type Err = Unread;

    fn from_str(text: &str) -> Result<Self, Unread> {
        let probability = |text: &str| text.parse().ok().filter(|p| (0.0..=1.0).contains(p));
        let number = |text: &str| text.parse().ok().filter(|number| *number >= 1);
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let parsed = match (name, rest) {
            ("ring", "") => Some(Self::Ring),
            ("torus", "") => Some(Self::Torus),
            ("exponential", "") => Some(Self::Exponential),
            ("dumbbell", "") => Some(Self::Dumbbell),
            ("complete", "") => Some(Self::Complete),
            ("star", "") => Some(Self::Star),
            ("regular", degree) => number(degree).map(Self::RandomRegular),
            ("small-world", both) => both.split_once(',').and_then(|(k, p)| {
                let k = number(k.trim().strip_prefix("k=")?)?;
                Some(Self::SmallWorld { k, p: probability(p.trim().strip_prefix("p=")?)? })
            }),
            ("erdos-renyi", p) => p.strip_prefix("p=").and_then(probability).map(|p| Self::ErdosRenyi { p }),
            _ => None,
        };
        parsed.ok_or_else(|| Unread {
            text: text.into(),
            expected: "`ring`, `torus`, `regular:20`, `small-world:k=6,p=0.1`, `erdos-renyi:p=0.1`, `exponential`, \
                       `dumbbell`, `complete` or `star`",
        })
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ring => f.write_str("ring"),
            Self::Torus => f.write_str("torus"),
            Self::RandomRegular(degree) => write!(f, "regular:{degree}"),
            Self::SmallWorld { k, p } => write!(f, "small-world:k={k},p={p}"),
            Self::ErdosRenyi { p } => write!(f, "erdos-renyi:p={p}"),
            Self::Exponential => f.write_str("exponential"),
            Self::Dumbbell => f.write_str("dumbbell"),
            Self::Complete => f.write_str("complete"),
            Self::Star => f.write_str("star"),
        }
    }
}
