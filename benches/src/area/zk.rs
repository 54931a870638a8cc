//! Proofs: what optimistic proofs cost beside the run they are about. The other rows wait for the sumcheck backend.

use super::attempt;
use crate::cost::{RUNS, cpu_of, median};
use crate::{Failure, reading::Reading, scene::wide};
use bitneuron::core::{Digest, exact::execute};
use bitneuron::zk::backend::optimistic::{Optimistic, Trace, odds};
use std::hint::black_box;

pub(super) fn measure() -> Vec<Reading> {
    attempt("optimistic_overhead_512", || {
        let job = wide::steps()?;
        let run = execute(&job.program, &job.inputs)?;
        let plan = wide::plan(&job, &run.outputs())?;
        let (units, audited) = (plan.outline.units().len(), Optimistic::default().policy().audited);
        let (mut runs, mut commits, mut audits) = (Vec::new(), Vec::new(), Vec::new());
        for sample in 0..RUNS {
            let (again, seconds) = cpu_of(|| execute(&job.program, &job.inputs));
            runs.push(seconds);
            let again = again?;
            let inputs = job.inputs.clone();
            let (trace, seconds) = cpu_of(|| Trace::commit(&plan, inputs, &again));
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
            "two steps of 512-512-512 on batches of 512: run {:.0} ms, commit {:.1} ms, open and check {audited} of {units} \
             units {:.0} ms",
            run * 1e3,
            commit * 1e3,
            audit * 1e3
        );
        Ok(vec![Reading::row("optimistic_overhead_512", (commit + audit) / run).note(note)])
    })
}
