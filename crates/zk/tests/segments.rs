//! Long chains proved a segment at a time: taken as they come, each proof about its own, and no gap between them.
#![cfg(feature = "sumcheck")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use bitneuron_core::exact::programs::step::{Training, sgd};
use bitneuron_core::exact::programs::{Mlp, Net};
use bitneuron_core::exact::{DataRoot, Tensor, data, execute};
use bitneuron_core::{ChainId, Commitment, Context, Digest, Height, NodeId, Seed};
use bitneuron_zk::backend::sumcheck::{Geometry, Sumcheck};
use bitneuron_zk::statements::{Rows, Segment, Several, State, batch::UNSTATED, ends, segments};
use bitneuron_zk::{Chain, Library, Prover, Replay, Statement, StatementError, Step, StepWitness, Verifier};
use std::cell::Cell;
use std::sync::Arc;

const ROWS: u32 = 8;
const STEPS: usize = 7;
const LONGEST: usize = 3;
/// The data are opened by each proof.
const GEOMETRY: Geometry = Geometry { rows: 10, openings: STEPS as u8, ..Geometry::TINY };

fn context() -> Context {
    Context { chain: ChainId::default(), height: Height(3), by: NodeId([1; 32]), subject: Digest([2; 32]) }
}

/// How a model or the data set is committed.
type Commit<'a> = &'a dyn Fn(&[&Tensor]) -> Vec<Commitment>;

/// Steps of training, one after the other, each computed when it is asked for; counts those that were.
fn training<'a>(
    commit: Commit<'a>,
    taken: &'a Cell<usize>,
) -> impl Iterator<Item = (Step, StepWitness)> + 'a {
    let net = Net::from(&Mlp::new(&[4, 3, 2]).unwrap());
    let training = Training { steps: 1, batch: 4, rate_shift: 1, ..Training::default() };
    let features =
        Tensor::new(&[ROWS, 4], (0..i64::from(ROWS) * 4).map(|at| at * 37 % 256 - 128).collect()).unwrap();
    let targets = Tensor::vector((0..i64::from(ROWS)).map(|row| row % 2).collect());
    let made = commit(&[&features, &targets]);
    let root = DataRoot { rows: ROWS, columns: 4, features: made[0], labels: made[1] };
    let rows = Arc::new(Rows { features, targets });
    let mut model =
        Tensor::vector((0..i64::from(net.parameters())).map(|at| at * 997 % 2_000 - 1_000).collect());
    let mut before = State { model: commit(&[&model])[0], velocity: None };
    (0..STEPS).map(move |number| {
        taken.set(taken.get() + 1);
        let batch_seed = Digest::of("segment batch", &[number as u8]);
        let drawn = Tensor::vector(data::draw(batch_seed, ROWS, 4));
        let inputs = [model.clone(), rows.features.clone(), rows.targets.clone(), drawn];
        let next = execute(&sgd(net.clone(), ROWS, training).unwrap(), &inputs).unwrap().outputs()[0].clone();
        // A state inside a segment is committed nowhere.
        let meets = (number + 1).is_multiple_of(LONGEST) || number + 1 == STEPS;
        let after = State { model: if meets { commit(&[&next])[0] } else { UNSTATED }, velocity: None };
        let public = Step { net: net.clone(), training, data: root, batch_seed, before, after };
        let witness =
            StepWitness { before: std::mem::replace(&mut model, next), velocity: None, data: rows.clone() };
        before = after;
        (public, witness)
    })
}

fn plain(tensors: &[&Tensor]) -> Vec<Commitment> {
    tensors.iter().map(|tensor| tensor.commitment()).collect()
}

fn cut() -> Vec<Segment<Step>> {
    segments::<Step>(training(&plain, &Cell::new(0)), LONGEST).collect()
}

