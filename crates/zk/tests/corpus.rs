//! The corpus says what it promises, and replay agrees with it on every example.

use bitneuron_core::exact::relation::RelationError;
use bitneuron_core::exact::{Binding, Op, Program, Relation, Tensor};
use bitneuron_core::{ChainId, Context, Digest, Height, NodeId, Seed, Wire};
use bitneuron_zk::suite::{Example, corpus, lies};
use bitneuron_zk::{Computation, Prover, Replay, Statement, StatementError, Verifier, liar, recomputes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Any relation at all, as a statement.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Any {
    program: Program,
    inputs: Vec<Bound>,
    outputs: Vec<Bound>,
}

/// A binding with bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Bound {
    Known(Tensor),
    Hidden(bitneuron_core::Commitment),
}

impl Wire for Any {
    const LIMIT: usize = 1 << 24;
}

impl From<&Relation> for Any {
    fn from(relation: &Relation) -> Self {
        let bound = |binding: &Binding| match binding {
            Binding::Public(tensor) => Bound::Known(tensor.clone()),
            Binding::Committed(commitment) => Bound::Hidden(*commitment),
        };
        Self {
            program: relation.program.clone(),
            inputs: relation.inputs.iter().map(bound).collect(),
            outputs: relation.outputs.iter().map(bound).collect(),
        }
    }
}

impl Statement for Any {
    const DOMAIN: &'static str = "corpus relation v1";
    type Public = Self;
    type Witness = Vec<Tensor>;

    fn holds(public: &Self, witness: &Vec<Tensor>) -> bool {
        recomputes::<Self>(public, witness)
    }
}

impl Computation for Any {
    fn relation(public: &Self) -> Result<Relation, StatementError> {
        let bound = |bound: &Bound| match bound {
            Bound::Known(tensor) => Binding::Public(tensor.clone()),
            Bound::Hidden(commitment) => Binding::Committed(*commitment),
        };
        Ok(Relation {
            program: public.program.clone(),
            inputs: public.inputs.iter().map(bound).collect(),
            outputs: public.outputs.iter().map(bound).collect(),
        })
    }

    fn witness(witness: &Vec<Tensor>) -> Vec<&Tensor> {
        witness.iter().collect()
    }
}

fn context() -> Context {
    Context { chain: ChainId::default(), height: Height(1), by: NodeId([1; 32]), subject: Digest([2; 32]) }
}

#[test]
fn replay_accepts_the_truth_and_refuses_every_lie() {
    let replay = Replay::default();
    let (mut truths, mut refused) = (0, 0);
    for example in corpus() {
        let public = Any::from(&example.relation);
        let proof =
            Prover::<Any>::prove(&replay, &context(), &public, &example.witness, Seed::from_number(1))
                .unwrap_or_else(|error| panic!("{}: {error}", example.name));
        Verifier::<Any>::verify(&replay, &context(), &public, &proof).expect(example.name);
        truths += 1;
        for (lie, relation, witness) in lies(&example) {
            let public = Any::from(&relation);
            let name = format!("{}: {lie}", example.name);
            let proved = Prover::<Any>::prove(&replay, &context(), &public, &witness, Seed::from_number(1));
            assert!(proved.is_err(), "proved: {name}");
            let forged = liar::forge::<Any>(&context(), &public, &witness.iter().collect::<Vec<_>>());
            let verdict = Verifier::<Any>::verify(&replay, &context(), &public, &forged);
            assert!(verdict.is_err(), "accepted: {name}");
            refused += 1;
        }
    }
    println!("{truths} truths accepted, {refused} lies refused");
}

/// The place of an operation among all operations; a new one does not compile until it has its place here.
fn kind(op: &Op) -> usize {
    match op {
        Op::Constant(_) => 0,
        Op::Einsum { .. } => 1,
        Op::Add(..) => 2,
        Op::Sub(..) => 3,
        Op::Scale { .. } => 4,
        Op::Rescale { .. } => 5,
        Op::Relu(_) => 6,
        Op::Mask { .. } => 7,
        Op::Clamp { .. } => 8,
        Op::Lookup { .. } => 9,
        Op::Sum { .. } => 10,
        Op::Compare { .. } => 11,
        Op::Argmax(_) => 12,
        Op::RowMax(_) => 13,
        Op::Gather { .. } => 14,
        Op::Divide { .. } => 15,
        Op::Order(_) => 16,
        Op::Slice { .. } => 17,
        Op::Concat(_) => 18,
        Op::Reshape { .. } => 19,
    }
}

#[test]
fn every_operation_stands_alone_somewhere() {
    let alone = |example: &Example| match example.relation.program.nodes() {
        [node] => Some(kind(&node.op)),
        nodes if nodes.len() == 2 => {
            nodes.iter().map(|node| kind(&node.op)).find(|kind| [0, 9].contains(kind))
        }
        _ => None,
    };
    let found: BTreeSet<usize> = corpus().iter().filter_map(alone).collect();
    assert_eq!(found, (0..20).collect());
}

#[test]
fn every_example_is_lied_about_in_every_way() {
    let mut names = BTreeSet::new();
    let mut inner = 0;
    for example in corpus() {
        assert!(names.insert(example.name), "{} twice", example.name);
        let lies = lies(&example);
        let refusals: Vec<RelationError> =
            lies.iter().filter_map(|(_, relation, witness)| relation.holds(witness.clone()).err()).collect();
        assert_eq!(refusals.len(), lies.len());
        let count =
            |wanted: fn(&RelationError) -> bool| refusals.iter().filter(|found| wanted(found)).count();
        let silent = example.relation.outputs.is_empty();
        assert!(silent || count(|error| matches!(error, RelationError::Output(_))) > 0, "{}", example.name);
        assert!(count(|error| matches!(error, RelationError::Input(_))) > 0, "{}", example.name);
        assert!(count(|error| matches!(error, RelationError::Execute(_))) > 0, "{}", example.name);
        inner += lies.iter().filter(|(lie, ..)| lie.ends_with("breaks a declaration")).count();
        // An input that changes no output at all is told only where nothing depends on it.
        let told = lies.iter().filter(|(lie, ..)| lie.starts_with("input") && lie.contains(" is ")).count();
        assert!(told >= example.relation.inputs.len(), "{}: {told}", example.name);
    }
    assert!(inner > 0, "no declaration inside a program was broken");
}

#[test]
fn the_corpus_is_the_same_at_every_call() {
    let digests = || corpus().iter().map(|example| example.relation.digest()).collect::<Vec<_>>();
    assert_eq!(digests(), digests());
}
