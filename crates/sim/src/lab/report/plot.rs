//! One way to draw: lines with confidence bands, each named at its right end instead of in a legend.
//!
//! A drawing is an SVG element that carries its own colours, for light and for dark paper, so it stands in a page or alone.

use std::fmt::Write as _;

/// How values are spread over an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Linear,
    /// Equal factors are equal distances; values that are not positive are left out.
    Logarithmic,
}

/// A line through points, with a band around it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// (across, up, half of the band).
    pub(crate) points: Vec<(f64, f64, f64)>,
    /// Whether its points are marked.
    pub(crate) marked: bool,
}

/// Lines on one pair of axes.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    pub(crate) lines: Vec<Line>,
    /// What is counted below.
    pub(crate) across: &'static str,
    pub(crate) scale: Scale,
    /// Writes a value of the axis below.
    pub(crate) tick: fn(f64) -> String,
    /// What is counted at the left.
    pub(crate) up: &'static str,
}

const WIDTH: f64 = 680.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 44.0;
/// Letters of the font are about so wide.
const LETTER: f64 = 6.9;
/// Distance of the names at the right.
const PITCH: f64 = 16.0;
/// Names at the right; further lines have none.
const NAMES: usize = 20;

/// Colours on light and on dark paper, told apart by colour-blind people.
const INKS: [(&str, &str); 6] = [
    ("#0068A8", "#5CB3EC"),
    ("#C24A00", "#FF8C4F"),
    ("#007A5C", "#3FC79F"),
    ("#9A4B7E", "#E59AC6"),
    ("#856500", "#DDB745"),
    ("#6B7580", "#97A3B0"),
];

/// The style of drawings, in their own element.
pub(crate) fn style() -> String {
    let rules = |dark: bool| {
        INKS.iter().enumerate().fold(String::new(), |mut text, (index, (light, night))| {
            let colour = if dark { night } else { light };
            let _ = write!(text, ".plot .i{index}{{stroke:{colour}}}.plot .f{index}{{fill:{colour}}}");
            text
        })
    };
    format!(
        ".plot{{font:12px system-ui,sans-serif}}.plot text{{fill:#3A4450}}.plot .mesh{{stroke:#E3E7EB}}.plot .line{{fill:none;\
         stroke-width:2;stroke-linejoin:round}}.plot .band{{opacity:.13}}.plot .thin{{stroke-width:1;fill:none}}.plot .name{{stroke:none}}{}\
         @media(prefers-color-scheme:dark){{.plot text{{fill:#C9D1DA}}.plot .mesh{{stroke:#2E3640}}{}}}",
        rules(false),
        rules(true)
    )
}

/// Text with nothing in it that an element could begin with.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Round numbers that divide a span into about `count` parts.
fn ticks(low: f64, high: f64, count: f64) -> Vec<f64> {
    let raw = ((high - low) / count).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= raw);
    let step = step.unwrap_or(raw);
    let first = (low / step).ceil() as i64;
    (first..first + 40)
        .map(|index| index as f64 * step)
        .take_while(|tick| *tick <= high + step * 1e-9)
        .collect()
}

/// One, two and five times the powers of ten in a span; only the powers where that is too many.
fn powers(low: f64, high: f64) -> Vec<f64> {
    let exponents = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
    let factors: &[f64] = if high / low > 300.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let all = exponents.flat_map(|exponent| factors.iter().map(move |factor| factor * 10_f64.powi(exponent)));
    all.filter(|tick| *tick >= low * 0.999 && *tick <= high * 1.001).collect()
}

/// Where things are.
struct Plane {
    right: f64,
    across: (f64, f64),
    up: (f64, f64),
    scale: Scale,
}

impl Plane {
    fn x(&self, value: f64) -> f64 {
        let place = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic => value.max(f64::MIN_POSITIVE).ln(),
        };
        let (low, high) = (place(self.across.0), place(self.across.1));
        LEFT + (place(value) - low) / (high - low).max(1e-12) * (self.right - LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        let (low, high) = self.up;
        let share = (value.clamp(low, high) - low) / (high - low).max(1e-12);
        HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
    }
}

