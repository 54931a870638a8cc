//! One way to draw: lines, each named at its right end instead of in a legend.
//!
//! A drawing is made on a canvas of twice the size at which it is shown, since the backend rounds to whole units.
//! The names at the right are pushed apart until none overlaps another, and thin leaders join them to their lines.

pub(crate) mod palette;

use palette::Ink;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::IntoDrawingArea;
use plotters::prelude::{
    Cartesian2d, DashedLineSeries, DrawingArea, LineSeries, PathElement, SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, TextStyle};
use thiserror::Error;

/// Why a plot could not be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot draw a plot: {0}")]
pub struct PlotError(String);

impl PlotError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Width and height of the canvas.
const CANVAS: (u32, u32) = (1120, 680);
/// Margin around a drawing on paper of its own.
const MARGIN: u32 = 32;
/// Height of letters on the canvas.
const LETTER: f64 = 30.0;
/// Letters of the font are about so wide for their height.
const LETTER_WIDTH: f64 = 0.56;
/// Distance of the names at the right.
const PITCH: i32 = 38;
/// Room for the axis below.
const BELOW: i32 = 104;
/// Width of the leaders from lines to names.
const LEADER: i32 = 30;
/// The backend divides the size of a font by this.
const FONT_FACTOR: f64 = 1.24;
/// Lines with more points than this are thinned.
const POINTS: usize = 400;

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stroke {
    Bold,
    Thin,
    Dashed,
}

/// A line.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Its name at the right end; without one it belongs to a named line of its colour.
    pub(crate) name: Option<String>,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) ink: Ink,
    pub(crate) stroke: Stroke,
}

/// Lines on one pair of axes.
#[derive(Debug)]
pub(crate) struct Chart {
    pub(crate) lines: Vec<Line>,
    /// The axis below.
    pub(crate) across: Across,
    /// Writes a value on the axis at the left, given the span of the axis.
    pub(crate) axis: fn(f64, f64) -> String,
    /// A value that the axis must show, such as 0.
    pub(crate) anchor: Option<f64>,
}

/// The axis below.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Across {
    /// What it counts.
    pub(crate) name: &'static str,
    /// Writes a value on it; an empty text where there is nothing to write.
    pub(crate) tick: fn(f64) -> String,
}

impl Across {
    /// Over the rounds of a network.
    pub(crate) const ROUNDS: Self = Self {
        name: "round",
        tick: |value| if value.fract() == 0.0 { format!("{value:.0}") } else { String::new() },
    };
}

type Plane<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Canvas<'b> = DrawingArea<SVGBackend<'b>, Shift>;

impl Chart {
    /// Draws all lines; the text of an SVG element.
    pub(crate) fn draw(&self) -> Result<String, PlotError> {
        let mut text = String::new();
        {
            let canvas = SVGBackend::with_string(&mut text, CANVAS).into_drawing_area();
            let mut plane = self.plane(&canvas)?;
            self.mesh(&mut plane)?;
            for line in &self.lines {
                draw_line(&mut plane, line)?;
            }
            self.names(&canvas, &plane)?;
            canvas.present().map_err(PlotError::new)?;
        }
        Ok(text)
    }

    fn plane<'a, 'b>(&self, canvas: &'a Canvas<'b>) -> Result<Plane<'a, 'b>, PlotError> {
        let names = self.lines.iter().filter_map(|line| line.name.as_ref());
        let longest = names.map(|name| name.chars().count()).max().unwrap_or(0) as f64;
        let right = (longest * LETTER * LETTER_WIDTH) as i32 + LEADER + 24;
        let ((first, last), (low, high)) = self.ranges();
        ChartBuilder::on(canvas)
            .margin_top(20)
            .margin_right(right)
            .margin_left(8)
            .x_label_area_size(BELOW)
            .y_label_area_size(self.axis_width(low, high))
            .build_cartesian_2d(first..last, low..high)
            .map_err(PlotError::new)
    }

    /// Room for the longest number on the axis.
    fn axis_width(&self, low: f64, high: f64) -> i32 {
        let span = high - low;
        let letters =
            [low, high, f64::midpoint(low, high)].map(|value| (self.axis)(value, span).chars().count());
        (letters.into_iter().max().unwrap_or(0) as f64 * LETTER * LETTER_WIDTH) as i32 + 34
    }

