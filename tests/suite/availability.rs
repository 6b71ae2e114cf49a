//! Which times are offered, and why the others are not.

use std::collections::BTreeMap;

use frontdesk::domain::{
    availability::{
        Availability, Busy, BusyKind, EventStatus, Reason, Refusal, Rule, Rules, ScheduleError, Slot, Source,
        blocked, changeable, instant,
    },
    booking::{Appointment, AppointmentStatus, Resource, Schedule, Selection, Service, Window},
    closing::{Closure, ClosureKind, Part},
    id::{AppointmentId, ResourceId},
    time::{TimeRange, Timestamp, Zone},
};
use jiff::civil::{self, date};
use proptest::prelude::*;

#[test]
fn a_day_is_offered_from_opening_to_closing_time() {
    let shop = Shop::new();
    assert_eq!(shop.starts("2027-01-13"), ["09:00", "10:00", "11:00", "13:00", "14:00", "15:00", "16:00"]);
    assert_eq!(shop.refusal("2027-01-13T16:30"), Some(Refusal::OutsideHours), "it would end after closing");
    assert_eq!(shop.refusal("2027-01-13T12:00"), Some(Refusal::OutsideHours), "the break");
    assert_eq!(shop.refusal("2027-01-13T09:30"), Some(Refusal::OffGrid));
    assert_eq!(shop.refusal("2027-01-16T10:00"), Some(Refusal::Closed), "a Saturday");
    assert_eq!(shop.refusal("2027-01-13T16:00"), None);
}

#[test]
fn the_interval_is_independent_of_the_duration() {
    let mut shop = Shop::new();
    shop.service.interval_min = 20;
    shop.hours(&[("09:00", "11:00")]);
    assert_eq!(shop.starts("2027-01-13"), ["09:00", "09:20", "09:40", "10:00"]);
    shop.service.grid_offset_min = 10;
    assert_eq!(shop.starts("2027-01-13"), ["09:10", "09:30", "09:50"]);
    shop.service.interval_min = 0;
    assert_eq!(shop.starts("2027-01-13"), ["09:10"], "without an interval slots follow one another");
}

#[test]
fn windows_that_touch_are_one() {
    let mut shop = Shop::new();
    shop.service.interval_min = 120;
    shop.hours(&[("12:00", "15:00"), ("09:00", "12:00")]);
    assert_eq!(shop.starts("2027-01-13"), ["09:00", "11:00", "13:00"]);
    shop.service.duration_min = 90;
    assert_eq!(
        shop.starts("2027-01-13"),
        ["09:00", "11:00", "13:00"],
        "one may begin before noon and end after"
    );
}

#[test]
fn an_exception_replaces_the_weekday() {
    let mut shop = Shop::new();
    shop.exception("2027-01-13", &[]);
    shop.exception("2027-01-16", &[("10:00", "12:00")]);
    assert_eq!(shop.refusal("2027-01-13T09:00"), Some(Refusal::Closed));
    assert_eq!(shop.starts("2027-01-13"), [""; 0]);
    assert_eq!(shop.starts("2027-01-16"), ["10:00", "11:00"], "it opens a closed Saturday");
}

#[test]
fn a_window_past_midnight_belongs_to_the_day_it_opens() {
    let mut shop = Shop::new();
    shop.anna().schedule = Schedule::default();
    shop.exception("2027-01-15", &[("22:00", "02:00")]);
    assert_eq!(shop.starts("2027-01-15"), ["22:00", "23:00"]);
    assert_eq!(shop.starts("2027-01-16"), ["00:00", "01:00"]);
    assert_eq!(shop.refusal("2027-01-16T01:30"), Some(Refusal::OutsideHours));
    assert_eq!(shop.refusal("2027-01-16T10:00"), Some(Refusal::Closed));
    // The grid of the night before goes on where it runs into the morning's window.
    shop.service.interval_min = 45;
    shop.service.duration_min = 45;
    shop.exception("2027-01-16", &[("01:00", "04:00")]);
    assert_eq!(shop.starts("2027-01-16"), ["00:15", "01:00", "01:45", "02:30", "03:15"]);
    shop.exception("2027-01-16", &[("02:00", "04:00")]);
    assert_eq!(shop.starts("2027-01-16"), ["00:15", "01:00", "01:45", "02:30", "03:15"], "or touches it");
}

#[test]
fn a_day_may_end_at_midnight_and_run_into_the_next() {
    let mut shop = Shop::new();
    shop.anna().schedule = Schedule::default();
    shop.service.interval_min = 30;
    shop.exception("2027-01-15", &[("22:00", "24:00")]);
    assert_eq!(shop.starts("2027-01-15"), ["22:00", "22:30", "23:00"]);
    shop.exception("2027-01-16", &[("00:00", "01:00")]);
    assert_eq!(shop.starts("2027-01-15"), ["22:00", "22:30", "23:00", "23:30"]);
    assert_eq!(shop.starts("2027-01-16"), ["00:00"]);
}

#[test]
fn an_appointment_keeps_its_time_and_both_buffers_add_up() {
    let mut shop = Shop::new();
    shop.service.interval_min = 15;
    shop.service.duration_min = 30;
    shop.service.buffer_after_min = 15;
    shop.book("2027-01-13T10:00", "anna");
    shop.service.buffer_before_min = 15;
    assert_eq!(shop.refusal("2027-01-13T10:00"), Some(Refusal::Busy));
    assert_eq!(shop.refusal("2027-01-13T09:45"), Some(Refusal::Busy));
    // Before it: its own buffer before was none, the slot's after is 15.
    assert_eq!(shop.refusal("2027-01-13T09:30"), Some(Refusal::Buffer));
    assert_eq!(shop.refusal("2027-01-13T09:15"), None);
    // After it: its own 15 and the slot's 15 before.
    assert_eq!(shop.refusal("2027-01-13T10:45"), Some(Refusal::Buffer));
    assert_eq!(shop.refusal("2027-01-13T11:00"), None);
}

