//! Dates and times as the server says them, so that no model has to work one out.
//!
//! One scheme per language, unambiguous on the telephone: the twenty-four hour clock in German ("um fünfzehn
//! Uhr dreißig"), the part of the day in English ("at three thirty in the afternoon"). Everything said is
//! joined from a closed list of pieces ([`vocabulary`]) by a space or a comma, so each piece can be recorded
//! once. It resolves nothing that a caller says; that is [`super::when`].

use std::{borrow::Cow, fmt::Write};

use jiff::{civil, tz::AmbiguousOffset};

use super::{
    assistant::Language,
    time::{Timestamp, Zone},
};

/// Days from today after which a date in another year is said to be in the next year.
const NEXT_YEAR_AFTER_DAYS: i32 = 180;

/// A date and time as it is said, seen from `now`: "morgen, Mittwoch, um neun Uhr dreißig".
pub fn moment(at: Timestamp, now: Timestamp, zone: &Zone, language: Language) -> String {
    let (wall, today) = (zone.wall(at), zone.wall(now).date());
    let mut said = Said::default();
    said.date(wall.date(), today, language);
    said.time(wall.time(), language, true);
    // An hour that the clock shows twice needs telling apart.
    if let AmbiguousOffset::Fold { before, .. } = zone.rules().to_ambiguous_zoned(wall.datetime()).offset() {
        said.word(which_hour(wall.offset() == before, language));
    }
    said.0
}

/// A date as it is said, seen from `today`: "Dienstag, der vierte März".
pub fn date(date: civil::Date, today: civil::Date, language: Language) -> String {
    let mut said = Said::default();
    said.date(date, today, language);
    said.0
}

/// A time of day as it is said: "um neun Uhr dreißig".
pub fn time(time: civil::Time, language: Language) -> String {
    let mut said = Said::default();
    said.time(time, language, false);
    said.0
}

/// What whoever takes a call hears first: who calls, about what, with which wish; as far as each is known.
pub fn announcement(caller: Option<&str>, service: Option<&str>, wish: &str, language: Language) -> String {
    let caller = match (language, caller) {
        (Language::German, Some(name)) => format!("Ein Anruf von {name}."),
        (Language::German, None) => "Ein Anruf.".to_owned(),
        (Language::English, Some(name)) => format!("A call from {name}."),
        (Language::English, None) => "A call.".to_owned(),
    };
    let service = service.map(|service| match language {
        Language::German => format!(" Es geht um: {service}."),
        Language::English => format!(" It is about: {service}."),
    });
    let wish = wish.trim().trim_end_matches('.');
    let wish = (!wish.is_empty()).then(|| match language {
        Language::German => format!(" Anliegen: {wish}."),
        Language::English => format!(" The caller wants: {wish}."),
    });
    format!("{caller}{}{}", service.unwrap_or_default(), wish.unwrap_or_default())
}

/// Every piece from which [`moment`], [`date`] and [`time`] are joined, the frequent ones of a kind first.
pub fn vocabulary(language: Language) -> Vec<String> {
    let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let (today, tomorrow) = near_days(language);
    let mut pieces = own(&[today, tomorrow]);
    pieces.extend(own(weekdays(language)));
    pieces.extend((1..=31).map(|day| day_of_month(day, language)));
    pieces.extend((1..=12).map(|month| month_name(month, language)));
    pieces.push(next_year(language).to_owned());
    match language {
        Language::German => {
            pieces.extend((0..24).map(hour_german));
            pieces.extend((1..60).filter(|minute| minute % 5 == 0).map(number_german));
            pieces.extend((1..60).filter(|minute| minute % 5 != 0).map(number_german));
        }
        Language::English => {
            pieces.extend(own(&[MIDNIGHT, NOON]));
            pieces.extend((1..=12).map(hour_english));
            pieces.extend(own(&TENS_ENGLISH));
            pieces.push(OH.to_owned());
            pieces.extend(own(&UNITS_ENGLISH[1..]));
            pieces.extend(own(&DAY_PARTS));
        }
    }
    pieces.extend(own(&[which_hour(true, language), which_hour(false, language)]));
    pieces
}