    fn ranges(&self) -> ((f64, f64), (f64, f64)) {
        let points = || {
            self.lines.iter().flat_map(|line| &line.points).filter(|(x, y)| x.is_finite() && y.is_finite())
        };
        let (first, last) = bounds(points().map(|(x, _)| *x));
        let (low, high) = bounds(points().map(|(_, y)| *y).chain(self.anchor));
        // A flat line still needs a span that numbers can resolve.
        let padding = ((high - low) * 0.05).max(high.abs().max(low.abs()) * 1e-3).max(1e-3);
        let floor = if self.anchor == Some(low) { low } else { low - padding };
        ((first, if last > first { last } else { first + 1.0 }), (floor, high + padding))
    }

    fn mesh(&self, plane: &mut Plane<'_, '_>) -> Result<(), PlotError> {
        let range = plane.y_range();
        let span = range.end - range.start;
        let axis = |value: &f64| (self.axis)(*value, span);
        let tick = |value: &f64| (self.across.tick)(*value);
        plane
            .configure_mesh()
            .disable_x_mesh()
            .max_light_lines(0)
            .bold_line_style(Ink::Mesh.colour().stroke_width(2))
            .axis_style(Ink::Mesh.colour().stroke_width(2))
            .label_style(font(Ink::Text))
            .axis_desc_style(font(Ink::Text))
            .x_labels(8)
            .y_labels(6)
            .x_label_formatter(&tick)
            .y_label_formatter(&axis)
            .x_desc(self.across.name)
            .draw()
            .map_err(PlotError::new)
    }

    /// The names at the right ends.
    fn names(&self, canvas: &Canvas<'_>, plane: &Plane<'_, '_>) -> Result<(), PlotError> {
        let mut ends: Vec<_> = self.lines.iter().filter_map(|line| end(plane, line)).collect();
        ends.sort_by_key(|end| end.at.1);
        let (top, bottom) = (20 + PITCH / 2, CANVAS.1 as i32 - BELOW - PITCH / 2);
        let places = spread(&ends.iter().map(|end| end.at.1).collect::<Vec<_>>(), PITCH, top, bottom);
        for (end, place) in ends.iter().zip(places) {
            let leader = vec![(end.at.0 + 4, end.at.1), (end.at.0 + LEADER - 6, place)];
            let thin = end.ink.colour().mix(0.6).stroke_width(2);
            canvas.draw(&PathElement::new(leader, thin)).map_err(PlotError::new)?;
            let style = font(end.ink).pos(Pos::new(HPos::Left, VPos::Center));
            canvas.draw(&Text::new(end.name, (end.at.0 + LEADER, place), style)).map_err(PlotError::new)?;
        }
        Ok(())
    }
}

/// The same drawing on paper of its own: at the size at which it is meant to be shown, with a margin around it.
/// The paper is a rectangle of class `paper`, behind all else.
fn on_paper(svg: &str) -> String {
    let (width, height) = CANVAS;
    let (wide, high) = (width + 2 * MARGIN, height + 2 * MARGIN);
    let drawn = format!("width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\"");
    let shown = format!(
        "width=\"{}\" height=\"{}\" viewBox=\"-{MARGIN} -{MARGIN} {wide} {high}\"",
        wide / 2,
        high / 2
    );
    let paper = format!(
        "<rect class=\"paper\" x=\"-{MARGIN}\" y=\"-{MARGIN}\" width=\"{wide}\" height=\"{high}\" rx=\"24\"/>"
    );
    let framed = svg.replacen(&drawn, &shown, 1);
    framed.replacen("</title>", &format!("</title>\n{paper}"), 1)
}

/// A drawing as a file of its own, on its own paper, for light and dark surroundings.
pub(crate) fn alone(svg: &str, title: &str) -> String {
    let svg = on_paper(&titled(svg, title));
    let (head, rest) = opened(&svg);
    let dark = palette::dark_rules();
    format!(
        "{head}\n<style>text{{font-family:system-ui,sans-serif}}.paper{{fill:#fff}}\
         @media (prefers-color-scheme:dark){{.paper{{fill:#151A20}}{dark}}}</style>{rest}"
    )
}

/// Adds the title that screen readers speak. Titles are words of this program and need no escape.
pub(crate) fn titled(svg: &str, title: &str) -> String {
    let (head, rest) = opened(svg);
    let head = head.replacen("<svg", "<svg role=\"img\"", 1);
    format!("{head}\n<title>{title}</title>{rest}")
}

