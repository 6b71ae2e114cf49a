//! Quiet hours: where the clocks of a called person hang, and when they may be called.
//!
//! A number tells its country, and a country its zone. Where a country has several and nobody has said which, it must
//! be daytime in the first and in the last of them.

use jiff::{ToSpan, civil};

use crate::domain::time::{Timestamp, Zone};

/// Countries and their zones: of several, the easternmost and the westernmost that count.
const COUNTRIES: &[(&str, &[&str])] = &[
    ("AE", &["Asia/Dubai"]),
    ("AT", &["Europe/Vienna"]),
    ("AU", &["Australia/Sydney", "Australia/Perth"]),
    ("BE", &["Europe/Brussels"]),
    ("BG", &["Europe/Sofia"]),
    ("BR", &["America/Noronha", "America/Rio_Branco"]),
    ("CA", &["America/St_Johns", "America/Vancouver"]),
    ("CH", &["Europe/Zurich"]),
    ("CY", &["Asia/Nicosia"]),
    ("CZ", &["Europe/Prague"]),
    ("DE", &["Europe/Berlin"]),
    ("DK", &["Europe/Copenhagen"]),
    ("EE", &["Europe/Tallinn"]),
    ("ES", &["Europe/Madrid", "Atlantic/Canary"]),
    ("FI", &["Europe/Helsinki"]),
    ("FR", &["Europe/Paris"]),
    ("GB", &["Europe/London"]),
    ("GR", &["Europe/Athens"]),
    ("HR", &["Europe/Zagreb"]),
    ("HU", &["Europe/Budapest"]),
    ("IE", &["Europe/Dublin"]),
    ("IL", &["Asia/Jerusalem"]),
    ("IN", &["Asia/Kolkata"]),
    ("IS", &["Atlantic/Reykjavik"]),
    ("IT", &["Europe/Rome"]),
    ("JP", &["Asia/Tokyo"]),
    ("LI", &["Europe/Vaduz"]),
    ("LT", &["Europe/Vilnius"]),
    ("LU", &["Europe/Luxembourg"]),
    ("LV", &["Europe/Riga"]),
    ("MT", &["Europe/Malta"]),
    ("MX", &["America/Cancun", "America/Tijuana"]),
    ("NL", &["Europe/Amsterdam"]),
    ("NO", &["Europe/Oslo"]),
    ("NZ", &["Pacific/Auckland"]),
    ("PL", &["Europe/Warsaw"]),
    ("PT", &["Europe/Lisbon", "Atlantic/Azores"]),
    ("RO", &["Europe/Bucharest"]),
    ("SE", &["Europe/Stockholm"]),
    ("SG", &["Asia/Singapore"]),
    ("SI", &["Europe/Ljubljana"]),
    ("SK", &["Europe/Bratislava"]),
    ("TR", &["Europe/Istanbul"]),
    ("UA", &["Europe/Kyiv"]),
    ("US", &["America/New_York", "Pacific/Honolulu"]),
    ("ZA", &["Africa/Johannesburg"]),
];

/// How often the next opening is looked for: each look goes on by some hours at least.
const LOOKS_MAX: usize = 64;

/// The country of that code, if it is known where its clocks hang.
pub fn country(code: &str) -> Option<&'static str> {
    COUNTRIES.iter().map(|(known, _)| *known).find(|known| *known == code)
}

/// The country whose clocks hang there, if it is one of those that are known.
pub fn country_of(zone: &Zone) -> Option<&'static str> {
    COUNTRIES.iter().find(|(_, zones)| zones.contains(&zone.name())).map(|(code, _)| *code)
}

/// The zones in all of which it must be daytime for somebody with a number of `country` to be called: the one that was
/// `said`, else the country's; the tenant's own where the country is not known.
pub fn zones(country: &str, said: Option<&Zone>, tenant: &Zone) -> Vec<Zone> {
    if let Some(zone) = said {
        return vec![zone.clone()];
    }
    let listed = COUNTRIES.iter().find(|(code, _)| *code == country);
    let zones: Vec<Zone> =
        listed.into_iter().flat_map(|(_, names)| *names).filter_map(|name| name.parse().ok()).collect();
    if zones.is_empty() { vec![tenant.clone()] } else { zones }
}

/// The first instant from `now` on at which it is between `from_min` and `until_min` (minutes since midnight) in each of
/// the zones; `None` when there is none within weeks.
pub fn next_open(now: Timestamp, zones: &[Zone], from_min: u32, until_min: u32) -> Option<Timestamp> {
    let mut at = now;
    for _ in 0..LOOKS_MAX {
        let later = zones.iter().map(|zone| open_in(at, zone, from_min, until_min)).max();
        match later {
            Some(later) if later > at => at = later,
            _ => return Some(at),
        }
    }
    None
}

/// When the called person's day began, in the zone whose day began last.
pub fn day_began(now: Timestamp, zones: &[Zone]) -> Timestamp {
    let began = |zone: &Zone| {
        let midnight = zone.wall(now).start_of_day();
        midnight.map_or(now, |midnight| Timestamp::from(midnight.timestamp()))
    };
    // The earliest beginning: what was in nobody's past day is today.
    zones.iter().map(began).min().unwrap_or(now)
}

/// When the day after the called person's present one begins, in every one of the zones.
pub fn next_day(now: Timestamp, zones: &[Zone]) -> Timestamp {
    let begins = |zone: &Zone| {
        let next = zone.wall(now).date().saturating_add(1.day());
        crate::domain::availability::instant(next, civil::Time::midnight(), zone)
    };
    zones.iter().map(begins).max().unwrap_or(now)
}

fn open_in(at: Timestamp, zone: &Zone, from_min: u32, until_min: u32) -> Timestamp {
    let wall = zone.wall(at);
    let minutes = u32::try_from(i32::from(wall.hour()) * 60 + i32::from(wall.minute())).unwrap_or(0);
    if (from_min..until_min).contains(&minutes) {
        return at;
    }
    let date = if minutes < from_min { wall.date() } else { wall.date().saturating_add(1.day()) };
    let hour = i8::try_from(from_min / 60).unwrap_or(0);
    let minute = i8::try_from(from_min % 60).unwrap_or(0);
    let opens = civil::Time::new(hour, minute, 0, 0).unwrap_or(civil::Time::midnight());
    crate::domain::availability::instant(date, opens, zone).max(at)
}