/// The pieces of a spoken time, in order; `None` when the text holds anything else.
pub fn pieces(text: &str, language: Language) -> Option<Vec<String>> {
    let mut known = vocabulary(language);
    known.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    let (mut rest, mut found) = (text, Vec::new());
    while !rest.is_empty() {
        let (piece, after) = known.iter().find_map(|piece| {
            let after = rest.strip_prefix(piece.as_str())?;
            (after.is_empty() || after.starts_with([' ', ','])).then_some((piece, after))
        })?;
        found.push(piece.clone());
        rest = match after.strip_prefix(',').unwrap_or(after) {
            "" if after.is_empty() => "",
            more => more.strip_prefix(' ').filter(|more| !more.is_empty())?,
        };
    }
    Some(found)
}

/// What has been said so far.
#[derive(Default)]
struct Said(String);

impl Said {
    fn word(&mut self, piece: impl AsRef<str>) {
        self.join(" ", piece.as_ref());
    }

    fn after_comma(&mut self, piece: impl AsRef<str>) {
        self.join(", ", piece.as_ref());
    }

    fn join(&mut self, joint: &str, piece: &str) {
        if !self.0.is_empty() {
            self.0.push_str(joint);
        }
        self.0.push_str(piece);
    }

    fn date(&mut self, date: civil::Date, today: civil::Date, language: Language) {
        let (today_word, tomorrow_word) = near_days(language);
        let weekday = weekdays(language)[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())];
        if date == today {
            return self.word(today_word);
        }
        if today.tomorrow().is_ok_and(|tomorrow| tomorrow == date) {
            self.word(tomorrow_word);
            return self.after_comma(weekday);
        }
        self.word(weekday);
        let day = day_of_month(date.day(), language);
        match language {
            Language::German => self.after_comma(day),
            Language::English => self.word(day),
        }
        self.word(month_name(date.month(), language));
        if date.year() > today.year() && (date - today).get_days() > NEXT_YEAR_AFTER_DAYS {
            self.word(next_year(language));
        }
    }

    fn time(&mut self, time: civil::Time, language: Language, after_date: bool) {
        let (hour, minute) = (time.hour(), time.minute());
        match language {
            Language::German => {
                if after_date {
                    self.after_comma(hour_german(hour));
                } else {
                    self.word(hour_german(hour));
                }
                if minute > 0 {
                    self.word(number_german(minute));
                }
            }
            Language::English => match (hour, minute) {
                (0, 0) => self.word(MIDNIGHT),
                (12, 0) => self.word(NOON),
                _ => {
                    self.word(hour_english(match hour % 12 {
                        0 => 12,
                        hour => hour,
                    }));
                    self.minute_english(minute);
                    self.word(day_part(hour));
                }
            },
        }
    }

    fn minute_english(&mut self, minute: i8) {
        let minute = usize::from(minute.unsigned_abs());
        match minute {
            0 => {}
            1..=9 => {
                self.word(OH);
                self.word(UNITS_ENGLISH[minute]);
            }
            10..=19 => self.word(UNITS_ENGLISH[minute]),
            _ => {
                self.word(TENS_ENGLISH[minute / 10 - 2]);
                if minute % 10 > 0 {
                    self.word(UNITS_ENGLISH[minute % 10]);
                }
            }
        }
    }
}

fn near_days(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::German => ("heute", "morgen"),
        Language::English => ("today", "tomorrow"),
    }
}

fn next_year(language: Language) -> &'static str {
    match language {
        Language::German => "nächsten Jahres",
        Language::English => "next year",
    }
}

/// Tells the two runs of a repeated hour apart: the first is still summer time.
fn which_hour(first: bool, language: Language) -> &'static str {
    match (first, language) {
        (true, Language::German) => "Sommerzeit",
        (false, Language::German) => "Winterzeit",
        (true, Language::English) => "summer time",
        (false, Language::English) => "winter time",
    }
}

