//! Charts as people look at them: SVG made here, each with a name and a table that holds the same numbers.
//!
//! Nothing is drawn by a script, and nothing is told by colour alone: whoever does not see the drawing reads the table.

use std::fmt::Display;

use askama::Template;

use super::words::Said;
use crate::domain::assistant::Language;

/// How high a drawing is, in its own units.
const HEIGHT: u64 = 100;
/// How wide a bar is with the gap behind it, and without.
const STEP: usize = 10;
const BAR: usize = 7;

/// A number with what it is of.
#[derive(Clone, Debug)]
pub struct Point {
    /// What it is of, in a few letters, for the axis.
    pub short: String,
    /// What it is of.
    pub label: String,
    /// The number.
    pub value: u64,
    /// The number as it is written.
    pub shown: String,
}

/// Numbers side by side, as bars.
#[derive(Clone, Template)]
#[template(path = "parts/bars.html", config = ".askama.toml")]
pub struct Bars {
    id: &'static str,
    title: String,
    of: String,
    how_many: String,
    bars: Vec<Bar>,
    width: usize,
    most: String,
    language: Language,
}

impl askama::filters::HtmlSafe for Bars {}

#[derive(Clone)]
struct Bar {
    x: usize,
    y: u64,
    height: u64,
    point: Point,
}

impl Bars {
    /// Bars under that id and title; `of` and `how_many` are what the table's columns are called.
    pub fn new(
        language: Language,
        id: &'static str,
        title: impl Display,
        of: impl Display,
        how_many: impl Display,
        points: Vec<Point>,
    ) -> Self {
        let most = points.iter().max_by_key(|point| point.value);
        let (max, shown) = most.map_or((0, String::new()), |point| (point.value, point.shown.clone()));
        let width = points.len().max(1) * STEP;
        let bars = points.into_iter().enumerate().map(|(at, point)| {
            let height = (point.value * HEIGHT).checked_div(max).unwrap_or(0);
            // What is there is seen, however little it is.
            let height = if point.value > 0 { height.max(1) } else { 0 };
            Bar { x: at * STEP, y: HEIGHT - height, height, point }
        });
        Self {
            id,
            title: title.to_string(),
            of: of.to_string(),
            how_many: how_many.to_string(),
            bars: bars.collect(),
            width,
            most: shown,
            language,
        }
    }

    fn t(&self, key: &str) -> Said {
        Said::new(self.language, key)
    }

    fn first(&self) -> &str {
        self.bars.first().map_or("", |bar| &bar.point.short)
    }

    fn last(&self) -> &str {
        self.bars.last().map_or("", |bar| &bar.point.short)
    }

    fn bar_width(&self) -> usize {
        BAR
    }
}

/// A line of numbers without axes, beside the last of them.
#[derive(Clone, Template)]
#[template(path = "parts/spark.html", config = ".askama.toml")]
pub struct Spark {
    id: &'static str,
    title: String,
    points: String,
    width: usize,
}

impl askama::filters::HtmlSafe for Spark {}

impl Spark {
    /// A line under that id; `title` says what it shows, with its numbers.
    pub fn new(id: &'static str, title: impl Display, values: &[u64]) -> Self {
        let most = values.iter().copied().max().unwrap_or(0);
        let points = values.iter().enumerate().map(|(at, value)| {
            let up = (value * HEIGHT).checked_div(most).unwrap_or(0);
            format!("{},{}", at * STEP, HEIGHT - up)
        });
        let points: Vec<String> = points.collect();
        let width = values.len().saturating_sub(1).max(1) * STEP;
        Self { id, title: title.to_string(), points: points.join(" "), width }
    }
}
