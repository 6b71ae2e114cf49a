//! From a caller's words to tokens: numbers, clock times, dates and plain words, whichever way they are written.

use jiff::civil;

use crate::domain::{
    assistant::Language,
    spoken::{UNITS_ENGLISH, number_german, ordinal_english, ordinal_german},
    time::Zone,
};

/// A piece of what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word in small letters, umlauts written out.
    Word(String),
    /// A number. `ordinal` when it counts ("fourth", "4."), `padded` when written with two digits or more.
    Number { value: i16, ordinal: bool, padded: bool },
    /// A clock time such as 14:30; `padded` when its hour has two digits, so that 03:00 is at night.
    Clock { hour: i8, minute: i8, padded: bool },
    /// Two numbers with a point between them: a date or a clock time.
    Dotted(i16, i16),
    /// A written date; without a year, its next one.
    Date { year: Option<i16>, month: i16, day: i16 },
}

/// The weekdays, Monday first, as they are written once umlauts are.
pub(super) fn weekday(word: &str, language: Language) -> Option<usize> {
    let (names, short): ([&str; 7], &[(&str, usize)]) = match language {
        Language::German => (
            ["montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag"],
            &[("mo", 0), ("di", 1), ("mi", 2), ("do", 3), ("fr", 4), ("sa", 5), ("sonnabend", 5)],
        ),
        Language::English => (
            ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
            &[
                ("mon", 0),
                ("tue", 1),
                ("tues", 1),
                ("wed", 2),
                ("thu", 3),
                ("thur", 3),
                ("thurs", 3),
                ("fri", 4),
                ("sat", 5),
                ("sun", 6),
            ],
        ),
    };
    let whole = names.iter().position(|name| *name == word);
    whole.or_else(|| short.iter().find(|(name, _)| *name == word).map(|(_, day)| *day))
}

/// The month of that name, from 1.
pub(super) fn month(word: &str, language: Language) -> Option<i16> {
    let names: [&[&str]; 12] = match language {
        Language::German => [
            &["januar", "jaenner", "jan"],
            &["februar", "feber", "feb"],
            &["maerz", "marz"],
            &["april", "apr"],
            &["mai"],
            &["juni", "juno"],
            &["juli", "julei"],
            &["august", "aug"],
            &["september", "sept", "sep"],
            &["oktober", "okt"],
            &["november", "nov"],
            &["dezember", "dez"],
        ],
        Language::English => [
            &["january", "jan"],
            &["february", "feb"],
            &["march", "mar"],
            &["april", "apr"],
            &["may"],
            &["june", "jun"],
            &["july", "jul"],
            &["august", "aug"],
            &["september", "sept", "sep"],
            &["october", "oct"],
            &["november", "nov"],
            &["december", "dec"],
        ],
    };
    names.iter().position(|names| names.contains(&word)).and_then(|at| i16::try_from(at + 1).ok())
}

/// The first date with all its parts: year, month, day.
pub(super) fn full_date(tokens: &[Token], language: Language) -> Option<(i16, i16, i16)> {
    let number = |at: usize| match tokens.get(at) {
        Some(Token::Number { value, .. }) => Some(*value),
        _ => None,
    };
    let word = |at: usize| match tokens.get(at) {
        Some(Token::Word(word)) => word.as_str(),
        _ => "",
    };
    (0..tokens.len()).find_map(|at| match &tokens[at] {
        Token::Date { year, month, day } => Some(((*year)?, *month, *day)),
        Token::Number { value: day, .. } => {
            let of = usize::from(word(at + 1) == "of");
            let month = month(word(at + 1 + of), language)?;
            Some((number(at + 2 + of)?, month, *day))
        }
        Token::Word(name) => {
            let month = month(name, language)?;
            let the = usize::from(word(at + 1) == "the");
            Some((number(at + 2 + the)?, month, number(at + 1 + the)?))
        }
        Token::Clock { .. } | Token::Dotted(..) => None,
    })
}

/// A German adjective without its ending.
pub(super) fn stem(word: &str) -> &str {
    ["en", "er", "es", "em", "e"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending).filter(|stem| stem.len() > 3))
        .unwrap_or(word)
}

/// Reads `text` into tokens.
pub(super) fn tokens(text: &str, language: Language, zone: &Zone) -> Vec<Token> {
    let mut tokens = Vec::new();
    for chunk in text.split_whitespace() {
        if !iso(chunk, zone, &mut tokens) {
            let plain = plain(chunk);
            written(&plain, language, &mut tokens);
        }
    }
    joined(tokens, language)
}