#[test]
fn buffers_keep_no_distance_from_opening_hours() {
    let mut shop = Shop::new();
    shop.service.buffer_before_min = 30;
    shop.service.buffer_after_min = 30;
    assert_eq!(shop.starts("2027-01-13"), ["09:00", "10:00", "11:00", "13:00", "14:00", "15:00", "16:00"]);
}

#[test]
fn only_the_slots_own_buffers_count_against_a_calendar_event() {
    let mut shop = Shop::new();
    shop.service.buffer_before_min = 30;
    shop.service.interval_min = 30;
    shop.event("2027-01-13T09:00", "2027-01-13T10:00", Some("anna"));
    assert_eq!(shop.refusal("2027-01-13T09:30"), Some(Refusal::Busy));
    assert_eq!(shop.refusal("2027-01-13T10:00"), Some(Refusal::Buffer));
    assert_eq!(shop.refusal("2027-01-13T10:30"), None);
    assert_eq!(shop.starts("2027-01-13")[0], "10:30", "and the grid is not shifted by it");
}

#[test]
fn a_hold_keeps_a_slot_until_it_expires() {
    let mut shop = Shop::new();
    shop.hold("2027-01-13T10:00", "anna", shop.now.plus_minutes(5));
    assert_eq!(shop.refusal("2027-01-13T10:00"), Some(Refusal::Held));
    shop.now = shop.now.plus_minutes(5);
    assert_eq!(shop.refusal("2027-01-13T10:00"), None);
}

#[test]
fn notice_is_met_at_exactly_its_length() {
    let mut shop = Shop::new();
    shop.service.notice_min = 120;
    shop.now = shop.at("2027-01-13T08:00");
    assert_eq!(shop.refusal("2027-01-13T10:00"), None);
    assert_eq!(shop.refusal("2027-01-13T09:00"), Some(Refusal::Notice));
    shop.now = Timestamp(shop.now.0 + 1);
    assert_eq!(shop.refusal("2027-01-13T10:00"), Some(Refusal::Notice));
    shop.service.notice_min = 0;
    shop.now = shop.at("2027-01-13T10:30");
    assert_eq!(shop.refusal("2027-01-13T10:00"), Some(Refusal::Notice), "the past is never offered");
}

#[test]
fn notice_is_elapsed_time_across_a_clock_change() {
    let mut shop = Shop::new();
    shop.service.notice_min = 24 * 60;
    // From Saturday 10:00 to Sunday 11:00 only 24 hours pass: the clock skips one.
    shop.exception("2027-03-28", &[("09:00", "13:00")]);
    shop.now = shop.at("2027-03-27T10:00");
    assert_eq!(shop.starts("2027-03-28"), ["11:00", "12:00"]);
}

#[test]
fn the_horizon_includes_its_last_local_date() {
    let mut shop = Shop::new();
    shop.service.horizon_days = 12;
    // Late in the evening of the first, in Berlin already the second of January.
    shop.now = "2027-01-01T23:30:00Z".parse::<jiff::Timestamp>().unwrap().into();
    assert_eq!(shop.refusal("2027-01-14T16:00"), None);
    assert_eq!(shop.refusal("2027-01-15T09:00"), Some(Refusal::Horizon));
    let all = shop.slots("2027-01-01", "2028-01-01");
    assert_eq!(shop.wall(all.last().unwrap().time.start), "2027-01-14T16:00:00");
}

#[test]
fn limits_count_appointments_and_live_holds_by_local_day_and_iso_week() {
    let mut shop = Shop::new();
    shop.service.per_day_max = Some(2);
    shop.service.per_week_max = Some(3);
    shop.book("2027-01-13T09:00", "anna");
    assert_eq!(shop.refusal("2027-01-13T14:00"), None);
    shop.hold("2027-01-13T10:00", "anna", shop.now.plus_minutes(5));
    assert_eq!(shop.refusal("2027-01-13T14:00"), Some(Refusal::Limit));
    assert_eq!(shop.refusal("2027-01-14T14:00"), None);
    shop.book("2027-01-11T09:00", "anna");
    assert_eq!(shop.refusal("2027-01-14T14:00"), Some(Refusal::Limit), "three in the week");
    assert_eq!(shop.refusal("2027-01-18T14:00"), None, "the next week is another");
    shop.now = shop.now.plus_minutes(5);
    assert_eq!(shop.refusal("2027-01-13T14:00"), None, "the hold has expired");
}

#[test]
fn the_week_of_a_new_year_is_one_week() {
    let mut shop = Shop::new();
    shop.service.per_week_max = Some(1);
    shop.now = shop.at("2026-12-20T08:00");
    // Wednesday 30 December 2026 and Monday 4 January 2027: weeks 53 of 2026 and 1 of 2027.
    shop.book("2026-12-30T09:00", "anna");
    assert_eq!(shop.refusal("2027-01-01T09:00"), Some(Refusal::Limit));
    assert_eq!(shop.refusal("2027-01-04T09:00"), None);
}