impl Plot {
    /// The drawing; `alone` where it is a file of its own.
    pub(crate) fn draw(&self, alone: bool) -> String {
        let plane = self.plane();
        let mut svg = format!(
            "<svg class=\"plot\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">"
        );
        if alone {
            let _ = write!(svg, "<style>{}</style>", style());
        }
        self.mesh(&plane, &mut svg);
        for (index, line) in self.lines.iter().enumerate() {
            self.line(&plane, index, line, &mut svg);
        }
        self.names(&plane, &mut svg);
        svg + "</svg>\n"
    }

    fn usable<'a>(&'a self, line: &'a Line) -> impl Iterator<Item = &'a (f64, f64, f64)> {
        let positive = self.scale == Scale::Logarithmic;
        let finite = |(x, y, half): &(f64, f64, f64)| [x, y, half].into_iter().all(|value| value.is_finite());
        line.points.iter().filter(move |point| finite(point) && (!positive || point.0 > 0.0))
    }

    fn plane(&self) -> Plane {
        let points = || self.lines.iter().flat_map(|line| self.usable(line));
        let range = |of: fn(&(f64, f64, f64)) -> f64| {
            let each = || points().map(of);
            (each().fold(f64::INFINITY, f64::min), each().fold(f64::NEG_INFINITY, f64::max))
        };
        let wide = |(low, high): (f64, f64), fallback: (f64, f64)| match low < high {
            true => (low, high),
            false if low.is_finite() => (low - low.abs() * 0.1, low + low.abs() * 0.1 + f64::EPSILON),
            false => fallback,
        };
        let (low, high) = wide(range(|point| point.1), (0.0, 1.0));
        let room = (high - low) * 0.06;
        let longest = self.lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0).min(34);
        Plane {
            right: WIDTH - 30.0 - longest as f64 * LETTER,
            across: wide(range(|point| point.0), (1.0, 2.0)),
            up: ((low - room).max(0.0), (high + room).min(1.0_f64.max(high))),
            scale: self.scale,
        }
    }

    fn mesh(&self, plane: &Plane, svg: &mut String) {
        let floor = HEIGHT - BOTTOM;
        for tick in ticks(plane.up.0, plane.up.1, 5.0) {
            let y = plane.y(tick);
            let _ = write!(
                svg,
                "<path class=\"mesh\" d=\"M{LEFT} {y:.1}H{:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                plane.right,
                LEFT - 8.0,
                y + 4.0,
                percent(tick, plane.up.1 - plane.up.0)
            );
        }
        let below = match self.scale {
            Scale::Linear => ticks(plane.across.0, plane.across.1, 7.0),
            Scale::Logarithmic => powers(plane.across.0, plane.across.1),
        };
        for tick in below {
            let x = plane.x(tick);
            let _ = write!(
                svg,
                "<path class=\"mesh\" d=\"M{x:.1} {floor}v5\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                floor + 18.0,
                (self.tick)(tick)
            );
        }
        let _ = write!(
            svg,
            "<text x=\"{LEFT}\" y=\"14\">{}</text><text x=\"{:.1}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            escaped(self.up),
            plane.right,
            HEIGHT - 8.0,
            escaped(self.across)
        );
    }

    fn line(&self, plane: &Plane, index: usize, line: &Line, svg: &mut String) {
        let ink = index % INKS.len();
        let places: Vec<(f64, f64, f64, f64)> = self
            .usable(line)
            .map(|(x, y, half)| (plane.x(*x), plane.y(*y), plane.y(y + half), plane.y(y - half)))
            .collect();
        let path = |points: &mut dyn Iterator<Item = (f64, f64)>| {
            points.fold(String::new(), |mut text, (x, y)| {
                let letter = if text.is_empty() { 'M' } else { 'L' };
                let _ = write!(text, "{letter}{x:.1} {y:.1}");
                text
            })
        };
        if line.points.iter().any(|(_, _, half)| *half > 0.0) && places.len() > 1 {
            let over = places.iter().map(|place| (place.0, place.2));
            let under = places.iter().rev().map(|place| (place.0, place.3));
            let _ = write!(svg, "<path class=\"band f{ink}\" d=\"{}Z\"/>", path(&mut over.chain(under)));
        }
        // Lines of one colour differ in their dashes.
        let dash = ["", " stroke-dasharray=\"7 4\"", " stroke-dasharray=\"2 3\""][index / INKS.len() % 3];
        let through = path(&mut places.iter().map(|place| (place.0, place.1)));
        let _ = write!(svg, "<path class=\"line i{ink}\"{dash} d=\"{through}\"/>");
        if line.marked {
            for (x, y, over, under) in &places {
                let _ = write!(
                    svg,
                    "<path class=\"thin i{ink}\" d=\"M{x:.1} {over:.1}V{under:.1}\"/><circle class=\"f{ink}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>"
                );
            }
        }
    }

    /// Names at the right ends, pushed apart until none overlaps another.
    fn names(&self, plane: &Plane, svg: &mut String) {
        let mut ends: Vec<(usize, f64, f64, f64)> = self
            .lines
            .iter()
            .enumerate()
            .filter_map(|(index, line)| {
                let (x, y, _) = self.usable(line).last()?;
                Some((index, plane.x(*x), plane.y(*y), plane.y(*y)))
            })
            .take(NAMES)
            .collect();
        ends.sort_by(|a, b| a.2.total_cmp(&b.2));
        let mut free = TOP;
        for end in &mut ends {
            end.3 = end.3.max(free);
            free = end.3 + PITCH;
        }
        let mut ceiling = HEIGHT - BOTTOM + 6.0;
        for end in ends.iter_mut().rev() {
            end.3 = end.3.min(ceiling);
            ceiling = end.3 - PITCH;
        }
        for (index, x, y, at) in ends {
            let ink = index % INKS.len();
            let name = self.lines.get(index).map_or("", |line| line.name.as_str());
            let short: String = name.chars().take(34).collect();
            let _ = write!(
                svg,
                "<path class=\"thin i{ink}\" opacity=\".5\" d=\"M{x:.1} {y:.1}L{:.1} {at:.1}\"/><text class=\"name f{ink}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                plane.right + 10.0,
                plane.right + 14.0,
                at + 4.0,
                escaped(&short)
            );
        }
    }
}

