//! Dialling: written down first, looked for before it is repeated, paced, and right in the end whatever is heard.

use frontdesk::{
    app::outgoing::{
        dialling::{CHECK_AFTER_MS, Dialled, LOOK_AFTER_MS, LOOK_UNTIL_MS, TURN_MS},
        news, opt_outs,
    },
    domain::{
        assistant::Language,
        calendar::{Connection, ConnectionState, Grant, Vendor},
        conversation::{CallState, Direction, Outcome},
        notices::Preferences,
        outgoing::{Channel, Ending, Kind, OptOutSource, Outgoing, OutgoingSettings, OutgoingState},
        people::Role,
        time::Timestamp,
    },
    sim::twilio::numbers::Mishap,
    store::{SealedTokens, TenantTx, User},
    telephony::rest::calls::Progress,
};

use super::ground::Ground;
use crate::support::{databases::on_both, practice::at};

/// Monday, 10:00 in Berlin.
const TEN: i64 = 2 * 60;
const PERSON: &str = "+4915112345678";

/// A calendar outside lets nobody in any more.
async fn cut_off(tx: &mut TenantTx) {
    let connection = Connection {
        id: "cnx_weber".parse().unwrap(),
        vendor: Vendor::Google,
        grant: Grant::Person,
        account: "weber@practice.example".to_owned(),
        directory: None,
        personal: false,
        state: ConnectionState::Connected,
        problem: None,
        connected: at(0),
        since: at(0),
    };
    let tokens = SealedTokens { refresh: None, access: None, access_expires: at(0) };
    tx.connections().add(&connection, &Default::default(), &tokens, "usr_1").await.unwrap();
    let generation = tx.connections().way(&connection.id).await.unwrap().unwrap().generation;
    assert!(tx.connections().lost(&connection.id, generation, "invalid_grant", at(1)).await.unwrap());
}

fn after(minutes: i64, millis: i64) -> Timestamp {
    at(minutes).plus_millis(millis)
}