#[test]
fn another_services_appointments_do_not_count_towards_a_limit() {
    let mut shop = Shop::new();
    shop.service.per_day_max = Some(1);
    shop.book("2027-01-13T09:00", "anna");
    shop.service.id = "svc_other".parse().unwrap();
    assert_eq!(shop.refusal("2027-01-13T14:00"), None);
}

#[test]
fn ones_own_appointment_is_no_conflict_when_moving() {
    let mut shop = Shop::new();
    shop.service.per_day_max = Some(1);
    shop.service.interval_min = 30;
    let own = shop.book("2027-01-13T10:00", "anna");
    assert_eq!(shop.refusal("2027-01-13T10:30"), Some(Refusal::Limit));
    shop.ignoring = vec![own];
    assert_eq!(shop.refusal("2027-01-13T10:30"), None);
    assert_eq!(shop.refusal("2027-01-13T10:00"), None);
}

#[test]
fn round_robin_means_the_least_booked_of_the_day() {
    let mut shop = Shop::new();
    shop.hire("ben");
    shop.hire("cleo");
    assert_eq!(shop.with("2027-01-13T14:00"), ["res_anna", "res_ben", "res_cleo"]);
    shop.book("2027-01-13T09:00", "anna");
    shop.book("2027-01-13T10:00", "anna");
    shop.book("2027-01-13T09:00", "ben");
    assert_eq!(shop.with("2027-01-13T14:00"), ["res_cleo", "res_ben", "res_anna"]);
    assert_eq!(shop.with("2027-01-13T10:00"), ["res_cleo", "res_ben"]);
    assert_eq!(
        shop.with("2027-01-14T14:00"),
        ["res_anna", "res_ben", "res_cleo"],
        "another day, other loads"
    );
}

#[test]
fn a_named_resource_is_asked_alone() {
    let mut shop = Shop::new();
    shop.hire("ben");
    shop.book("2027-01-13T09:00", "ben");
    let ben: ResourceId = "res_ben".parse().unwrap();
    let availability = shop.open();
    let day = date(2027, 1, 13);
    assert_eq!(availability.slots(day, day, Some(&ben)).count(), 6);
    assert_eq!(availability.check(shop.at("2027-01-13T09:00"), Some(&ben)), Err(Refusal::Busy));
    let stranger: ResourceId = "res_stranger".parse().unwrap();
    assert_eq!(availability.check(shop.at("2027-01-13T09:00"), Some(&stranger)), Err(Refusal::NotQualified));
}

#[test]
fn someone_who_does_not_do_the_service_is_never_offered() {
    let mut shop = Shop::new();
    shop.hire("ben");
    shop.service.resources.retain(|id| id.as_str() != "res_ben");
    assert_eq!(shop.with("2027-01-13T14:00"), ["res_anna"]);
    shop.service.resources.clear();
    assert_eq!(shop.refusal("2027-01-13T14:00"), Some(Refusal::NotQualified));
}

#[test]
fn with_any_resource_the_reason_is_that_of_the_closest() {
    let mut shop = Shop::new();
    shop.hire("ben");
    shop.resources[1].schedule = Schedule::default();
    shop.book("2027-01-13T10:00", "anna");
    assert_eq!(shop.refusal("2027-01-13T10:00"), Some(Refusal::Busy), "anna is busy, ben never opens");
}

#[test]
fn an_event_without_a_resource_blocks_everybody() {
    let mut shop = Shop::new();
    shop.hire("ben");
    shop.event("2027-01-13T09:00", "2027-01-13T16:00", None);
    assert_eq!(shop.starts("2027-01-13"), ["16:00"]);
}

#[test]
fn the_night_the_clocks_go_forward_has_twenty_three_hours() {
    let mut shop = Shop::new();
    shop.exception("2027-03-28", &[("00:00", "24:00")]);
    let starts = shop.starts("2027-03-28");
    assert_eq!(starts.len(), 23);
    assert_eq!(starts[..4], ["00:00", "01:00", "03:00", "04:00"], "02:00 does not exist");
    // A window that opens inside the gap opens with the first instant after it.
    shop.exception("2027-03-28", &[("02:30", "05:00")]);
    assert_eq!(shop.starts("2027-03-28"), ["03:00", "04:00"]);
    // One that closes inside the gap closes with it.
    shop.exception("2027-03-28", &[("00:00", "02:30")]);
    assert_eq!(shop.starts("2027-03-28"), ["00:00", "01:00"]);
    // One that lies in it does not happen.
    shop.exception("2027-03-28", &[("02:00", "03:00")]);
    assert_eq!(shop.starts("2027-03-28"), [""; 0]);
}

#[test]
fn the_night_the_clocks_go_back_has_twenty_five_hours() {
    let mut shop = Shop::new();
    shop.now = shop.at("2027-10-01T08:00");
    shop.exception("2027-10-31", &[("00:00", "24:00")]);
    let starts = shop.starts("2027-10-31");
    assert_eq!(starts.len(), 25);
    assert_eq!(starts[..5], ["00:00", "01:00", "02:00", "02:00", "03:00"], "steps are elapsed hours");
    shop.exception("2027-10-31", &[("02:30", "05:00")]);
    assert_eq!(shop.starts("2027-10-31"), ["02:30", "02:30", "03:30"], "it opens with the first 02:30");
}

