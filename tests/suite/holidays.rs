//! Public holidays as the sixteen Länder have them.

use frontdesk::domain::{
    assistant::Language,
    holidays::{Feast, Land, YEAR_MAX, YEAR_MIN, easter, holidays},
};
use jiff::civil::{Date, Weekday, date};

fn dates(land: Land, year: i16, what: Feast) -> Vec<Date> {
    holidays(land, year).into_iter().filter(|one| one.what == what).map(|one| one.date).collect()
}

fn of(code: &str) -> Land {
    code.parse().unwrap()
}

#[test]
fn easter_is_when_the_churches_of_the_west_keep_it() {
    for (year, month, day) in [
        (2000, 4, 23),
        (2008, 3, 23),
        (2011, 4, 24),
        (2024, 3, 31),
        (2025, 4, 20),
        (2026, 4, 5),
        (2038, 4, 25),
    ] {
        assert_eq!(easter(year), Some(date(year, month, day)));
    }
    for year in YEAR_MIN..=YEAR_MAX {
        let easter = easter(year).unwrap();
        assert_eq!(easter.weekday(), Weekday::Sunday);
        assert!((date(year, 3, 22)..=date(year, 4, 25)).contains(&easter), "{easter}");
    }
}

#[test]
fn every_land_has_the_nine_days_that_all_have_and_its_own_besides() {
    // How many there are in the whole Land in 2027, as their ministries list them.
    let counts = [
        ("BW", 12),
        ("BY", 12),
        ("BE", 10),
        ("BB", 12),
        ("HB", 10),
        ("HH", 10),
        ("HE", 10),
        ("MV", 11),
        ("NI", 10),
        ("NW", 11),
        ("RP", 11),
        ("SL", 12),
        ("SN", 11),
        ("ST", 11),
        ("SH", 10),
        ("TH", 11),
    ];
    for (code, count) in counts {
        let all = holidays(of(code), 2027);
        assert_eq!(all.iter().filter(|one| one.everywhere).count(), count, "{code}");
        assert!(all.is_sorted_by_key(|one| one.date), "{code}");
        for what in [Feast::NewYear, Feast::GoodFriday, Feast::Ascension, Feast::Unity, Feast::BoxingDay] {
            assert_eq!(dates(of(code), 2027, what).len(), 1, "{code}");
        }
    }
}

#[test]
fn what_became_a_holiday_lately_is_one_from_that_year_on() {
    for (code, what, since) in [
        ("BE", Feast::WomensDay, 2019),
        ("MV", Feast::WomensDay, 2023),
        ("TH", Feast::ChildrensDay, 2019),
        ("HH", Feast::Reformation, 2018),
        ("NI", Feast::Reformation, 2018),
        ("SH", Feast::Reformation, 2018),
        ("HB", Feast::Reformation, 2018),
    ] {
        assert_eq!(dates(of(code), since - 2, what), [], "{code}");
        let first = holidays(of(code), since).into_iter().find(|one| one.what == what).unwrap();
        assert_eq!(first.since, Some(since), "{code}");
    }
    assert_eq!(dates(of("BY"), 2017, Feast::Reformation), [date(2017, 10, 31)], "its five-hundredth year");
    assert_eq!(dates(of("SN"), 2016, Feast::Reformation), [date(2016, 10, 31)]);
    assert_eq!(dates(of("BE"), 2025, Feast::Liberation), [date(2025, 5, 8)]);
    assert_eq!(dates(of("BE"), 2026, Feast::Liberation), []);
}

#[test]
fn what_only_some_communities_keep_says_so() {
    let partly = |code: &str, what: Feast| {
        holidays(of(code), 2027).into_iter().find(|one| one.what == what).map(|one| !one.everywhere)
    };
    assert_eq!(partly("BY", Feast::Assumption), Some(true));
    assert_eq!(partly("SL", Feast::Assumption), Some(false));
    assert_eq!(partly("BY", Feast::AugsburgPeace), Some(true));
    assert_eq!(partly("TH", Feast::CorpusChristi), Some(true));
    assert_eq!(partly("SN", Feast::CorpusChristi), Some(true));
    assert_eq!(partly("HE", Feast::CorpusChristi), Some(false));
    assert_eq!(partly("BE", Feast::CorpusChristi), None);
}

#[test]
fn the_day_of_repentance_is_the_wednesday_before_the_23rd_of_november() {
    for (year, day) in [(2023, 22), (2024, 20), (2025, 19), (2026, 18), (2027, 17), (2028, 22)] {
        assert_eq!(dates(of("SN"), year, Feast::Repentance), [date(year, 11, day)]);
    }
    assert_eq!(dates(of("BY"), 2026, Feast::Repentance), []);
}

#[test]
fn a_year_of_which_nothing_is_known_has_none() {
    assert!(holidays(of("BE"), YEAR_MIN - 1).is_empty() && holidays(of("BE"), YEAR_MAX + 1).is_empty());
    assert!("XX".parse::<Land>().is_err() && "be".parse::<Land>().is_err());
    assert_eq!(Feast::Repentance.name(Language::German), "Buß- und Bettag");
}
