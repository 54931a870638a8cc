//! Proofs. Rows of sumcheck: CPU seconds of one thread to commit to what comes out, prove and verify, with every range
//! check, binding, chaining and mask on. What optimistic proofs cost is told beside the run they are about.

use super::{Options, attempt, sim};
use crate::cost::{RUNS, cpu_of, median};
use crate::scene::proof::{Cost, Proved, Work};
use crate::{
    Failure, machine, peer,
    reading::Reading,
    scene::{training, wide},
};
use bitneuron::core::{
    Digest, Seed,
    exact::{compute, execute},
};
use bitneuron::role::ProofSystem;
use bitneuron::sim::scenario::Scenario;
use bitneuron::zk::Assumption;
use bitneuron::zk::backend::optimistic::{Optimistic, Trace, odds};
use bitneuron::zk::backend::sumcheck::{Geometry, mutant};
use std::hint::black_box;

pub(super) fn measure(options: Options) -> Vec<Reading> {
    let mut readings = attempt("sgd_step_prove", step);
    let one =
        readings.iter().find(|reading| reading.name == "sgd_step_prove").and_then(|reading| reading.value);
    let bytes =
        readings.iter().find(|reading| reading.name == "sgd_step_proof").and_then(|reading| reading.value);
    readings.extend(attempt("sgd_step_vs_ezkl_inference", || against_ezkl(one, options)));
    readings.extend(attempt("inference_784_64_10_b1_prove", inferences));
    readings.extend(attempt("step_35k_b64_prove", || {
        let cost = typical(&Work::steps(&[256, 128, 16], 64, 1, Geometry::MEDIUM)?, RUNS)?;
        Ok(vec![Reading::row("step_35k_b64_prove", cost.prove).note(about("256-128-16", cost))])
    }));
    readings.extend(attempt("step_1m_b64_prove", million));
    readings.extend(attempt("merge_16x35k_prove", || {
        let cost = typical(&Work::merge(35_088, 16, Geometry::MEDIUM)?, RUNS)?;
        Ok(vec![Reading::row("merge_16x35k_prove", cost.prove).note(about("17 groups", cost))])
    }));
    readings.extend(attempt("norm_bound_35k_prove", || {
        let cost = typical(&Work::norm(35_088, Geometry::MEDIUM)?, RUNS)?;
        Ok(vec![Reading::row("norm_bound_35k_prove", cost.prove).note(about("both models hidden", cost))])
    }));
    readings.extend(attempt("steps_16_proof_ratio", || {
        let one = bytes.ok_or("the proof of one step is not known")?;
        let cost = typical(
            &Work::steps(&[64, 32, 10], 32, 16, Geometry { rows: 13, rate: 4, ..Geometry::SMALL })?,
            3,
        )?;
        let note = format!("prove {:.2} s, {}", cost.prove, about("16 steps, rate 1/16", cost));
        Ok(vec![Reading::row("steps_16_proof_ratio", cost.bytes / 1e3 / one).note(note)])
    }));
    readings.extend(attempt("steps_64_memory", segments));
    readings.extend(optimistic());
    readings.extend(attempt("mutants_accepted", attacked));
    let scenario = Scenario { prover: ProofSystem::Sumcheck, ..Scenario::default() };
    readings.push(sim::devnet("devnet_sumcheck", &scenario));
    readings
}

/// What a chain four times as long takes, a segment at a time.
fn segments() -> Result<Vec<Reading>, Failure> {
    let told = |name, steps, note: &str| {
        machine::forget_peak();
        let bytes = training::prove(steps, 16)?;
        let peak = machine::peak().ok_or("the kernel does not tell")?;
        let note = format!("128-56-16, batch 64, {note}: peak resident set, {} kB of proofs", bytes / 1_000);
        Ok::<_, Failure>(Reading::extra(name, "GB", peak / 1e9).note(note))
    };
    Ok(vec![
        told("steps_16_memory", 16, "one segment")?,
        told("steps_64_memory", 64, "four segments, one after the other")?,
    ])
}

/// How many of the mutants of a small proof are believed.
fn attacked() -> Result<Vec<Reading>, Failure> {
    const MUTANTS: usize = 100_000;
    let (_, proved) = Work::steps(&[4, 3, 2], 2, 1, Geometry::TINY)?.proved(1)?;
    let Proved { backend, context, relation, proof } = proved;
    let accepted = mutant::mutants(&backend, &relation, &context, &proof, MUTANTS, Seed::from_number(1));
    Ok(vec![
        Reading::row("mutants_accepted", accepted as f64).note(format!("of {MUTANTS}, of a step of 4-3-2")),
    ])
}

/// The medians of several proofs.
fn typical(work: &Work, runs: usize) -> Result<Cost, Failure> {
    work.prove(0)?;
    let costs = (1..=runs as u64).map(|run| work.prove(run)).collect::<Result<Vec<_>, _>>()?;
    Ok(Cost {
        prove: median(costs.iter().map(|cost| cost.prove)),
        verify: median(costs.iter().map(|cost| cost.verify)),
        bytes: median(costs.iter().map(|cost| cost.bytes)),
    })
}

