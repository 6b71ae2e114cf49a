//! Card numbers among the words of a conversation: found, and blanked.
//!
//! A card number is thirteen to nineteen digits that begin as cards do and pass the check of ISO/IEC 7812 (Luhn); they may be
//! spelled out, said in groups, and spread over turns. What only resembles one (a telephone number with its plus or its
//! leading nought) stays. It decides nothing about a call.

use super::conversation::{Speaker, Turn};

/// How few digits a card number has, and how many at most.
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// How many digits in a row, begun as cards are, look like a card number that is not over.
const UNDER_WAY_MIN: usize = 9;
/// What stands where a digit or a letter of it stood.
const BLANK: char = '•';
/// How many digits may come from one turn without being a card number of their own, and still be part of one.
const TURNS_MAX: usize = 8;

/// One digit or several, as they stand in a text.
struct Token {
    digits: String,
    from: usize,
    until: usize,
    /// Whether a plus stands before it.
    plus: bool,
    /// Whether nothing but digits lies between the one before and this one.
    follows: bool,
}

/// The text without the card numbers in it; `None` when there are none.
pub fn blanked(text: &str) -> Option<String> {
    let tokens = tokens(text);
    let found = found(&tokens.iter().collect::<Vec<_>>());
    (!found.is_empty()).then(|| {
        let places: Vec<_> = found.into_iter().map(|at| (tokens[at].from, tokens[at].until)).collect();
        cover(text, &places)
    })
}

/// Whether what is being said looks like a card number that may go on.
pub fn under_way(text: &str) -> bool {
    let tokens = tokens(text);
    let mut run = String::new();
    for token in &tokens {
        if !token.follows {
            run.clear();
        }
        if token.plus {
            return false;
        }
        run.push_str(&token.digits);
    }
    let at_end = tokens.last().is_some_and(|last| !text[last.until..].chars().any(char::is_alphanumeric));
    at_end && run.len() >= UNDER_WAY_MIN && begins_as_cards_do(&run)
}

/// Whether some digits are in it, said or written.
pub fn has_digits(text: &str) -> bool {
    !tokens(text).is_empty()
}

/// Blanks the card numbers in what was said, also where one is spread over several turns of the same speaker; the places of
/// the turns that held one.
pub fn blank(turns: &mut [Turn]) -> Vec<usize> {
    let mut touched = vec![];
    for speaker in [Speaker::Caller, Speaker::Agent] {
        let mine: Vec<usize> = (0..turns.len()).filter(|at| turns[*at].speaker == speaker).collect();
        let mut all: Vec<(usize, Token)> = vec![];
        let (mut since, mut open) = (0, false);
        for at in mine {
            let text = &turns[at].text;
            let mut said = tokens(text);
            let (begins, ends) = match (said.first(), said.last()) {
                (Some(first), Some(last)) => (
                    !text[..first.from].chars().any(char::is_alphanumeric),
                    !text[last.until..].chars().any(char::is_alphanumeric),
                ),
                _ => (false, false),
            };
            since = if open && begins { since + 1 } else { 0 };
            if let Some(first) = said.first_mut() {
                first.follows = open && begins && since < TURNS_MAX;
            }
            open = ends;
            all.extend(said.into_iter().map(|token| (at, token)));
        }
        let found = found(&all.iter().map(|(_, token)| token).collect::<Vec<_>>());
        let mut places: std::collections::BTreeMap<usize, Vec<(usize, usize)>> = Default::default();
        for at in found {
            let (turn, token) = &all[at];
            places.entry(*turn).or_default().push((token.from, token.until));
        }
        for (at, places) in places {
            let heard = turns[at].heard_text.chars().count();
            let prefix = turns[at].text.starts_with(&turns[at].heard_text);
            turns[at].text = cover(&turns[at].text, &places);
            // What was heard is how the text begins, letter for letter.
            turns[at].heard_text = if prefix {
                turns[at].text.chars().take(heard).collect()
            } else {
                blanked(&turns[at].heard_text).unwrap_or_else(|| turns[at].heard_text.clone())
            };
            touched.push(at);
        }
    }
    touched.sort_unstable();
    touched
}

/// Which of these belong to a card number.
fn found(tokens: &[&Token]) -> Vec<usize> {
    let mut found = vec![];
    let mut at = 0;
    while at < tokens.len() {
        match card(&tokens[at..]) {
            Some(count) => {
                found.extend(at..at + count);
                at += count;
            }
            None => at += 1,
        }
    }
    found
}

/// How many of the first of these make a card number; the most that do.
fn card(tokens: &[&Token]) -> Option<usize> {
    let mut digits = String::new();
    let mut count = None;
    for (at, token) in tokens.iter().enumerate() {
        if token.plus || at > 0 && !token.follows {
            break;
        }
        digits.push_str(&token.digits);
        if digits.len() > *DIGITS.end() {
            break;
        }
        if DIGITS.contains(&digits.len()) && begins_as_cards_do(&digits) && luhn(&digits) {
            count = Some(at + 1);
        }
    }
    count
}

/// The first digit of every scheme's numbers (ISO/IEC 7812: travel and banking).
fn begins_as_cards_do(digits: &str) -> bool {
    digits.starts_with(|first| ('2'..='6').contains(&first))
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| {
            let digit = u32::from(byte - b'0') * if at % 2 == 1 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The digits in a text: figures, and the words for them in German and English.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = vec![];
    let (mut follows, mut plus) = (false, false);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let from = text.len() - rest.len();
        if !first.is_alphanumeric() {
            // Spaces, dashes, commas: whoever reads a number out makes pauses. A sentence's end is none.
            plus = first == '+' || plus && first == ' ';
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let kind = first.is_ascii_digit();
        let len = rest
            .find(|next: char| !next.is_alphanumeric() || next.is_ascii_digit() != kind)
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(len);
        rest = after;
        let digits = if kind { Some(word.to_owned()) } else { digit(word).map(str::to_owned) };
        match digits {
            Some(digits) => {
                tokens.push(Token { digits, from, until: from + len, plus, follows });
                follows = true;
            }
            None => follows = false,
        }
        plus = false;
    }
    tokens
}

fn digit(word: &str) -> Option<&'static str> {
    Some(match word.to_lowercase().as_str() {
        "zero" | "oh" | "null" => "0",
        "one" | "eins" | "ein" => "1",
        "two" | "zwei" | "zwo" => "2",
        "three" | "drei" => "3",
        "four" | "vier" => "4",
        "five" | "fünf" => "5",
        "six" | "sechs" => "6",
        "seven" | "sieben" => "7",
        "eight" | "acht" => "8",
        "nine" | "neun" => "9",
        _ => return None,
    })
}

/// The text with these places blanked, letter for letter.
fn cover(text: &str, places: &[(usize, usize)]) -> String {
    let hidden = |at: usize| places.iter().any(|(from, until)| (*from..*until).contains(&at));
    text.char_indices().map(|(at, letter)| if hidden(at) { BLANK } else { letter }).collect()
}
