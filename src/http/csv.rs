//! Tables as files that a spreadsheet opens: CSV (RFC 4180), in the reader's convention.
//!
//! German spreadsheets expect semicolons and commas in numbers, others commas and points. What a cell says is text: a
//! formula that somebody has put into a name is not carried out.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::domain::{assistant::Language, money::MicroUsd};

/// The media type of such a file.
pub const CONTENT_TYPE: &str = "text/csv; charset=utf-8";
/// Tells spreadsheets that it is UTF-8.
const MARK: char = '\u{feff}';

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Words, wherever they come from.
    Text(String),
    /// A count.
    Count(u64),
    /// A number, with so many digits behind the point.
    Decimal(f64, usize),
    /// A sum in US dollars, to the hundredth of a cent.
    Dollars(MicroUsd),
    /// Nothing is known.
    Empty,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(cell: Option<T>) -> Self {
        cell.map_or(Self::Empty, Into::into)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<MicroUsd> for Cell {
    fn from(sum: MicroUsd) -> Self {
        Self::Dollars(sum)
    }
}

/// A table that is being written.
#[derive(Clone, Debug)]
pub struct Csv {
    language: Language,
    text: String,
}

impl Csv {
    /// A table for whoever reads that language, with what its columns are called.
    pub fn new(language: Language, columns: &[&str]) -> Self {
        let mut csv = Self { language, text: MARK.to_string() };
        csv.row(columns.iter().copied().map(Cell::from));
        csv
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                self.text.push(self.separator());
            }
            match cell {
                Cell::Text(text) => {
                    let text = quoted(&defused(&text), self.separator());
                    self.text.push_str(&text);
                }
                Cell::Count(count) => self.text.push_str(&count.to_string()),
                Cell::Decimal(number, digits) => self.number(&format!("{number:.digits$}")),
                Cell::Dollars(MicroUsd(sum)) => self.number(&format!("{:.4}", sum as f64 / 1e6)),
                Cell::Empty => {}
            }
        }
        self.text.push_str("\r\n");
    }

    fn number(&mut self, text: &str) {
        let text = if self.language == Language::German { text.replace('.', ",") } else { text.to_owned() };
        self.text.push_str(&text);
    }

    fn separator(&self) -> char {
        match self.language {
            Language::German => ';',
            Language::English => ',',
        }
    }

    /// The whole table.
    pub fn finish(self) -> String {
        self.text
    }

    /// The table as a file of that name, which ends in `.csv`.
    pub fn into_file(self, name: &str) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
            headers.insert(header::CONTENT_DISPOSITION, value);
        }
        (headers, self.text).into_response()
    }
}

/// Whether a request would rather have a table as a file.
pub fn wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|kind| kind.split(';').next().unwrap_or_default().trim() == "text/csv")
}

/// In whose convention: the first language of those the reader asks for that is spoken here, else English.
pub fn reader(headers: &HeaderMap) -> Language {
    let asked =
        headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let codes = asked.split(',').filter_map(|one| one.split([';', '-']).next());
    codes.map(str::trim).find_map(|code| code.to_ascii_lowercase().parse().ok()).unwrap_or(Language::English)
}

/// A text that a spreadsheet takes for a text: what begins like a formula begins with an apostrophe.
fn defused(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

fn quoted(text: &str, separator: char) -> String {
    let plain = !text.contains([separator, '"', '\n', '\r']);
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}
