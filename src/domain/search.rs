//! What somebody looks for in conversations: words become terms, and a find becomes a snippet.
//!
//! A term is how a word begins, without its ending, its accents and its case, so that "Termine" finds "Termin" and
//! "appointments" finds "appointment", in German and in English, on every database alike. It knows no database.

/// How many words may be looked for at once.
pub const TERMS_MAX: usize = 8;
/// The longest question, in characters.
pub const QUESTION_CHARS_MAX: usize = 200;
/// How many words a snippet shows before and after the first that was found.
const AROUND: usize = 8;
/// Words shorter than this keep their ending.
const STEM_MIN: usize = 4;
/// Endings of words, the longer first.
const ENDINGS: [&str; 11] = ["ungen", "ing", "est", "en", "er", "es", "ed", "em", "e", "n", "s"];

/// Why nothing can be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is no word in it.
    #[error("must have a word in it")]
    NoWord,
    /// It is too long.
    #[error("must have at most 8 words and 200 characters")]
    TooLong,
}

/// A piece of a snippet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The words, as they were said.
    pub text: String,
    /// Whether they were looked for.
    pub found: bool,
}

/// The terms of a question. Each is letters and digits alone.
///
/// # Errors
/// [`Unfit`].
pub fn terms(question: &str) -> Result<Vec<String>, Unfit> {
    if question.chars().count() > QUESTION_CHARS_MAX {
        return Err(Unfit::TooLong);
    }
    let mut terms: Vec<String> =
        words(question).map(|(from, until)| stem(&fold(&question[from..until]))).collect();
    terms.sort();
    terms.dedup();
    match terms.len() {
        0 => Err(Unfit::NoWord),
        count if count > TERMS_MAX => Err(Unfit::TooLong),
        _ => Ok(terms),
    }
}

/// What is shown of a text in which terms were found: the words around the first of them.
pub fn snippet(text: &str, terms: &[String]) -> Vec<Piece> {
    let words: Vec<(usize, usize)> = words(text).collect();
    let hit = |(from, until): &(usize, usize)| {
        let word = fold(&text[*from..*until]);
        terms.iter().any(|term| word.starts_with(term.as_str()))
    };
    let first = words.iter().position(hit).unwrap_or(0);
    let (begin, end) = (first.saturating_sub(AROUND), (first + AROUND + 1).min(words.len()));
    let mut pieces: Vec<Piece> = vec![];
    let mut put = |text: &str, found: bool| match pieces.last_mut() {
        Some(last) if last.found == found => last.text.push_str(text),
        _ if text.is_empty() => {}
        _ => pieces.push(Piece { text: text.to_owned(), found }),
    };
    if begin > 0 {
        put("… ", false);
    }
    let mut at = words.get(begin).filter(|_| begin > 0).map_or(0, |(from, _)| *from);
    for word in words.get(begin..end).unwrap_or_default() {
        put(&text[at..word.0], false);
        put(&text[word.0..word.1], hit(word));
        at = word.1;
    }
    if end < words.len() {
        put(" …", false);
    } else {
        put(&text[at..], false);
    }
    pieces
}

/// Where the words of a text begin and end.
fn words(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let from = at + text[at..].find(char::is_alphanumeric)?;
        let until =
            text[from..].find(|letter: char| !letter.is_alphanumeric()).map_or(text.len(), |len| from + len);
        at = until;
        Some((from, until))
    })
}

/// A word without its case and its accents.
fn fold(word: &str) -> String {
    word.to_lowercase()
        .chars()
        .map(|letter| match letter {
            'ä' | 'à' | 'á' | 'â' | 'ã' => 'a',
            'ö' | 'ò' | 'ó' | 'ô' | 'õ' => 'o',
            'ü' | 'ù' | 'ú' | 'û' => 'u',
            'è' | 'é' | 'ê' | 'ë' => 'e',
            'ì' | 'í' | 'î' | 'ï' => 'i',
            'ç' => 'c',
            'ñ' => 'n',
            letter => letter,
        })
        .collect()
}

fn stem(word: &str) -> String {
    let short =
        |ending: &&&str| word.strip_suffix(**ending).is_some_and(|stem| stem.chars().count() >= STEM_MIN);
    let ending = ENDINGS.iter().find(short);
    ending.map_or(word, |ending| word.strip_suffix(ending).unwrap_or(word)).to_owned()
}
