//! What has changed between two texts, piece by piece, for whoever is to agree to it.
//!
//! Words are compared, not letters: what a reader sees as one change is one. It never cuts a word in two.

/// The largest table of words that is filled: more than that, and a change is told as a whole.
const CELLS_MAX: usize = 4_000_000;

/// A piece of a text that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What became of it.
    pub fate: Fate,
    /// The words, with what stands between them.
    pub text: String,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stands in both.
    Stays,
    /// It stood in the first only.
    Goes,
    /// It stands in the second only.
    Comes,
}

impl Fate {
    /// The word it is shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stays => "stays",
            Self::Goes => "goes",
            Self::Comes => "comes",
        }
    }
}

/// The pieces of which both texts are made, in order: without those that come it is the first, without those that go
/// the second.
pub fn pieces(before: &str, after: &str) -> Vec<Piece> {
    let (old, new) = (words(before), words(after));
    let same_start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[same_start..], &new[same_start..]);
    let same_end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_middle, end) = old.split_at(old.len() - same_end);
    let new_middle = &new[..new.len() - same_end];

    let mut told = Telling::default();
    words(before)[..same_start].iter().for_each(|word| told.add(Fate::Stays, word));
    middle(old_middle, new_middle, &mut told);
    end.iter().for_each(|word| told.add(Fate::Stays, word));
    told.done
}

/// Text between two texts that begin and end differently: the longest run of words they share stays.
fn middle(old: &[&str], new: &[&str], told: &mut Telling) {
    let cells = (old.len() + 1).saturating_mul(new.len() + 1);
    if cells > CELLS_MAX {
        old.iter().for_each(|word| told.add(Fate::Goes, word));
        new.iter().for_each(|word| told.add(Fate::Comes, word));
        return;
    }
    // How many words the rests of both share, from each place in one and in the other.
    let width = new.len() + 1;
    let mut shared = vec![0_u32; cells];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            shared[i * width + j] = if old[i] == new[j] {
                shared[(i + 1) * width + j + 1] + 1
            } else {
                shared[(i + 1) * width + j].max(shared[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            told.add(Fate::Stays, old[i]);
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && shared[(i + 1) * width + j] >= shared[i * width + j + 1]
        {
            told.add(Fate::Goes, old[i]);
            i += 1;
        } else {
            told.add(Fate::Comes, new[j]);
            j += 1;
        }
    }
}

/// Words with the space behind them.
fn words(text: &str) -> Vec<&str> {
    text.split_inclusive(char::is_whitespace).collect()
}

/// Pieces as they are told: what goes before what comes, and one for each run.
#[derive(Default)]
struct Telling {
    done: Vec<Piece>,
}

impl Telling {
    fn add(&mut self, fate: Fate, word: &str) {
        // What goes is told before what comes in its place.
        let at = match (fate, self.done.as_slice()) {
            (Fate::Goes, [.., before, Piece { fate: Fate::Comes, .. }]) if before.fate == Fate::Goes => {
                self.done.len() - 2
            }
            (Fate::Goes, [.., Piece { fate: Fate::Comes, .. }]) => {
                let at = self.done.len() - 1;
                self.done.insert(at, Piece { fate, text: String::new() });
                at
            }
            (_, [.., last]) if last.fate == fate => self.done.len() - 1,
            _ => {
                self.done.push(Piece { fate, text: String::new() });
                self.done.len() - 1
            }
        };
        self.done[at].text.push_str(word);
    }
}
