//! Proof files: what is true is believed by whoever reads them, what is none is told apart from what is false.
#![cfg(feature = "sumcheck")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use bitneuron_core::claim::{Holding, Inference, Refused, Score, Turn};
use bitneuron_core::{Seed, Wire};
use bitneuron_zk::backend::sumcheck::{Geometry, Sumcheck};
use bitneuron_zk::suite::{Case, World};
use bitneuron_zk::{
    Backend, FileError, Library, Merkle, Proof, ProofFile, Prover, Replay, Statement, ZeroKnowledge, claim,
};
use std::sync::Arc;

fn world() -> (World, Arc<Library>) {
    let world = World::new(Seed::from_number(5));
    let mut library = Library::new();
    library.insert_data(&world.metric_set);
    (world, Arc::new(library))
}

fn file<S: Statement<Public = S> + Wire>(
    prover: &impl Prover<S>,
    geometry: Option<Geometry>,
    case: &Case<S>,
) -> ProofFile {
    let (world, library) = world();
    let proof = prover.prove(&case.context, &case.public, &case.witness, Seed::from_number(1)).unwrap();
    let claim = claim::<S>(&world.key, case.context, &case.public, &proof);
    ProofFile::new::<S>(claim, geometry.map(Into::into), library).unwrap()
}

/// The small score with its model committed in a group.
fn hidden() -> (Sumcheck, Case<Score>) {
    let (world, library) = world();
    let backend = Sumcheck::new(Geometry::TINY, library).unwrap();
    let mut case = world.score();
    case.public.model =
        backend.commit(&[&case.witness.model], &case.context, Seed::from_number(2)).unwrap()[0];
    (backend, case)
}

#[test]
fn every_standard_statement_travels_in_a_file() {
    let (world, library) = world();
    let replay = Replay::new(library);
    let files = [
        (Turn::DOMAIN, file(&replay, None, &world.turn())),
        (Score::DOMAIN, file(&replay, None, &world.score())),
        (Inference::DOMAIN, file(&replay, None, &world.inference())),
        (Holding::DOMAIN, file(&Merkle, None, &world.holding())),
    ];
    for (domain, file) in files {
        let read = ProofFile::read(&file.write()).unwrap();
        assert_eq!((read.domain(), read.claim(), read.write()), (domain, file.claim(), file.write()));
        assert_eq!(read.check().unwrap().zero_knowledge, ZeroKnowledge::None, "{domain}");
    }
}

#[test]
fn a_proof_that_hides_the_model_travels_in_a_file() {
    let (backend, case) = hidden();
    let file = file(&backend, Some(Geometry::TINY), &case);
    let read = ProofFile::read(&file.write()).unwrap();
    assert_eq!(read.backend(), Backend::SUMCHECK);
    let guarantees = read.check().unwrap();
    assert!(guarantees.soundness.bits >= 100 && guarantees.zero_knowledge > ZeroKnowledge::None);
    // Without the metric set nobody can judge it, and nobody is guilty.
    let alone = ProofFile::new::<Score>(file.claim().clone(), Some(Geometry::TINY.into()), Arc::default());
    assert!(matches!(alone.unwrap().check(), Err(Refused::Unavailable(_))));
}

#[test]
fn a_flipped_byte_is_refused() {
    let (backend, case) = hidden();
    let bytes = file(&backend, Some(Geometry::TINY), &case).write();
    for at in (0..bytes.len()).step_by(bytes.len() / 60) {
        let mut mutant = bytes.clone();
        mutant[at] ^= 1;
        assert!(ProofFile::read(&mutant).is_err() || ProofFile::read(&mutant).unwrap().check().is_err());
    }
    // A signature over a false claim makes it no truer.
    let (world, library) = world();
    let entropy = Seed::from_number(1);
    let proof =
        Prover::<Score>::prove(&backend, &case.context, &case.public, &case.witness, entropy).unwrap();
    let boast = Score { right: case.public.right + 1, ..case.public };
    let claim = claim::<Score>(&world.key, case.context, &boast, &proof);
    let file = ProofFile::new::<Score>(claim, Some(Geometry::TINY.into()), library).unwrap();
    assert!(matches!(file.check(), Err(Refused::False(_) | Refused::Unrelated(_) | Refused::Malformed(_))));
}

#[test]
fn what_is_no_file_is_told_apart() {
    let (world, library) = world();
    let case = world.score();
    let replay = Replay::new(library.clone());
    let honest = file(&replay, None, &case);
    let bytes = honest.write();
    assert_eq!(ProofFile::read(b"").unwrap_err(), FileError::Foreign);
    assert_eq!(ProofFile::read(&bytes[1..]).unwrap_err(), FileError::Foreign);
    assert!(matches!(ProofFile::read(&bytes[..bytes.len() - 1]), Err(FileError::Encoding(_))));
    assert!(matches!(ProofFile::read(&[&bytes[..], &[0]].concat()), Err(FileError::Encoding(_))));
    let another = ProofFile::new::<Turn>(honest.claim().clone(), None, library.clone());
    assert_eq!(another.unwrap_err(), FileError::Domain);
    let sized = ProofFile::new::<Score>(honest.claim().clone(), Some([9, 3, 3, 2]), library);
    assert_eq!(sized.unwrap_err(), FileError::Geometry);
}

#[test]
fn no_sizes_of_groups_bring_the_reader_down() {
    let (world, library) = world();
    let case = world.score();
    let nothing = Proof { backend: Backend::SUMCHECK, body: vec![1].into() };
    let claim = claim::<Score>(&world.key, case.context, &case.public, &nothing);
    let extremes = [0u8, 1, 4, 8, 9, 20, 21, 64, 255];
    for rows in extremes {
        for rate in extremes {
            for mask_rate in extremes {
                for openings in [0u8, 1, 64, 255] {
                    let sizes = Some([rows, rate, mask_rate, openings]);
                    match ProofFile::new::<Score>(claim.clone(), sizes, library.clone()) {
                        Ok(file) => assert!(file.check().is_err()),
                        Err(error) => assert_eq!(error, FileError::Geometry),
                    }
                }
            }
        }
    }
}
