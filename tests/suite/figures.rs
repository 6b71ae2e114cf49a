//! Figures: over which days, compared with which, summed up how; counted once each, and asked for.

use frontdesk::{
    app::{
        access::{Actor, Who},
        analytics::{self, Report, Wanted},
        bookings::{self, Asker, Wish},
        calls::{self, Finished},
    },
    boot::config::Config,
    domain::{
        conversation::{Direction, Outcome},
        figures::{Days, Figures, Grain, Waits, change, country},
        forgetting::Person,
        id::CallId,
        money::MicroUsd,
        quality::Measures,
    },
    store::{NewCall, Root, Store},
    telephony::MinutePrices,
};
use jiff::civil::date;
use serde_json::json;

use crate::support::{
    databases::on_both,
    house::House,
    office::{Office, sent},
    practice::{Practice, at},
};

#[test]
fn weeks_begin_on_monday_and_are_cut_where_the_days_begin_and_end() {
    let days = Days { from: date(2026, 11, 18), until: date(2026, 12, 2) };
    let weeks = days.stretches(Grain::Week);
    let wanted = [
        (date(2026, 11, 18), date(2026, 11, 23)),
        (date(2026, 11, 23), date(2026, 11, 30)),
        (date(2026, 11, 30), date(2026, 12, 2)),
    ];
    assert_eq!(weeks, wanted.map(|(from, until)| Days { from, until }));
    assert_eq!(days.stretches(Grain::Month).len(), 2);
    assert_eq!(days.stretches(Grain::Day).len(), 14);
    // A year whose first days are in the last week of the one before.
    assert_eq!(Grain::Week.begins(date(2027, 1, 1)), date(2026, 12, 28));
}

#[test]
fn whole_months_are_compared_with_whole_months_and_days_with_as_many_days() {
    let march = Days { from: date(2026, 3, 1), until: date(2026, 4, 1) };
    assert_eq!(march.before(), Days { from: date(2026, 2, 1), until: date(2026, 3, 1) });
    let quarter = Days { from: date(2026, 1, 1), until: date(2026, 4, 1) };
    assert_eq!(quarter.before().from, date(2025, 10, 1));
    let some = Days::ending(date(2026, 3, 10), 7);
    assert_eq!(some, Days { from: date(2026, 3, 4), until: date(2026, 3, 11) });
    assert_eq!(some.before(), Days { from: date(2026, 2, 25), until: date(2026, 3, 4) });
}

#[test]
fn a_percentile_lies_in_the_bucket_of_its_reply() {
    let mut waits = Waits::default();
    assert_eq!(waits.percentile(50), None);
    waits.note(600, 90);
    waits.note(4_000, 10);
    assert_eq!(waits.total(), 100);
    let median = waits.percentile(50).unwrap();
    assert!((500..=750).contains(&median), "{median}");
    let slow = waits.percentile(95).unwrap();
    assert!((3_000..=5_000).contains(&slow), "{slow}");
    waits.note(60_000, 1_000);
    assert_eq!(waits.percentile(99), Some(10_000), "the longest are no longer than is known");
}

#[test]
fn the_figures_of_two_stretches_are_the_sum_of_both() {
    let mut all = Figures::of_calls(Direction::Inbound, Outcome::CallerLeft, 3, 2);
    all.add(&Figures::of_calls(Direction::Outbound, Outcome::NotReached, 4, 0));
    assert_eq!((all.calls, all.outbound, all.answered, all.missed, all.no_answer), (7, 4, 2, 1, 4));
    assert_eq!(all.outcomes[&Outcome::CallerLeft], 3);
    assert_eq!(all.cost_per_call(), Some(MicroUsd(0)));
    assert_eq!(change(4, 6), Some(0.5));
    assert_eq!(change(0, 6), None);
}

#[test]
fn a_number_tells_its_country() {
    assert_eq!(country(&"+4930123456".parse().unwrap()).as_deref(), Some("DE"));
    assert_eq!(country(&"+35621234567".parse().unwrap()).as_deref(), Some("MT"));
    assert_eq!(country(&"+8816123456789".parse().unwrap()), None);
}

/// Two cents a minute for others' calls, ten for ours, three to Malta, one for the sound.
fn prices() -> MinutePrices {
    let env = [
        ("FRONTDESK__TWILIO__MINUTE_PRICES__INBOUND", "0.02"),
        ("FRONTDESK__TWILIO__MINUTE_PRICES__OUTBOUND", "0.10"),
        ("FRONTDESK__TWILIO__MINUTE_PRICES__MEDIA", "0.01"),
    ];
    let file = "[twilio.outbound_minute_prices]\n\"MT\" = 0.03\n";
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Config::read(Some(("desk.toml", file)), env).unwrap().twilio.prices()
}

