//! Dates, times, sums and telephone numbers as a reader of each language writes them.
//!
//! German follows DIN 5008 where it speaks; English is British. Everything is told in the tenant's zone. Says no words
//! but the names of days and months, and asks nobody what time it is.

use jiff::{Zoned, civil};

use crate::domain::{
    assistant::Language,
    money::MicroUsd,
    phone::E164,
    time::{Timestamp, Zone},
};

/// Between a number and its unit.
const NARROW: char = '\u{a0}';

const DAYS_DE: [&str; 7] = ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"];
const DAYS_EN: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const SHORT_DE: [&str; 7] = ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"];
const SHORT_EN: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS_DE: [&str; 12] = [
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
const MONTHS_EN: [&str; 12] = [
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

fn pick<const N: usize>(of: [&'static str; N], place: i8) -> &'static str {
    usize::try_from(place).ok().and_then(|place| of.get(place).copied()).unwrap_or_default()
}

/// The name of a weekday: "Montag", "Monday".
pub fn weekday(day: civil::Weekday, language: Language) -> &'static str {
    let place = day.to_monday_zero_offset();
    match language {
        Language::German => pick(DAYS_DE, place),
        Language::English => pick(DAYS_EN, place),
    }
}

/// The name of a weekday in a column: "Mo", "Mon".
pub fn weekday_short(day: civil::Weekday, language: Language) -> &'static str {
    let place = day.to_monday_zero_offset();
    match language {
        Language::German => pick(SHORT_DE, place),
        Language::English => pick(SHORT_EN, place),
    }
}

/// The name of a month, 1 to 12.
pub fn month(month: i8, language: Language) -> &'static str {
    match language {
        Language::German => pick(MONTHS_DE, month - 1),
        Language::English => pick(MONTHS_EN, month - 1),
    }
}

/// A date by itself: "21.11.2026", "21 Nov 2026".
pub fn date(date: civil::Date, language: Language) -> String {
    match language {
        Language::German => format!("{:02}.{:02}.{}", date.day(), date.month(), date.year()),
        Language::English => {
            format!(
                "{} {} {}",
                date.day(),
                month(date.month(), language).get(..3).unwrap_or_default(),
                date.year()
            )
        }
    }
}

/// A date in a list: "Sa., 21.11.", "Sat 21 Nov".
pub fn date_in_list(date: civil::Date, language: Language) -> String {
    let day = weekday_short(date.weekday(), language);
    match language {
        Language::German => format!("{day}., {:02}.{:02}.", date.day(), date.month()),
        Language::English => {
            format!("{day} {} {}", date.day(), month(date.month(), language).get(..3).unwrap_or_default())
        }
    }
}

/// A date in a sentence: "Samstag, 21. November 2026", "Saturday 21 November 2026".
pub fn date_in_text(date: civil::Date, language: Language) -> String {
    let (day, month) = (weekday(date.weekday(), language), month(date.month(), language));
    match language {
        Language::German => format!("{day}, {}. {month} {}", date.day(), date.year()),
        Language::English => format!("{day} {} {month} {}", date.day(), date.year()),
    }
}

/// A date as near as it is: "heute", "gestern", "morgen", or as in a list; with the year when it is another one.
pub fn date_near(date: civil::Date, today: civil::Date, language: Language) -> String {
    let days = (date - today).get_days();
    let word = match (days, language) {
        (0, Language::German) => "heute",
        (1, Language::German) => "morgen",
        (-1, Language::German) => "gestern",
        (0, Language::English) => "today",
        (1, Language::English) => "tomorrow",
        (-1, Language::English) => "yesterday",
        _ if date.year() == today.year() => return date_in_list(date, language),
        _ => return self::date(date, language),
    };
    word.to_owned()
}

/// A time in a column: "09:30".
pub fn clock(time: civil::Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// A time in a sentence: "9:30 Uhr", "9:30".
pub fn time_in_text(time: civil::Time, language: Language) -> String {
    let bare = format!("{}:{:02}", time.hour(), time.minute());
    match language {
        Language::German => format!("{bare}{NARROW}Uhr"),
        Language::English => bare,
    }
}

/// From one time to another: "9:00–12:30 Uhr", "9:00–12:30". Midnight at the end is 24:00.
pub fn range_in_text(from: civil::Time, to: civil::Time, language: Language) -> String {
    let end = if to == civil::Time::midnight() {
        "24:00".to_owned()
    } else {
        format!("{}:{:02}", to.hour(), to.minute())
    };
    let bare = format!("{}:{:02}–{end}", from.hour(), from.minute());
    match language {
        Language::German => format!("{bare}{NARROW}Uhr"),
        Language::English => bare,
    }
}

/// A moment in a list, as near as it is: "heute 09:30", "Sa., 21.11. 09:30".
pub fn moment(at: Timestamp, now: Timestamp, zone: &Zone, language: Language) -> String {
    let (wall, today) = (zone.wall(at), zone.wall(now).date());
    format!("{} {}", date_near(wall.date(), today, language), clock(wall.time()))
}

/// A moment exactly, for whoever points at it: "Samstag, 21. November 2026, 9:30 Uhr".
pub fn moment_in_text(wall: &Zoned, language: Language) -> String {
    format!("{}, {}", date_in_text(wall.date(), language), time_in_text(wall.time(), language))
}

/// A calendar week: "KW 47", "week 47".
pub fn week(date: civil::Date, language: Language) -> String {
    let number = date.iso_week_date().week();
    match language {
        Language::German => format!("KW{NARROW}{number}"),
        Language::English => format!("week{NARROW}{number}"),
    }
}

/// How long something took: "3 Min. 12 Sek.", "3 min 12 s".
pub fn duration(millis: i64, language: Language) -> String {
    let seconds = (millis.max(0) + 500) / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let (hour, minute, second) = match language {
        Language::German => ("Std.", "Min.", "Sek."),
        Language::English => ("h", "min", "s"),
    };
    let mut parts = vec![];
    if hours > 0 {
        parts.push(format!("{hours}{NARROW}{hour}"));
    }
    if minutes > 0 {
        parts.push(format!("{minutes}{NARROW}{minute}"));
    }
    if hours == 0 && (seconds > 0 || parts.is_empty()) {
        parts.push(format!("{seconds}{NARROW}{second}"));
    }
    parts.join(" ")
}

/// A place in a recording: "3:12".
pub fn position(millis: u64) -> String {
    let seconds = millis / 1_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// A number with its groups: "1.234,5", "1,234.5". At most one digit after the sign.
pub fn grouped(number: f64, language: Language) -> String {
    let (group, point) = match language {
        Language::German => ('.', ','),
        Language::English => (',', '.'),
    };
    let plain = format!("{:.1}", number.abs());
    let (whole, rest) = plain.split_once('.').unwrap_or((&plain, "0"));
    let mut text = String::new();
    if number < 0.0 && plain != "0.0" {
        text.push('−');
    }
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            text.push(group);
        }
        text.push(digit);
    }
    if rest != "0" {
        text.push(point);
        text.push_str(rest);
    }
    text
}

/// A share of a hundred: "12,5 %", "12.5%".
pub fn percent(share: f64, language: Language) -> String {
    let number = grouped(share * 100.0, language);
    match language {
        Language::German => format!("{number}{NARROW}%"),
        Language::English => format!("{number}%"),
    }
}

/// A sum, from hundredths of its currency: "0,07 €", "€0.07". Other currencies go by their code.
pub fn money(hundredths: i64, currency: &str, language: Language) -> String {
    let (whole, cents) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
    let minus = if hundredths < 0 { "−" } else { "" };
    #[expect(clippy::cast_precision_loss, reason = "sums that people read")]
    let whole = grouped(whole as f64, language);
    let sign = match currency {
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        other => other,
    };
    match language {
        Language::German => format!("{minus}{whole},{cents:02}{NARROW}{sign}"),
        Language::English if sign.len() == 3 && sign != "€" => {
            format!("{minus}{sign}{NARROW}{whole}.{cents:02}")
        }
        Language::English => format!("{minus}{sign}{whole}.{cents:02}"),
    }
}

/// What an engine cost, in dollars to the cent: "0,07 $", "$0.07". Less than a cent is said so.
pub fn dollars(cost: MicroUsd, language: Language) -> String {
    const CENT: i64 = 10_000;
    if (1..CENT).contains(&cost.0) {
        return format!("<{NARROW}{}", money(1, "USD", language));
    }
    money((cost.0 + CENT / 2).div_euclid(CENT), "USD", language)
}

/// A telephone number as people write it: within `home` nationally ("030 1234567"), others with their country
/// ("+49 30 1234567").
pub fn phone(number: &E164, home: Option<&str>) -> String {
    let Ok(parsed) = phonenumber::parse(None, number.as_str()) else { return number.as_str().to_owned() };
    let mode = if parsed.country().id().is_some_and(|country| Some(country.as_ref()) == home) {
        phonenumber::Mode::National
    } else {
        phonenumber::Mode::International
    };
    parsed.format().mode(mode).to_string()
}