#[test]
fn a_zone_that_changes_at_midnight_still_has_its_day() {
    let mut shop = Shop::new();
    // In Santiago the clocks go from 24:00 to 01:00 on 5 September 2027: midnight does not exist.
    shop.zone = "America/Santiago".parse().unwrap();
    shop.now = shop.at("2027-09-01T08:00");
    shop.exception("2027-09-05", &[("00:00", "03:00")]);
    assert_eq!(shop.starts("2027-09-05"), ["01:00", "02:00"]);
    assert_eq!(instant(date(2027, 9, 5), civil::Time::midnight(), &shop.zone), shop.at("2027-09-05T01:00"));
}

#[test]
fn lapsed_empty_and_cancelled_entries_take_nothing() {
    let mut shop = Shop::new();
    let before = shop.starts("2027-01-13");
    shop.event("2027-01-13T11:00", "2027-01-13T11:00", None);
    shop.event("2027-01-13T15:00", "2027-01-13T09:00", None);
    let id = shop.book("2027-01-13T10:00", "anna");
    let mut appointment = Appointment {
        id,
        service: shop.service.id.clone(),
        resource: shop.resources[0].id.clone(),
        together: vec![],
        seats: 1,
        session: None,
        contact: None,
        time: shop.busy.pop().unwrap().time,
        blocked: blocked(&shop.service, shop.at("2027-01-13T10:00")),
        status: AppointmentStatus::Cancelled,
        expires: None,
        note: String::new(),
        clashing: false,
    };
    assert_eq!(Busy::of(&appointment), []);
    assert_eq!(shop.starts("2027-01-13"), before);
    appointment.status = AppointmentStatus::Confirmed;
    shop.busy.extend(Busy::of(&appointment));
    assert_eq!(shop.refusal("2027-01-13T10:00"), Some(Refusal::Busy));
}

#[test]
fn an_appointment_may_be_changed_until_its_cut_off() {
    let mut shop = Shop::new();
    shop.service.cancel_cutoff_min = 1440;
    let start = shop.at("2027-01-13T10:00");
    assert!(changeable(&shop.service, start, shop.at("2027-01-12T10:00")));
    assert!(!changeable(&shop.service, start, shop.at("2027-01-12T10:01")));
    shop.service.cancel_cutoff_min = 0;
    assert!(!changeable(&shop.service, start, start), "what has begun is not changed");
}

#[test]
fn a_schedule_says_what_is_wrong_with_it() {
    let mut schedule = Schedule::default();
    schedule.week[2] = windows(&[("09:00", "12:00"), ("12:00", "17:00"), ("22:00", "02:00")]);
    assert_eq!(schedule.check(), Ok(()));
    schedule.week[2] = windows(&[("13:00", "17:00"), ("09:00", "13:30")]);
    let error = schedule.check().unwrap_err();
    assert!(matches!(error, ScheduleError::OverlapOnWeekday { weekday: 2, .. }));
    assert_eq!(error.to_string(), "Wednesday: the windows that open at 09:00:00 and at 13:00:00 overlap");
    schedule.week[2] = windows(&[("20:00", "02:00"), ("21:00", "22:00")]);
    assert!(matches!(schedule.check(), Err(ScheduleError::OverlapOnWeekday { .. })));
    schedule.week[2].clear();
    schedule.exceptions.insert(date(2027, 5, 1), windows(&[("09:00", "09:00")]));
    assert!(matches!(schedule.check(), Err(ScheduleError::EmptyOnDate { .. })));
}

#[test]
fn extreme_rules_neither_panic_nor_run_away() {
    let mut shop = Shop::new();
    shop.service.duration_min = u32::MAX;
    shop.service.interval_min = u32::MAX;
    shop.service.grid_offset_min = u32::MAX;
    shop.service.buffer_before_min = u32::MAX;
    shop.service.buffer_after_min = u32::MAX;
    shop.service.horizon_days = u32::MAX;
    shop.service.notice_min = u32::MAX;
    shop.event("2027-01-13T09:00", "2027-01-13T10:00", None);
    assert_eq!(shop.slots("-009999-01-01", "9999-12-31"), []);
    for at in [i64::MIN, 0, i64::MAX, Timestamp::MAX.0] {
        assert!(shop.open().check(Timestamp(at), None).is_err());
    }
}

#[test]
fn a_closing_day_takes_its_time_to_the_minute_and_moves_no_grid() {
    let mut shop = Shop::new();
    shop.close("2027-01-13", "2027-01-13", Part::Daily { from: time("10:20"), until: time("13:10") });
    assert_eq!(shop.starts("2027-01-13"), ["09:00", "14:00", "15:00", "16:00"]);
    assert_eq!(shop.refusal("2027-01-13T10:00"), Some(Refusal::Closed), "it would still be going on");
    assert_eq!(shop.refusal("2027-01-13T13:00"), Some(Refusal::Closed));
    assert_eq!(shop.refusal("2027-01-13T13:10"), Some(Refusal::OffGrid), "the grid begins at one");
    assert_eq!(shop.starts("2027-01-14").len(), 7, "the next day is as ever");
}

#[test]
fn a_closing_day_of_a_range_or_of_every_year_closes_what_an_exception_opens() {
    let mut shop = Shop::new();
    shop.exception("2028-12-31", &[("09:00", "12:00")]);
    shop.close("2026-12-24", "2027-01-02", Part::Whole);
    shop.anna().schedule.closures[0].yearly = true;
    shop.service.horizon_days = 3_000;
    for day in ["2027-01-01", "2027-12-24", "2028-01-01", "2028-12-31", "2029-01-02"] {
        assert_eq!(shop.starts(day), [""; 0], "{day}");
        assert_eq!(shop.refusal(&format!("{day}T09:00")), Some(Refusal::Closed), "{day}");
    }
    assert_eq!(shop.starts("2028-01-03").len(), 7);
}

