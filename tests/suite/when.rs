//! What callers mean by the words they use for time.

use frontdesk::domain::{
    assistant::Language::{self, English, German},
    spoken,
    time::{Timestamp, Zone},
    when::{Question, TimeOfDay, When, date_of_birth, resolve},
};
use jiff::civil;
use proptest::prelude::*;

/// Heard on Wednesday, 3 March 2027, at ten in the morning.
const NOW: &str = "2027-03-03T10:00";
const OPEN: &str = "2028-03-03";

#[test]
fn days_are_understood_in_german() {
    for (said, meant) in [
        ("heute", "2027-03-03"),
        ("morgen", "2027-03-04"),
        ("übermorgen", "2027-03-05"),
        ("Freitag", "2027-03-05"),
        ("am Freitag", "2027-03-05"),
        ("diesen Freitag", "2027-03-05"),
        ("nächsten Freitag", "2027-03-12"),
        ("naechsten Montag", "2027-03-08"),
        ("kommenden Montag", "2027-03-08"),
        ("übernächsten Montag", "2027-03-15"),
        ("am Mittwoch", "2027-03-10"),
        ("Freitag nächster Woche", "2027-03-12"),
        ("nächste Woche Freitag", "2027-03-12"),
        ("in zwei Wochen am Dienstag", "2027-03-16"),
        ("am vierten März", "2027-03-04"),
        ("am vierten dritten", "2027-03-04"),
        ("4. März", "2027-03-04"),
        ("der einunddreißigste Mai", "2027-05-31"),
        ("den ersten Februar", "2028-02-01"),
        ("am 12.", "2027-03-12"),
        ("am zweiten", "2027-04-02"),
        ("4.5.", "2027-05-04"),
        ("04.05.2027", "2027-05-04"),
        ("4.5.27", "2027-05-04"),
        ("2027-05-04", "2027-05-04"),
        ("Dienstag, der vierte Mai", "2027-05-04"),
        ("Dienstag den 4. Mai 2027", "2027-05-04"),
        ("morgen, Donnerstag", "2027-03-04"),
        ("in drei Tagen", "2027-03-06"),
        ("am 24. Dezember nächsten Jahres", "2028-12-24"),
        ("Ich hätte gern am Freitag einen Termin, bitte", "2027-03-05"),
        ("heute in einer Woche", "2027-03-10"),
        ("morgen in zwei Wochen", "2027-03-18"),
    ] {
        assert_eq!(understood(said, German), day(meant), "{said}");
    }
}

#[test]
fn days_are_understood_in_english() {
    for (said, meant) in [
        ("today", "2027-03-03"),
        ("tomorrow", "2027-03-04"),
        ("the day after tomorrow", "2027-03-05"),
        ("Friday", "2027-03-05"),
        ("this Friday", "2027-03-05"),
        ("next Friday", "2027-03-12"),
        ("next Monday", "2027-03-08"),
        ("Monday after next", "2027-03-15"),
        ("Friday next week", "2027-03-12"),
        ("in two weeks on Tuesday", "2027-03-16"),
        ("March 4th", "2027-03-04"),
        ("the fourth of March", "2027-03-04"),
        ("March the fourth", "2027-03-04"),
        ("May 31", "2027-05-31"),
        ("the thirty-first of May", "2027-05-31"),
        ("Feb. 1st", "2028-02-01"),
        ("on the 12th", "2027-03-12"),
        ("3/14", "2027-03-14"),
        ("Tuesday, May 4th, 2027", "2027-05-04"),
        ("in 3 days", "2027-03-06"),
        ("December 24th next year", "2028-12-24"),
        ("could I come in on Friday please", "2027-03-05"),
        ("a week from Friday", "2027-03-12"),
        ("two weeks from tomorrow", "2027-03-18"),
        ("March fifth twenty twenty-eight", "2028-03-05"),
    ] {
        assert_eq!(understood(said, English), day(meant), "{said}");
    }
}

