//! Who talks to whom.

use crate::{Address, Stream, unread::Unread};
use bitneuron_core::Seed;
use std::collections::BTreeSet;

/// The neighbours of each node in a graph of this name.
///
/// # Errors
/// No graph is written like that; the error says what would do.
pub(crate) fn graph(text: &str, nodes: u32, seed: Seed) -> Result<Vec<Vec<Address>>, Unread> {
    let unread = || Unread {
        text: text.chars().take(80).collect(),
        expected: "`complete`, `ring`, or `regular:DEGREE` with fewer neighbours than nodes and an even number of ends would do",
    };
    match text.split_once(':') {
        None if text == "complete" => {
            Ok((0..nodes).map(|node| (0..nodes).filter(|peer| *peer != node).collect()).collect())
        }
        None if text == "ring" => regular(2.min(nodes.saturating_sub(1)), nodes, seed).ok_or_else(unread),
        Some(("regular", degree)) => {
            let degree = degree.parse().map_err(|_| unread())?;
            regular(degree, nodes, seed).ok_or_else(unread)
        }
        _ => Err(unread()),
    }
}

/// A random regular graph: a circulant whose edges are switched ten times over (Rao, Jana and Bandyopadhyay 1996).
fn regular(degree: u32, nodes: u32, seed: Seed) -> Option<Vec<Vec<Address>>> {
    if degree >= nodes.max(1) || !(u64::from(degree) * u64::from(nodes)).is_multiple_of(2) {
        return None;
    }
    let mut edges = Vec::new();
    for node in 0..nodes {
        edges.extend((1..=degree / 2).map(|step| (node, (node + step) % nodes)));
        if degree % 2 == 1 && node < nodes / 2 {
            edges.push((node, node + nodes / 2));
        }
    }
    let key = |(a, b): (Address, Address)| (a.min(b), a.max(b));
    let mut there: BTreeSet<(Address, Address)> = edges.iter().copied().map(key).collect();
    let mut stream = Stream::new(&seed, "graph", 0);
    for _ in 0..10 * edges.len() {
        let drawn = |stream: &mut Stream| stream.below(edges.len() as u64) as usize;
        let (first, second) = (drawn(&mut stream), drawn(&mut stream));
        let (Some(&(a, b)), Some(&(c, d))) = (edges.get(first), edges.get(second)) else { continue };
        let fresh = [(a, d), (c, b)];
        let sound = a != d && c != b && fresh.iter().all(|edge| !there.contains(&key(*edge)));
        if sound && key((a, d)) != key((c, b)) {
            there.remove(&key((a, b)));
            there.remove(&key((c, d)));
            there.extend(fresh.map(key));
            edges[first] = (a, d);
            edges[second] = (c, b);
        }
    }
    let mut neighbours = vec![Vec::new(); nodes as usize];
    for (a, b) in there {
        neighbours[a as usize].push(b);
        neighbours[b as usize].push(a);
    }
    neighbours.iter_mut().for_each(|list| list.sort_unstable());
    Some(neighbours)
}
