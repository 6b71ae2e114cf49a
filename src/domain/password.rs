//! Which passwords are good enough.
//!
//! Long enough, and not what everybody tries first: that is all. No digit, capital or sign is asked for, and nobody
//! has to choose another one after some weeks. Hashing is not done here.

use std::collections::BTreeSet;

use super::email::Email;

/// Fewest characters, where a password is all that is asked for.
pub const CHARS_MIN: usize = 15;
/// Most characters.
pub const CHARS_MAX: usize = 256;
/// A pattern this long or shorter, said again and again, is no more than itself.
const PATTERN_CHARS_MAX: usize = 8;
/// What is made of this many common pieces or fewer, is common.
const PIECES_MAX: usize = 2;
/// What may stand beside the pieces and change nothing.
const REST_CHARS_MAX: usize = 2;
/// Shortest of a person's own words that counts as a piece.
const OWN_CHARS_MIN: usize = 4;
/// Shortest run of neighbours, such as `abc` or `777`, that counts as a piece.
const RUN_CHARS_MIN: usize = 3;
/// Longest number that counts as a piece: a year, a date.
const NUMBER_CHARS_MAX: usize = 8;

/// What everybody tries first, one to a line, in small letters and without signs.
const COMMON: &str = include_str!("common_passwords.txt");
/// Rows along which fingers slide.
const ROWS: [&str; 8] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6zhn",
];

/// Why a password is not good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// It is too short.
    #[error("must be at least {CHARS_MIN} characters long; a few words in a row are easy to remember")]
    Short,
    /// It is too long.
    #[error("must be at most {CHARS_MAX} characters long")]
    Long,
    /// It would be guessed early.
    #[error("is one of those that are tried first; a few words that do not belong together are better")]
    Common,
}

/// Whether somebody with this address may choose this password. `names` are further words that do not make a secret,
/// such as the name of the business.
///
/// # Errors
/// Why not.
pub fn check(password: &str, email: &Email, names: &[&str]) -> Result<(), Weak> {
    let chars = password.chars().filter(|c| !c.is_control()).count();
    if chars < CHARS_MIN {
        return Err(Weak::Short);
    }
    if chars > CHARS_MAX || password.len() > CHARS_MAX * 4 {
        return Err(Weak::Long);
    }
    let own: BTreeSet<String> = [email.local(), email.domain()]
        .into_iter()
        .chain(names.iter().copied())
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()).map(plain).chain([plain(text)]))
        .filter(|word| word.chars().count() >= OWN_CHARS_MIN)
        .collect();
    let common = |text: &str| is_pattern(text) || is_made_of_pieces(text, &own);
    let text = plain(password);
    if common(&text) || common(&unmasked(password)) { Err(Weak::Common) } else { Ok(()) }
}

/// Small letters and digits only: what signs and capitals hide is no better for it.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The same with the usual masks taken off: `p@55w0rd`.
fn unmasked(text: &str) -> String {
    let letter = |c: char| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    plain(&text.chars().map(letter).collect::<String>())
}

/// Whether it is one short pattern, again and again.
fn is_pattern(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=PATTERN_CHARS_MAX.min(chars.len() / 2))
        .any(|period| chars.iter().zip(chars.iter().skip(period)).all(|(a, b)| a == b))
}

/// Whether hardly anything remains of it once a few common pieces are taken away.
fn is_made_of_pieces(text: &str, own: &BTreeSet<String>) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let (mut at, mut rest, mut kinds) = (0, 0, BTreeSet::new());
    while at < chars.len() {
        let here = &chars[at..];
        let words = COMMON.lines().chain(own.iter().map(String::as_str));
        let word = words.filter(|word| !word.is_empty() && starts(here, word)).max_by_key(|word| word.len());
        let word_len = word.map_or(0, |word| word.chars().count());
        let run = run(here);
        match (word, word_len, run) {
            (_, len, run) if run > len => {
                kinds.insert("");
                at += run;
            }
            (Some(word), len, _) => {
                kinds.insert(word);
                at += len;
            }
            _ => {
                rest += 1;
                at += 1;
            }
        }
    }
    kinds.len() <= PIECES_MAX && rest <= REST_CHARS_MAX
}

fn starts(chars: &[char], word: &str) -> bool {
    let mut chars = chars.iter();
    word.chars().all(|c| chars.next() == Some(&c))
}

/// How many characters from here on are one run: the same again, neighbours of a row, or a number.
fn run(chars: &[char]) -> usize {
    let same = chars.iter().take_while(|c| Some(*c) == chars.first()).count();
    let digits = chars.iter().take_while(|c| c.is_ascii_digit()).count();
    let number = if digits <= NUMBER_CHARS_MAX { digits } else { 0 };
    let along = |row: &str| {
        let row: Vec<char> = row.chars().collect();
        let back: Vec<char> = row.iter().rev().copied().collect();
        [row, back]
            .iter()
            .flat_map(|row| {
                (0..row.len())
                    .map(move |from| row[from..].iter().zip(chars).take_while(|(a, b)| a == b).count())
            })
            .max()
            .unwrap_or(0)
    };
    let row = ROWS.iter().map(|row| along(row)).max().unwrap_or(0);
    let longest = same.max(row).max(number);
    if longest >= RUN_CHARS_MIN { longest } else { 0 }
}