#[test]
fn stretches_of_days_are_understood() {
    for (said, language, from, to) in [
        ("nächste Woche", German, "2027-03-08", "2027-03-14"),
        ("diese Woche", German, "2027-03-03", "2027-03-07"),
        ("übernächste Woche", German, "2027-03-15", "2027-03-21"),
        ("in zwei Wochen", German, "2027-03-15", "2027-03-21"),
        ("in einer Woche", German, "2027-03-08", "2027-03-14"),
        ("Anfang nächster Woche", German, "2027-03-08", "2027-03-09"),
        ("Ende der Woche", German, "2027-03-04", "2027-03-06"),
        ("im April", German, "2027-04-01", "2027-04-30"),
        ("Ende April", German, "2027-04-21", "2027-04-30"),
        ("nächsten Monat", German, "2027-04-01", "2027-04-30"),
        ("am Wochenende", German, "2027-03-06", "2027-03-07"),
        ("ab Montag", German, "2027-03-08", OPEN),
        ("bis Freitag", German, "2027-03-03", "2027-03-05"),
        ("von Montag bis Mittwoch", German, "2027-03-08", "2027-03-10"),
        ("zwischen dem vierten und dem achten März", German, "2027-03-04", "2027-03-08"),
        ("so bald wie möglich", German, "2027-03-03", OPEN),
        ("den nächsten freien Termin", German, "2027-03-03", OPEN),
        ("in den nächsten Tagen", German, "2027-03-03", "2027-03-10"),
        ("nach dem Wochenende", German, "2027-03-08", OPEN),
        ("in 14 Tagen", German, "2027-03-15", "2027-03-21"),
        ("nicht vor Montag", German, "2027-03-08", OPEN),
        ("after the weekend", English, "2027-03-08", OPEN),
        ("no later than Friday", English, "2027-03-03", "2027-03-05"),
        ("two weeks from now", English, "2027-03-15", "2027-03-21"),
        ("next week", English, "2027-03-08", "2027-03-14"),
        ("in two weeks", English, "2027-03-15", "2027-03-21"),
        ("early next week", English, "2027-03-08", "2027-03-09"),
        ("in April", English, "2027-04-01", "2027-04-30"),
        ("from Monday", English, "2027-03-08", OPEN),
        ("between Monday and Wednesday", English, "2027-03-08", "2027-03-10"),
        ("this weekend", English, "2027-03-06", "2027-03-07"),
        ("as soon as possible", English, "2027-03-03", OPEN),
        ("the first available appointment", English, "2027-03-03", OPEN),
        ("in the next few days", English, "2027-03-03", "2027-03-10"),
    ] {
        let meant = When { from: from.parse().unwrap(), to: to.parse().unwrap(), weekdays: None, time: None };
        assert_eq!(understood(said, language), meant, "{said}");
    }
}

#[test]
fn a_choice_of_weekdays_leaves_the_others_out() {
    for (said, language) in [("Montag oder Donnerstag", German), ("Monday or Thursday", English)] {
        let when = understood(said, language);
        assert_eq!((when.from, when.to), (date("2027-03-04"), date("2027-03-08")), "{said}");
        assert!(when.fits(date("2027-03-08"), civil::time(9, 0, 0, 0)));
        assert!(!when.fits(date("2027-03-05"), civil::time(9, 0, 0, 0)));
    }
    let mondays = understood("montags um zehn", German);
    assert!(mondays.fits(date("2027-03-15"), civil::time(10, 0, 0, 0)));
    assert!(!mondays.fits(date("2027-03-16"), civil::time(10, 0, 0, 0)));
}

