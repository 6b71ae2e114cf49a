//! Appointments and the calendars they are written to, in step: over HTTP, against the vendors' stand-ins.

use std::time::Duration;

use frontdesk::{
    domain::{calendar::Vendor, id::JobId},
    platform::{clock::Clock, ids},
    store::Work,
};
use jiff::ToSpan;
use reqwest::Method;
use serde_json::json;

use crate::support::{
    agenda::{Agenda, id, instant},
    house::House,
    office::sent,
};

/// The same at every vendor.
macro_rules! at_both {
    ($($(#[$attribute:meta])* async fn $name:ident($agenda:ident: Agenda) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn told($agenda: Agenda) {
                $body
                assert_eq!($agenda.faults.all(), Vec::<String>::new(), "what the vendor would object to");
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn at_google() {
                told(Agenda::open(Vendor::Google).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn at_microsoft() {
                told(Agenda::open(Vendor::Microsoft).await).await;
            }
        }
    )*};
}

at_both! {
    async fn an_appointment_is_written_once_and_says_what_staff_need(agenda: Agenda) {
        let free = agenda.free(2).await;
        let booked = agenda.book(&free[20]).await;
        let confirmed = agenda.until_stands(&id(&booked), "confirmed").await;
        let standing = agenda.standing();
        assert_eq!(standing.len(), 1, "{standing:?}");
        assert_eq!(standing[0].start, instant(&confirmed["start"]));
        assert_eq!(standing[0].end, instant(&confirmed["end"]));
        assert_eq!(standing[0].appointment.as_deref(), Some(id(&booked).as_str()));
        assert_eq!(standing[0].title, "Check-up: Erika Beispiel");
        let text = &standing[0].text;
        assert!(text.contains("+491701234567") && text.contains("pain"), "{text}");
        assert!(!text.contains('\u{7}'), "no control characters: {text}");
        assert!(text.contains(&format!("/appointments/{}", id(&booked))), "{text}");
        assert!(!text.contains("erika@example.com"), "nothing more than is needed: {text}");
        let steps = agenda.steps(&id(&booked)).await;
        assert_eq!(steps[0].0, "booked");
        assert_eq!(steps[1], ("confirmed".to_owned(), "system:calendars".to_owned()));
    }

    async fn an_appointment_that_is_moved_keeps_its_event_and_one_that_is_cancelled_loses_it(agenda: Agenda) {
        let free = agenda.free(2).await;
        let booked = agenda.book(&free[20]).await;
        agenda.until_stands(&id(&booked), "confirmed").await;
        let before = agenda.standing();
        let path = format!("/api/appointments/{}", id(&booked));
        agenda.owner.post(&format!("{path}/move"), json!({ "start": free[30] })).await.well();
        let moved = agenda.until_stands(&id(&booked), "confirmed").await;
        let after = agenda.standing();
        assert_eq!((after.len(), &after[0].id), (1, &before[0].id), "it is the same event");
        assert_eq!(after[0].start, instant(&moved["start"]));
        sent(agenda.owner.request(Method::POST, &format!("{path}/cancel"))).await.well();
        agenda.until("the event is gone", async || agenda.standing().is_empty()).await;
        assert_eq!(agenda.appointment(&id(&booked)).await["status"], "cancelled");
    }

    async fn an_event_that_is_moved_or_deleted_there_moves_or_cancels_the_appointment(agenda: Agenda) {
        agenda.listen().await;
        let free = agenda.free(2).await;
        let booked = agenda.book(&free[20]).await;
        let confirmed = agenda.until_stands(&id(&booked), "confirmed").await;
        let event = agenda.standing().remove(0).id;
        let start = instant(&confirmed["start"]) + 3.hours();
        agenda.drag(&event, start, 45);
        agenda
            .until("the appointment has moved", async || {
                instant(&agenda.appointment(&id(&booked)).await["start"]) == start
            })
            .await;
        let moved = agenda.appointment(&id(&booked)).await;
        assert_eq!(instant(&moved["end"]), start + 45.minutes(), "and is as long as it is there");
        let steps = agenda.steps(&id(&booked)).await;
        assert_eq!(steps.last().unwrap(), &("moved".to_owned(), agenda.calendar.clone()));
        let entries = agenda.owner.get(&format!("/api/audit?subject={}", id(&booked))).await.well();
        assert_eq!(entries["items"][0]["actor"], "system:calendars");
        agenda.delete(&event);
        agenda.until_stands(&id(&booked), "cancelled").await;
        let steps = agenda.steps(&id(&booked)).await;
        assert_eq!(steps.last().unwrap(), &("cancelled".to_owned(), agenda.calendar.clone()));
        assert!(agenda.standing().is_empty(), "nothing is written again");
        assert!(agenda.free(2).await.contains(&free[20]), "and the time can be had again");
        let told = agenda.told().await;
        let kinds: Vec<&str> = told.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(kinds, ["appointment.booked", "appointment.moved", "appointment.cancelled"]);
        assert_eq!(told[1].1["by"], agenda.calendar.as_str(), "who moved it is told");
        assert_eq!(instant(&told[1].1["previous_start"]), instant(&confirmed["start"]));
        assert_eq!(instant(&told[1].1["start"]), start);
    }

    async fn a_note_and_that_the_contact_has_promised_to_come_stand_in_the_event(agenda: Agenda) {
        let free = agenda.free(2).await;
        let booked = id(&agenda.book(&free[20]).await);
        agenda.until_stands(&booked, "confirmed").await;
        let event = agenda.standing().remove(0);
        agenda.owner.patch(&format!("/api/appointments/{booked}"), json!({ "note": "brings a report" })).await.well();
        agenda.until("the note is read there", async || agenda.standing()[0].text.contains("brings a report")).await;
        let tenant = agenda.owner.tenant().parse().unwrap();
        let mut tx = agenda.office.server.store.begin(&tenant).await.unwrap();
        let appointment = booked.parse().unwrap();
        tx.appointments().note_coming(&appointment).await.unwrap();
        let now = Clock::system().now();
        let work = Work::SettleAppointment { appointment };
        tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await.unwrap();
        tx.commit().await.unwrap();
        agenda.until("it says that she comes", async || agenda.standing()[0].text.contains("Kommt")).await;
        let standing = agenda.standing();
        assert_eq!((standing.len(), &standing[0].id, standing[0].start), (1, &event.id, event.start), "the same event");
        agenda.owner.post(&format!("/api/appointments/{booked}/move"), json!({ "start": free[30] })).await.well();
        agenda.until("to another time she has not", async || {
            let standing = agenda.standing();
            standing[0].start == instant(&json!(free[30])) && !standing[0].text.contains("Kommt")
        }).await;
    }

    async fn what_staff_put_into_the_calendar_is_not_offered_and_not_promised(agenda: Agenda) {
        let free = agenda.free(2).await;
        let start: jiff::Timestamp = free[20].parse().unwrap();
        let event = agenda.put(start, 30, start - 300.hours());
        // Nothing but the live question can know of it before the vendor has told.
        let late = agenda.owner.post("/api/appointments", json!({
            "service": agenda.service, "contact": agenda.contact, "start": free[20]
        })).await;
        assert_eq!((late.status, late.problem()), (409, "taken"));
        agenda.until("it is not offered", async || !agenda.free(2).await.contains(&free[20])).await;
        agenda.delete(&event);
        agenda.until("it is offered again", async || agenda.free(2).await.contains(&free[20])).await;
    }

    async fn an_event_put_over_an_appointment_is_told_as_a_clash_until_it_is_gone(agenda: Agenda) {
        let free = agenda.free(2).await;
        let booked = agenda.book(&free[20]).await;
        let confirmed = agenda.until_stands(&id(&booked), "confirmed").await;
        let start = instant(&confirmed["start"]);
        let event = agenda.put(start + 10.minutes(), 30, Clock::system().now().to_jiff() + 1.hour());
        agenda.until("the clash is told", async || !agenda.clashes().await.is_empty()).await;
        assert_eq!(agenda.clashes().await, ["event_over_appointment"]);
        assert_eq!(agenda.appointment(&id(&booked)).await["status"], "confirmed", "and nothing else is done");
        agenda.delete(&event);
        agenda.until("it is over", async || agenda.clashes().await.is_empty()).await;
    }

    async fn an_appointment_dragged_onto_another_stands_there_and_is_told_as_a_clash(agenda: Agenda) {
        let free = agenda.free(2).await;
        let (first, second) = (agenda.book(&free[20]).await, agenda.book(&free[30]).await);
        let first = agenda.until_stands(&id(&first), "confirmed").await;
        let second = agenda.until_stands(&id(&second), "confirmed").await;
        let event = agenda.standing().into_iter().find(|it| it.start == instant(&second["start"])).unwrap().id;
        agenda.drag(&event, instant(&first["start"]), 30);
        agenda.until("the clash is told", async || !agenda.clashes().await.is_empty()).await;
        assert_eq!(agenda.clashes().await, ["moved_onto_another"]);
        let dragged = agenda.appointment(&id(&second)).await;
        assert_eq!(dragged["start"], first["start"], "what staff have decided stands");
        let path = format!("/api/appointments/{}/move", id(&first));
        agenda.owner.post(&path, json!({ "start": free[30] })).await.well();
        assert!(agenda.clashes().await.is_empty(), "one of them has yielded");
    }

    async fn an_answer_that_is_lost_makes_no_second_event(agenda: Agenda) {
        let free = agenda.free(2).await;
        let mut booked = Vec::new();
        for n in 0..4 {
            booked.push(id(&agenda.book(&free[10 + 4 * n]).await));
            agenda.outside.lose_answers(2);
        }
        for id in &booked {
            agenda.until_stands(id, "confirmed").await;
        }
        let standing = agenda.standing();
        assert_eq!(standing.len(), booked.len(), "{standing:?}");
        for id in &booked {
            assert_eq!(standing.iter().filter(|it| it.appointment.as_ref() == Some(id)).count(), 1);
        }
    }

    async fn a_page_of_something_else_is_no_word_that_an_event_is_gone(agenda: Agenda) {
        let free = agenda.free(2).await;
        let booked = id(&agenda.book(&free[20]).await);
        agenda.until_stands(&booked, "confirmed").await;
        agenda.outside.garble_removals();
        agenda.owner.post(&format!("/api/appointments/{booked}/cancel"), json!({})).await.well();
        agenda.until("it is gone there, too", async || agenda.standing().is_empty()).await;
    }

    async fn what_is_promised_while_the_vendor_is_broken_is_pending_and_confirmed_later(agenda: Agenda) {
        let free = agenda.free(2).await;
        agenda.outside.break_down(12);
        let booked = agenda.book(&free[20]).await;
        assert_eq!(booked["status"], "pending");
        agenda.until_stands(&id(&booked), "confirmed").await;
        assert_eq!(agenda.standing().len(), 1);
    }

    async fn an_appointment_makes_room_for_an_event_that_was_there_first(agenda: Agenda) {
        let free = agenda.free(2).await;
        let start: jiff::Timestamp = free[20].parse().unwrap();
        agenda.listen().await;
        // Nobody can be asked while it is booked, and nobody has told of the event.
        agenda.outside.break_down(4);
        let booked = agenda.book(&free[20]).await;
        agenda.put(start, 30, start - 300.hours());
        agenda.until("it has made room", async || {
            agenda.appointment(&id(&booked)).await["status"] == "cancelled"
        }).await;
        let steps = agenda.steps(&id(&booked)).await;
        assert_eq!(steps.last().unwrap().0, "undone");
        assert_eq!(agenda.told().await.pop().unwrap().0, "appointment.cancelled", "what was told is taken back");
        assert_eq!(agenda.clashes().await, ["event_was_first"]);
        let standing = agenda.standing();
        assert!(standing.iter().all(|it| it.appointment.is_none()), "only the event: {standing:?}");
        let clashes = agenda.owner.get("/api/clashes").await.well();
        let path = format!("/api/clashes/{}/settle", id(&clashes["items"][0]));
        sent(agenda.owner.request(Method::POST, &path)).await.well();
        assert!(agenda.clashes().await.is_empty(), "somebody has looked after it");
    }

    async fn what_waits_while_the_consent_is_gone_is_worked_off_when_it_is_back(agenda: Agenda) {
        let free = agenda.free(2).await;
        agenda.outside.revoke();
        let booked = agenda.book(&free[20]).await;
        assert_eq!(booked["status"], "pending", "noted, the confirmation follows");
        agenda.until("somebody is asked to connect it again", async || {
            let all = agenda.owner.get("/api/calendars").await.well();
            all["connections"][0]["state"] == "reconnect"
        }).await;
        assert_eq!(agenda.appointment(&id(&booked)).await["status"], "pending");
        agenda.outside.consent(&agenda.admin).await.unwrap();
        agenda.until_stands(&id(&booked), "confirmed").await;
        assert_eq!(agenda.standing().len(), 1);
        let all = agenda.owner.get("/api/calendars").await.well();
        assert_eq!(all["connections"].as_array().unwrap().len(), 1, "it is the same connection");
    }

    async fn a_calendar_that_vanishes_keeps_its_appointments_and_somebody_is_told(agenda: Agenda) {
        let free = agenda.free(2).await;
        let booked = agenda.book(&free[20]).await;
        agenda.until_stands(&id(&booked), "confirmed").await;
        agenda.outside.vanish();
        let later = agenda.book(&free[30]).await;
        agenda.until("it is known to be gone", async || {
            let all = agenda.owner.get("/api/calendars").await.well();
            all["connections"][0]["calendars"][0]["there"] == false
        }).await;
        assert_eq!(agenda.appointment(&id(&booked)).await["status"], "confirmed");
        assert_eq!(agenda.appointment(&id(&later)).await["status"], "pending");
        let operator = agenda.office.operator("reader").await;
        let mails = operator.get("/api/outbox?limit=200").await.well();
        let mails = mails["items"].as_array().unwrap();
        let told = mails.iter().filter(|mail| mail["to"] == "owner@practice.example").count();
        assert_eq!(told, 1, "one mail, and no more: {mails:?}");
    }

    async fn an_event_that_comes_after_its_appointment_was_cancelled_is_taken_back(agenda: Agenda) {
        let free = agenda.free(2).await;
        agenda.outside.write_later(Duration::from_millis(800));
        let booked = id(&agenda.book(&free[20]).await);
        let cancel = format!("/api/appointments/{booked}/cancel");
        sent(agenda.owner.request(Method::POST, &cancel)).await.well();
        agenda.until("it was found and removed", async || agenda.outside.removals() > 0).await;
        agenda.until("nothing stands there", async || agenda.standing().is_empty()).await;
    }

    async fn whoever_disconnects_is_told_of_changes_no_more_until_they_connect_again(agenda: Agenda) {
        agenda.until("changes are told", async || agenda.outside.watchers() == 1).await;
        let all = agenda.owner.get("/api/calendars").await.well();
        let connection = id(&all["connections"][0]);
        assert_eq!(agenda.owner.delete(&format!("/api/calendars/connections/{connection}")).await.status, 204);
        assert_eq!(agenda.outside.watchers(), 0);
        let anna = std::slice::from_ref(&agenda.anna);
        agenda.outside.connect(&agenda.admin, anna).await.unwrap();
        agenda.until("changes are told again", async || agenda.outside.watchers() == 1).await;
        let free = agenda.free(2).await;
        let start: jiff::Timestamp = free[20].parse().unwrap();
        agenda.put(start, 30, start - 300.hours());
        agenda.until("it is known", async || !agenda.free(2).await.contains(&free[20])).await;
    }

    async fn marks_that_are_accepted_no_more_begin_a_round_in_which_everything_is_learnt(agenda: Agenda) {
        let free = agenda.free(2).await;
        let start: jiff::Timestamp = free[20].parse().unwrap();
        agenda.put(start, 30, start - 300.hours());
        agenda.until("it is known", async || !agenda.free(2).await.contains(&free[20])).await;
        agenda.outside.forget_marks();
        let other: jiff::Timestamp = free[30].parse().unwrap();
        agenda.put(other, 30, other - 300.hours());
        agenda.until("the other is known, too", async || !agenda.free(2).await.contains(&free[30])).await;
        assert!(!agenda.free(2).await.contains(&free[20]), "and nothing was forgotten over it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_is_invited_only_when_the_service_says_so() {
    for (vendor, invites) in [(Vendor::Google, true), (Vendor::Microsoft, true), (Vendor::Google, false)] {
        let agenda = Agenda::open_in(vendor, House::new(), json!({ "invites": invites })).await;
        let free = agenda.free(2).await;
        let booked = agenda.book(&free[20]).await;
        agenda.until_stands(&id(&booked), "confirmed").await;
        let invited = agenda.standing().remove(0).invited;
        let wanted: &[&str] = if invites { &["erika@example.com"] } else { &[] };
        assert_eq!(invited, wanted, "{vendor:?}");
        assert_eq!(agenda.faults.all(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_is_pushed_without_the_secret_changes_nothing_and_learns_nothing() {
    let agenda = Agenda::open(Vendor::Google).await;
    let push = |channel: &'static str| {
        let request = agenda.office.stranger().request(Method::POST, "/calendars/google/push");
        request.header("X-Goog-Channel-ID", channel).header("X-Goog-Channel-Token", "guessed")
    };
    assert_eq!(push("another").send().await.unwrap().status().as_u16(), 204);
    let bare = agenda.office.stranger().request(Method::POST, "/calendars/google/push").send().await.unwrap();
    assert_eq!(bare.status().as_u16(), 400);
    let path = "/calendars/microsoft/push?validationToken=a%20b%3Ci%3E";
    let given = agenda.office.stranger().request(Method::POST, path).send().await.unwrap();
    assert_eq!(given.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(given.text().await.unwrap(), "a b<i>");
    let garbage = agenda.office.stranger().request(Method::POST, "/calendars/microsoft/push").body("no");
    assert_eq!(garbage.send().await.unwrap().status().as_u16(), 400);
}
