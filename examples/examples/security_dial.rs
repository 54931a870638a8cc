//! What security costs: seats and latency of a committee for so many bits, in virtual time.
//!
//! A committee answers by running the consensus engine among its seats. An answer that must be unanimous needs few seats; one by
//! a vote of two thirds needs more and is slower for the same bits. The figure goes to `docs/security_dial.svg`, or
//! wherever the first argument says.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example security_dial
//! ```
#![allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use bitneuron::consensus::suite::network::{Network, Plan};
use bitneuron::consensus::{Malachite, SecurityDial, Timeouts};
use bitneuron::core::Weight;
use plotters::prelude::{
    ChartBuilder, Circle, Color, IntoDrawingArea, IntoFont, LineSeries, RGBColor, SVGBackend, WHITE,
};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    error::Error,
    time::Duration,
};

/// The pool, of which the adversary holds a quarter.
const POOL: Weight = Weight(4 << 40);
const ADVERSARY: Weight = Weight(1 << 40);
/// How many answers each committee gives.
const ANSWERS: u64 = 4;

/// The span of an answer in milliseconds: hops of 2 to 8 ms, a millisecond to compute, and for each message the 55 µs that its
/// signature costs.
fn latency(seats: u32) -> Option<f64> {
    let make = |key, chain| -> Box<dyn bitneuron::consensus::ConsensusEngine> {
        Box::new(Malachite::new(key, chain, Timeouts::default()))
    };
    let plan = Plan {
        weights: vec![10; seats as usize],
        delay: (Duration::from_millis(2), Duration::from_millis(8)),
        work: Duration::from_millis(1),
        handling: Duration::from_micros(55),
        ..Plan::new(1, ANSWERS)
    };
    let mut network = Network::new(plan, &make);
    network.run(ANSWERS, Duration::from_mins(1)).then(|| network.now.0 as f64 / 1_000.0 / ANSWERS as f64)
}

/// A line of the plot: its name, its colour, and the milliseconds for each number of bits.
type Line<'a> = (&'a str, RGBColor, Vec<(f64, f64)>);

fn draw(path: &str, lines: &[Line<'_>]) -> Result<(), Box<dyn Error>> {
    let canvas = SVGBackend::new(path, (720, 440)).into_drawing_area();
    canvas.fill(&WHITE)?;
    let top = lines.iter().flat_map(|(_, _, points)| points).map(|point| point.1).fold(0.0, f64::max);
    let mut plane = ChartBuilder::on(&canvas)
        .margin(16)
        .caption("Latency of a committee against bits of security, F = W/4", ("sans-serif", 17))
        .x_label_area_size(40)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..84.0, 0.0..top * 1.1)?;
    plane
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_desc("k: an answer is wrong with a chance of at most 2^-k")
        .y_desc("virtual milliseconds to an answer")
        .draw()?;
    for (name, ink, points) in lines {
        plane.draw_series(LineSeries::new(points.clone(), ink.stroke_width(2)))?;
        plane.draw_series(points.iter().map(|point| Circle::new(*point, 3, ink.filled())))?;
        if let Some((x, y)) = points.last() {
            let at = plane.backend_coord(&(*x, *y));
            let style = ("sans-serif", 14).into_font().color(ink);
            canvas.draw_text(name, &style, (at.0 - 150, at.1 - 24))?;
        }
    }
    canvas.present()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "docs/security_dial.svg".into());
    let mut measured = BTreeMap::new();
    let mut measure = |seats: u32| -> Result<f64, Box<dyn Error>> {
        Ok(match measured.entry(seats) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => *new.insert(latency(seats).ok_or("a committee stalled")?),
        })
    };
    println!("bits  unanimous          two thirds of a vote");
    let (mut unanimous, mut vote) = (Vec::new(), Vec::new());
    for bits in [10, 20, 30, 40, 64, 80] {
        let dial = SecurityDial { bits, adversary: ADVERSARY };
        let seats = dial.unanimous(POOL)?;
        let span = measure(seats)?;
        unanimous.push((f64::from(bits), span));
        print!("{bits:4}  {seats:3} seats {span:6.1} ms");
        // Larger committees take minutes to rehearse.
        if bits <= 40 {
            let seats = dial.vote(POOL)?.seats;
            let span = measure(seats)?;
            vote.push((f64::from(bits), span));
            print!("   {seats:3} seats {span:6.1} ms");
        }
        println!();
    }
    let (few, many) = (measure(7)?, measure(100)?);
    println!("\n7 seats answer in {few:.1} ms, 100 in {many:.1} ms: {:.1} times as fast", many / few);
    let lines = [
        ("unanimous or escalate", RGBColor(30, 90, 160), unanimous),
        ("vote of two thirds", RGBColor(190, 90, 30), vote),
    ];
    draw(&path, &lines)?;
    println!("drawn to {path}");
    Ok(())
}
