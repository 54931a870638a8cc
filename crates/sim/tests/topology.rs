//! Topologies: each is what its name says, in one piece or otherwise, the same for a seed, and fast for many nodes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::Seed;
use bitneuron_sim::lab::{Graph, Topology};
use proptest::prelude::*;

fn graph(text: &str, nodes: u32) -> Graph {
    text.parse::<Topology>().unwrap().graph(nodes, Seed::from_number(3))
}

fn degrees(graph: &Graph) -> Vec<u32> {
    (0..graph.nodes()).map(|node| graph.degree(node)).collect()
}

fn neighbours(graph: &Graph, node: u32) -> Vec<u32> {
    graph.neighbours(node).collect()
}

#[test]
fn the_regular_ones() {
    let ring = graph("ring", 6);
    assert_eq!((neighbours(&ring, 0), neighbours(&ring, 3)), (vec![1, 5], vec![2, 4]));
    let torus = graph("torus", 12); // 3 × 4
    assert_eq!(neighbours(&torus, 0), [1, 3, 4, 8]);
    assert_eq!(neighbours(&torus, 5), [1, 4, 6, 9]);
    let exponential = graph("exponential", 16);
    assert_eq!(neighbours(&exponential, 0), [1, 2, 4, 8, 12, 14, 15]);
    let star = graph("star", 5);
    assert_eq!((neighbours(&star, 0), neighbours(&star, 4)), (vec![1, 2, 3, 4], vec![0]));
    let complete = graph("complete", 4);
    assert_eq!((neighbours(&complete, 0), neighbours(&complete, 2)), (vec![1, 2, 3], vec![0, 1, 3]));
    assert_eq!((complete.edges(), complete.neighbour(2, 3), complete.degree(4)), (6, None, 0));
    let dumbbell = graph("dumbbell", 8);
    assert_eq!((neighbours(&dumbbell, 0), neighbours(&dumbbell, 3)), (vec![1, 2, 3], vec![0, 1, 2, 4]));
    assert_eq!(dumbbell.edges(), 6 + 6 + 1);
    for graph in [ring, torus, exponential, star, complete, dumbbell] {
        assert_eq!(graph.components(), 1);
    }
}

#[test]
fn random_regular_graphs_are_regular_and_differ_by_seed() {
    for (nodes, degree) in [(100, 20), (50, 3), (1000, 4), (21, 12), (30, 25), (7, 4), (64, 31)] {
        let graph = Topology::RandomRegular(degree).graph(nodes, Seed::from_number(1));
        assert!(
            degrees(&graph).iter().all(|found| *found == degree),
            "{nodes} of {degree}: {:?}",
            degrees(&graph)
        );
        assert_eq!(graph.components(), 1, "{nodes} of {degree}");
        assert_eq!(graph, Topology::RandomRegular(degree).graph(nodes, Seed::from_number(1)));
        assert_ne!(graph, Topology::RandomRegular(degree).graph(nodes, Seed::from_number(2)));
    }
    // Odd times odd cannot be; one more can.
    assert!(degrees(&Topology::RandomRegular(3).graph(7, Seed::default())).iter().all(|found| *found == 4));
    // More than there are: all.
    assert_eq!(Topology::RandomRegular(20).graph(4, Seed::default()), Graph::complete(4));
}

#[test]
fn chance_keeps_its_promises() {
    let sparse = graph("erdos-renyi:p=0.01", 2_000);
    // 1,999,000 pairs.
    assert!(sparse.edges().abs_diff(19_990) < 500, "{}", sparse.edges());
    assert_eq!(graph("erdos-renyi:p=0", 50).edges(), 0);
    assert_eq!(graph("erdos-renyi:p=0", 50).components(), 50);
    assert_eq!(graph("erdos-renyi:p=1", 50).edges(), 1_225);
    // Below ln n / n pieces fall off, and it is said.
    assert!(graph("erdos-renyi:p=0.001", 1_000).components() > 100);

    let lattice = graph("small-world:k=6,p=0", 1_000);
    assert_eq!(neighbours(&lattice, 500), [497, 498, 499, 501, 502, 503]);
    let small = graph("small-world:k=6,p=0.1", 1_000);
    assert_eq!((small.edges(), small.components()), (3_000, 1));
    let moved = (0..1_000).flat_map(|node| small.neighbours(node).map(move |other| (node, other)));
    let far = moved.filter(|(a, b)| (4..997).contains(&a.abs_diff(*b))).count() / 2;
    assert!(far.abs_diff(300) < 60, "{far}");
}

#[test]
fn a_hundred_thousand_nodes_are_joined_at_once() {
    for text in ["regular:20", "small-world:k=20,p=0.1", "erdos-renyi:p=0.0002", "exponential", "torus"] {
        let graph = graph(text, 100_000);
        assert!(graph.edges() >= 200_000, "{text}: {}", graph.edges());
    }
    assert_eq!(graph("complete", 100_000).edges(), 4_999_950_000);
}

#[test]
fn metropolis_weights_are_at_most_one_together() {
    let graph = graph("erdos-renyi:p=0.1", 100);
    for node in 0..100 {
        let sum: f64 = graph.neighbours(node).map(|other| graph.weight(node, other)).sum();
        assert!(sum < 1.0, "{node}: {sum}");
        assert!(
            graph
                .neighbours(node)
                .all(|other| graph.weight(node, other).to_bits() == graph.weight(other, node).to_bits())
        );
    }
}

#[test]
fn text_and_back() {
    let texts = [
        "ring",
        "torus",
        "regular:20",
        "small-world:k=6,p=0.1",
        "erdos-renyi:p=0.25",
        "exponential",
        "dumbbell",
        "complete",
        "star",
    ];
    for text in texts {
        assert_eq!(text.parse::<Topology>().unwrap().to_string(), text);
    }
    for text in
        ["", "cube", "regular", "regular:0", "regular:-1", "small-world:k=6", "erdos-renyi:p=1.5", "ring:2"]
    {
        let told = text.parse::<Topology>().unwrap_err().to_string();
        assert!(told.contains("regular:20"), "{told}");
    }
}

proptest! {
    /// Any shape of any size is a graph: mutual, without loops or repetitions, in order.
    #[test]
    fn every_graph_is_one(nodes in 0_u32..60, degree in 1_u32..60, p in 0.0..=1.0_f64, shape in 0..9) {
        let topology = match shape {
            0 => Topology::Ring,
            1 => Topology::Torus,
            2 => Topology::RandomRegular(degree),
            3 => Topology::SmallWorld { k: degree, p },
            4 => Topology::ErdosRenyi { p },
            5 => Topology::Exponential,
            6 => Topology::Dumbbell,
            7 => Topology::Complete,
            _ => Topology::Star,
        };
        let graph = topology.graph(nodes, Seed::from_number(u64::from(degree)));
        prop_assert_eq!(graph.nodes(), nodes);
        let mut ends = 0;
        for node in 0..nodes {
            let known = neighbours(&graph, node);
            prop_assert!(known.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", known);
            prop_assert!(known.iter().all(|other| *other != node && *other < nodes));
            prop_assert!(known.iter().all(|other| neighbours(&graph, *other).contains(&node)));
            prop_assert_eq!(known.len(), graph.degree(node) as usize);
            ends += known.len();
        }
        prop_assert_eq!(ends as u64, 2 * graph.edges());
        prop_assert!(graph.components() <= nodes);
    }
}