fn someone(practice: &Practice) -> Actor {
    Actor::new(practice.tenant.id.clone(), Who::System("test"))
}

/// A call that rings at that minute, is answered then and lasts `seconds`.
async fn called(store: &Store, practice: &Practice, new: NewCall, minute: i64, seconds: i64) -> CallId {
    let (tenant, call) = (&practice.tenant.id, new.id.clone());
    let mut tx = store.begin(tenant).await.unwrap();
    assert!(tx.calls().ring(&new, at(minute)).await.unwrap());
    tx.commit().await.unwrap();
    let mut waits = Waits::default();
    waits.note(600, 3);
    let ended = Finished {
        answered: Some(at(minute)),
        cost: MicroUsd(5_000),
        measures: Some(Measures {
            replies: 3,
            latency_ms: 600,
            agent_turns: 4,
            interruptions: 1,
            waits,
            ..Measures::default()
        }),
        ..Finished::without_words(Outcome::CallerLeft, at(minute).plus_millis(seconds * 1_000))
    };
    calls::finished(store, tenant, &call, &ended).await.unwrap();
    call
}

async fn count(store: &Store) {
    while analytics::count_due(store, &prices()).await.unwrap() > 0 {}
}

async fn asked(store: &Store, practice: &Practice, wanted: Wanted) -> Report {
    // A week after the first calls.
    analytics::report(store, &someone(practice), at(7 * 24 * 60), &wanted).await.unwrap()
}

/// March 2026, in which the practice's days are.
fn march() -> Wanted {
    Wanted { from: Some(date(2026, 3, 1)), until: Some(date(2026, 3, 31)), ..Wanted::default() }
}