#[test]
fn an_absence_runs_through_from_one_moment_to_another() {
    let mut shop = Shop::new();
    shop.close("2027-01-12", "2027-01-14", Part::Through { from: time("10:05"), until: time("11:00") });
    assert_eq!(shop.starts("2027-01-12"), ["09:00"], "the one that begins at ten would not end in time");
    assert_eq!(shop.starts("2027-01-13"), [""; 0]);
    assert_eq!(shop.starts("2027-01-14"), ["11:00", "13:00", "14:00", "15:00", "16:00"]);
}

#[test]
fn a_closure_that_makes_no_sense_is_refused() {
    let with = |first: &str, last: &str, part, yearly| {
        let mut shop = Shop::new();
        shop.close(first, last, part);
        shop.anna().schedule.closures[0].yearly = yearly;
        shop.resources[0].schedule.closures[0].check().is_ok()
    };
    let (ten, eleven) = (time("10:00"), time("11:00"));
    assert!(with("2027-01-13", "2027-01-13", Part::Whole, true));
    assert!(!with("2027-01-13", "2027-01-12", Part::Whole, false), "it ends before it begins");
    assert!(!with("2027-01-13", "2028-01-13", Part::Whole, true), "it would meet itself");
    assert!(!with("2027-01-13", "2030-01-13", Part::Whole, false));
    assert!(!with("2027-01-13", "2027-01-14", Part::Daily { from: eleven, until: ten }, false));
    assert!(with("2027-01-13", "2027-01-14", Part::Through { from: eleven, until: ten }, false));
    assert!(!with("2027-01-13", "2027-01-13", Part::Through { from: eleven, until: ten }, false));
}

#[test]
fn every_reason_against_a_time_is_told_with_where_it_comes_from() {
    let mut shop = Shop::new();
    shop.hire("ben");
    shop.service.per_day_max = Some(1);
    shop.service.buffer_before_min = 10;
    shop.service.notice_min = 60 * 24 * 365;
    let taken = shop.book("2027-01-13T10:00", "anna");
    let expires = shop.now.plus_minutes(5);
    let held = shop.hold("2027-01-13T09:30", "anna", expires);
    let before = shop.book("2027-01-13T08:55", "ben");
    shop.event("2027-01-13T10:30", "2027-01-13T11:00", Some("anna"));
    shop.close("2027-01-13", "2027-01-13", Part::Daily { from: time("10:45"), until: time("12:00") });
    let open = shop.open();
    let start = shop.at("2027-01-13T10:00");
    let why = open.why(start, None);
    assert_eq!(why.verdict, open.check(start, None));
    let closure = shop.resources[0].schedule.closures[0].id.clone();
    let reason = |refusal, source| Reason { refusal, source };
    let (one, other) = (&why.resources[0], &why.resources[1]);
    assert_eq!(
        one.reasons,
        [
            reason(Refusal::Notice, Source::Rule(Rule::Notice)),
            reason(Refusal::Closed, Source::Closure(closure)),
            reason(Refusal::Limit, Source::Rule(Rule::PerDay)),
            reason(Refusal::Busy, Source::Appointment { id: taken, time: shop.hour(start) }),
            reason(
                Refusal::Busy,
                Source::Event {
                    calendar: None,
                    status: EventStatus::Busy,
                    time: TimeRange { start: shop.at("2027-01-13T10:30"), end: shop.at("2027-01-13T11:00") },
                }
            ),
            reason(
                Refusal::Held,
                Source::Hold { id: held, time: shop.hour(shop.at("2027-01-13T09:30")), until: expires }
            ),
        ]
    );
    assert_eq!(
        other.reasons,
        [
            reason(Refusal::Notice, Source::Rule(Rule::Notice)),
            reason(Refusal::Limit, Source::Rule(Rule::PerDay)),
            reason(
                Refusal::Buffer,
                Source::Appointment { id: before, time: shop.hour(shop.at("2027-01-13T08:55")) }
            ),
        ],
        "ben is away at no time, and is too close to something else"
    );
}

