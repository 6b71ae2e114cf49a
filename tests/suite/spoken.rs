//! Dates and times as the server says them.

use frontdesk::domain::{
    assistant::Language::{self, English, German},
    spoken,
    time::{Timestamp, Zone},
};
use jiff::civil::date;

#[test]
fn a_time_is_said_in_words_nobody_can_mistake() {
    let now = at("2025-02-20T10:00");
    assert_eq!(say("2025-03-04T09:30", now, German), "Dienstag, der vierte März, um neun Uhr dreißig");
    assert_eq!(
        say("2025-03-04T09:30", now, English),
        "Tuesday the fourth of March at nine thirty in the morning"
    );
    assert_eq!(say("2025-03-21T15:00", now, German), "Freitag, der einundzwanzigste März, um fünfzehn Uhr");
    assert_eq!(
        say("2025-03-21T15:00", now, English),
        "Friday the twenty-first of March at three in the afternoon"
    );
    assert_eq!(say("2025-03-07T13:05", now, German), "Freitag, der siebte März, um dreizehn Uhr fünf");
    assert_eq!(
        say("2025-03-07T13:05", now, English),
        "Friday the seventh of March at one oh five in the afternoon"
    );
    assert_eq!(say("2025-03-07T12:00", now, English), "Friday the seventh of March at noon");
    assert_eq!(
        say("2025-03-07T18:47", now, English),
        "Friday the seventh of March at six forty seven in the evening"
    );
    assert_eq!(say("2025-03-07T00:31", now, German), "Freitag, der siebte März, um null Uhr einunddreißig");
    assert_eq!(
        say("2025-03-07T00:31", now, English),
        "Friday the seventh of March at twelve thirty one at night"
    );
}

#[test]
fn today_and_tomorrow_are_called_so() {
    let now = at("2025-03-04T23:30");
    assert_eq!(say("2025-03-04T23:45", now, German), "heute, um dreiundzwanzig Uhr fünfundvierzig");
    assert_eq!(say("2025-03-05T09:00", now, German), "morgen, Mittwoch, um neun Uhr");
    assert_eq!(say("2025-03-05T09:00", now, English), "tomorrow, Wednesday at nine in the morning");
    assert_eq!(say("2025-03-06T09:00", now, English), "Thursday the sixth of March at nine in the morning");
}

#[test]
fn a_date_far_in_the_next_year_says_so() {
    let today = date(2025, 12, 20);
    assert_eq!(spoken::date(date(2026, 1, 8), today, German), "Donnerstag, der achte Januar");
    assert_eq!(
        spoken::date(date(2026, 12, 21), today, German),
        "Montag, der einundzwanzigste Dezember nächsten Jahres"
    );
    assert_eq!(
        spoken::date(date(2026, 12, 21), today, English),
        "Monday the twenty-first of December next year"
    );
}

#[test]
fn an_hour_that_comes_twice_is_told_apart() {
    let now = at("2025-10-01T10:00");
    // 2025-10-26 03:00 summer time becomes 02:00 in Berlin: 00:30Z and 01:30Z both show 02:30.
    let first: Timestamp = "2025-10-26T00:30:00Z".parse::<jiff::Timestamp>().unwrap().into();
    let second = first.plus_minutes(60);
    assert_eq!(
        spoken::moment(first, now, &berlin(), German),
        "Sonntag, der sechsundzwanzigste Oktober, um zwei Uhr dreißig Sommerzeit"
    );
    assert_eq!(
        spoken::moment(second, now, &berlin(), English),
        "Sunday the twenty-sixth of October at two thirty in the morning winter time"
    );
}

#[test]
fn every_spoken_time_of_two_years_is_joined_from_the_vocabulary() {
    for language in Language::ALL {
        let vocabulary = spoken::vocabulary(language);
        let mut unused: std::collections::BTreeSet<_> = vocabulary.iter().cloned().collect();
        assert_eq!(unused.len(), vocabulary.len(), "a piece is listed twice");
        let now = at("2025-03-04T08:00");
        // Steps of 37 minutes over two years meet every minute of the hour and both clock changes.
        let mut when = now;
        while when < now.plus_minutes(2 * 366 * 24 * 60) {
            let said = spoken::moment(when, now, &berlin(), language);
            let pieces = spoken::pieces(&said, language)
                .unwrap_or_else(|| panic!("{said:?} is not joined from pieces"));
            let glued: String = said.split([',', ' ']).collect();
            assert_eq!(pieces.concat().replace(' ', ""), glued);
            for piece in pieces {
                unused.remove(&piece);
            }
            when = when.plus_minutes(if when < now.plus_minutes(2 * 24 * 60) { 1 } else { 37 });
        }
        assert!(unused.is_empty(), "never said: {unused:?}");
    }
}

#[test]
fn what_is_not_a_spoken_time_has_no_pieces() {
    for text in ["Dienstag,", "Dienstag der", "um neun Uhrzwei", "hello", "Dienstag , um neun Uhr", " "] {
        assert_eq!(spoken::pieces(text, German), None, "{text:?}");
    }
}

fn say(wall: &str, now: Timestamp, language: Language) -> String {
    spoken::moment(at(wall), now, &berlin(), language)
}

fn berlin() -> Zone {
    "Europe/Berlin".parse().unwrap()
}

fn at(wall: &str) -> Timestamp {
    let wall: jiff::civil::DateTime = wall.parse().unwrap();
    wall.to_zoned(berlin().rules().clone()).unwrap().timestamp().into()
}
