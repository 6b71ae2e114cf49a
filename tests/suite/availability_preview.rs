//! The engine's front door: rules, what is taken and a question in, slots or a verdict out.
//!
//! One table for each convention that could be read two ways.

use std::collections::BTreeMap;

use frontdesk::{
    app::{
        Error,
        access::{Actor, Who},
        availability::{BUSY_MAX, PREVIEW_DAYS_MAX},
    },
    http::api::{
        availability::{PreviewWanted, preview},
        form,
    },
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Mondays to Fridays, nine to twelve and one to five.
fn week() -> Value {
    let day = json!([["09:00", "12:00"], ["13:00", "17:00"]]);
    json!({ "mon": day, "tue": day, "wed": day, "thu": day, "fri": day })
}

/// A question about a practice in Berlin whose rules are `rules`.
fn case(rules: Value, busy: Value, query: Value) -> Value {
    let mut all = json!({ "duration": 60, "working_hours": week() });
    merge(&mut all, rules);
    json!({ "zone": "Europe/Berlin", "now": "2027-01-01T00:00:00Z", "rules": all, "busy": busy, "query": query })
}

fn merge(into: &mut Value, from: Value) {
    for (key, value) in from.as_object().unwrap().clone() {
        into[key] = value;
    }
}

fn ask(body: Value) -> Result<Value, Error> {
    let by = Actor::new("ten_a".parse().unwrap(), Who::System("test"));
    let shown = preview(&by, form::read::<PreviewWanted>(body)?)?;
    Ok(serde_json::to_value(shown).unwrap())
}

#[track_caller]
fn well(body: Value) -> Value {
    ask(body.clone()).unwrap_or_else(|error| panic!("{error}\n{body}"))
}

/// The starts of a date, on its wall clock.
#[track_caller]
fn starts(rules: Value, busy: Value, date: &str) -> Vec<String> {
    let answer = well(case(rules, busy, json!({ "op": "slots", "from": date })));
    let slots = answer["slots"].as_array().unwrap().iter();
    slots.map(|slot| slot["start"].as_str().unwrap()[11..16].to_owned()).collect()
}

/// `ok`, or the reason against it.
#[track_caller]
fn verdict(rules: Value, busy: Value, start: &str) -> String {
    of(&well(case(rules, busy, json!({ "op": "can_book", "start": start }))))
}

fn of(answer: &Value) -> String {
    answer["reason"].as_str().or(answer["verdict"].as_str()).unwrap().to_owned()
}

/// Every case is a name, rules, what is taken, a start and what is said of it.
#[track_caller]
fn each(cases: &[(&str, Value, Value, &str, &str)]) {
    for (name, rules, busy, start, wanted) in cases {
        assert_eq!(verdict(rules.clone(), busy.clone(), start), *wanted, "{name}: {start}");
    }
}

fn appointment(start: &str, end: &str) -> Value {
    json!({ "kind": "appointment", "start": start, "end": end })
}

fn with(mut entry: Value, more: Value) -> Value {
    merge(&mut entry, more);
    entry
}

const NINE: &str = "2027-01-13T09:00:00+01:00";
const TEN: &str = "2027-01-13T10:00:00+01:00";
const ELEVEN: &str = "2027-01-13T11:00:00+01:00";
const WEDNESDAY: &str = "2027-01-13";

#[test]
fn the_answers_look_as_they_were_promised() {
    let slots = json!({ "op": "slots", "from": WEDNESDAY, "to": WEDNESDAY });
    let hours = json!({ "working_hours": { "wed": [["09:00", "11:00"]] } });
    let mut body = case(hours, json!([]), slots);
    assert_eq!(
        well(body.clone()),
        json!({ "slots": [{ "start": NINE, "end": TEN, "resources": [] }, { "start": TEN, "end": ELEVEN, "resources": [] }] })
    );
    body["resources"] = json!([{ "key": "anna" }]);
    assert_eq!(well(body.clone())["slots"][0], json!({ "start": NINE, "end": TEN, "resources": ["anna"] }));
    body["query"]["viewer_zone"] = json!("America/New_York");
    assert_eq!(
        well(body.clone())["slots"][0],
        json!({ "start": "2027-01-13T03:00:00-05:00", "end": "2027-01-13T04:00:00-05:00", "resources": ["anna"] })
    );
    body["query"] =
        json!({ "op": "can_book", "start": NINE, "resource": "anna", "service": null, "seats": null });
    assert_eq!(well(body.clone()), json!({ "verdict": "ok", "end": TEN, "resource": "anna" }));
    body["query"] = json!({ "op": "can_book", "start": "2027-01-13T08:00:00Z" });
    assert_eq!(well(body.clone()), json!({ "verdict": "ok", "end": TEN, "resource": "anna" }));
    body["query"] = json!({ "op": "can_book", "start": "2027-01-13T09:00" });
    assert_eq!(well(body.clone()), json!({ "verdict": "ok", "end": TEN, "resource": "anna" }));
    body["query"] = json!({ "op": "can_book", "start": "2027-01-13T12:00:00+01:00" });
    assert_eq!(well(body), json!({ "verdict": "refused", "reason": "outside_hours" }));
}

#[test]
fn the_example_of_the_schema_is_understood() {
    let body = json!({
        "zone": "Europe/Berlin", "now": "2027-01-01T00:00:00Z",
        "rules": {
            "duration": 60, "interval": 30, "grid_offset": 0,
            "working_hours": { "mon": [["09:00", "12:00"], ["13:00", "17:00"]], "wed": [["09:00", "12:00"]] },
            "overrides": { "2027-12-24": [], "2027-12-27": [["10:00", "14:00"]] },
            "buffer_before": 0, "buffer_after": 15, "minimum_notice": 120, "horizon_days": 60,
            "max_per_day": 8, "max_per_week": null, "max_per_month": null, "max_minutes_per_day": null,
            "capacity": 1, "cancel_cutoff": 1440,
            "blocking": ["busy", "tentative", "out_of_office"], "conflict_calendars": ["main"], "selection": "any"
        },
        "resources": [{ "key": "anna", "services": ["check-up"], "load": 2, "working_hours": null, "overrides": null }],
        "busy": [
            { "kind": "appointment", "status": "confirmed", "start": NINE, "end": TEN, "resource": "anna",
              "service": "check-up", "buffer_before": 0, "buffer_after": 15, "seats": 1 },
            { "kind": "hold", "start": NINE, "end": TEN, "expires": "2027-01-01T00:05:00Z" },
            { "kind": "event", "status": "busy", "calendar": "main", "start": NINE, "end": TEN },
            { "kind": "event", "status": "out_of_office", "all_day": true, "date": "2027-05-01",
              "end_date": "2027-05-04", "zone": "Europe/Berlin" }
        ],
        "query": { "op": "slots", "from": WEDNESDAY, "to": WEDNESDAY, "service": "check-up", "viewer_zone": null, "seats": 1 }
    });
    let answer = well(body);
    let starts: Vec<&str> =
        answer["slots"].as_array().unwrap().iter().map(|slot| slot["start"].as_str().unwrap()).collect();
    // From 10:15 on; the grid stays where it is.
    assert_eq!(starts, ["2027-01-13T10:30:00+01:00", ELEVEN]);
}

#[test]
fn hours_grid_and_closing_time() {
    let short = |hours: Value| json!({ "working_hours": { "wed": hours } });
    let with_rules = |hours: Value, more: Value| with(short(hours), more);
    for (name, rules, wanted) in [
        ("to closing time", short(json!([["09:00", "11:00"]])), vec!["09:00", "10:00"]),
        (
            "interval",
            with_rules(json!([["09:00", "11:00"]]), json!({ "interval": 30 })),
            vec!["09:00", "09:30", "10:00"],
        ),
        ("offset", with_rules(json!([["09:00", "11:00"]]), json!({ "grid_offset": 15 })), vec!["09:15"]),
        (
            "each window has its own grid",
            short(json!([["09:00", "10:30"], ["13:15", "15:15"]])),
            vec!["09:00", "13:15", "14:15"],
        ),
        (
            "touching windows are one",
            with_rules(json!([["12:00", "13:30"], ["09:30", "12:00"]]), json!({ "interval": 90 })),
            vec!["09:30", "11:00", "12:30"],
        ),
        (
            "overlapping windows are one",
            with_rules(json!([["10:00", "12:30"], ["09:30", "11:00"]]), json!({ "interval": 60 })),
            vec!["09:30", "10:30", "11:30"],
        ),
        (
            "buffers need no opening hours",
            with_rules(json!([["09:00", "10:00"]]), json!({ "buffer_before": 30, "buffer_after": 30 })),
            vec!["09:00"],
        ),
        ("until midnight", short(json!([["22:30", "24:00"]])), vec!["22:30"]),
        ("past midnight", short(json!([["22:30", "01:00"]])), vec!["22:30", "23:30"]),
    ] {
        assert_eq!(starts(rules, json!([]), WEDNESDAY), wanted, "{name}");
    }
    assert_eq!(starts(short(json!([["22:30", "01:30"]])), json!([]), "2027-01-14"), ["00:30"]);
    each(&[
        ("a break", json!({}), json!([]), "2027-01-13T12:00:00+01:00", "outside_hours"),
        ("it would end after closing", json!({}), json!([]), "2027-01-13T16:30:00+01:00", "outside_hours"),
        ("a Saturday", json!({}), json!([]), "2027-01-16T10:00:00+01:00", "closed"),
        ("between the steps", json!({}), json!([]), "2027-01-13T09:30:00+01:00", "off_grid"),
    ]);
}

#[test]
fn overrides_replace_the_weekday() {
    let rules = || json!({ "overrides": { "2027-01-13": [], "2027-01-16": [["10:00", "12:00"]] } });
    assert_eq!(verdict(rules(), json!([]), NINE), "closed");
    assert_eq!(starts(rules(), json!([]), "2027-01-16"), ["10:00", "11:00"], "it opens a Saturday");
    assert_eq!(verdict(rules(), json!([]), "2027-01-16T09:00:00+01:00"), "outside_hours");
}

#[test]
fn buffers_add_up_between_appointments_and_not_against_events() {
    let own = json!({ "duration": 30, "interval": 15, "buffer_before": 15, "buffer_after": 15 });
    let before = json!([with(appointment(TEN, ELEVEN), json!({ "buffer_after": 15 }))]);
    let after = json!([with(appointment(TEN, ELEVEN), json!({ "buffer_before": 15 }))]);
    let event = json!([{ "kind": "event", "start": TEN, "end": ELEVEN }]);
    each(&[
        ("15 after and 15 before", own.clone(), before.clone(), "2027-01-13T11:15:00+01:00", "buffer"),
        ("15 after and 15 before", own.clone(), before, "2027-01-13T11:30:00+01:00", "ok"),
        ("15 after and 15 before", own.clone(), after.clone(), "2027-01-13T09:15:00+01:00", "buffer"),
        ("15 after and 15 before", own.clone(), after, "2027-01-13T09:00:00+01:00", "ok"),
        ("only its own", own.clone(), event.clone(), "2027-01-13T11:00:00+01:00", "buffer"),
        ("only its own", own.clone(), event.clone(), "2027-01-13T11:15:00+01:00", "ok"),
        ("only its own", own.clone(), event.clone(), "2027-01-13T09:15:00+01:00", "ok"),
        ("only its own", own.clone(), event.clone(), "2027-01-13T09:30:00+01:00", "buffer"),
        ("the event itself", own, event, "2027-01-13T10:15:00+01:00", "busy"),
    ]);
}

#[test]
fn notice_is_elapsed_and_the_horizon_is_local_dates() {
    let at = |now: &str, rules: Value, start: &str| {
        let mut body = case(rules, json!([]), json!({ "op": "can_book", "start": start }));
        body["now"] = json!(now);
        of(&well(body))
    };
    let notice = || json!({ "minimum_notice": 120 });
    assert_eq!(at("2027-01-13T07:00:00+01:00", notice(), NINE), "ok", "met at exactly its length");
    assert_eq!(at("2027-01-13T07:00:01+01:00", notice(), NINE), "notice");
    assert_eq!(at("2027-01-13T09:00:01+01:00", json!({}), NINE), "notice", "it is past");
    // From Saturday 10:00 to Sunday 11:00 are 24 hours: the clocks skip one.
    let day = || json!({ "minimum_notice": 1440, "overrides": { "2027-03-28": [["09:00", "13:00"]] } });
    assert_eq!(at("2027-03-27T10:00:00+01:00", day(), "2027-03-28T11:00:00+02:00"), "ok");
    assert_eq!(at("2027-03-27T10:00:00+01:00", day(), "2027-03-28T10:00:00+02:00"), "notice");
    // Late in the evening in UTC, in Berlin already the second of January.
    let horizon = || json!({ "horizon_days": 12 });
    assert_eq!(
        at("2027-01-01T23:30:00Z", horizon(), "2027-01-14T16:00:00+01:00"),
        "ok",
        "its last date is included"
    );
    assert_eq!(at("2027-01-01T23:30:00Z", horizon(), "2027-01-15T09:00:00+01:00"), "horizon");
    assert_eq!(
        at("2027-01-01T23:30:00Z", json!({}), "2029-01-15T09:00:00+01:00"),
        "ok",
        "no horizon, no end"
    );
}

#[test]
fn limits_count_what_is_promised_and_held_by_local_start_date() {
    let one = || json!([appointment(NINE, TEN)]);
    let status = |status: &str| json!([with(appointment(NINE, TEN), json!({ "status": status }))]);
    let hold = |expires: &str| json!([{ "kind": "hold", "start": NINE, "end": TEN, "expires": expires }]);
    let late = json!([appointment("2027-01-12T23:30:00Z", "2027-01-13T00:30:00Z")]);
    let sunday = json!([appointment("2027-01-17T09:00:00+01:00", "2027-01-17T10:00:00+01:00")]);
    let per_day = || json!({ "max_per_day": 1 });
    let per_week = || json!({ "max_per_week": 1 });
    let per_month = || json!({ "max_per_month": 1 });
    let minutes = |max: u32| json!({ "max_minutes_per_day": max });
    each(&[
        ("confirmed", per_day(), one(), ELEVEN, "limit"),
        ("pending", per_day(), status("pending"), ELEVEN, "limit"),
        ("cancelled", per_day(), status("cancelled"), ELEVEN, "ok"),
        ("cancelled", json!({}), status("cancelled"), NINE, "ok"),
        ("pending", json!({}), status("pending"), NINE, "busy"),
        ("a live hold", per_day(), hold("2027-01-01T00:00:01Z"), ELEVEN, "limit"),
        ("a lapsed hold", per_day(), hold("2027-01-01T00:00:00Z"), ELEVEN, "ok"),
        ("half past midnight is the next day", per_day(), late.clone(), ELEVEN, "limit"),
        ("half past midnight is the next day", per_day(), late, "2027-01-12T11:00:00+01:00", "ok"),
        (
            "another service",
            per_day(),
            json!([with(appointment(NINE, TEN), json!({ "service": "other" }))]),
            ELEVEN,
            "limit",
        ),
        ("Sunday is the end of a week", per_week(), sunday.clone(), "2027-01-11T09:00:00+01:00", "limit"),
        ("Sunday is the end of a week", per_week(), sunday, "2027-01-18T09:00:00+01:00", "ok"),
        ("the month", per_month(), one(), "2027-01-29T09:00:00+01:00", "limit"),
        ("the month", per_month(), one(), "2027-02-01T09:00:00+01:00", "ok"),
        ("minutes: it still fits", minutes(120), one(), ELEVEN, "ok"),
        ("minutes: it does not", minutes(119), one(), ELEVEN, "limit"),
        ("none at all", json!({ "max_per_day": 0 }), json!([]), NINE, "limit"),
        (
            "an event is no appointment",
            per_day(),
            json!([{ "kind": "event", "start": NINE, "end": TEN }]),
            ELEVEN,
            "ok",
        ),
    ]);
    // Of another service than the one asked about, none counts.
    let mut body = case(
        per_day(),
        json!([with(appointment(NINE, TEN), json!({ "service": "other" }))]),
        json!({ "op": "can_book", "start": ELEVEN, "service": "check-up" }),
    );
    assert_eq!(of(&well(body.clone())), "ok");
    body["query"]["start"] = json!(NINE);
    assert_eq!(of(&well(body)), "busy", "but it takes its time");
}

#[test]
fn a_hold_keeps_its_time_until_it_expires() {
    let hold = |expires: Value| json!([{ "kind": "hold", "start": NINE, "end": TEN, "expires": expires }]);
    each(&[
        ("live", json!({}), hold(json!("2027-01-01T00:05:00Z")), NINE, "held"),
        ("lapsed", json!({}), hold(json!("2027-01-01T00:00:00Z")), NINE, "ok"),
        ("without an end", json!({}), hold(json!(null)), NINE, "held"),
        ("too close to it", json!({ "buffer_before": 5, "interval": 30 }), hold(json!(null)), TEN, "buffer"),
    ]);
}

#[test]
fn calendars_block_as_their_events_say() {
    let event = |more: Value| json!([with(json!({ "kind": "event", "start": NINE, "end": TEN }), more)]);
    let status = |status: &str| event(json!({ "status": status }));
    let main = || json!({ "conflict_calendars": ["main"] });
    each(&[
        ("without a status", json!({}), event(json!({})), NINE, "busy"),
        ("busy", json!({}), status("busy"), NINE, "busy"),
        ("tentative", json!({}), status("tentative"), NINE, "busy"),
        ("out of office", json!({}), status("out_of_office"), NINE, "busy"),
        ("elsewhere", json!({}), status("working_elsewhere"), NINE, "ok"),
        ("free", json!({}), status("free"), NINE, "ok"),
        ("declined", json!({}), status("declined"), NINE, "ok"),
        ("cancelled", json!({}), status("cancelled"), NINE, "ok"),
        (
            "as chosen",
            json!({ "blocking": ["working_elsewhere"] }),
            status("working_elsewhere"),
            NINE,
            "busy",
        ),
        ("as chosen", json!({ "blocking": ["busy"] }), status("tentative"), NINE, "ok"),
        ("a selected calendar", main(), event(json!({ "calendar": "main" })), NINE, "busy"),
        ("another calendar", main(), event(json!({ "calendar": "private" })), NINE, "ok"),
        ("no calendar in particular", main(), event(json!({})), NINE, "busy"),
        (
            "no calendar selected",
            json!({ "conflict_calendars": [] }),
            event(json!({ "calendar": "main" })),
            NINE,
            "ok",
        ),
        ("every calendar", json!({}), event(json!({ "calendar": "private" })), NINE, "busy"),
        ("no time at all", json!({}), json!([{ "kind": "event", "start": NINE, "end": NINE }]), NINE, "ok"),
    ]);
}

#[test]
fn an_all_day_event_is_dates_in_its_calendars_zone() {
    let day =
        |more: Value| json!([with(json!({ "kind": "event", "all_day": true, "date": "2027-01-13" }), more)]);
    let round_the_clock = || {
        let day = json!([["00:00", "24:00"]]);
        json!({ "working_hours": { "tue": day, "wed": day, "thu": day, "fri": day } })
    };
    let tokyo = || day(json!({ "zone": "Asia/Tokyo" }));
    each(&[
        ("its date", json!({}), day(json!({})), NINE, "busy"),
        ("the next day", json!({}), day(json!({})), "2027-01-14T09:00:00+01:00", "ok"),
        (
            "the end is excluded",
            json!({}),
            day(json!({ "end_date": "2027-01-15" })),
            "2027-01-15T09:00:00+01:00",
            "ok",
        ),
        (
            "up to the end",
            json!({}),
            day(json!({ "end_date": "2027-01-15" })),
            "2027-01-14T16:00:00+01:00",
            "busy",
        ),
        ("midnight to midnight", round_the_clock(), day(json!({})), "2027-01-12T23:00:00+01:00", "ok"),
        ("midnight to midnight", round_the_clock(), day(json!({})), "2027-01-13T00:00:00+01:00", "busy"),
        ("midnight to midnight", round_the_clock(), day(json!({})), "2027-01-13T23:00:00+01:00", "busy"),
        ("midnight to midnight", round_the_clock(), day(json!({})), "2027-01-14T00:00:00+01:00", "ok"),
        // In Tokyo the thirteenth is 16:00 of the twelfth to 16:00 of the thirteenth in Berlin.
        ("in Tokyo", round_the_clock(), tokyo(), "2027-01-12T15:00:00+01:00", "ok"),
        ("in Tokyo", round_the_clock(), tokyo(), "2027-01-12T16:00:00+01:00", "busy"),
        ("in Tokyo", round_the_clock(), tokyo(), "2027-01-13T15:00:00+01:00", "busy"),
        ("in Tokyo", round_the_clock(), tokyo(), "2027-01-13T16:00:00+01:00", "ok"),
    ]);
}

#[test]
fn clocks_that_go_forward_skip_times_and_back_repeat_them() {
    let night = |date: &str, opens: &str, closes: &str| json!({ "overrides": { (date): [[opens, closes]] } });
    let spring = |opens, closes| starts(night("2027-03-28", opens, closes), json!([]), "2027-03-28");
    assert_eq!(spring("00:00", "24:00").len(), 23);
    assert_eq!(spring("00:00", "05:00"), ["00:00", "01:00", "03:00", "04:00"]);
    assert_eq!(spring("02:30", "05:00"), ["03:00", "04:00"], "an edge inside the gap moves to its end");
    assert_eq!(spring("00:00", "02:30"), ["00:00", "01:00"]);
    let autumn = |opens, closes| starts(night("2027-10-31", opens, closes), json!([]), "2027-10-31");
    assert_eq!(autumn("00:00", "24:00").len(), 25);
    assert_eq!(autumn("01:00", "04:00"), ["01:00", "02:00", "02:00", "03:00"], "steps are elapsed minutes");
    let rules = || night("2027-03-28", "00:00", "24:00");
    assert_eq!(verdict(rules(), json!([]), "2027-03-28T02:30:00"), "missing_time");
    assert_eq!(verdict(rules(), json!([]), "2027-03-28T03:00"), "ok");
    assert_eq!(verdict(rules(), json!([]), "2027-03-28T01:00:00Z"), "ok", "03:00 in Berlin");
    let body = case(
        night("2027-10-31", "00:00", "24:00"),
        json!([]),
        json!({ "op": "slots", "from": "2027-10-31" }),
    );
    let slots = well(body)["slots"].clone();
    assert_eq!(slots[2]["start"], "2027-10-31T02:00:00+02:00");
    assert_eq!(slots[2]["end"], "2027-10-31T02:00:00+01:00");
    assert_eq!(slots[3]["start"], "2027-10-31T02:00:00+01:00");
}

#[test]
fn a_wall_time_is_there_once_twice_or_never() {
    for (local, verdict, candidates) in [
        ("2027-01-13T09:00", "ok", vec!["2027-01-13T09:00:00+01:00"]),
        ("2027-07-13T09:00:00", "ok", vec!["2027-07-13T09:00:00+02:00"]),
        ("2027-03-28T02:30:00", "missing", vec!["2027-03-28T03:00:00+02:00"]),
        ("2027-03-28T02:00:00", "missing", vec!["2027-03-28T03:00:00+02:00"]),
        ("2027-03-28T03:00:00", "ok", vec!["2027-03-28T03:00:00+02:00"]),
        ("2027-10-31T02:30:00", "ambiguous", vec!["2027-10-31T02:30:00+02:00", "2027-10-31T02:30:00+01:00"]),
        ("2027-10-31T03:00:00", "ok", vec!["2027-10-31T03:00:00+01:00"]),
    ] {
        let answer = well(case(json!({}), json!([]), json!({ "op": "resolve_local_time", "local": local })));
        assert_eq!(answer, json!({ "verdict": verdict, "candidates": candidates }), "{local}");
    }
    let mut body =
        case(json!({}), json!([]), json!({ "op": "resolve_local_time", "local": "2027-09-05T00:30" }));
    body["zone"] = json!("America/Santiago");
    assert_eq!(well(body)["candidates"], json!(["2027-09-05T01:00:00-03:00"]), "midnight itself is skipped");
}

#[test]
fn a_group_shares_its_session_and_nothing_crosses_it() {
    let group = || json!({ "capacity": 3, "interval": 30, "buffer_after": 15 });
    let seats =
        |seats: u32| json!([with(appointment(TEN, ELEVEN), json!({ "seats": seats, "buffer_after": 15 }))]);
    let apart = json!([appointment(TEN, ELEVEN), appointment(TEN, ELEVEN), appointment(TEN, ELEVEN)]);
    each(&[
        ("seats are left", group(), seats(2), TEN, "ok"),
        ("it is full", group(), seats(3), TEN, "capacity"),
        ("it is full, seat by seat", group(), apart, TEN, "capacity"),
        ("another cannot cross it", group(), seats(1), "2027-01-13T09:30:00+01:00", "busy"),
        ("another cannot cross it", group(), seats(1), "2027-01-13T10:30:00+01:00", "busy"),
        ("nor come too close", group(), seats(1), ELEVEN, "buffer"),
        ("nor come too close", group(), seats(1), NINE, "buffer"),
        (
            "an event crosses it",
            group(),
            json!([seats(1)[0], { "kind": "event", "start": TEN, "end": ELEVEN }]),
            TEN,
            "busy",
        ),
        (
            "somebody else's hour",
            group(),
            json!([with(appointment(TEN, ELEVEN), json!({ "service": "yoga" }))]),
            TEN,
            "ok",
        ),
        (
            "held seats count",
            group(),
            json!([{ "kind": "hold", "start": TEN, "end": ELEVEN, "seats": 3 }]),
            TEN,
            "capacity",
        ),
        (
            "cancelled seats do not",
            group(),
            json!([with(appointment(TEN, ELEVEN), json!({ "seats": 3, "status": "cancelled" }))]),
            TEN,
            "ok",
        ),
        ("joining is no further session", with(group(), json!({ "max_per_day": 1 })), seats(2), TEN, "ok"),
        (
            "a second session is",
            with(group(), json!({ "max_per_day": 1 })),
            seats(2),
            "2027-01-13T13:00:00+01:00",
            "limit",
        ),
        ("alone it is busy", json!({}), seats(1), TEN, "busy"),
    ]);
    let ask_seats = |busy: Value, seats: u32| {
        of(&well(case(group(), busy, json!({ "op": "can_book", "start": TEN, "seats": seats }))))
    };
    assert_eq!(ask_seats(seats(1), 2), "ok");
    assert_eq!(ask_seats(seats(2), 2), "capacity");
    assert_eq!(ask_seats(json!([]), 4), "capacity");
    // Of another service, at the same start: it is another session.
    let other = json!([with(appointment(TEN, ELEVEN), json!({ "service": "yoga" }))]);
    let body = case(group(), other, json!({ "op": "can_book", "start": TEN, "service": "pilates" }));
    assert_eq!(of(&well(body)), "busy");
    assert_eq!(starts(group(), seats(2), WEDNESDAY)[0], "10:00", "a running session is offered");
}

#[test]
fn a_session_belongs_to_its_resource() {
    let two = json!([{ "key": "anna" }, { "key": "ben" }]);
    let mut body = case(
        json!({ "capacity": 2 }),
        json!([with(appointment(TEN, ELEVEN), json!({ "resource": "anna", "seats": 2 }))]),
        json!({ "op": "slots", "from": WEDNESDAY }),
    );
    body["resources"] = two;
    let slots = well(body.clone())["slots"].clone();
    assert_eq!(slots[0]["resources"], json!(["anna", "ben"]));
    assert_eq!(slots[1], json!({ "start": TEN, "end": ELEVEN, "resources": ["ben"] }));
    body["query"] = json!({ "op": "can_book", "start": TEN, "resource": "anna" });
    assert_eq!(of(&well(body)), "capacity");
}

/// Ben before Anna in the list; Cleo does something else.
fn team(selection: &str, busy: Value, query: Value) -> Value {
    let mut body = case(json!({ "selection": selection }), busy, query);
    body["resources"] = json!([
        { "key": "ben", "services": ["check-up", "yoga"], "load": 1 },
        { "key": "anna", "services": ["check-up"], "load": 1 },
        { "key": "dora", "services": ["check-up"] },
        { "key": "cleo", "services": ["yoga"] }
    ]);
    body["query"]["service"] = json!("check-up");
    body
}

#[test]
fn whoever_is_taken_is_as_the_selection_says() {
    let at_ten = || json!({ "op": "can_book", "start": TEN });
    let dora = || json!([with(appointment(TEN, ELEVEN), json!({ "resource": "dora" }))]);
    let who = |selection: &str, busy: Value| well(team(selection, busy, at_ten()))["resource"].clone();
    assert_eq!(who("any", json!([])), "ben", "in the order of the list");
    assert_eq!(who("round_robin", json!([])), "dora", "the least load");
    assert_eq!(who("round_robin", dora()), "anna", "then by key");
    let slots = |selection: &str, busy: Value| {
        let answer = well(team(selection, busy, json!({ "op": "slots", "from": WEDNESDAY })));
        answer["slots"][1]["resources"].clone()
    };
    assert_eq!(slots("any", json!([])), json!(["ben", "anna", "dora"]));
    assert_eq!(slots("round_robin", dora()), json!(["anna", "ben"]));
    assert_eq!(slots("all", json!([])), json!(["ben", "anna", "dora"]));
    assert_eq!(of(&well(team("all", dora(), at_ten()))), "busy", "together means all of them");
    assert_eq!(of(&well(team("all", dora(), json!({ "op": "can_book", "start": NINE })))), "ok");
    let cleo = json!([with(appointment(TEN, ELEVEN), json!({ "resource": "cleo" }))]);
    assert_eq!(of(&well(team("all", cleo, at_ten()))), "ok", "who is not qualified is not needed");
    for name in ["cleo", "nobody"] {
        let body = team("any", json!([]), json!({ "op": "can_book", "start": TEN, "resource": name }));
        assert_eq!(of(&well(body)), "not_qualified", "{name}");
    }
    let mut body = team("any", json!([]), at_ten());
    body["query"]["service"] = json!("massage");
    assert_eq!(of(&well(body)), "not_qualified");
}

#[test]
fn a_resource_without_its_own_hours_has_those_of_the_rules() {
    let mut body = case(
        json!({ "overrides": { "2027-01-14": [] } }),
        json!([]),
        json!({ "op": "slots", "from": WEDNESDAY, "to": "2027-01-14" }),
    );
    body["resources"] = json!([
        { "key": "anna", "working_hours": null, "overrides": null },
        { "key": "ben", "working_hours": { "wed": [["15:00", "18:00"]], "thu": [["15:00", "18:00"]] } },
        { "key": "cleo", "overrides": { "2027-01-13": [], "2027-01-14": [["16:00", "17:00"]] } }
    ]);
    let slots = well(body)["slots"].clone();
    let mut free: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for slot in slots.as_array().unwrap() {
        for key in slot["resources"].as_array().unwrap() {
            free.entry(key.as_str().unwrap()).or_default().push(&slot["start"].as_str().unwrap()[8..13]);
        }
    }
    assert_eq!(free["anna"], ["13T09", "13T10", "13T11", "13T13", "13T14", "13T15", "13T16"]);
    assert_eq!(free["ben"], ["13T15", "13T16", "13T17"], "the business is closed on the fourteenth");
    assert_eq!(free["cleo"], ["14T16"], "but for whoever says otherwise");
}

#[test]
fn what_names_nobody_concerns_everybody() {
    let mut body =
        case(json!({}), json!([appointment(NINE, TEN)]), json!({ "op": "can_book", "start": NINE }));
    body["resources"] = json!([{ "key": "anna" }, { "key": "ben" }]);
    assert_eq!(of(&well(body.clone())), "busy");
    body["busy"][0]["resource"] = json!("anna");
    assert_eq!(well(body.clone())["resource"], "ben");
    body["resources"] = json!([]);
    assert_eq!(of(&well(body)), "busy", "without resources there is one, and all that is taken is its");
}

#[test]
fn bad_input_is_told_where_it_stands() {
    let slots = || json!({ "op": "slots", "from": WEDNESDAY });
    let good = || case(json!({}), json!([appointment(NINE, TEN)]), slots());
    let changed = |pointer: &str, value: Value| {
        let mut body = good();
        if let Some(place) = body.pointer_mut(pointer) {
            *place = value;
        } else {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            body.pointer_mut(parent).unwrap()[key] = value;
        }
        body
    };
    for (pointer, value, at) in [
        ("/colour", json!("red"), "/colour"),
        ("/rules/colour", json!("red"), "/rules/colour"),
        ("/busy/0/colour", json!("red"), "/busy/0/colour"),
        ("/query/colour", json!("red"), "/query/colour"),
        ("/resources", json!([{ "key": "a", "colour": 1 }]), "/resources/0/colour"),
        ("/resources", json!([{ "key": "a" }, { "key": "a" }]), "/resources/1/key"),
        ("/resources", json!([{ "key": "" }]), "/resources/0/key"),
        ("/resources", json!([{ "key": "a", "load": -1 }]), "/resources/0/load"),
        ("/zone", json!("Europe/Nowhere"), "/zone"),
        ("/zone", json!(7), "/zone"),
        ("/now", json!("tomorrow"), "/now"),
        ("/now", json!("2027-01-01T00:00:00"), "/now"),
        ("/rules/duration", json!(0), "/rules/duration"),
        ("/rules/duration", json!(-60), "/rules/duration"),
        ("/rules/duration", json!(7.5), "/rules/duration"),
        ("/rules/duration", json!("60"), "/rules/duration"),
        ("/rules/duration", json!(1_000_000), "/rules/duration"),
        ("/rules/interval", json!(0), "/rules/interval"),
        ("/rules/buffer_after", json!(-1), "/rules/buffer_after"),
        ("/rules/capacity", json!(0), "/rules/capacity"),
        ("/rules/selection", json!("best"), "/rules/selection"),
        ("/rules/blocking", json!(["busy", "loud"]), "/rules/blocking/1"),
        ("/rules/working_hours", json!({ "monday": [] }), "/rules/working_hours/monday"),
        ("/rules/working_hours", json!({ "mon": [["9:00", "12:00"]] }), "/rules/working_hours/mon/0/0"),
        ("/rules/working_hours", json!({ "mon": [["09:00", "25:00"]] }), "/rules/working_hours/mon/0/1"),
        ("/rules/working_hours", json!({ "mon": [["09:00", "09:00"]] }), "/rules/working_hours/mon/0"),
        ("/rules/working_hours", json!({ "mon": [["09:00"]] }), "/rules/working_hours/mon/0"),
        ("/rules/overrides", json!({ "2027-02-30": [] }), "/rules/overrides/2027-02-30"),
        ("/busy/0/kind", json!("party"), "/busy/0/kind"),
        ("/busy/0/status", json!("maybe"), "/busy/0/status"),
        ("/busy/0/start", json!("2027-01-13T09:00:00"), "/busy/0/start"),
        ("/busy/0/end", json!("2027-01-13T08:00:00+01:00"), "/busy/0/end"),
        ("/busy/0/seats", json!(0), "/busy/0/seats"),
        ("/busy/0/expires", json!(NINE), "/busy/0/expires"),
        ("/busy/0", json!({ "kind": "hold", "start": NINE }), "/busy/0/end"),
        ("/busy/0", json!({ "kind": "event", "all_day": true }), "/busy/0/date"),
        (
            "/busy/0",
            json!({ "kind": "event", "date": "2027-01-13", "end_date": "2027-01-13" }),
            "/busy/0/end_date",
        ),
        ("/busy/0", json!({ "kind": "event", "date": "2027-01-13", "zone": "Mars" }), "/busy/0/zone"),
        ("/query/op", json!("dance"), "/query/op"),
        ("/query/from", json!("13.1.2027"), "/query/from"),
        ("/query/from", json!(null), "/query/from"),
        ("/query/to", json!("2027-01-12"), "/query/to"),
        ("/query/to", json!("2029-01-12"), "/query/to"),
        ("/query/seats", json!(0), "/query/seats"),
        ("/query/viewer_zone", json!("Mars"), "/query/viewer_zone"),
        ("/query/start", json!(NINE), "/query/start"),
        ("/query", json!({ "op": "can_book" }), "/query/start"),
        ("/query", json!({ "op": "can_book", "start": "nine" }), "/query/start"),
        ("/query", json!({ "op": "can_book", "start": "2027-01-13" }), "/query/start"),
        ("/query", json!({ "op": "resolve_local_time", "local": NINE }), "/query/local"),
        ("/query", json!({ "op": "resolve_local_time", "local": "2027-13-13T09:00" }), "/query/local"),
        ("/query", json!({ "op": "resolve_local_time", "local": "2027-01-13T09:60" }), "/query/local"),
    ] {
        let refused = ask(changed(pointer, value.clone()));
        let Err(Error::Invalid(faults)) = refused else { panic!("{pointer} = {value}: {refused:?}") };
        assert!(faults.iter().any(|fault| fault.pointer == at), "{pointer} = {value}: {faults:?}");
        assert!(faults.iter().all(|fault| !fault.problem.is_empty()));
    }
    for key in ["zone", "now", "rules", "query"] {
        let mut body = good();
        body.as_object_mut().unwrap().remove(key);
        let Err(Error::Invalid(faults)) = ask(body) else { panic!("{key} is needed") };
        assert_eq!(faults[0].pointer, format!("/{key}"));
    }
    let mut body = good();
    body["rules"] = json!({ "duration": 0, "working_hours": { "xyz": [] } });
    body["zone"] = json!("Mars");
    let Err(Error::Invalid(faults)) = ask(body) else { panic!("three things are wrong") };
    assert_eq!(faults.len(), 3, "everything is told at once: {faults:?}");
}

#[test]
fn what_is_too_much_is_refused() {
    let pointers = |body: Value| match ask(body) {
        Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let many = Value::Array(vec![appointment(NINE, TEN); BUSY_MAX + 1]);
    assert_eq!(pointers(case(json!({}), many, json!({ "op": "slots", "from": WEDNESDAY }))), ["/busy"]);
    let mut body = case(json!({}), json!([]), json!({ "op": "slots", "from": WEDNESDAY }));
    body["resources"] = (0..101).map(|n| json!({ "key": format!("r{n}") })).collect();
    assert_eq!(pointers(body), ["/resources"]);
    let year = json!({ "op": "slots", "from": "2027-01-01", "to": "2028-01-01" });
    let body = case(json!({}), json!([]), year.clone());
    assert_eq!(well(body)["slots"].as_array().unwrap().len(), 261 * 7, "a whole year may be asked about");
    let longer = json!({ "op": "slots", "from": "2027-01-01", "to": "2028-01-02" });
    assert_eq!(PREVIEW_DAYS_MAX, 366);
    assert_eq!(pointers(case(json!({}), json!([]), longer)), ["/query/to"]);
    let mut body = case(json!({ "working_hours": {}, "interval": 1 }), json!([]), year.clone());
    assert_eq!(well(body.clone())["slots"], json!([]), "nothing opens");
    body["resources"] = json!([{ "key": "a" }, { "key": "b" }, { "key": "c" }, { "key": "d" }]);
    assert_eq!(pointers(body), ["/query/to"], "too many starts");
    let day = json!([["00:00", "24:00"]]);
    let always =
        json!({ "mon": day, "tue": day, "wed": day, "thu": day, "fri": day, "sat": day, "sun": day });
    let body = case(json!({ "working_hours": always, "interval": 5 }), json!([]), year);
    assert_eq!(pointers(body), ["/query/to"], "too many slots");
}

#[test]
fn the_servers_own_zone_does_not_matter() {
    for zone in ["Pacific/Kiritimati", "America/Los_Angeles", "Europe/Berlin"] {
        let again = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "availability_preview::the_example_of_the_schema_is_understood"])
            .args(["availability_preview::an_all_day_event_is_dates_in_its_calendars_zone"])
            .args(["availability_preview::limits_count_what_is_promised_and_held_by_local_start_date"])
            .env("TZ", zone)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&again.stdout);
        assert!(again.status.success() && told.contains("3 passed"), "{zone}: {told}");
    }
}