/// Small letters, umlauts written out, no quotation marks.
fn plain(chunk: &str) -> String {
    let mut plain = String::with_capacity(chunk.len() + 4);
    for letter in chunk.chars().flat_map(char::to_lowercase) {
        match letter {
            'ä' => plain.push_str("ae"),
            'ö' => plain.push_str("oe"),
            'ü' => plain.push_str("ue"),
            'ß' => plain.push_str("ss"),
            '–' | '—' => plain.push('-'),
            '\'' | '’' | '"' | '„' | '“' | '”' => {}
            _ => plain.push(letter),
        }
    }
    // A decomposed umlaut is its letter and a mark.
    plain.replace("a\u{308}", "ae").replace("o\u{308}", "oe").replace("u\u{308}", "ue")
}

/// An ISO date, date and time, or instant.
fn iso(chunk: &str, zone: &Zone, tokens: &mut Vec<Token>) -> bool {
    let chunk = chunk.trim_end_matches([',', '.', '!', '?', ';']);
    if !chunk.starts_with(|letter: char| letter.is_ascii_digit()) || chunk.len() < 10 {
        return false;
    }
    let wall = if let Ok(at) = chunk.parse::<jiff::Timestamp>() {
        at.to_zoned(zone.rules().clone()).datetime()
    } else if let Ok(wall) = chunk.parse::<civil::DateTime>() {
        wall
    } else {
        return false;
    };
    let date = wall.date();
    tokens.push(Token::Date { year: Some(date.year()), month: date.month().into(), day: date.day().into() });
    if chunk.contains(['T', 't']) {
        tokens.push(Token::Clock { hour: wall.hour(), minute: wall.minute(), padded: true });
    }
    true
}

/// Takes a chunk apart: "4.3.2027", "14:30", "3pm", "2-4", "twenty-first", "Freitagnachmittag,".
fn written(chunk: &str, language: Language, tokens: &mut Vec<Token>) {
    let mut rest = chunk;
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_digit() {
            rest = digits(rest, language, tokens);
        } else if first.is_alphabetic() {
            let end =
                rest.find(|letter: char| !letter.is_alphabetic() && letter != '.').unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            word_of(&word.replace('.', ""), language, tokens);
            rest = after;
        } else {
            let after_number = matches!(tokens.last(), Some(Token::Number { .. } | Token::Clock { .. }));
            rest = &rest[first.len_utf8()..];
            if first == '-' && after_number && rest.starts_with(|next: char| next.is_ascii_digit()) {
                tokens.push(Token::Word(if language == Language::German { "bis" } else { "to" }.to_owned()));
            }
        }
    }
}

/// Reads what begins with a digit and returns what follows it.
fn digits<'t>(text: &'t str, language: Language, tokens: &mut Vec<Token>) -> &'t str {
    let (first, padded, rest) = number(text);
    if let Some((minute, rest)) = rest.strip_prefix(':').and_then(two_digits) {
        // Seconds say nothing here.
        let rest = rest.strip_prefix(':').and_then(two_digits).map_or(rest, |(_, rest)| rest);
        match (i8::try_from(first), i8::try_from(minute)) {
            (Ok(hour @ 0..=24), Ok(minute @ 0..60)) => tokens.push(Token::Clock { hour, minute, padded }),
            _ => tokens.push(unfit()),
        }
        return rest;
    }
    for point in ['.', '/'] {
        let Some(after) = rest.strip_prefix(point).filter(|after| starts_with_digit(after)) else { continue };
        let (second, _, after) = number(after);
        if let Some(after) = after.strip_prefix(point) {
            let (year, after) = if starts_with_digit(after) {
                let (year, _, after) = number(after);
                (Some(if year < 100 { 2000 + year } else { year }), after)
            } else {
                (None, after)
            };
            let (month, day) = if point == '/' { slashed(first, second, language) } else { (second, first) };
            tokens.push(Token::Date { year, month, day });
            return after;
        }
        if point == '/' {
            let (month, day) = slashed(first, second, language);
            tokens.push(Token::Date { year: None, month, day });
        } else {
            tokens.push(Token::Dotted(first, second));
        }
        return after;
    }
    let ending = rest.find(|letter: char| !letter.is_ascii_alphabetic()).map_or(rest, |end| &rest[..end]);
    let ordinal_ending = matches!(ending, "st" | "nd" | "rd" | "th" | "ter" | "ten" | "te");
    let point = rest.starts_with('.') && language == Language::German;
    tokens.push(Token::Number { value: first, ordinal: ordinal_ending || point, padded });
    if ordinal_ending { &rest[ending.len()..] } else { rest.strip_prefix('.').unwrap_or(rest) }
}