/// A share in percent, with as many digits as its span needs.
fn percent(value: f64, span: f64) -> String {
    if span < 0.04 { format!("{:.1} %", 100.0 * value) } else { format!("{:.0} %", 100.0 * value) }
}

/// Bytes for people.
pub(crate) fn bytes(count: f64) -> String {
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let unit = units.into_iter().find(|(size, _)| count >= *size);
    let Some((size, name)) = unit else { return format!("{count:.0} B") };
    match count / size {
        few if few < 10.0 && few.fract() > 0.0 => format!("{few:.1} {name}"),
        many => format!("{many:.0} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, f64, f64)>, scale: Scale) -> Plot {
        let line = Line { name: "<a & b>".into(), points, marked: true };
        Plot { lines: vec![line], across: "rounds", scale, tick: |value| format!("{value}"), up: "accuracy" }
    }

    #[test]
    fn odd_lines_are_drawn_without_harm() {
        for scale in [Scale::Linear, Scale::Logarithmic] {
            for points in [
                vec![],
                vec![(0.0, 0.5, 0.0)],
                vec![(1.0, 0.5, 0.1), (2.0, 0.5, 0.1)],
                vec![(f64::NAN, f64::INFINITY, 0.0), (-3.0, 0.2, f64::NAN)],
            ] {
                let svg = plot(points, scale).draw(true);
                assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
                assert!(!svg.contains("<a &"), "{svg}");
            }
        }
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 1.0, 5.0).len(), 6);
        assert!(ticks(0.31, 0.97, 5.0).iter().all(|tick| (0.31..=0.97).contains(tick)));
        assert!(powers(900.0, 1.1e6).contains(&1e6));
        assert_eq!(bytes(1_500_000.0), "1.5 MB");
        assert_eq!(bytes(12.0), "12 B");
    }
}