#[test]
fn of_a_time_outside_of_the_hours_it_is_told_which_hours() {
    let mut shop = Shop::new();
    shop.exception("2027-01-14", &[("09:00", "10:00")]);
    let source = |wall: &str| {
        let why = shop.open().why(shop.at(wall), None);
        let reason = why.resources[0].reasons[0].clone();
        assert_eq!(why.verdict, Err(reason.refusal), "{wall}");
        reason
    };
    let outside = Refusal::OutsideHours;
    let saturday = Source::Week(civil::Weekday::Saturday);
    assert_eq!(source("2027-01-16T10:00"), Reason { refusal: Refusal::Closed, source: saturday });
    let wednesday = Source::Week(civil::Weekday::Wednesday);
    assert_eq!(source("2027-01-13T12:00"), Reason { refusal: outside, source: wednesday });
    let exception = Source::Exception(date(2027, 1, 14));
    assert_eq!(source("2027-01-14T10:00"), Reason { refusal: outside, source: exception });
    let stranger = "res_stranger".parse().unwrap();
    let why = shop.open().why(shop.at("2027-01-13T10:00"), Some(&stranger));
    assert_eq!(why.resources[0].reasons[0].source, Source::Rule(Rule::Resources));
    shop.anna().active = false;
    let why = shop.open().why(shop.at("2027-01-13T10:00"), None);
    assert_eq!(why.resources[0].reasons[0].source, Source::PutAside);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The list is exactly what the check allows, minute by minute, over days with and without clock changes.
    #[test]
    fn the_list_and_the_check_never_disagree(shop in any_shop()) {
        let availability = shop.open();
        let listed: BTreeMap<Timestamp, Vec<ResourceId>> = availability
            .slots(shop.first, shop.first.saturating_add(jiff::Span::new().days(3)), None)
            .map(|slot| (slot.time.start, slot.resources))
            .collect();
        let mut minute = instant(shop.first, civil::Time::midnight(), &shop.zone);
        let end = instant(shop.first.saturating_add(jiff::Span::new().days(4)), civil::Time::midnight(), &shop.zone);
        while minute < end {
            let allowed = availability.check(minute, None).ok().map(|slot| slot.resources);
            prop_assert_eq!(allowed.as_ref(), listed.get(&minute), "at {}", shop.wall(minute));
            minute = minute.plus_minutes(5);
        }
    }

    /// Whatever is offered keeps every rule, judged by walking through it on the wall clock.
    #[test]
    fn every_offered_slot_keeps_the_rules(shop in any_shop()) {
        let service = &shop.service;
        for slot in shop.open().slots(shop.first, shop.first.saturating_add(jiff::Span::new().days(9)), None) {
            prop_assert!(slot.time.start >= shop.now.plus_minutes(i64::from(service.notice_min)));
            prop_assert_eq!(slot.time.end, slot.time.start.plus_minutes(i64::from(service.duration_min)));
            let keeps = blocked(service, slot.time.start);
            for id in &slot.resources {
                let resource = shop.resources.iter().find(|resource| resource.id == *id).unwrap();
                let mut minute = slot.time.start;
                while minute < slot.time.end {
                    prop_assert!(open_at(resource, &shop.zone, minute), "{} shut at {}", id, shop.wall(minute));
                    minute = minute.plus_minutes(5);
                }
                for entry in shop.busy.iter().filter(|entry| entry.resource.as_ref().is_none_or(|own| own == id)) {
                    let clear = match &entry.kind {
                        BusyKind::Appointment { blocked, .. } => !blocked.overlaps(keeps),
                        BusyKind::Hold { blocked, expires, .. } => *expires <= shop.now || !blocked.overlaps(keeps),
                        BusyKind::Event { .. } => !entry.time.overlaps(keeps),
                    };
                    prop_assert!(clear, "{:?} and {:?}", entry, slot);
                }
            }
        }
    }

    /// "Why not?" and the list are one: free where there is no reason, and otherwise the first reason decides.
    #[test]
    fn the_reasons_and_the_list_never_disagree(shop in any_shop()) {
        let availability = shop.open();
        let mut minute = instant(shop.first, civil::Time::midnight(), &shop.zone);
        let end = minute.plus_minutes(4 * 24 * 60);
        while minute < end {
            let why = availability.why(minute, None);
            prop_assert_eq!(&why.verdict, &availability.check(minute, None));
            for one in &why.resources {
                let alone = availability.check(minute, Some(&one.resource)).err();
                let first = one.reasons.first().map(|reason| reason.refusal);
                prop_assert_eq!(first, alone, "{} at {}: {:?}", one.resource, shop.wall(minute), one.reasons);
            }
            minute = minute.plus_minutes(10);
        }
    }

    /// Neither the order of the busy list nor that of the resources changes anything.
    #[test]
    fn the_order_of_what_is_known_does_not_matter(shop in any_shop(), seed in any::<u64>()) {
        let last = shop.first.saturating_add(jiff::Span::new().days(9));
        let before: Vec<Slot> = shop.open().slots(shop.first, last, None).collect();
        let mut other = shop.clone();
        let mut turn = seed;
        other.busy.sort_by_key(|_| { turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1); turn >> 33 });
        other.resources.reverse();
        other.service.resources.reverse();
        let after: Vec<Slot> = other.open().slots(shop.first, last, None).collect();
        prop_assert_eq!(before, after);
    }

    /// Taking the offered slots one after another never makes two overlap, buffers included.
    #[test]
    fn slots_taken_one_after_another_keep_apart(mut shop in any_shop()) {
        let mut taken: Vec<(ResourceId, TimeRange)> = Vec::new();
        for _ in 0..12 {
            let last = shop.first.saturating_add(jiff::Span::new().days(3));
            let slots: Vec<Slot> = shop.open().slots(shop.first, last, None).collect();
            let Some(slot) = slots.get(taken.len() * 7 % slots.len().max(1)) else { break };
            let who = slot.resources[0].clone();
            let keeps = blocked(&shop.service, slot.time.start);
            prop_assert!(taken.iter().all(|(id, range)| *id != who || !range.overlaps(keeps)));
            shop.add(slot.time, Some(who.clone()), |id, service| BusyKind::Appointment { id, service, blocked: keeps, seats: 1 });
            taken.push((who, keeps));
        }
    }
}

/// Whether the wall clock shows a time inside a window, at that instant.
fn open_at(resource: &Resource, zone: &Zone, at: Timestamp) -> bool {
    let wall = zone.wall(at);
    let inside = |date: civil::Date, overflow: bool| {
        resource.schedule.windows(date).iter().any(|window| {
            let time = wall.time();
            let past = window.closes < window.opens;
            match overflow {
                true => past && time < window.closes,
                false => time >= window.opens && (past || time < window.closes),
            }
        })
    };
    let closed = resource.schedule.closures.iter().filter_map(|closure| closure.on(wall.date()));
    let mut closed = closed.filter(|window| (window.opens..window.closes).contains(&wall.time()));
    closed.next().is_none() && (inside(wall.date(), false) || inside(wall.date().yesterday().unwrap(), true))
}

