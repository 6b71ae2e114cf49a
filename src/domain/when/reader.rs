//! From tokens to what they say: days, times, parts of the day and the words that join them.

use jiff::{ToSpan, civil};

use super::{
    Question,
    words::{Token, month, stem, weekday},
};
use crate::domain::assistant::Language;

/// Something that was said about when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Item {
    /// A date or a stretch of dates.
    Days { from: civil::Date, to: civil::Date },
    /// A date that was named by day and month, or written.
    Named(civil::Date),
    /// A weekday: its next one.
    Weekday { weekday: usize, which: Which },
    /// These weekdays, whenever.
    Weekdays([bool; 7]),
    /// A clock time.
    Time(Clock),
    /// A part of the day.
    Part(Part),
    /// As soon as possible.
    Soon,
    /// From.
    From,
    /// After: with a day, from the next one.
    After,
    /// So many weeks after the day beside it.
    Weeks(i64),
    /// Until, before.
    Until,
    /// Around.
    Around,
    /// Between.
    Between,
    /// To, and.
    To,
    /// Or.
    Or,
    /// The beginning, middle or end of what follows.
    Portion(Portion),
}

/// Which of several weekdays of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Just its name.
    Plain,
    /// "This".
    This,
    /// "Next".
    Next,
    /// "The one after next".
    AfterNext,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Portion {
    Early,
    Middle,
    Late,
}

/// A clock time as said. Unless `sure`, its hour may be meant in the afternoon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    pub hour: i8,
    pub minute: i8,
    pub sure: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Morning,
    Noon,
    Afternoon,
    Evening,
    Night,
}

/// Reads tokens one after another.
pub(super) struct Reader<'a> {
    pub tokens: &'a [Token],
    pub language: Language,
    /// What the clock on the wall shows.
    pub now: civil::DateTime,
}

/// How many tokens were read, and what they say.
pub(super) type Read = Option<(usize, Item)>;