#[test]
fn links_are_taken_as_segments_are_asked_for() {
    let taken = Cell::new(0);
    let mut cut = segments::<Step>(training(&plain, &taken), LONGEST);
    assert_eq!(taken.get(), 0);
    for (length, before) in [(Some(3), 3), (Some(3), 6), (Some(1), 7), (None, 7), (None, 7)] {
        assert_eq!((cut.next().map(|(public, _)| public.parts.len()), taken.get()), (length, before));
    }
}

#[test]
fn any_length_of_segments_leads_between_the_same_ends() {
    let stated = || {
        let taken = Cell::new(0);
        // All states are stated here, so any cut will do.
        let mut links: Vec<_> = training(&plain, &taken).collect();
        for at in 1..links.len() {
            let met = State { model: links[at].1.before.commitment(), velocity: None };
            (links[at - 1].0.after, links[at].0.before) = (met, met);
        }
        links
    };
    let whole = stated();
    let expected = (vec![whole[0].0.before.model], vec![whole[STEPS - 1].0.after.model]);
    for (longest, count) in [(0, 7), (1, 7), (2, 4), (3, 3), (6, 2), (7, 1), (usize::MAX, 1)] {
        let cut: Vec<_> = segments::<Step>(stated(), longest).collect();
        assert_eq!(cut.len(), count);
        assert!(cut.iter().all(|(public, witness)| Chain::<Step>::holds(public, witness)));
        assert_eq!(ends::<Step>(cut.iter().map(|(public, _)| public)).unwrap(), expected);
    }
    assert_eq!(segments::<Step>(Vec::new(), 3).count(), 0);
}

#[test]
fn segments_are_proved_one_after_the_other() {
    let backend = Sumcheck::new(GEOMETRY, Arc::new(Library::new())).unwrap();
    let number = Cell::new(0);
    let commit = |tensors: &[&Tensor]| {
        number.set(number.get() + 1);
        backend.commit(tensors, &context(), Seed::from_number(number.get())).unwrap()
    };
    let taken = Cell::new(0);
    let mut publics = Vec::new();
    for (public, witness) in segments::<Step>(training(&commit, &taken), LONGEST) {
        let seed = Seed::from_number(100 + publics.len() as u64);
        let proof = Prover::<Chain<Step>>::prove(&backend, &context(), &public, &witness, seed).unwrap();
        Verifier::<Chain<Step>>::verify(&backend, &context(), &public, &proof).unwrap();
        let replayed = Prover::<Chain<Step>>::prove(&Replay::default(), &context(), &public, &witness, seed);
        assert!(replayed.is_err(), "commitments of groups are none of the library's");
        publics.push((public, proof));
    }
    // The data, the first model, and one model for each segment.
    assert_eq!(number.get(), 2 + 3);
    ends::<Step>(publics.iter().map(|(public, _)| public)).unwrap();
    // A proof of one segment is none of another.
    let (first, second) = (&publics[0], &publics[1]);
    assert!(Verifier::<Chain<Step>>::verify(&backend, &context(), &first.0, &second.1).is_err());
}

#[test]
fn gaps_between_segments_are_seen() {
    let publics: Vec<Several<Step>> = cut().into_iter().map(|(public, _)| public).collect();
    let refused = |publics: &[Several<Step>]| {
        assert!(matches!(ends::<Step>(publics), Err(StatementError::Malformed(_))));
    };
    assert!(ends::<Step>(&publics).is_ok());
    refused(&[]);
    refused(&[publics[0].clone(), publics[2].clone()]);
    refused(&[publics[1].clone(), publics[0].clone()]);
    refused(&[publics[0].clone(), publics[0].clone()]);
    refused(&[Several { parts: Vec::new() }]);
    // Two segments that both say nothing of where they meet are no chain.
    let mut silent = publics.clone();
    let nothing = State { model: UNSTATED, velocity: None };
    silent[0].parts[LONGEST - 1].after = nothing;
    silent[1].parts[0].before = nothing;
    refused(&silent);
}