/// An event of another calendar that blocks.
const EVENT: BusyKind = BusyKind::Event { status: EventStatus::Busy, calendar: None };

/// A place with hours, people and things that are taken.
#[derive(Clone, Debug)]
struct Shop {
    zone: Zone,
    service: Service,
    resources: Vec<Resource>,
    busy: Vec<Busy>,
    now: Timestamp,
    ignoring: Vec<AppointmentId>,
    first: civil::Date,
}

impl Shop {
    /// Anna, Monday to Friday 9 to 12 and 13 to 17 in Berlin; slots of an hour, every hour.
    fn new() -> Self {
        let anna = Resource {
            id: "res_anna".parse().unwrap(),
            name: "Anna".to_owned(),
            schedule: Schedule {
                week: std::array::from_fn(|day| match day {
                    0..5 => windows(&[("09:00", "12:00"), ("13:00", "17:00")]),
                    _ => Vec::new(),
                }),
                ..Schedule::default()
            },
            active: true,
        };
        Self {
            zone: "Europe/Berlin".parse().unwrap(),
            service: Service {
                id: "svc_checkup".parse().unwrap(),
                key: "checkup".to_owned(),
                names: BTreeMap::new(),
                duration_min: 60,
                interval_min: 60,
                grid_offset_min: 0,
                buffer_before_min: 0,
                buffer_after_min: 0,
                notice_min: 0,
                horizon_days: 400,
                per_day_max: None,
                per_week_max: None,
                per_month_max: None,
                minutes_per_day_max: None,
                capacity: 1,
                selection: Selection::RoundRobin,
                blocking: EventStatus::BLOCKING.into(),
                conflict_calendars: None,
                cancel_cutoff_min: 0,
                invites: false,
                sensitive: false,
                price: None,
                resources: vec![anna.id.clone()],
                active: true,
            },
            resources: vec![anna],
            busy: Vec::new(),
            now: "2027-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().into(),
            ignoring: Vec::new(),
            first: date(2027, 1, 1),
        }
    }

    fn open(&self) -> Availability<'_> {
        let rules = Rules {
            zone: &self.zone,
            service: &self.service,
            resources: &self.resources,
            seats: 1,
            loads: None,
        };
        Availability::new(rules, &self.busy, self.now, &self.ignoring)
    }

    fn slots(&self, from: &str, to: &str) -> Vec<Slot> {
        self.open().slots(from.parse().unwrap(), to.parse().unwrap(), None).collect()
    }

    /// The starts of a date on the wall clock, each of which the check allows too.
    fn starts(&self, date: &str) -> Vec<String> {
        let slots = self.slots(date, date);
        for slot in &slots {
            assert_eq!(self.open().check(slot.time.start, None).as_ref(), Ok(slot));
        }
        slots.iter().map(|slot| self.zone.wall(slot.time.start).strftime("%H:%M").to_string()).collect()
    }

    fn refusal(&self, wall: &str) -> Option<Refusal> {
        self.open().check(self.at(wall), None).err()
    }

    fn with(&self, wall: &str) -> Vec<String> {
        let slot = self.open().check(self.at(wall), None).unwrap();
        slot.resources.iter().map(ToString::to_string).collect()
    }

    fn at(&self, wall: &str) -> Timestamp {
        let wall: civil::DateTime = wall.parse().unwrap();
        instant(wall.date(), wall.time(), &self.zone)
    }

    fn wall(&self, at: Timestamp) -> String {
        self.zone.wall(at).datetime().to_string()
    }

    fn anna(&mut self) -> &mut Resource {
        &mut self.resources[0]
    }

    fn hours(&mut self, hours: &[(&str, &str)]) {
        self.anna().schedule.week = std::array::from_fn(|_| windows(hours));
    }

    fn exception(&mut self, date: &str, hours: &[(&str, &str)]) {
        self.anna().schedule.exceptions.insert(date.parse().unwrap(), windows(hours));
    }

    fn close(&mut self, first: &str, last: &str, part: Part) {
        let closures = &mut self.anna().schedule.closures;
        closures.push(Closure {
            id: format!("clo_{}", closures.len()).parse().unwrap(),
            resource: None,
            kind: ClosureKind::Closing,
            name: String::new(),
            first: first.parse().unwrap(),
            last: last.parse().unwrap(),
            part,
            yearly: false,
        });
    }

    fn hire(&mut self, name: &str) {
        let mut resource = self.resources[0].clone();
        resource.id = format!("res_{name}").parse().unwrap();
        self.service.resources.push(resource.id.clone());
        self.resources.push(resource);
    }

    fn add(
        &mut self,
        time: TimeRange,
        resource: Option<ResourceId>,
        kind: impl FnOnce(AppointmentId, frontdesk::domain::id::ServiceId) -> BusyKind,
    ) -> AppointmentId {
        let id: AppointmentId = format!("apt_{}", self.busy.len()).parse().unwrap();
        self.busy.push(Busy { time, resource, kind: kind(id.clone(), self.service.id.clone()) });
        id
    }

    fn book(&mut self, wall: &str, who: &str) -> AppointmentId {
        let start = self.at(wall);
        let (time, keeps) = (self.hour(start), blocked(&self.service, start));
        self.add(time, Some(format!("res_{who}").parse().unwrap()), |id, service| BusyKind::Appointment {
            id,
            service,
            blocked: keeps,
            seats: 1,
        })
    }

    fn hold(&mut self, wall: &str, who: &str, expires: Timestamp) -> AppointmentId {
        let start = self.at(wall);
        let (time, keeps) = (self.hour(start), blocked(&self.service, start));
        self.add(time, Some(format!("res_{who}").parse().unwrap()), |id, service| BusyKind::Hold {
            id,
            service,
            blocked: keeps,
            seats: 1,
            expires,
        })
    }

    fn event(&mut self, from: &str, to: &str, who: Option<&str>) {
        let time = TimeRange { start: self.at(from), end: self.at(to) };
        let who = who.map(|who| format!("res_{who}").parse().unwrap());
        self.add(time, who, |_, _| EVENT);
    }

    fn hour(&self, start: Timestamp) -> TimeRange {
        TimeRange { start, end: start.plus_minutes(i64::from(self.service.duration_min)) }
    }
}

