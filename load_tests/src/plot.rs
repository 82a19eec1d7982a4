//! Plots as inline SVG: lines over an axis, readable without colour, described for who cannot see them.

use std::fmt::Write;

use crate::report::figure;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 92.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 40.0;
const DASHES: [&str; 4] = ["", "6 3", "2 3", "8 3 2 3"];

/// One line of a plot.
#[derive(Debug)]
pub struct Line {
    /// Its name in the legend.
    pub name: &'static str,
    /// Its points, by x.
    pub points: Vec<(f64, f64)>,
}

/// A plot.
#[derive(Debug)]
pub struct Plot {
    /// Names the plot in the page.
    pub id: &'static str,
    /// What it shows, in a sentence for who cannot see it.
    pub says: String,
    /// Under the horizontal axis.
    pub x_name: &'static str,
    /// Beside the vertical axis.
    pub y_name: &'static str,
    /// The lines.
    pub lines: Vec<Line>,
    /// Marks of the horizontal axis, each with its words.
    pub x_marks: Vec<(f64, String)>,
    /// Whether the vertical axis goes up by factors of ten.
    pub is_log: bool,
}

impl Plot {
    /// The plot as SVG.
    pub fn svg(&self) -> String {
        let xs = || self.lines.iter().flat_map(|line| line.points.iter().map(|point| point.0));
        let ys = || self.lines.iter().flat_map(|line| line.points.iter().map(|point| point.1));
        let (x_low, x_high) = (xs().fold(f64::INFINITY, f64::min), xs().fold(0.0, f64::max));
        let y_high = ys().fold(0.0, f64::max);
        if !x_low.is_finite() || y_high <= 0.0 {
            return "<p>Nothing to show: no call was answered.</p>".to_owned();
        }
        let y_low = if self.is_log {
            10_f64.powf(ys().filter(|y| *y > 0.0).fold(y_high, f64::min).log10().floor())
        } else {
            0.0
        };
        let marks = if self.is_log { decades(y_low, y_high) } else { steps(y_high) };
        let y_top = marks.last().copied().unwrap_or(y_high).max(y_high);
        let x_at = |x: f64| LEFT + (x - x_low) / (x_high - x_low).max(1e-9) * (WIDTH - LEFT - RIGHT);
        let share = |y: f64| {
            if self.is_log { (y.max(y_low) / y_low).ln() / (y_top / y_low).ln().max(1e-9) } else { y / y_top }
        };
        let y_at = |y: f64| HEIGHT - BOTTOM - share(y) * (HEIGHT - TOP - BOTTOM);
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{0}-says\"><title id=\"{0}-says\">{1}</title>",
            self.id,
            escape(&self.says)
        );
        for mark in marks {
            let y = y_at(mark);
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
                WIDTH - RIGHT
            );
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                y + 4.0,
                figure(mark)
            );
        }
        self.write_x_axis(&mut svg, x_at);
        for (place, line) in self.lines.iter().enumerate() {
            let points: Vec<String> =
                line.points.iter().map(|(x, y)| format!("{:.1},{:.1}", x_at(*x), y_at(*y))).collect();
            let dash = DASHES.get(place % DASHES.len()).copied().unwrap_or_default();
            let _ = write!(
                svg,
                "<polyline class=\"line c{place}\" stroke-dasharray=\"{dash}\" points=\"{}\"/>",
                points.join(" ")
            );
        }
        svg.push_str("</svg>");
        svg.push_str(&self.legend());
        svg
    }

    fn write_x_axis(&self, svg: &mut String, x_at: impl Fn(f64) -> f64) {
        for (x, words) in &self.x_marks {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                x_at(*x),
                HEIGHT - BOTTOM + 16.0,
                escape(words)
            );
        }
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            (LEFT + WIDTH - RIGHT) / 2.0,
            HEIGHT - 6.0,
            escape(self.x_name)
        );
        let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
        let _ = write!(
            svg,
            "<text x=\"12\" y=\"{middle:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 12 {middle:.1})\">{}</text>",
            escape(self.y_name)
        );
    }

    fn legend(&self) -> String {
        let mut legend = "<p class=\"legend\">".to_owned();
        for (place, line) in self.lines.iter().enumerate() {
            let dash = DASHES.get(place % DASHES.len()).copied().unwrap_or_default();
            let _ = write!(
                legend,
                "<span><svg viewBox=\"0 0 30 8\" aria-hidden=\"true\"><line class=\"line c{place}\" stroke-dasharray=\"{dash}\" x1=\"0\" x2=\"30\" y1=\"4\" y2=\"4\"/></svg> {}</span> ",
                escape(line.name)
            );
        }
        legend.push_str("</p>");
        legend
    }
}

/// Marks from 0 to at least the highest value, at steps of 1, 2 or 5.
fn steps(high: f64) -> Vec<f64> {
    let magnitude = 10_f64.powf((high / 4.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * magnitude)
        .into_iter()
        .find(|step| step * 5.0 >= high)
        .unwrap_or(high);
    (0..=5).map(|number| f64::from(number) * step).take_while(|mark| *mark < high + step).collect()
}

/// Powers of ten that hold the values between them.
fn decades(low: f64, high: f64) -> Vec<f64> {
    let mut marks = vec![low];
    let mut mark = low;
    while mark < high && marks.len() < 12 {
        mark *= 10.0;
        marks.push(mark);
    }
    marks
}

/// Text as HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_reach_above_the_highest_value_and_are_few() {
        for high in [0.3, 1.0, 7.0, 99.0, 5_000.0, 123_456.0] {
            let marks = steps(high);
            assert!(marks.len() >= 3 && marks.len() <= 6, "{high}: {marks:?}");
            assert!(*marks.last().unwrap() >= high, "{high}: {marks:?}");
        }
        assert_eq!(decades(10.0, 800.0), [10.0, 100.0, 1000.0]);
    }
}