/// Month and day of a date with slashes. English names the month first, unless that cannot be.
fn slashed(first: i16, second: i16, language: Language) -> (i16, i16) {
    let day_first = language == Language::German || first > 12 && second <= 12;
    if day_first { (second, first) } else { (first, second) }
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_digit())
}

/// A number that fits nowhere, so that it is asked about.
fn unfit() -> Token {
    Token::Number { value: i16::MAX, ordinal: false, padded: true }
}

/// The number at the beginning, whether it has more than one digit, and what follows it.
fn number(text: &str) -> (i16, bool, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.parse().unwrap_or(i16::MAX), digits.len() > 1, rest)
}

fn two_digits(text: &str) -> Option<(i16, &str)> {
    let (value, _, rest) = number(text);
    (text.len() - rest.len() == 2).then_some((value, rest))
}

/// A word, or the number it stands for; "Freitagnachmittag" is two words.
fn word_of(word: &str, language: Language, tokens: &mut Vec<Token>) {
    if word.is_empty() {
        return;
    }
    if let Some((value, ordinal)) = spelled(word, language) {
        tokens.push(Token::Number { value, ordinal, padded: value >= 10 });
        return;
    }
    if language == Language::German {
        const PARTS: [&str; 8] =
            ["frueh", "morgen", "vormittag", "mittag", "nachmittag", "abend", "nacht", "vormittags"];
        let split = PARTS.iter().find_map(|part| {
            let day = word.strip_suffix(part)?;
            weekday(day, language).map(|_| (day, *part))
        });
        if let Some((day, part)) = split {
            tokens.extend([Token::Word(day.to_owned()), Token::Word(part.to_owned())]);
            return;
        }
    }
    if word == "tonight" {
        tokens.extend(["today", "evening"].map(|word| Token::Word(word.to_owned())));
        return;
    }
    tokens.push(Token::Word(word.to_owned()));
}

/// The number that a word stands for, and whether it counts.
fn spelled(word: &str, language: Language) -> Option<(i16, bool)> {
    match language {
        Language::German => {
            if word == "zwo" {
                return Some((2, false));
            }
            if word == "sechszehn" {
                return Some((16, false));
            }
            if let Some(value) = (0..60).find(|value| plain(&number_german(*value)) == word) {
                return Some((value.into(), false));
            }
            let base = word.strip_suffix(['n', 'r', 's', 'm']).unwrap_or(word);
            (1..=31).find(|day| plain(&ordinal_german(*day)) == base).map(|day| (day.into(), true))
        }
        Language::English => {
            let cardinal = UNITS_ENGLISH.iter().position(|name| *name == word);
            let tens = ["twenty", "thirty", "forty", "fifty"].iter().position(|name| *name == word);
            let cardinal =
                cardinal.or(tens.map(|at| (at + 2) * 10)).and_then(|value| i16::try_from(value).ok());
            if let Some(value) = cardinal {
                return Some((value, false));
            }
            (1..=31).find(|day| ordinal_english(*day) == word).map(|day| (day.into(), true))
        }
    }
}

/// Joins "forty seven", "twenty first" and "oh five", which English writes as two words.
fn joined(tokens: Vec<Token>, language: Language) -> Vec<Token> {
    if language == Language::German {
        return tokens;
    }
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens {
        if let Token::Number { value: unit @ 0..10, ordinal, padded: false } = token {
            match out.last_mut() {
                Some(Token::Number { value, ordinal: counted @ false, padded: true })
                    if matches!(*value, 20 | 30 | 40 | 50) && unit > 0 =>
                {
                    *value += unit;
                    *counted = ordinal;
                    continue;
                }
                Some(last) if !ordinal && *last == Token::Word("oh".to_owned()) => {
                    *last = Token::Number { value: unit, ordinal: false, padded: true };
                    continue;
                }
                _ => {}
            }
        }
        out.push(token);
    }
    out
}