on_both! {
    async fn a_call_is_counted_once_where_and_when_it_rang(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        // 23:30 on Monday in Berlin, which is the same day in UTC; half an hour later it is not.
        for (n, minute) in [(1, 15 * 60 + 30), (2, 16 * 60), (3, 30)] {
            called(store, &practice, practice.new_call(n), minute, 61).await;
        }
        let ring = practice.call(store, 4).await;
        count(store).await;
        count(store).await;
        let report = asked(store, &practice, march()).await;
        assert_eq!((report.total.calls, report.total.answered), (3, 3), "what rings is not over");
        assert_eq!((report.total.minutes, report.total.talk_ms), (6, 183_000), "a begun minute is a minute");
        assert_eq!(report.total.engine, MicroUsd(15_000));
        assert_eq!(report.total.telephone, MicroUsd(6 * 30_000));
        assert_eq!((report.total.agent_turns, report.total.interruptions), (12, 3));
        assert_eq!(report.total.waits.total(), 9);
        assert_eq!(report.total.outcomes[&Outcome::CallerLeft], 3);
        let days: Vec<u64> = report.stretches[..4].iter().map(|(_, figures)| figures.calls).collect();
        assert_eq!(days, [0, 2, 1, 0], "the second of March has two, the third one");
        assert_eq!((report.hours[8], report.hours[23], report.hours[0]), (1, 1, 1));
        assert_eq!(report.countries[0].0, "DE");
        assert_eq!(report.numbers[0].0, practice.number.id);
        // Lost in the end, and never answered.
        calls::close_lost(store, at(60), at(24 * 60)).await.unwrap();
        count(store).await;
        let report = asked(store, &practice, march()).await;
        assert_eq!((report.total.calls, report.total.missed), (4, 1));
        assert_eq!(report.total.outcomes[&Outcome::Lost], 1);
        // Somebody tells the end after all.
        let ended = Finished { answered: Some(at(0)), ..Finished::without_words(Outcome::AgentLeft, at(1)) };
        calls::finished(store, &practice.tenant.id, &ring, &ended).await.unwrap();
        count(store).await;
        let report = asked(store, &practice, march()).await;
        assert_eq!(report.total.calls, 4, "it is the same call");
        assert_eq!(report.total.outcomes.get(&Outcome::Lost), None);
        assert_eq!(report.total.outcomes[&Outcome::AgentLeft], 1);
    }

    async fn trying_an_assistant_out_counts_nowhere(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        let new = practice.new_call(1);
        let mut tx = store.begin(&practice.tenant.id).await.unwrap();
        tx.calls().ring_test(&new, None, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        let by = Asker { tenant: practice.tenant.id.clone(), call: Some(new.id.clone()), key: None, staff: None };
        let wish = Wish { service: practice.checkup.id.clone(), start: at(180), resource: None, seats: 1 };
        bookings::book(store, &by, at(0), &wish, &practice.contact.id, "", None).await.unwrap();
        let ended = Finished { answered: Some(at(0)), ..Finished::without_words(Outcome::AgentLeft, at(1)) };
        calls::finished(store, &practice.tenant.id, &new.id, &ended).await.unwrap();
        count(store).await;
        assert_eq!(asked(store, &practice, march()).await.total, Figures::default());
        called(store, &practice, practice.new_call(2), 0, 10).await;
        count(store).await;
        assert_eq!(asked(store, &practice, march()).await.total.calls, 1, "others do");
    }

    async fn what_a_call_costs_later_is_added_to_its_day(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        let call = called(store, &practice, practice.new_call(1), 0, 30).await;
        count(store).await;
        let mut tx = store.begin(&practice.tenant.id).await.unwrap();
        tx.summaries().charge(&call, MicroUsd(1_234)).await.unwrap();
        tx.commit().await.unwrap();
        count(store).await;
        let report = asked(store, &practice, march()).await;
        assert_eq!((report.total.calls, report.total.engine), (1, MicroUsd(6_234)));
    }

    async fn calls_of_ours_cost_what_their_country_costs(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        for (n, to) in [(1, "+35621234567"), (2, "+4917099123")] {
            let new = NewCall {
                direction: Direction::Outbound,
                from: Some(practice.number.number.clone()),
                to: to.parse().unwrap(),
                ..practice.new_call(n)
            };
            called(store, &practice, new, 0, 90).await;
        }
        count(store).await;
        let report = asked(store, &practice, march()).await;
        assert_eq!((report.total.calls, report.total.outbound), (2, 2));
        assert_eq!(report.total.telephone, MicroUsd(2 * (30_000 + 10_000) + 2 * (100_000 + 10_000)));
        let inbound = Wanted { direction: Some(Direction::Inbound), ..march() };
        assert_eq!(asked(store, &practice, inbound).await.total, Figures::default());
    }

    async fn what_is_booked_moved_and_given_back_in_calls_is_counted(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        let call = practice.call(store, 1).await;
        let by = Asker {
            tenant: practice.tenant.id.clone(),
            call: Some(call),
            key: None,
            staff: None,
        };
        let staff = Asker { call: None, staff: Some(bookings::Staff { actor: someone(&practice), seen: None }), ..by.clone() };
        let wish = |minutes| Wish { service: practice.checkup.id.clone(), start: at(minutes), resource: None, seats: 1 };
        let contact = &practice.contact.id;
        let first = bookings::book(store, &by, at(0), &wish(180), contact, "", None).await.unwrap();
        bookings::book(store, &by, at(0), &wish(300), contact, "", None).await.unwrap();
        bookings::book(store, &staff, at(0), &wish(360), contact, "", None).await.unwrap();
        bookings::cancel(store, &by, at(1), &first.id, None).await.unwrap();
        count(store).await;
        let report = asked(store, &practice, march()).await;
        assert_eq!((report.total.booked, report.total.cancelled, report.total.moved), (2, 1, 0));
    }

    async fn figures_stay_when_calls_are_forgotten_and_say_nothing_of_whom(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        let call = called(store, &practice, practice.new_call(1), 0, 61).await;
        count(store).await;
        let before = asked(store, &practice, march()).await;
        let mut tx = store.begin(&practice.tenant.id).await.unwrap();
        let known = tx.forgetting().known(&Person::Number(practice.contact.number.clone().unwrap())).await.unwrap();
        assert!(known.calls.contains(&call));
        tx.forgetting().forget(Root::Call, call.as_str()).await.unwrap();
        tx.commit().await.unwrap();
        count(store).await;
        assert_eq!(asked(store, &practice, march()).await, before);
    }

    async fn days_are_compared_with_those_before_and_laid_together_by_weeks(fresh: Fresh) {
        let (store, practice) = (&fresh.store, Practice::open(&fresh.store, "alpha").await);
        // Two on Monday, three on Tuesday of the week after.
        for n in 1..=2 {
            called(store, &practice, practice.new_call(n), 0, 10).await;
        }
        for n in 3..=5 {
            called(store, &practice, practice.new_call(n), 8 * 24 * 60, 10).await;
        }
        count(store).await;
        let week = Wanted { from: Some(date(2026, 3, 9)), until: Some(date(2026, 3, 15)), ..Wanted::default() };
        let report = asked(store, &practice, week).await;
        assert_eq!((report.total.calls, report.before.calls), (3, 2));
        assert_eq!(report.days_before, Days { from: date(2026, 3, 2), until: date(2026, 3, 9) });
        let weeks = asked(store, &practice, Wanted { grain: Grain::Week, ..march() }).await;
        let calls: Vec<u64> = weeks.stretches.iter().map(|(_, figures)| figures.calls).collect();
        assert_eq!(calls, [0, 2, 3, 0, 0, 0]);
    }
}

#[tokio::test]
async fn figures_are_asked_for_as_json_and_as_files_that_spreadsheets_understand() {
    let office = Office::open_in(House::new()).await;
    let owner = office.owner("sonne").await;
    let store = &office.server.store;
    let mut practice = Practice::named("sonne");
    practice.tenant =
        store.read(&owner.tenant().parse().unwrap()).await.unwrap().tenant().get().await.unwrap().unwrap();
    practice.keep(store).await;
    called(store, &practice, practice.new_call(1), 0, 61).await;
    count(store).await;
    let days = "from=2026-03-02&until=2026-03-03";
    let summary = owner.get(&format!("/api/analytics/summary?{days}")).await.well();
    assert_eq!(summary["total"]["calls"], 1);
    assert_eq!(summary["total"]["outcomes"], json!({ "caller_left": 1 }));
    assert_eq!(summary["periods"][0]["from"], "2026-03-02");
    assert_eq!(summary["periods"][0]["until"], "2026-03-02");
    assert_eq!(summary["change"]["calls"], json!(null), "there was nothing before");
    assert_eq!(summary["hours"][8], 1);
    let quality = owner.get(&format!("/api/analytics/performance?{days}")).await.well();
    assert_eq!((&quality["total"]["replies"], &quality["total"]["interruptions"]), (&json!(3), &json!(1)));
    let costs = owner.get(&format!("/api/analytics/billing?{days}")).await.well();
    assert_eq!(costs["total"]["engine_usd"], "0.005000");
    let present = owner.get("/api/analytics/realtime").await.well();
    assert_eq!((&present["ringing"], &present["calls_max"]), (&json!(0), &json!(10)));

    let german = owner.request(reqwest::Method::GET, &format!("/api/analytics/billing?{days}"));
    let german = german.header("Accept", "text/csv").header("Accept-Language", "de-DE,de;q=0.9,en;q=0.8");
    let answer = german.send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    assert!(
        answer.headers()["content-disposition"]
            .to_str()
            .unwrap()
            .contains("billing-2026-03-02-2026-03-03.csv")
    );
    let file = answer.bytes().await.unwrap();
    let file = std::str::from_utf8(&file).unwrap();
    assert!(file.starts_with('\u{feff}'));
    assert!(file.contains("2026-03-02;2026-03-02;1;2;0,0050;"), "{file}");
    let english = owner.request(reqwest::Method::GET, &format!("/api/analytics/summary?{days}&format=csv"));
    let english = english.send().await.unwrap().text().await.unwrap();
    assert!(english.contains("2026-03-02,2026-03-02,1,0,1,0,0,2,"), "{english}");

    for (query, parameter) in [
        ("from=tomorrow", "from"),
        ("by=year", "by"),
        ("from=2026-03-04&until=2026-03-02", "until"),
        ("from=2020-01-01&until=2026-01-01", "from"),
        ("format=pdf", "format"),
        ("direction=up", "direction"),
        ("number=nobody", "number"),
    ] {
        let refused = owner.get(&format!("/api/analytics/summary?{query}")).await;
        assert_eq!((refused.status, refused.problem()), (422, "invalid"), "{query}");
        assert_eq!(refused.body["errors"][0]["parameter"], parameter, "{query}");
    }
    let nobody = sent(office.stranger().request(reqwest::Method::GET, "/api/analytics/summary")).await;
    assert_eq!(nobody.status, 401);
    office.server.stop().await;
}

#[test]
fn a_formula_in_a_name_is_no_formula_in_a_file() {
    use frontdesk::{
        domain::assistant::Language,
        http::csv::{Cell, Csv},
    };
    let mut file = Csv::new(Language::German, &["Name"]);
    for name in ["=HYPERLINK(\"x\")", "+49", "-1", "@x", "a;b", "plain"] {
        file.row([Cell::from(name)]);
    }
    file.row([Cell::Decimal(-1.5, 1)]);
    let wanted =
        "\u{feff}Name\r\n\"'=HYPERLINK(\"\"x\"\")\"\r\n'+49\r\n'-1\r\n'@x\r\n\"a;b\"\r\nplain\r\n-1,5\r\n";
    assert_eq!(file.finish(), wanted);
}
