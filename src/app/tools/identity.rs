//! Whether a name that was said is a name that is known.
//!
//! Names come by ear: small slips are forgiven, another person is not.

/// Words that are said with a name and are no part of it.
const TITLES: [&str; 16] = [
    "herr",
    "herrn",
    "frau",
    "dr",
    "doktor",
    "prof",
    "professor",
    "mr",
    "mrs",
    "ms",
    "miss",
    "doctor",
    "von",
    "zu",
    "van",
    "de",
];

/// The shortest word in which one wrong letter is forgiven.
const FORGIVING_LEN_MIN: usize = 5;

/// Whether the `said` name agrees with the `known` one: its last name was said, and nothing that is not in it.
pub(super) fn agrees(said: &str, known: &str) -> bool {
    let (said, known) = (words(said), words(known));
    let Some(last) = known.last() else { return false };
    said.iter().any(|word| alike(word, last))
        && said.iter().all(|word| known.iter().any(|own| alike(word, own)))
}

/// Whether both name the same person for the records: the same words, letter by letter.
pub(super) fn same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (words(a), words(b));
    a.sort();
    b.sort();
    !a.is_empty() && a == b
}

/// Whether a name that was said means somebody of that name: some word of it was said.
pub(super) fn mentions(said: &str, known: &str) -> bool {
    let (said, known) = (words(said), words(known));
    said.iter().any(|word| known.iter().any(|own| alike(word, own)))
}

/// The words of a name in small letters, umlauts written out, without titles.
fn words(name: &str) -> Vec<String> {
    let mut plain = String::with_capacity(name.len());
    for letter in name.chars().flat_map(char::to_lowercase) {
        match letter {
            'ä' => plain.push_str("ae"),
            'ö' => plain.push_str("oe"),
            'ü' => plain.push_str("ue"),
            'ß' => plain.push_str("ss"),
            'é' | 'è' | 'ê' => plain.push('e'),
            'á' | 'à' | 'â' => plain.push('a'),
            'ó' | 'ò' | 'ô' => plain.push('o'),
            'ú' | 'ù' | 'û' => plain.push('u'),
            'í' | 'ì' | 'î' => plain.push('i'),
            'ç' => plain.push('c'),
            'ñ' => plain.push('n'),
            letter if letter.is_alphanumeric() => plain.push(letter),
            '\'' | '’' => {}
            _ => plain.push(' '),
        }
    }
    let all: Vec<String> = plain.split_whitespace().map(str::to_owned).collect();
    let without: Vec<String> = all.iter().filter(|word| !TITLES.contains(&word.as_str())).cloned().collect();
    if without.is_empty() { all } else { without }
}

/// Whether two words sound like the same name: equal, or one letter apart when long.
fn alike(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().min(b.len()) < FORGIVING_LEN_MIN || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let front = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let back = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    // One letter changed, added or left out: what is equal before and behind covers all but that letter.
    front + back + 1 >= a.len().max(b.len())
}