#[test]
fn clock_times_are_understood() {
    for (said, language, hour, minute) in [
        ("um drei", German, 15, 0),
        ("um neun", German, 9, 0),
        ("um sieben", German, 7, 0),
        ("um sechs", German, 18, 0),
        ("um zwölf", German, 12, 0),
        ("um ein Uhr", German, 13, 0),
        ("um eins", German, 13, 0),
        ("15 Uhr", German, 15, 0),
        ("15 Uhr 30", German, 15, 30),
        ("neun Uhr dreißig", German, 9, 30),
        ("um neun Uhr siebenunddreißig", German, 9, 37),
        ("14:30", German, 14, 30),
        ("14.30 Uhr", German, 14, 30),
        ("um 14.30", German, 14, 30),
        ("um 10.15", German, 10, 15),
        ("halb zehn", German, 9, 30),
        ("halb eins", German, 12, 30),
        ("halb drei", German, 14, 30),
        ("Viertel nach neun", German, 9, 15),
        ("viertel vor zehn", German, 9, 45),
        ("dreiviertel zehn", German, 9, 45),
        ("viertel zehn", German, 9, 15),
        ("zehn nach neun", German, 9, 10),
        ("fünf vor halb zehn", German, 9, 25),
        ("fünf nach halb drei", German, 14, 35),
        ("um sechs Uhr morgens", German, 6, 0),
        ("um acht Uhr abends", German, 20, 0),
        ("03:00", German, 3, 0),
        ("at three", English, 15, 0),
        ("at nine", English, 9, 0),
        ("three o'clock", English, 15, 0),
        ("3pm", English, 15, 0),
        ("3 p.m.", English, 15, 0),
        ("8 am", English, 8, 0),
        ("12 pm", English, 12, 0),
        ("12 am", English, 0, 0),
        ("3:30", English, 15, 30),
        ("15:30", English, 15, 30),
        ("nine thirty", English, 9, 30),
        ("at nine oh five", English, 9, 5),
        ("six forty seven", English, 18, 47),
        ("half past nine", English, 9, 30),
        ("quarter past two", English, 14, 15),
        ("a quarter to ten", English, 9, 45),
        ("ten to four", English, 15, 50),
        ("noon", English, 12, 0),
        ("at six in the morning", English, 6, 0),
        ("at eight in the evening", English, 20, 0),
        ("three", English, 15, 0),
        ("drei", German, 15, 0),
    ] {
        let time = TimeOfDay::At(civil::time(hour, minute, 0, 0));
        assert_eq!(understood(said, language).time, Some(time), "{said}");
    }
}

#[test]
fn parts_of_the_day_and_limits_are_understood() {
    for (said, language, from, until) in [
        ("vormittags", German, 6, 12),
        ("am Nachmittag", German, 12, 18),
        ("am Abend", German, 17, 22),
        ("am späten Nachmittag", German, 15, 18),
        ("nach 16 Uhr", German, 16, 24),
        ("ab vier", German, 16, 24),
        ("vor zehn Uhr", German, 0, 10),
        ("bis zwölf", German, 0, 12),
        ("in the morning", English, 6, 12),
        ("late afternoon", English, 15, 18),
        ("after four", English, 16, 24),
        ("before ten", English, 0, 10),
        ("by noon", English, 0, 12),
    ] {
        assert_eq!(understood(said, language).time, Some(between(from, until)), "{said}");
    }
    for (said, language) in [
        ("zwischen zwei und vier", German),
        ("von 14 bis 16 Uhr", German),
        ("14-16 Uhr", German),
        ("between two and four", English),
        ("from two to four", English),
        ("2-4pm", English),
        ("2 to 4 pm", English),
        ("around three", English),
        ("gegen drei", German),
    ] {
        let until = civil::time(16, 1, 0, 0);
        let meant = TimeOfDay::Between { from: civil::time(14, 0, 0, 0), until };
        assert_eq!(understood(said, language).time, Some(meant), "{said}");
    }
}