fn weekdays(language: Language) -> &'static [&'static str; 7] {
    match language {
        Language::German => {
            &["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"]
        }
        Language::English => &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    }
}

/// The month as it follows the day; `month` from 1 to 12.
pub(super) fn month_name(month: i8, language: Language) -> String {
    let at = usize::from(month.unsigned_abs()).saturating_sub(1) % 12;
    match language {
        Language::German => MONTHS_GERMAN[at].to_owned(),
        Language::English => format!("of {}", MONTHS_ENGLISH[at]),
    }
}

/// "der vierte", "the fourth"; `day` from 1 to 31.
fn day_of_month(day: i8, language: Language) -> String {
    match language {
        Language::German => format!("der {}", ordinal_german(day)),
        Language::English => format!("the {}", ordinal_english(day)),
    }
}

/// "vierte"; `day` from 1 to 31.
pub(super) fn ordinal_german(day: i8) -> Cow<'static, str> {
    match day {
        1 => "erste".into(),
        3 => "dritte".into(),
        7 => "siebte".into(),
        8 => "achte".into(),
        ..20 => format!("{}te", number_german(day)).into(),
        _ => format!("{}ste", number_german(day)).into(),
    }
}

/// "twenty-first"; `day` from 1 to 31.
pub(super) fn ordinal_english(day: i8) -> Cow<'static, str> {
    const UP_TO_NINETEEN: [&str; 20] = [
        "zeroth",
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
    ];
    match usize::from(day.unsigned_abs()) {
        day @ ..20 => UP_TO_NINETEEN[day].into(),
        20 => "twentieth".into(),
        30 => "thirtieth".into(),
        day @ ..30 => format!("twenty-{}", UP_TO_NINETEEN[day - 20]).into(),
        day => format!("thirty-{}", UP_TO_NINETEEN[day % 10]).into(),
    }
}

/// "um neun Uhr"; "um ein Uhr".
fn hour_german(hour: i8) -> String {
    match hour {
        1 => "um ein Uhr".to_owned(),
        _ => format!("um {} Uhr", number_german(hour)),
    }
}

/// "at nine"; `hour` from 1 to 12.
fn hour_english(hour: i8) -> String {
    format!("at {}", UNITS_ENGLISH[usize::from(hour.unsigned_abs()) % UNITS_ENGLISH.len()])
}

/// A number below sixty in one word.
pub(super) fn number_german(number: i8) -> String {
    const UP_TO_NINETEEN: [&str; 20] = [
        "null",
        "eins",
        "zwei",
        "drei",
        "vier",
        "fünf",
        "sechs",
        "sieben",
        "acht",
        "neun",
        "zehn",
        "elf",
        "zwölf",
        "dreizehn",
        "vierzehn",
        "fünfzehn",
        "sechzehn",
        "siebzehn",
        "achtzehn",
        "neunzehn",
    ];
    const TENS: [&str; 4] = ["zwanzig", "dreißig", "vierzig", "fünfzig"];
    let number = usize::from(number.unsigned_abs()) % 60;
    if number < 20 {
        return UP_TO_NINETEEN[number].to_owned();
    }
    let mut word = String::new();
    match number % 10 {
        0 => {}
        1 => word.push_str("einund"),
        unit => _ = write!(word, "{}und", UP_TO_NINETEEN[unit]),
    }
    word.push_str(TENS[number / 10 - 2]);
    word
}

fn day_part(hour: i8) -> &'static str {
    match hour {
        1..12 => "in the morning",
        12..17 => "in the afternoon",
        17..21 => "in the evening",
        _ => "at night",
    }
}

const MIDNIGHT: &str = "at midnight";
const NOON: &str = "at noon";
const OH: &str = "oh";
const DAY_PARTS: [&str; 4] = ["in the morning", "in the afternoon", "in the evening", "at night"];
const TENS_ENGLISH: [&str; 4] = ["twenty", "thirty", "forty", "fifty"];
pub(super) const UNITS_ENGLISH: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
pub(super) const MONTHS_GERMAN: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];
pub(super) const MONTHS_ENGLISH: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
