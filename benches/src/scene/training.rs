//! A long training, proved a segment at a time.

use crate::Failure;
use bitneuron::core::exact::programs::step::{Training, sgd};
use bitneuron::core::exact::programs::{Mlp, Net};
use bitneuron::core::exact::{DataRoot, Tensor, compute, data};
use bitneuron::core::{ChainId, Commitment, Context, Digest, Height, NodeId, Seed};
use bitneuron::zk::backend::sumcheck::{Geometry, Sumcheck};
use bitneuron::zk::statements::{Rows, State, batch::UNSTATED, ends, segments};
use bitneuron::zk::{Chain, Library, Prover, Step, StepWitness, Verifier};
use std::sync::Arc;

const BATCH: u32 = 64;
const ROWS: u32 = 1_024;

/// Proves so many steps of 128-56-16 on batches of 64 rows in segments of so many, and checks each: the bytes of all proofs.
///
/// # Errors
/// A segment is not proved, or its proof not believed.
pub fn prove(steps: usize, longest: usize) -> Result<usize, Failure> {
    let context = Context {
        chain: ChainId(Digest([3; 32])),
        height: Height(4),
        by: NodeId([5; 32]),
        subject: Digest([6; 32]),
    };
    // Each segment opens the data.
    let openings = u8::try_from(steps.div_ceil(longest))?.max(2);
    let geometry = Geometry { openings, ..Geometry::MEDIUM };
    let backend = Sumcheck::new(geometry, Arc::new(Library::new()))?;
    let net = Net::from(&Mlp::new(&[128, 56, 16])?);
    let training = Training { steps: 1, batch: BATCH, rate_shift: 2, ..Training::default() };
    let step = sgd(net.clone(), ROWS, training)?;
    let features = (0..i64::from(ROWS) * 128).map(|at| at * 7_919 % 513 - 256).collect();
    let rows = Arc::new(Rows {
        features: Tensor::new(&[ROWS, 128], features)?,
        targets: Tensor::vector((0..i64::from(ROWS)).map(|row| row * 31 % 16).collect()),
    });
    let commit = |tensors: &[&Tensor], entropy: usize| -> Result<Vec<Commitment>, Failure> {
        Ok(backend.commit(tensors, &context, Seed::from_number(entropy as u64))?)
    };
    let made = commit(&[&rows.features, &rows.targets], 0)?;
    let root = DataRoot { rows: ROWS, columns: 128, features: made[0], labels: made[1] };
    let mut model = Mlp::new(&[128, 56, 16])?.init(Seed::from_number(1)).tensor();
    let mut before = State { model: commit(&[&model], 1)?[0], velocity: None };
    let mut link = |number: usize| -> Result<(Step, StepWitness), Failure> {
        let batch_seed = Digest::of("figures batch", &number.to_le_bytes());
        let drawn = Tensor::vector(data::draw(batch_seed, ROWS, BATCH as usize));
        let inputs = [model.clone(), rows.features.clone(), rows.targets.clone(), drawn];
        let next = compute(&step, &inputs)?.remove(0);
        let meets = (number + 1).is_multiple_of(longest) || number + 1 == steps;
        let state = if meets { commit(&[&next], 2 + number)?[0] } else { UNSTATED };
        let after = State { model: state, velocity: None };
        let public = Step { net: net.clone(), training, data: root, batch_seed, before, after };
        before = after;
        let witness =
            StepWitness { before: std::mem::replace(&mut model, next), velocity: None, data: rows.clone() };
        Ok((public, witness))
    };
    let mut failed = None;
    let links = (0..steps).map_while(|number| link(number).map_err(|failure| failed = Some(failure)).ok());
    let (mut publics, mut bytes) = (Vec::new(), 0);
    for (public, witness) in segments::<Step>(links, longest) {
        let seed = Seed::from_number(1_000 + publics.len() as u64);
        let proof = Prover::<Chain<Step>>::prove(&backend, &context, &public, &witness, seed)?;
        Verifier::<Chain<Step>>::verify(&backend, &context, &public, &proof)?;
        bytes += proof.body.len();
        publics.push(public);
    }
    ends::<Step>(&publics)?;
    failed.map_or(Ok(bytes), Err)
}