#[test]
fn a_day_and_a_time_go_together() {
    for (said, language, date, time) in [
        ("nächsten Freitag um drei", German, "2027-03-12", at(15, 0)),
        ("übermorgen vormittag", German, "2027-03-05", between(6, 12)),
        ("morgen früh", German, "2027-03-04", between(6, 12)),
        ("Freitag Morgen", German, "2027-03-05", between(6, 12)),
        ("heute Abend um acht", German, "2027-03-03", at(20, 0)),
        ("Freitagnachmittag", German, "2027-03-05", between(12, 18)),
        ("morgen um halb zehn", German, "2027-03-04", at(9, 30)),
        ("am 4. Mai nach 16 Uhr", German, "2027-05-04", between(16, 24)),
        ("um 9 am Freitag", German, "2027-03-05", at(9, 0)),
        ("am Freitag um 4.", German, "2027-03-05", at(16, 0)),
        ("next Friday at three", English, "2027-03-12", at(15, 0)),
        ("tomorrow morning", English, "2027-03-04", between(6, 12)),
        ("Friday at 9 am", English, "2027-03-05", at(9, 0)),
        ("Friday three thirty", English, "2027-03-05", at(15, 30)),
        ("March 10 after nine", English, "2027-03-10", between(9, 24)),
        ("tonight", English, "2027-03-03", between(17, 22)),
        ("this afternoon", English, "2027-03-03", between(12, 18)),
        ("first thing tomorrow", English, "2027-03-04", between(6, 12)),
        ("Friday after lunch", English, "2027-03-05", between(14, 24)),
        ("Freitag nicht vor zehn", German, "2027-03-05", between(10, 24)),
        ("2027-03-04T14:30", English, "2027-03-04", at(14, 30)),
        ("2027-03-04T14:30:00+01:00", English, "2027-03-04", at(14, 30)),
        ("2027-03-04T23:30:00Z", English, "2027-03-05", at(0, 30)),
        ("2027-03-04 14:30", English, "2027-03-04", at(14, 30)),
    ] {
        let meant = When { time: Some(time), ..day(date) };
        assert_eq!(understood(said, language), meant, "{said}");
    }
}

#[test]
fn the_other_language_is_understood_too() {
    assert_eq!(understood("next Friday at three", German), understood("next Friday at three", English));
    assert_eq!(
        understood("nächsten Freitag um drei", English),
        understood("nächsten Freitag um drei", German)
    );
}

#[test]
fn what_says_nothing_about_time_is_asked_about() {
    for said in [
        "",
        "hello",
        "wann Sie wollen, mein Herr",
        "not Friday",
        "nicht am Freitag",
        "any day but Monday",
        "for 17 people",
        "99:99",
        "at 47",
        "drei Termine",
        "the first one",
        "um",
        "🦀",
    ] {
        for language in Language::ALL {
            assert_eq!(heard(said, language), Err(Question::NotUnderstood), "{said}");
        }
    }
    assert_eq!(heard(&"morgen ".repeat(100), German), Err(Question::NotUnderstood));
}

#[test]
fn what_is_over_or_never_comes_is_said_to_be() {
    for (said, language) in [
        ("gestern", German),
        ("yesterday at three", English),
        ("2027-03-02", English),
        ("heute um neun", German),
        ("4. Mai 2026", German),
    ] {
        assert_eq!(heard(said, language), Err(Question::Past), "{said}");
    }
    assert_eq!(heard("30. Februar", German), Err(Question::NoSuchDate));
    assert_eq!(heard("February 30th", English), Err(Question::NoSuchDate));
    assert_eq!(heard("2027-13-01", English), Err(Question::NotUnderstood));
    assert_eq!(heard("on the 32nd", English), Err(Question::NoSuchDate));
}

#[test]
fn a_weekday_that_does_not_fit_its_date_is_asked_about() {
    let date = date("2027-05-04");
    assert_eq!(heard("Montag, der vierte Mai", German), Err(Question::OtherWeekday { date }));
    assert_eq!(heard("Monday, May 4th", English), Err(Question::OtherWeekday { date }));
}

#[test]
fn a_time_that_the_clocks_skip_or_repeat_is_a_question() {
    assert_eq!(
        heard("am 28. März um 02:30", German),
        Err(Question::Missing { date: date("2027-03-28"), instead: civil::time(3, 0, 0, 0) })
    );
    let Err(Question::Twice { when }) = heard("am 31. Oktober um 02:30", German) else {
        panic!("it comes twice");
    };
    assert_eq!(when, When { time: Some(at(2, 30)), ..day("2027-10-31") });
}

#[test]
fn what_the_server_says_it_also_understands() {
    let zone = berlin();
    let mut start = now().plus_minutes(60);
    while start < now().plus_minutes(300 * 24 * 60) {
        let wall = zone.wall(start);
        // At night a bare hour is taken for the afternoon's, as callers mean it.
        if (7..=23).contains(&wall.hour()) {
            for language in Language::ALL {
                let said = spoken::moment(start, now(), &zone, language);
                let time = TimeOfDay::At(wall.time());
                let meant = When { from: wall.date(), to: wall.date(), weekdays: None, time: Some(time) };
                assert_eq!(resolve(&said, language, now(), &zone), Ok(meant), "{said}");
            }
        }
        start = start.plus_minutes(7 * 35);
    }
}