impl Reader<'_> {
    /// Everything said about when, in order, and how many words were passed over.
    pub fn items(&self) -> Result<(Vec<Item>, usize), Question> {
        let (mut at, mut items, mut passed_over) = (0, Vec::new(), 0);
        while at < self.tokens.len() {
            let before = items.last();
            let read = match self.soon(at) {
                None => match self.days(at, before)? {
                    None => self.time(at, before).or_else(|| self.part(at)).or_else(|| self.joint(at)),
                    days => days,
                },
                soon => soon,
            };
            match (read, self.tokens.get(at)) {
                (Some((read, item)), _) => {
                    items.push(item);
                    at += read.max(1);
                }
                // A number that says nothing about time may well be the point of the sentence.
                (None, Some(Token::Word(word))) if !denies(word) => {
                    at += 1;
                    passed_over += 1;
                }
                (None, _) => return Err(Question::NotUnderstood),
            }
        }
        Ok((items, passed_over))
    }

    pub(super) fn german(&self) -> bool {
        self.language == Language::German
    }

    pub(super) fn word(&self, at: usize) -> &str {
        match self.tokens.get(at) {
            Some(Token::Word(word)) => word,
            _ => "",
        }
    }

    pub(super) fn before(&self, at: usize) -> &str {
        at.checked_sub(1).map_or("", |at| self.word(at))
    }

    pub(super) fn plain_number(&self, at: usize) -> Option<i16> {
        match self.tokens.get(at) {
            Some(Token::Number { value, ordinal: false, .. }) => Some(*value),
            _ => None,
        }
    }

    fn says(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(n, word)| self.word(at + n) == *word)
    }

    fn soon(&self, at: usize) -> Read {
        const GERMAN: [&[&str]; 12] = [
            &["so", "bald", "wie", "moeglich"],
            &["so", "schnell", "wie", "moeglich"],
            &["so", "frueh", "wie", "moeglich"],
            &["moeglichst", "bald"],
            &["moeglichst", "schnell"],
            &["moeglichst", "frueh"],
            &["schnellstmoeglich"],
            &["baldmoeglichst"],
            &["bald"],
            &["egal"],
            &["irgendwann"],
            &["jederzeit"],
        ];
        const ENGLISH: [&[&str]; 15] = [
            &["as", "soon", "as", "possible"],
            &["as", "early", "as", "possible"],
            &["as", "soon", "as", "you", "can"],
            &["asap"],
            &["soonest"],
            &["soon"],
            &["earliest"],
            &["next", "available"],
            &["next", "possible"],
            &["next", "free"],
            &["anytime"],
            &["any", "time"],
            &["any", "day"],
            &["whenever"],
            &["sometime"],
        ];
        let phrases: &[&[&str]] = if self.german() { &GERMAN } else { &ENGLISH };
        if let Some(phrase) = phrases.iter().find(|phrase| self.says(at, phrase)) {
            return Some((phrase.len(), Item::Soon));
        }
        let free = |word: &str| {
            matches!(stem(word), "frei" | "moeglich" | "verfuegbar" | "termin")
                || matches!(
                    word,
                    "freie" | "available" | "possible" | "free" | "slot" | "appointment" | "opening"
                )
        };
        let first = matches!(self.tokens.get(at), Some(Token::Number { value: 1, ordinal: true, .. }));
        if first && self.word(at + 1) == "thing" {
            return Some((2, Item::Part(Part::Morning)));
        }
        let next = matches!(stem(self.word(at)), "naechst" | "fruehest");
        if (first || next) && free(self.word(at + 1)) {
            return Some((2, Item::Soon));
        }
        matches!(stem(self.word(at)), "naechstmoeglich" | "fruehestmoeglich" | "fruehstmoeglich")
            .then_some((1, Item::Soon))
    }

    fn days(&self, at: usize, before: Option<&Item>) -> Result<Read, Question> {
        if let Some(read) = self.named(at, before)? {
            return Ok(Some(read));
        }
        let today = self.now.date();
        let day = |days: i64| {
            let date = today.saturating_add(days.days());
            Item::Days { from: date, to: date }
        };
        let word = self.word(at);
        let near = match (self.language, word) {
            (Language::German, "heute") | (Language::English, "today") => day(0),
            (Language::German, "morgen") if !self.means_morning(at, before) => day(1),
            (Language::English, "tomorrow") => day(1),
            (Language::German, "uebermorgen") => day(2),
            (Language::German, "gestern" | "vorgestern") | (Language::English, "yesterday") => {
                return Err(Question::Past);
            }
            (Language::English, "day") if self.says(at + 1, &["after", "tomorrow"]) => {
                return Ok(Some((3, day(2))));
            }
            (Language::German, "werktags" | "wochentags") => weekdays(0..5),
            (Language::English, "weekdays") => weekdays(0..5),
            (Language::German, "wochenends") | (Language::English, "weekends") => weekdays(5..7),
            (Language::English, "this") if self.part(at + 1).is_some() => day(0),
            _ => {
                let read = self.ahead(at, before).or_else(|| self.weeks_from(at));
                return Ok(read.or_else(|| self.week_or_month(at)).or_else(|| self.weekday(at)));
            }
        };
        Ok(Some((1, near)))
    }

    /// "Morgen" is the morning after a day, and tomorrow elsewhere.
    fn means_morning(&self, at: usize, before: Option<&Item>) -> bool {
        let after_day = at > 0
            && matches!(
                before,
                Some(Item::Days { .. } | Item::Named(_) | Item::Weekday { .. } | Item::Weekdays(_))
            )
            && !matches!(self.before(at), "oder" | "und" | "bis");
        after_day
            || matches!(self.before(at), "am" | "jeden" | "diesen" | "den")
            || stem(self.before(at)) == "frueh"
    }

    /// A date by day and month, or written in numbers.
    fn named(&self, at: usize, before: Option<&Item>) -> Result<Option<(usize, Item)>, Question> {
        let (read, year, month, day) = match self.tokens.get(at) {
            Some(Token::Date { year, month, day }) => (1, *year, Some(*month), *day),
            Some(Token::Dotted(day, month)) if !self.is_clock(at) => {
                (1, None, Some(*month).filter(|month| (1..=12).contains(month)), *day)
            }
            Some(Token::Number { value, ordinal, .. }) => {
                let of = usize::from(self.word(at + 1) == "of");
                let month = month(self.word(at + 1 + of), self.language);
                // "Der vierte dritte": the month by its number.
                let counted = match self.tokens.get(at + 1) {
                    Some(Token::Number { value: month @ 1..=12, ordinal: true, .. })
                        if *ordinal && self.german() =>
                    {
                        Some(*month)
                    }
                    _ => None,
                };
                match (month, counted) {
                    (Some(month), _) => (2 + of, None, Some(month), *value),
                    (None, Some(month)) => (2, None, Some(month), *value),
                    _ if *ordinal && !self.asks_for_time(at, before) => (1, None, None, *value),
                    _ => return Ok(None),
                }
            }
            Some(Token::Word(word)) if !self.german() => {
                let Some(month) = month(word, self.language) else { return Ok(None) };
                let the = usize::from(self.word(at + 1) == "the");
                match self.tokens.get(at + 1 + the) {
                    Some(Token::Number { value: day @ 1..=31, .. }) => (2 + the, None, Some(month), *day),
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let (more, year) = match self.tokens.get(at + read) {
            Some(Token::Number { value: year @ 2000..2200, ordinal: false, .. })
                if year_is_open(year, month) =>
            {
                (1, Some(*year))
            }
            // "Twenty twenty seven"
            Some(Token::Number { value: 20, .. }) if month.is_some() => {
                match self.plain_number(at + read + 1) {
                    Some(years @ 20..100) => (2, Some(2000 + years)),
                    _ => (0, year),
                }
            }
            _ if self.says(at + read, &["naechsten", "jahres"])
                || self.says(at + read, &["next", "year"]) =>
            {
                (2, Some(self.now.year() + 1))
            }
            _ => (0, year),
        };
        Ok(Some((read + more, Item::Named(self.date(year, month, day)?))))
    }

    /// The date of that day; its next one where month or year are left out.
    fn date(&self, year: Option<i16>, month: Option<i16>, day: i16) -> Result<civil::Date, Question> {
        let today = self.now.date();
        let make = |year: i16, month: i16| {
            let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
            civil::Date::new(year, month, day).ok()
        };
        let date = match (year, month) {
            (Some(year), Some(month)) => make(year, month),
            (None, Some(month)) => match make(today.year(), month) {
                Some(date) if date < today => make(today.year() + 1, month),
                date => date,
            },
            // The next month that has such a day.
            (_, None) => (0..12i64).find_map(|ahead| {
                let month = today.first_of_month().saturating_add(ahead.months());
                make(month.year(), month.month().into()).filter(|date| *date >= today)
            }),
        };
        date.ok_or(Question::NoSuchDate)
    }

    /// "In two weeks", "in drei Tagen".
    fn ahead(&self, at: usize, before: Option<&Item>) -> Read {
        if self.word(at) != "in" {
            return None;
        }
        let (read, count) = match (self.plain_number(at + 1), self.word(at + 1)) {
            (Some(count @ 0..=730), _) => (3, i64::from(count)),
            (None, "a" | "an" | "ein" | "einem" | "einer") => (3, 1),
            (None, "about" | "etwa" | "ungefaehr") => {
                (4, i64::from(self.plain_number(at + 2)?.clamp(0, 730)))
            }
            _ => return None,
        };
        let today = self.now.date();
        let after_day = matches!(before, Some(Item::Days { from, to }) if from == to);
        let item = match self.word(at + read - 1) {
            "week" | "weeks" | "woche" | "wochen" if after_day => Item::Weeks(count),
            // "In 14 Tagen" is in two weeks.
            "tagen" | "days" if count > 0 && count % 7 == 0 => week_of(today.saturating_add(count.days())),
            "day" | "days" | "tag" | "tagen" | "tage" => {
                let date = today.saturating_add(count.days());
                Item::Days { from: date, to: date }
            }
            "week" | "weeks" | "woche" | "wochen" => week_of(today.saturating_add(count.weeks())),
            "month" | "months" | "monat" | "monaten" => week_of(today.saturating_add(count.months())),
            _ => return None,
        };
        Some((read, item))
    }

    /// "A week from Friday", "two weeks from now".
    fn weeks_from(&self, at: usize) -> Read {
        let count = match (self.plain_number(at), self.word(at)) {
            (Some(count @ 1..=104), _) => i64::from(count),
            (None, "a") => 1,
            _ => return None,
        };
        if !matches!(self.word(at + 1), "week" | "weeks") || self.word(at + 2) != "from" {
            return None;
        }
        if self.word(at + 3) == "now" {
            return Some((4, week_of(self.now.date().saturating_add(count.weeks()))));
        }
        Some((3, Item::Weeks(count)))
    }

    /// "Next week", "diese Woche", "im März", "the weekend".
    fn week_or_month(&self, at: usize) -> Read {
        let today = self.now.date();
        let which = self.which(at);
        let noun = at + usize::from(which.is_some());
        let ahead = match which {
            None | Some(Which::Plain | Which::This) => 0i64,
            Some(Which::Next) => 1,
            Some(Which::AfterNext) => 2,
        };
        let read = noun - at + 1;
        match self.word(noun) {
            "week" | "woche" if which.is_none() && self.says(noun + 1, &["after", "next"]) => {
                Some((read + 2, week_of(today.saturating_add(2.weeks()))))
            }
            "week" | "woche" => {
                let stands = which.is_some() || matches!(self.before(at), "der" | "the" | "of" | "dieser");
                stands.then(|| (read, week_of(today.saturating_add(ahead.weeks()))))
            }
            "weekend" | "wochenende" => {
                // On a Sunday "next weekend" is the one after this.
                let week = if which == Some(Which::Next) && today.weekday().to_monday_zero_offset() < 5 {
                    0
                } else {
                    ahead
                };
                let Item::Days { to, .. } = week_of(today.saturating_add(week.weeks())) else { return None };
                Some((read, Item::Days { from: to.saturating_sub(1.day()), to }))
            }
            "month" | "monat" | "monats"
                if which.is_some() || matches!(self.before(at), "des" | "the" | "of") =>
            {
                Some((read, month_of(today.saturating_add(ahead.months()))))
            }
            "tage" | "tagen" | "days" | "few" if which == Some(Which::Next) => {
                Some((read, Item::Days { from: today, to: today.saturating_add(7.days()) }))
            }
            name => {
                let number = month(name, self.language)?;
                // "May" and "mar" alone may be anything.
                let stands = name.len() > 3
                    || which.is_some()
                    || matches!(
                        self.before(at),
                        "in" | "im" | "of" | "anfang" | "mitte" | "ende" | "ab" | "bis"
                    );
                let first = civil::Date::new(today.year(), i8::try_from(number).ok()?, 1).ok()?;
                let first =
                    if first.last_of_month() < today { first.saturating_add(1.year()) } else { first };
                stands.then(|| (read, month_of(first)))
            }
        }
    }

    fn weekday(&self, at: usize) -> Read {
        let which = self.which(at);
        let noun = at + usize::from(which.is_some());
        let word = self.word(noun);
        let read = noun - at + 1;
        if let Some(weekday) = weekday(word, self.language) {
            if !self.german() && self.says(noun + 1, &["after", "next"]) {
                return Some((read + 2, Item::Weekday { weekday, which: Which::AfterNext }));
            }
            return Some((read, Item::Weekday { weekday, which: which.unwrap_or(Which::Plain) }));
        }
        // "Montags", "Mondays": every one of them.
        let weekday = weekday(word.strip_suffix('s')?, self.language).filter(|_| word.len() > 5)?;
        Some((read, weekdays(weekday..weekday + 1)))
    }

    fn which(&self, at: usize) -> Option<Which> {
        let word = self.word(at);
        match self.language {
            Language::German => match stem(word) {
                "naechst" | "kommend" => Some(Which::Next),
                "uebernaechst" => Some(Which::AfterNext),
                "dies" => Some(Which::This),
                _ => None,
            },
            Language::English => match word {
                "next" | "coming" | "following" => Some(Which::Next),
                "this" => Some(Which::This),
                _ => None,
            },
        }
    }

    fn joint(&self, at: usize) -> Read {
        let word = self.word(at);
        let item = match self.language {
            Language::German => match word {
                "nicht" if self.word(at + 1) == "vor" => return Some((2, Item::From)),
                "nicht" if self.word(at + 1) == "nach" => return Some((2, Item::Until)),
                "nicht" if self.says(at + 1, &["spaeter", "als"]) => return Some((3, Item::Until)),
                "nicht" if self.says(at + 1, &["frueher", "als"]) => return Some((3, Item::From)),
                "ab" | "von" | "fruehestens" | "seit" => Item::From,
                "nach" => Item::After,
                "bis" | "vor" | "spaetestens" => Item::Until,
                "gegen" | "circa" | "ca" | "etwa" | "ungefaehr" => Item::Around,
                "zwischen" => Item::Between,
                "und" => Item::To,
                "oder" => Item::Or,
                "anfang" => Item::Portion(Portion::Early),
                "mitte" => Item::Portion(Portion::Middle),
                "ende" => Item::Portion(Portion::Late),
                _ => match stem(word) {
                    "frueh" => Item::Portion(Portion::Early),
                    "spaet" => Item::Portion(Portion::Late),
                    _ => return None,
                },
            },
            Language::English => match word {
                "not" | "no" if self.says(at + 1, &["later", "than"]) => return Some((3, Item::Until)),
                "not" | "no" if self.says(at + 1, &["earlier", "than"]) => return Some((3, Item::From)),
                "not" if self.word(at + 1) == "before" => return Some((2, Item::From)),
                "not" if self.word(at + 1) == "after" => return Some((2, Item::Until)),
                "from" | "since" | "starting" => Item::From,
                "after" => Item::After,
                "until" | "till" | "by" | "before" => Item::Until,
                "around" | "about" | "roughly" => Item::Around,
                "between" => Item::Between,
                "to" | "and" | "through" => Item::To,
                "or" => Item::Or,
                "early" | "beginning" | "start" => Item::Portion(Portion::Early),
                "middle" | "mid" => Item::Portion(Portion::Middle),
                "late" | "end" => Item::Portion(Portion::Late),
                _ => return None,
            },
        };
        Some((1, item))
    }
}

/// Whether a word, of either language, turns what is said into what is not wanted.
fn denies(word: &str) -> bool {
    matches!(word, "nicht" | "ausser" | "ohne" | "nie" | "niemals" | "statt" | "anstatt")
        || matches!(word, "not" | "except" | "without" | "never" | "no" | "but" | "instead" | "dont" | "cant")
        || word.starts_with("kein")
}

/// A year follows a date only when its month is known.
fn year_is_open(year: &i16, month: Option<i16>) -> bool {
    *year >= 2000 && month.is_some()
}

fn weekdays(days: std::ops::Range<usize>) -> Item {
    Item::Weekdays(std::array::from_fn(|day| days.contains(&day)))
}

/// The ISO week of a date.
pub(super) fn week_of(date: civil::Date) -> Item {
    let from = date.saturating_sub(i64::from(date.weekday().to_monday_zero_offset()).days());
    Item::Days { from, to: from.saturating_add(6.days()) }
}

fn month_of(date: civil::Date) -> Item {
    Item::Days { from: date.first_of_month(), to: date.last_of_month() }
}