#[test]
fn extreme_dates_neither_panic_nor_run_away() {
    for (from, to) in [("0001-01-01", "0001-12-31"), ("9999-01-01", "9999-12-31")] {
        let answer = well(case(json!({}), json!([]), json!({ "op": "slots", "from": from, "to": to })));
        assert_eq!(answer["slots"], json!([]), "{from}");
    }
    for start in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00", "9999-12-31T23:59"] {
        let _ = ask(case(json!({}), json!([]), json!({ "op": "can_book", "start": start })));
        let _ = ask(case(json!({}), json!([]), json!({ "op": "resolve_local_time", "local": start })));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Every listed slot can be booked, and every other start of a five-minute grid is refused with a reason, whatever
    /// the rules and whatever the order of what is taken.
    #[test]
    fn the_list_and_the_verdict_never_disagree(
        (zone, date) in prop_oneof![
            Just(("Europe/Berlin", "2027-03-28")),
            Just(("Europe/Berlin", "2027-10-31")),
            Just(("America/New_York", "2027-11-07")),
            Just(("Asia/Kathmandu", "2027-01-13")),
        ],
        rules in (1..8u32, 1..7u32, 0..3u32, (0..3u32, 0..3u32), 0..5u32),
        group in (1..4u32, 0..3usize, prop::option::of(0..4u32), prop::option::of(0..240u32)),
        taken in prop::collection::vec((0..96u32, 1..9u32, 0..5u8, 0..3usize, 1..3u32), 0..10),
        seats in 1..3u32,
    ) {
        let (duration, interval, offset, (before, after), notice) = rules;
        let (capacity, selection, per_day, minutes) = group;
        let midnight: jiff::civil::Date = date.parse().unwrap();
        let began = midnight.in_tz(zone).unwrap();
        let at = |minutes: u32| {
            let at = began.checked_add(jiff::Span::new().minutes(i64::from(minutes))).unwrap();
            at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
        };
        let busy: Vec<Value> = taken.iter().map(|&(quarter, length, kind, who, seats)| {
            let time = json!({ "start": at(quarter * 15), "end": at((quarter + length) * 15) });
            let who = [json!("anna"), json!("ben"), Value::Null][who].clone();
            with(time, match kind {
                0 => json!({ "kind": "event", "resource": who }),
                1 => json!({ "kind": "hold", "resource": who, "seats": seats, "expires": at(0) }),
                2 => json!({ "kind": "event", "status": "free", "resource": who }),
                _ => json!({ "kind": "appointment", "resource": who, "seats": seats, "buffer_after": 10, "service": (["a", "b"][usize::from(kind) - 3]) }),
            })
        }).collect();
        let day = json!([["00:00", "02:15"], ["06:00", "12:00"], ["20:00", "03:00"]]);
        let body = json!({
            "zone": zone, "now": at(0),
            "rules": {
                "duration": duration * 15, "interval": interval * 10, "grid_offset": offset * 5,
                "buffer_before": before * 5, "buffer_after": after * 10, "minimum_notice": notice * 30,
                "capacity": capacity, "selection": (["any", "round_robin", "all"][selection]),
                "max_per_day": per_day, "max_minutes_per_day": minutes,
                "working_hours": { "sun": day, "wed": day, "sat": day, "thu": [["00:00", "24:00"]] }
            },
            "resources": [{ "key": "anna" }, { "key": "ben", "load": 1, "overrides": { (date): [["00:30", "13:00"]] } }],
            "busy": busy,
            "query": { "op": "slots", "from": date, "service": "a", "seats": seats }
        });
        let listed = well(body.clone());
        let mut turned = body.clone();
        turned["busy"].as_array_mut().unwrap().reverse();
        prop_assert_eq!(&well(turned), &listed, "the order of what is taken does not matter");
        let offered: BTreeMap<String, Value> = listed["slots"].as_array().unwrap().iter()
            .map(|slot| (slot["start"].as_str().unwrap().to_owned(), slot.clone())).collect();
        let minutes = began.tomorrow().unwrap().timestamp().duration_since(began.timestamp()).as_secs() / 60;
        for minute in (0..u32::try_from(minutes).unwrap()).step_by(5) {
            let mut body = body.clone();
            body["query"] = json!({ "op": "can_book", "start": at(minute), "service": "a", "seats": seats });
            let answer = well(body);
            match offered.get(&at(minute)) {
                Some(slot) => {
                    let wanted = json!({ "verdict": "ok", "end": slot["end"], "resource": slot["resources"][0] });
                    prop_assert_eq!(answer, wanted);
                }
                None => {
                    prop_assert_eq!(&answer["verdict"], "refused", "{}", at(minute));
                    prop_assert!(answer["reason"].is_string());
                }
            }
        }
    }
}