#[test]
fn a_date_of_birth_is_understood_however_it_is_said() {
    let today = date("2027-03-03");
    for said in [
        "1980-05-12",
        "12.5.1980",
        "12.05.80",
        "der zwölfte Mai 1980",
        "12. Mai 1980",
        "May 12th, 1980",
        "the twelfth of May 1980",
        "5/12/1980",
        "ich bin am 12.5.1980 geboren",
    ] {
        let language = if said.contains('/') { English } else { German };
        assert_eq!(date_of_birth(said, language, today), Some(date("1980-05-12")), "{said}");
    }
    for said in ["", "12.5.", "May 12th", "2027-03-04", "30.2.1980", "12.5.99999", "neunzehn"] {
        assert_eq!(date_of_birth(said, German, today), None, "{said}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}", english in any::<bool>()) {
        let language = if english { English } else { German };
        _ = resolve(&text, language, now(), &berlin());
        _ = date_of_birth(&text, language, date("2027-03-03"));
    }

    #[test]
    fn no_sequence_of_its_own_words_makes_it_panic(
        words in prop::collection::vec(prop::sample::select(WORDS), 0..9),
        english in any::<bool>(),
        at in 0..4_000_000_000_000_000i64,
    ) {
        let language = if english { English } else { German };
        if let Ok(when) = resolve(&words.join(" "), language, Timestamp(at), &berlin()) {
            prop_assert!(when.from <= when.to);
            prop_assert!(when.from >= berlin().wall(Timestamp(at)).date());
        }
    }
}

const WORDS: &[&str] = &[
    "heute",
    "morgen",
    "am",
    "um",
    "in",
    "zwei",
    "Wochen",
    "Tagen",
    "nächsten",
    "Freitag",
    "Montag",
    "vierten",
    "31.",
    "Februar",
    "März",
    "Mai",
    "may",
    "halb",
    "viertel",
    "vor",
    "nach",
    "zehn",
    "Uhr",
    "dreißig",
    "bis",
    "zwischen",
    "und",
    "oder",
    "Anfang",
    "Ende",
    "der",
    "Woche",
    "früh",
    "Abend",
    "Jahres",
    "next",
    "Friday",
    "the",
    "first",
    "of",
    "at",
    "half",
    "past",
    "quarter",
    "to",
    "ten",
    "twenty",
    "oh",
    "five",
    "pm",
    "noon",
    "tonight",
    "from",
    "until",
    "week",
    "weekend",
    "month",
    "after",
    "next",
    "year",
    "14:30",
    "9.30",
    "4.3.",
    "29.2.",
    "3/14",
    "2027-03-04",
    "99999",
    "0",
    "24",
    "24:00",
    "60",
    "-",
    ".",
    "so",
    "bald",
    "wie",
    "möglich",
    "9999-12-31",
    "every",
    "Mondays",
    "730",
    "days",
    "months",
    "einem",
    "Monat",
];

fn understood(said: &str, language: Language) -> When {
    heard(said, language).unwrap_or_else(|question| panic!("{said:?}: {question:?}"))
}

fn heard(said: &str, language: Language) -> Result<When, Question> {
    resolve(said, language, now(), &berlin())
}

fn day(text: &str) -> When {
    When { from: date(text), to: date(text), weekdays: None, time: None }
}

fn date(text: &str) -> civil::Date {
    text.parse().unwrap()
}

fn at(hour: i8, minute: i8) -> TimeOfDay {
    TimeOfDay::At(civil::time(hour, minute, 0, 0))
}

fn between(from: i8, until: i8) -> TimeOfDay {
    let until = if until == 24 { civil::Time::MAX } else { civil::time(until, 0, 0, 0) };
    TimeOfDay::Between { from: civil::time(from, 0, 0, 0), until }
}

fn berlin() -> Zone {
    "Europe/Berlin".parse().unwrap()
}

fn now() -> Timestamp {
    let wall: civil::DateTime = NOW.parse().unwrap();
    wall.to_zoned(berlin().rules().clone()).unwrap().timestamp().into()
}
