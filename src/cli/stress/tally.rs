//! How often what was asked and answered, and how long it took.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// What is asked, with what came of it.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<BTreeMap<&'static str, Asked>>);

/// One kind of question.
#[derive(Clone, Debug, Default)]
struct Asked {
    answers: BTreeMap<String, u64>,
    took: Vec<Duration>,
}

impl Tally {
    /// Counts an answer.
    pub(super) fn count(&self, kind: &'static str, answer: &str, took: Duration) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = kinds.entry(kind).or_default();
        *asked.answers.entry(answer.to_owned()).or_default() += 1;
        asked.took.push(took);
    }

    /// How often that was answered, to whatever was asked.
    pub(super) fn answered(&self, is_meant: impl Fn(&str) -> bool) -> u64 {
        let kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = kinds.values().flat_map(|asked| &asked.answers);
        answers.filter(|(answer, _)| is_meant(answer)).map(|(_, count)| count).sum()
    }

    /// A line for each kind.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |(kind, asked): (&&'static str, &mut Asked)| {
            let (count, took) = (asked.took.len(), Spread::of(&mut asked.took));
            let answers: Vec<String> =
                asked.answers.iter().map(|(answer, count)| format!("{count} {answer}")).collect();
            format!("{kind:<14} {count:>7}  {took}  {}", answers.join(", "))
        };
        kinds.iter_mut().map(line).collect()
    }
}

/// How long something took: the middle, and what one of a hundred exceeds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread {
    /// Half took no longer.
    pub p50: Duration,
    /// Ninety-nine of a hundred took no longer.
    pub p99: Duration,
}

impl Spread {
    /// Of these, which are put in order.
    pub(super) fn of(took: &mut [Duration]) -> Self {
        took.sort_unstable();
        let at = |percent: usize| took.get((took.len() * percent / 100).min(took.len().saturating_sub(1)));
        Self { p50: at(50).copied().unwrap_or_default(), p99: at(99).copied().unwrap_or_default() }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        write!(f, "p50 {:>8.2} ms  p99 {:>8.2} ms", ms(self.p50), ms(self.p99))
    }
}