/// Splits after the opening tag, or after the title where there is one.
fn opened(svg: &str) -> (&str, &str) {
    let end =
        svg.find("</title>").map_or_else(|| svg.find('>').map_or(0, |at| at + 1), |at| at + "</title>".len());
    svg.split_at(end)
}

/// Where a named line ends on the canvas.
struct End<'a> {
    name: &'a str,
    at: (i32, i32),
    ink: Ink,
}

fn end<'a>(plane: &Plane<'_, '_>, line: &'a Line) -> Option<End<'a>> {
    let name = line.name.as_deref()?;
    let point = line.points.iter().rfind(|(x, y)| x.is_finite() && y.is_finite())?;
    Some(End { name, at: plane.backend_coord(point), ink: line.ink })
}

fn draw_line(plane: &mut Plane<'_, '_>, line: &Line) -> Result<(), PlotError> {
    let finite = thinned(&line.points).filter(|(x, y)| x.is_finite() && y.is_finite());
    let points = finite.collect::<Vec<_>>().into_iter();
    let colour = line.ink.colour();
    match line.stroke {
        Stroke::Bold => plane.draw_series(LineSeries::new(points, colour.stroke_width(5))).map(|_| ()),
        Stroke::Thin => {
            plane.draw_series(LineSeries::new(points, colour.mix(0.75).stroke_width(3))).map(|_| ())
        }
        Stroke::Dashed => {
            plane.draw_series(DashedLineSeries::new(points, 12, 9, colour.stroke_width(3))).map(|_| ())
        }
    }
    .map_err(PlotError::new)
}

fn font(ink: Ink) -> TextStyle<'static> {
    ("sans-serif", LETTER * FONT_FACTOR).into_font().color(&ink.colour())
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let start = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = values.fold(start, |(low, high), value| (low.min(value), high.max(value)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// At most [`POINTS`] points, evenly chosen, the last always.
fn thinned(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> + '_ {
    let every = points.len().div_ceil(POINTS).max(1);
    let last = points.len().saturating_sub(1);
    points.iter().enumerate().filter(move |(at, _)| at % every == 0 || *at == last).map(|(_, point)| *point)
}

/// Moves ascending places apart until each is `pitch` from the next, within `top..=bottom` where there is room.
fn spread(wanted: &[i32], pitch: i32, top: i32, bottom: i32) -> Vec<i32> {
    let mut places = wanted.to_vec();
    let mut floor = top;
    for place in &mut places {
        *place = (*place).max(floor);
        floor = *place + pitch;
    }
    let mut ceiling = bottom;
    for place in places.iter_mut().rev() {
        *place = (*place).min(ceiling);
        ceiling = *place - pitch;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_overlap_and_stay_inside() {
        for wanted in [vec![50, 51, 52], vec![0, 0, 300], vec![299, 300, 300], vec![10, 100, 200], vec![]] {
            let places = spread(&wanted, 20, 0, 300);
            assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 20), "{wanted:?} {places:?}");
            assert!(places.iter().all(|place| (0..=300).contains(place)), "{wanted:?} {places:?}");
        }
        assert_eq!(spread(&[10, 100, 200], 20, 0, 300), [10, 100, 200]);
    }

    #[test]
    fn long_lines_are_thinned_but_keep_their_end() {
        let points: Vec<_> = (0..10_000).map(|at| (f64::from(at), 0.0)).collect();
        let kept: Vec<_> = thinned(&points).collect();
        assert!(kept.len() <= POINTS + 1);
        assert_eq!(kept.last(), points.last());
        assert_eq!(thinned(&points[..7]).count(), 7);
    }

    #[test]
    fn flat_empty_and_infinite_lines_are_drawn_without_harm() {
        for points in [
            vec![],
            vec![(1.0, 5.0)],
            vec![(1.0, 0.0), (2.0, 0.0)],
            vec![(1.0, f64::NAN), (2.0, f64::INFINITY)],
        ] {
            let line = Line { name: Some("line".into()), points, ink: Ink::Blue, stroke: Stroke::Dashed };
            let axis = |value: f64, _: f64| format!("{value:.1}");
            let chart = Chart { lines: vec![line], across: Across::ROUNDS, axis, anchor: None };
            assert!(chart.draw().expect("drawn").ends_with("</svg>\n"));
        }
    }
}
