//! Which zone a name from Graph means: Windows and IANA names come mixed (protocols.md §4.2).

use jiff::tz::TimeZone;

pub use super::windows_zones::WINDOWS_ZONES;
use crate::domain::time::Zone;

/// The zone of that name; `None` for one that is not in any table, such as `tzone://Microsoft/Custom`.
pub(super) fn zone_named(name: &str) -> Option<TimeZone> {
    iana_name(name).and_then(|name| TimeZone::get(name).ok()).filter(|zone| !zone.is_unknown())
}

/// A calendar's zone, by whichever name; `None` for one that is not in any table.
pub fn calendar_zone(name: &str) -> Option<Zone> {
    zone_named(name)?.iana_name()?.parse().ok()
}

fn iana_name(name: &str) -> Option<&str> {
    let name = name.trim();
    match WINDOWS_ZONES.binary_search_by(|(windows, _)| (*windows).cmp(name)) {
        Ok(at) => WINDOWS_ZONES.get(at).map(|(_, iana)| *iana),
        Err(_) => (!name.is_empty()).then_some(name),
    }
}