fn time(text: &str) -> civil::Time {
    text.parse().unwrap()
}

fn windows(hours: &[(&str, &str)]) -> Vec<Window> {
    let time = |text: &str| match text {
        "24:00" => Window::DAY_END,
        _ => text.parse().unwrap(),
    };
    hours.iter().map(|(opens, closes)| Window { opens: time(opens), closes: time(closes) }).collect()
}

/// Shops around ordinary days and clock changes. Window edges stay out of the repeated hour, where the wall
/// clock alone does not say which of the two is meant.
fn any_shop() -> impl Strategy<Value = Shop> {
    let edge = prop_oneof![Just(0), 4..24i8];
    let hours = prop::collection::vec((edge.clone(), edge, prop::bool::weighted(0.2)), 0..3);
    let zone = prop_oneof![Just("Europe/Berlin"), Just("America/New_York"), Just("Asia/Kathmandu")];
    let first = prop_oneof![
        Just(date(2027, 1, 12)),
        Just(date(2027, 3, 12)),
        Just(date(2027, 3, 26)),
        Just(date(2027, 10, 29)),
        Just(date(2027, 11, 5)),
    ];
    let taken = prop::collection::vec((0..6 * 24 * 4i64, 1..16i64, 0..4u8, 0..3usize, 0..3i64), 0..8);
    let closed = prop::collection::vec((0..6i64, 0..2i64, 4..20i8, 1..5i8, 0..3u8), 0..3);
    let taken = (taken, closed);
    let rules = ((1..20u32, 1..16u32, 0..4u32), (0..4u32, 0..4u32), 0..40u32, prop::option::of(0..4u32));
    (zone, first, prop::collection::vec(hours, 7 * 3), taken, rules, 1..4usize).prop_map(
        |(zone, first, hours, taken, rules, people)| {
            let ((duration, interval, offset), (before, after), notice, per_day) = rules;
            let mut shop = Shop { zone: zone.parse().unwrap(), first, ..Shop::new() };
            shop.now = instant(first, civil::time(9, 7, 0, 0), &shop.zone).plus_minutes(-24 * 60);
            shop.service.duration_min = duration * 15;
            shop.service.interval_min = interval * 10;
            shop.service.grid_offset_min = offset * 5;
            shop.service.buffer_before_min = before * 10;
            shop.service.buffer_after_min = after * 5;
            shop.service.notice_min = notice * 60;
            shop.service.per_day_max = per_day;
            for name in ["ben", "cleo"].into_iter().take(people - 1) {
                shop.hire(name);
            }
            for (who, resource) in shop.resources.iter_mut().enumerate() {
                for (day, windows) in resource.schedule.week.iter_mut().enumerate() {
                    *windows = hours[(who * 7 + day) % hours.len()]
                        .iter()
                        .filter(|(opens, closes, _)| opens != closes)
                        .map(|&(opens, closes, whole)| Window {
                            opens: civil::time(opens, 0, 0, 0),
                            closes: if whole { Window::DAY_END } else { civil::time(closes, 0, 0, 0) },
                        })
                        .collect();
                }
            }
            let began = instant(first, civil::Time::midnight(), &shop.zone);
            let (taken, closed) = taken;
            for (day, days, from, hours, part) in closed {
                let begins = first.saturating_add(jiff::Span::new().days(day));
                let ends = begins.saturating_add(jiff::Span::new().days(days));
                let (from, until) = (civil::time(from, 30, 0, 0), civil::time(from + hours.min(3), 10, 0, 0));
                let part = match part {
                    0 => Part::Whole,
                    1 => Part::Daily { from, until },
                    _ => Part::Through { from, until },
                };
                if from < until {
                    shop.close(&begins.to_string(), &ends.to_string(), part);
                }
            }
            for (quarter, length, kind, who, buffer) in taken {
                let start = began.plus_minutes(quarter * 15);
                let time = TimeRange { start, end: start.plus_minutes(length * 15) };
                let blocked = TimeRange {
                    start: start.plus_minutes(-buffer * 10),
                    end: time.end.plus_minutes(buffer * 5),
                };
                let resource = shop.resources.get(who).map(|resource| resource.id.clone());
                let expires = shop.now.plus_minutes(if kind == 2 { 0 } else { 5 });
                shop.add(time, resource, |id, service| match kind {
                    0 => EVENT,
                    1 => BusyKind::Appointment { id, service, blocked, seats: 1 },
                    _ => BusyKind::Hold { id, service, blocked, seats: 1, expires },
                });
            }
            shop
        },
    )
}