fn about(what: &str, cost: Cost) -> String {
    format!("{what}: verify {:.1} ms, {:.0} kB", cost.verify * 1e3, cost.bytes / 1e3)
}

fn step() -> Result<Vec<Reading>, Failure> {
    let work = Work::steps(&[64, 32, 10], 32, 1, Geometry::SMALL)?;
    let cost = typical(&work, 4 * RUNS)?;
    let (_, proved) = work.proved(0)?;
    let guarantees = proved.backend.guaranteed(&proved.relation);
    let proven = guarantees.soundness.under == Assumption::Proven;
    let note = format!("{:?}, {:?}", guarantees.soundness.under, guarantees.zero_knowledge);
    Ok(vec![
        Reading::row("sgd_step_prove", cost.prove),
        Reading::row("sgd_step_verify", cost.verify * 1e3),
        Reading::row("sgd_step_proof", cost.bytes / 1e3),
        Reading::row("sgd_step_soundness", if proven { f64::from(guarantees.soundness.bits) } else { 0.0 })
            .note(note),
    ])
}

fn against_ezkl(ours: Option<f64>, options: Options) -> Result<Vec<Reading>, Failure> {
    if !options.peers {
        return Err("needs --peers".into());
    }
    let ours = ours.ok_or("ours is not known")?;
    let theirs = peer::ezkl::inference()?;
    let note = format!(
        "{}, median of {} runs: prove {:.1} s, verify {:.0} ms, {:.1} kB, keys {:.1} s",
        theirs.name,
        theirs.runs,
        theirs.prove,
        theirs.verify * 1e3,
        theirs.proof / 1e3,
        theirs.setup
    );
    Ok(vec![Reading::row("sgd_step_vs_ezkl_inference", theirs.prove / ours).note(note)])
}

fn inferences() -> Result<Vec<Reading>, Failure> {
    let geometry = Geometry { rows: 12, ..Geometry::SMALL };
    let [one, many] = [1, 32].map(|rows| typical(&Work::inference(&[784, 64, 10], rows, geometry)?, RUNS));
    let (one, many) = (one?, many?);
    Ok(vec![
        Reading::row("inference_784_64_10_b1_prove", one.prove).note(about("batch 1", one)),
        Reading::row("inference_784_64_10_b32_prove", many.prove).note(about("batch 32", many)),
        Reading::row("inference_784_64_10_verify", one.verify.max(many.verify) * 1e3),
        Reading::row("inference_784_64_10_proof", one.bytes.max(many.bytes) / 1e3),
    ])
}

fn million() -> Result<Vec<Reading>, Failure> {
    let work = Work::steps(&[1024, 960, 32], 64, 1, Geometry::LARGE)?;
    machine::forget_peak();
    let cost = typical(&work, 1)?;
    let peak = machine::peak().ok_or("the kernel does not tell")?;
    Ok(vec![
        Reading::row("step_1m_b64_prove", cost.prove).note(about("1024-960-32", cost)),
        Reading::row("step_1m_b64_memory", peak / 1e9).note("peak resident set of the process"),
        Reading::row("step_1m_b64_verify", cost.verify * 1e3),
    ])
}

fn optimistic() -> Vec<Reading> {
    attempt("optimistic_overhead_512", || {
        let job = wide::steps()?;
        let run = execute(&job.program, &job.inputs)?;
        let plan = wide::plan(&job, &run.outputs())?;
        let (units, audited) = (plan.outline.units().len(), Optimistic::default().policy().audited);
        let (mut runs, mut commits, mut audits) = (Vec::new(), Vec::new(), Vec::new());
        for sample in 0..RUNS {
            let (outputs, seconds) = cpu_of(|| compute(&job.program, &job.inputs));
            runs.push(seconds);
            black_box(outputs?);
            let inputs = job.inputs.clone();
            let (trace, seconds) = cpu_of(|| Trace::commit(&plan, inputs, &run));
            commits.push(seconds);
            // The prover opens what the beacon draws and a validator checks it: both count.
            let beacon = Digest::of("figures beacon", &sample.to_le_bytes());
            let root = trace.root();
            let (checked, seconds) = cpu_of(|| -> Result<(), Failure> {
                for unit in odds::audited(Digest::ZERO, root, beacon, units, audited) {
                    let opening = trace.open(&plan, unit).ok_or("no such unit")?;
                    plan.audit(root, unit, &opening, Optimistic::seed(root, beacon))?;
                }
                Ok(())
            });
            checked?;
            audits.push(seconds);
            black_box(trace);
        }
        let (run, commit, audit) = (median(runs), median(commits), median(audits));
        let note = format!(
            "four steps of 512-512-512 on batches of 512: run {:.0} ms, commit {:.1} ms, open and check {audited} of {units} \
             units {:.0} ms",
            run * 1e3,
            commit * 1e3,
            audit * 1e3
        );
        Ok(vec![Reading::row("optimistic_overhead_512", (commit + audit) / run).note(note)])
    })
}