on_both! {
    async fn a_call_is_placed_with_everything_twilio_needs_to_know(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let id = ground.ask_for("a", PERSON, at(TEN)).await;
        assert_eq!(ground.dial(at(TEN)).await, Dialled::Something);
        let placed = ground.exchange.placed();
        assert_eq!(placed.len(), 1);
        let asked = |name: &str| placed[0].asked(name).to_owned();
        assert_eq!((asked("To"), asked("From")), (PERSON.to_owned(), ground.practice.number.number.to_string()));
        assert_eq!(asked("Url"), format!("https://voice.example.com/twilio/outgoing/{id}"));
        assert_eq!(asked("StatusCallback"), format!("https://voice.example.com/twilio/outgoing/{id}/status"));
        assert_eq!(asked("AsyncAmdStatusCallback"), format!("https://voice.example.com/twilio/outgoing/{id}/machine"));
        assert_eq!((asked("AsyncAmd"), asked("MachineDetection")), ("true".to_owned(), "DetectMessageEnd".to_owned()));
        assert!(asked("TimeLimit").parse::<u64>().unwrap() > 60);
        let events = placed[0].form.iter().filter(|(name, _)| name == "StatusCallbackEvent").count();
        assert_eq!(events, 4, "each event by itself");
        let found = ground.found(&id).await;
        assert_eq!(found.state, OutgoingState::Placed);
        let mut tx = ground.store.read(&ground.practice.tenant.id).await.unwrap();
        let call = tx.calls().get(&found.call.unwrap()).await.unwrap().unwrap();
        assert_eq!((call.direction, call.state, call.sid.as_str()), (Direction::Outbound, CallState::Ringing, placed[0].sid.as_str()));
        assert_eq!(call.person().map(ToString::to_string), Some(PERSON.to_owned()));
        assert_eq!(ground.faults.all(), [""; 0]);
    }

    async fn a_member_is_written_to_at_any_hour_whoever_else_may_be_called(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        ground.allow(&OutgoingSettings::default()).await;
        let words = "A calendar is cut off.".to_owned();
        let midnight = at(16 * 60);
        let tenant = &ground.practice.tenant.id;
        let user = User {
            id: "usr_1".parse().unwrap(),
            email: "ada@example.com".parse().unwrap(),
            name: String::new(),
            password_hash: "-".to_owned(),
            language: Language::German,
            operator: false,
            created_at: at(0),
        };
        let mut tx = ground.store.begin(tenant).await.unwrap();
        tx.users().add(&user).await.unwrap();
        tx.memberships().add(&user.id, Role::Admin, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        for (name, to) in [("stale", PERSON), ("home", PERSON), ("abroad", "+33612345678")] {
            let mut tx = ground.store.begin(tenant).await.unwrap();
            let wanted = Preferences { sms: to.parse().ok(), ..Preferences::default() };
            tx.notifications().put(&user.id, &wanted, None, None).await.unwrap();
            if name == "home" {
                cut_off(&mut tx).await;
            }
            tx.commit().await.unwrap();
            let one = ground.one(name, &to.parse().unwrap(), midnight);
            let notice = Outgoing { kind: Kind::Notice, channel: Channel::Sms, purpose: words.clone(), ..one };
            let mut tx = ground.store.begin(&ground.practice.tenant.id).await.unwrap();
            assert!(tx.outgoing().add(&notice, None, "system:notifications").await.unwrap());
            tx.commit().await.unwrap();
            while ground.dial(midnight).await == Dialled::Something {}
        }
        let texted = ground.exchange.texted();
        assert_eq!(texted.len(), 1, "only in her own country: {texted:?}");
        assert_eq!((&texted[0].body, texted[0].to.as_str()), (&words, PERSON));
        let stale = ground.found(&"out_stale".parse().unwrap()).await;
        assert_eq!(stale.ended, Some(Ending::Cancelled), "no calendar was cut off");
        let abroad = ground.found(&"out_abroad".parse().unwrap()).await;
        assert_eq!(abroad.ended, Some(Ending::Country));
    }

    async fn a_call_whose_answer_was_lost_is_looked_up_and_not_dialled_again(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let id = ground.ask_for("a", PERSON, at(TEN)).await;
        ground.exchange.go_wrong([Mishap::AnswerLost]);
        ground.dial(at(TEN)).await;
        assert_eq!(ground.found(&id).await.state, OutgoingState::Dialling, "nobody knows yet");
        assert_eq!(ground.dial(after(TEN, LOOK_AFTER_MS - 1)).await, Dialled::Nothing, "and nobody else touches it");
        ground.dial(after(TEN, LOOK_AFTER_MS)).await;
        let found = ground.found(&id).await;
        assert_eq!(found.state, OutgoingState::Placed);
        let placed = ground.exchange.placed();
        assert_eq!(placed.len(), 1, "the person was rung once");
        assert_eq!(found.sid.unwrap().as_str(), placed[0].sid);
    }

    async fn a_call_twilio_never_made_is_dialled_again_once_that_is_sure(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let id = ground.ask_for("a", PERSON, at(TEN)).await;
        ground.exchange.go_wrong([Mishap::Broken]);
        ground.dial(at(TEN)).await;
        ground.dial(after(TEN, LOOK_AFTER_MS)).await;
        assert_eq!(ground.found(&id).await.state, OutgoingState::Dialling, "it may still show itself");
        ground.dial(after(TEN, LOOK_UNTIL_MS)).await;
        assert_eq!(ground.exchange.placed().len(), 0);
        ground.dial(after(TEN, LOOK_UNTIL_MS)).await;
        assert_eq!(ground.exchange.placed().len(), 1);
        assert_eq!(ground.found(&id).await.state, OutgoingState::Placed);
    }

    async fn news_of_a_call_arrive_although_the_answer_that_named_it_was_lost(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let id = ground.ask_for("a", PERSON, at(TEN)).await;
        ground.exchange.go_wrong([Mishap::AnswerLost]);
        ground.dial(at(TEN)).await;
        let sid = ground.exchange.placed()[0].sid.parse().unwrap();
        let tenant = &ground.practice.tenant.id;
        news::told(&ground.store, tenant, &id, &sid, Progress::Busy, after(TEN, 5_000)).await.unwrap();
        let found = ground.found(&id).await;
        assert_eq!((found.state, found.ended), (OutgoingState::Over, Some(Ending::Busy)));
        assert_eq!(ground.dial(after(TEN, LOOK_UNTIL_MS)).await, Dialled::Nothing);
        assert_eq!(ground.exchange.placed().len(), 1);
    }

    async fn an_account_dials_once_a_second_whoever_asks(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        for n in 0..3 {
            ground.ask_for(&format!("n{n}"), &format!("+491511234567{n}"), at(TEN)).await;
        }
        assert_eq!(ground.dial(at(TEN)).await, Dialled::Something);
        assert_eq!(ground.dial(at(TEN)).await, Dialled::Turn(after(TEN, TURN_MS)));
        assert_eq!(ground.dial(after(TEN, TURN_MS - 1)).await, Dialled::Turn(after(TEN, TURN_MS)));
        assert_eq!(ground.dial(after(TEN, TURN_MS)).await, Dialled::Something);
        assert_eq!(ground.exchange.placed().len(), 2);
    }

    async fn what_twilio_refuses_is_put_off_or_given_up_as_it_says(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let id = ground.ask_for("a", PERSON, at(TEN)).await;
        ground.exchange.go_wrong([Mishap::TooMany(7)]);
        ground.dial(at(TEN)).await;
        let found = ground.found(&id).await;
        assert_eq!((found.state, found.due), (OutgoingState::Waiting, after(TEN, 7_000)), "429: as long as it says");
        ground.exchange.go_wrong([Mishap::NoPermission]);
        ground.dial(after(TEN, 7_000)).await;
        let found = ground.found(&id).await;
        assert_eq!((found.state, found.ended), (OutgoingState::Dropped, Some(Ending::Declined)));
        assert!(found.problem.unwrap().contains("21215"));
        assert_eq!(ground.exchange.placed().len(), 0);
    }

    async fn states_only_move_forward_whatever_order_the_news_come_in(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let id = ground.ask_for("a", PERSON, at(TEN)).await;
        ground.dial(at(TEN)).await;
        let sid = ground.exchange.placed()[0].sid.parse().unwrap();
        let tenant = &ground.practice.tenant.id;
        use Progress::{InProgress, NoAnswer, Ringing};
        for (second, progress) in (1..).zip([NoAnswer, Ringing, NoAnswer, InProgress, Ringing]) {
            let now = after(TEN, second * 1_000);
            news::told(&ground.store, tenant, &id, &sid, progress, now).await.unwrap();
        }
        let found = ground.found(&id).await;
        assert_eq!((found.state, found.ended, found.over), (OutgoingState::Over, Some(Ending::NoAnswer), Some(after(TEN, 1_000))));
        let mut tx = ground.store.read(tenant).await.unwrap();
        let call = tx.calls().get(&found.call.unwrap()).await.unwrap().unwrap();
        assert_eq!((call.state, call.outcome), (CallState::Failed, Some(Outcome::NotReached)));
    }

    async fn a_call_of_which_nothing_is_heard_is_right_within_five_minutes(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let id = ground.ask_for("a", PERSON, at(TEN)).await;
        ground.dial(at(TEN)).await;
        ground.exchange.stands(&ground.exchange.placed()[0].sid, "no-answer");
        let mut now = at(TEN);
        while ground.found(&id).await.state != OutgoingState::Over {
            now = now.plus_millis(1_000);
            assert!(now <= at(TEN + 5), "the bound is five minutes");
            ground.dialler.check_due(now, 10).await.unwrap();
        }
        assert!(now >= after(TEN, CHECK_AFTER_MS));
        let asked = ground.exchange.asked().iter().filter(|asked| asked.path.starts_with("Calls/CA")).count();
        assert_eq!(asked, 1, "Twilio is asked as often as needed");
    }

    async fn who_opts_out_is_not_called_even_when_it_is_due(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let id = ground.ask_for("a", PERSON, at(TEN)).await;
        let mut tx = ground.store.begin(&ground.practice.tenant.id).await.unwrap();
        let number = PERSON.parse().unwrap();
        assert!(opt_outs::note(&mut tx, &number, OptOutSource::Voice, None, at(TEN)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(ground.found(&id).await.ended, Some(Ending::OptedOut), "what waited is dropped at once");
        let later = ground.ask_for("b", PERSON, at(TEN)).await;
        ground.dial(at(TEN)).await;
        assert_eq!(ground.found(&later).await.ended, Some(Ending::OptedOut), "and what comes later, at dial time");
        assert_eq!(ground.exchange.placed().len(), 0);
    }

    async fn quiet_hours_put_a_call_off_until_the_morning(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let id = ground.ask_for("a", PERSON, at(13 * 60)).await;
        ground.dial(at(13 * 60)).await;
        let found = ground.found(&id).await;
        assert_eq!((found.state, found.due), (OutgoingState::Waiting, at(25 * 60)), "tomorrow at nine");
        ground.dial(at(25 * 60)).await;
        assert_eq!(ground.exchange.placed().len(), 1);
    }

    async fn as_many_calls_are_out_as_the_tenant_wants(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        ground.allow(&OutgoingSettings { at_once_max: 1, ..ground.settings() }).await;
        let first = ground.ask_for("a", PERSON, at(TEN)).await;
        let second = ground.ask_for("b", "+4915112345679", at(TEN)).await;
        ground.dial(at(TEN)).await;
        ground.dial(after(TEN, TURN_MS)).await;
        assert_eq!(ground.exchange.placed().len(), 1);
        let sid = ground.found(&first).await.sid.unwrap();
        let tenant = &ground.practice.tenant.id;
        news::told(&ground.store, tenant, &first, &sid, Progress::Completed, at(TEN + 1)).await.unwrap();
        ground.dial(at(TEN + 2)).await;
        assert_eq!(ground.found(&second).await.state, OutgoingState::Placed);
    }
}
