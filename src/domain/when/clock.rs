//! Reading times of day: "halb zehn", "three thirty", "14:30", "in the morning".

use super::{
    reader::{Clock, Item, Part, Read, Reader},
    words::{Token, month, stem, weekday},
};
use crate::domain::assistant::Language;

impl Reader<'_> {
    /// Whether the words before this one ask for a time of day.
    pub(super) fn asks_for_time(&self, at: usize, before: Option<&Item>) -> bool {
        matches!(self.before(at), "um" | "gegen" | "at" | "around" | "circa" | "ca" | "about")
            || matches!(before, Some(Item::Around))
    }

    /// Whether two numbers with a point between them are a clock time.
    pub(super) fn is_clock(&self, at: usize) -> bool {
        let Some(Token::Dotted(hour, minute)) = self.tokens.get(at) else { return false };
        let possible = (0..=24).contains(hour) && (0..60).contains(minute);
        possible
            && (*minute > 12
                || *minute == 0
                || matches!(self.word(at + 1), "uhr" | "am" | "pm")
                || matches!(self.before(at), "um" | "gegen" | "at" | "nach" | "vor" | "after" | "before"))
    }

    pub(super) fn time(&self, at: usize, before: Option<&Item>) -> Read {
        let exact = |read, hour, minute| Some((read, Item::Time(Clock { hour, minute, sure: true })));
        match self.tokens.get(at)? {
            Token::Clock { hour, minute, padded } => {
                let sure = *padded || *hour == 0 || *hour > 12;
                return Some(self.meridiem(at + 1, at, Clock { hour: *hour, minute: *minute, sure }));
            }
            Token::Dotted(hour, minute) if self.is_clock(at) => {
                let (hour, minute) = (i8::try_from(*hour).ok()?, i8::try_from(*minute).ok()?);
                return Some(self.meridiem(at + 1, at, Clock { hour, minute, sure: hour == 0 || hour > 12 }));
            }
            Token::Word(word) => match word.as_str() {
                "mitternacht" | "midnight" => return exact(1, 0, 0),
                "noon" | "midday" => return exact(1, 12, 0),
                _ => {}
            },
            Token::Number { .. } | Token::Dotted(..) | Token::Date { .. } => {}
        }
        self.relative(at, before).or_else(|| self.hour(at, before))
    }

    /// "Halb zehn", "Viertel nach neun", "half past nine", "ten to four".
    fn relative(&self, at: usize, before: Option<&Item>) -> Read {
        let hour_at = |at: usize| self.plain_number(at).filter(|hour| (1..=24).contains(hour));
        let clock = |read: usize, hour: i16, minute: i16| {
            let total = (hour * 60 + minute).rem_euclid(24 * 60);
            let (hour, minute) = (i8::try_from(total / 60).ok()?, i8::try_from(total % 60).ok()?);
            // Half past twelve is said "halb eins".
            let hour = if hour == 0 { 12 } else { hour };
            Some(self.meridiem(at + read, at, Clock { hour, minute, sure: hour > 12 }))
        };
        let word = self.word(at);
        if self.german() {
            match word {
                "halb" => return clock(2, hour_at(at + 1)?, -30),
                "dreiviertel" => return clock(2, hour_at(at + 1)?, -15),
                "viertel" if hour_at(at + 1).is_some() => return clock(2, hour_at(at + 1)?, -45),
                _ => {}
            }
        } else if word == "half" {
            let past = usize::from(self.word(at + 1) == "past");
            return clock(2 + past, hour_at(at + 1 + past)?, 30);
        }
        let minutes = match (word, self.plain_number(at)) {
            ("viertel" | "quarter", _) => 15,
            (_, Some(minutes @ 1..30)) => minutes,
            _ => return None,
        };
        // Between ten to four and from ten to four lies a word.
        if matches!(before, Some(Item::Between | Item::From | Item::After)) && word.is_empty() {
            return None;
        }
        let minutes_word = usize::from(matches!(self.word(at + 1), "minuten" | "minutes"));
        let joint = at + 1 + minutes_word;
        let sign = match (self.language, self.word(joint)) {
            (Language::German, "nach") | (Language::English, "past" | "after") => 1,
            (Language::German, "vor") | (Language::English, "to" | "of" | "before" | "til" | "till") => -1,
            _ => return None,
        };
        let read = joint + 1 - at;
        if self.german() && self.word(joint + 1) == "halb" {
            return clock(read + 2, hour_at(joint + 2)?, -30 + sign * minutes);
        }
        // "2 to 5" is a stretch, "five to two" a time.
        let spelled_like_minutes = minutes % 5 == 0 || minutes_word > 0 || sign > 0;
        clock(read + 1, hour_at(joint + 1).filter(|_| spelled_like_minutes)?, sign * minutes)
    }

    /// "Neun Uhr dreißig", "nine thirty", "3 pm", "um drei".
    fn hour(&self, at: usize, before: Option<&Item>) -> Read {
        let (hour, padded) = match self.tokens.get(at)? {
            Token::Number { value, ordinal, padded } if !ordinal || self.asks_for_time(at, before) => {
                (i8::try_from(*value).ok()?, *padded)
            }
            Token::Word(word) if self.german() && word == "ein" && self.word(at + 1) == "uhr" => (1, false),
            Token::Word(_)
            | Token::Number { .. }
            | Token::Clock { .. }
            | Token::Dotted(..)
            | Token::Date { .. } => return None,
        };
        if !(0..=24).contains(&hour) {
            return None;
        }
        let zero_padded = padded && hour < 10;
        let clock = |minute| Clock { hour, minute, sure: hour == 0 || hour > 12 || zero_padded };
        let minute_at = |at: usize| match self.tokens.get(at) {
            Some(Token::Number { value: minute @ 0..60, ordinal: false, padded }) => {
                (*padded || self.german()).then(|| i8::try_from(*minute).ok()).flatten()
            }
            _ => None,
        };
        if matches!(self.word(at + 1), "uhr" | "h") {
            let minute = minute_at(at + 2).filter(|_| !matches!(self.word(at + 3), "uhr" | "h"));
            return Some((2 + usize::from(minute.is_some()), Item::Time(clock(minute.unwrap_or(0)))));
        }
        let minute = if self.german() { None } else { minute_at(at + 1) };
        let next = at + 1 + usize::from(minute.is_some());
        let (read, item) = self.meridiem(next, at, clock(minute.unwrap_or(0)));
        let marked = matches!(item, Item::Time(Clock { sure: true, .. })) && at + read > next
            || self.word(at + read) == "oclock"
            || minute.is_some();
        let joined = self.asks_for_time(at, before)
            || matches!(
                before,
                Some(
                    Item::From
                        | Item::After
                        | Item::Until
                        | Item::Around
                        | Item::Between
                        | Item::To
                        | Item::Or
                        | Item::Days { .. }
                        | Item::Named(_)
                        | Item::Weekday { .. }
                        | Item::Weekdays(_)
                        | Item::Part(_)
                )
            ) && !self.counts_something(at + read);
        // "The first one" is no time.
        let pronoun = hour == 1
            && !self.german()
            && at
                .checked_sub(1)
                .is_some_and(|at| matches!(self.tokens[at], Token::Number { ordinal: true, .. }));
        let joined = joined && !pronoun;
        let alone = at == 0 && self.tokens.len() == read;
        // "From two to four pm": an hour that another follows.
        let stretch = matches!(self.word(at + read), "to" | "bis" | "or" | "oder" | "and" | "und")
            && matches!(self.tokens.get(at + read + 1), Some(Token::Number { .. } | Token::Clock { .. }));
        (marked || joined || alone || stretch).then_some((read, item))
    }

    /// Whether a number before this word counts things rather than hours.
    fn counts_something(&self, at: usize) -> bool {
        const JOINTS: [&str; 24] = [
            "uhr", "oclock", "oder", "or", "und", "and", "bis", "to", "until", "am", "im", "in", "on", "at",
            "um", "bitte", "please", "herum", "rum", "ish", "sharp", "wenn", "if", "next",
        ];
        let word = self.word(at);
        !word.is_empty()
            && !JOINTS.contains(&word)
            && self.part(at).is_none()
            && weekday(word, self.language).is_none()
            && month(word, self.language).is_none()
            && !matches!(word, "heute" | "morgen" | "uebermorgen" | "today" | "tomorrow")
            && stem(word) != "naechst"
    }

    /// The time with "am" or "pm" that follows it, and how much was read since `began`.
    fn meridiem(&self, at: usize, began: usize, clock: Clock) -> (usize, Item) {
        let half = match self.word(at) {
            "am" if !self.german() => Some(false),
            "pm" => Some(true),
            _ => None,
        };
        let oclock = usize::from(matches!(self.word(at), "uhr" | "oclock"));
        match half {
            Some(late) if (1..=12).contains(&clock.hour) => {
                let hour = clock.hour % 12 + if late { 12 } else { 0 };
                (at + 1 - began, Item::Time(Clock { hour, sure: true, ..clock }))
            }
            Some(_) => (at + 1 - began, Item::Time(clock)),
            None => (at + oclock - began, Item::Time(clock)),
        }
    }

    pub(super) fn part(&self, at: usize) -> Read {
        let word = self.word(at);
        let bare = word.strip_suffix('s').unwrap_or(word);
        let part = match self.language {
            Language::German => match bare {
                "morgen" | "vormittag" | "frueh" | "morgend" => Part::Morning,
                "mittag" => Part::Noon,
                "nachmittag" => Part::Afternoon,
                "abend" | "feierabend" => Part::Evening,
                "nacht" => Part::Night,
                _ => return None,
            },
            Language::English => match bare {
                "morning" => Part::Morning,
                "lunchtime" | "lunch" => Part::Noon,
                "afternoon" => Part::Afternoon,
                "evening" => Part::Evening,
                "night" => Part::Night,
                _ => return None,
            },
        };
        Some((1, Item::Part(part)))
    }
}
