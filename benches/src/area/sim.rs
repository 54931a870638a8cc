//! Sim: the event loop, and the devnet as a whole.

use super::attempt;
use crate::{
    Failure,
    cost::{RUNS, cpu_of, median, median_of, wall},
    reading::Reading,
    scene::chatter,
};
use bitneuron::sim::scenario::Scenario;
use std::time::Duration;

/// Events of one sample, about.
const EVENTS: u64 = 10_000_000;
/// Wall seconds after which a devnet is not run again for a median.
const PATIENCE: f64 = 20.0;

pub(super) fn measure() -> Vec<Reading> {
    let mut readings = attempt("events_per_second_1000_nodes", || {
        Ok(vec![Reading::row("events_per_second_1000_nodes", events_per_second(1_000)?)])
    });
    readings.extend(attempt("events_per_second_10000_nodes", || {
        Ok(vec![Reading::row("events_per_second_10000_nodes", events_per_second(10_000)?)])
    }));
    readings.extend(attempt("events_per_second_100000_nodes", || {
        Ok(vec![Reading::extra("events_per_second_100000_nodes", "M/s", events_per_second(100_000)?)])
    }));
    readings.push(devnet("devnet_run", &Scenario::default()));
    readings
}

/// Millions of events in a CPU second.
fn events_per_second(nodes: usize) -> Result<f64, Failure> {
    let mut world = chatter::world(nodes);
    // A node is concerned by nearly four events a second.
    let span = Duration::from_secs((EVENTS / (4 * nodes as u64)).max(1));
    median_of(|| {
        let before = world.tally().events;
        let ((), seconds) = cpu_of(|| world.run_for(span));
        Ok((world.tally().events - before) as f64 / seconds / 1e6)
    })
}

/// Wall seconds of a devnet with as many threads as it wants.
pub(super) fn devnet(row: &'static str, scenario: &Scenario) -> Reading {
    timed(row, scenario).unwrap_or_else(|why| Reading::missing(row, why.to_string()))
}

fn timed(row: &'static str, scenario: &Scenario) -> Result<Reading, Failure> {
    let mut times = Vec::new();
    while times.len() < RUNS && times.iter().sum::<f64>() < PATIENCE {
        let before = wall();
        let report = scenario.run(&mut |_| ())?;
        times.push(wall() - before);
        if report.rounds != scenario.rounds || report.supply.expected != report.supply.actual {
            return Err("the devnet ended early or lost tokens".into());
        }
    }
    let note = format!("wall, the library without pages and pictures; median of {}", times.len());
    Ok(Reading::row(row, median(times)).note(note))
}
