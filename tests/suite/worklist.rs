//! Messages are worked: what cannot wait first, one card for each caller, and two never call the same person.

use std::sync::Arc;

use frontdesk::{
    app::{
        self,
        access::{Actor, Who},
        messages::{self, AGAIN_MINUTES_MAX, CARDS_MAX, CLAIM_MINUTES, Card},
        tools::{CallContext, Request, Toolbox},
    },
    domain::{
        assistant::Language,
        id::{MessageId, UserId},
        people::Role,
        time::Timestamp,
    },
    platform::clock::Clock,
    store::{Message, MessageWork, Store},
};
use reqwest::Method;
use serde_json::json;

use crate::support::{
    databases::on_both,
    neighbours::Neighbour,
    office::{Office, sent},
    practice::{MONDAY_8, Practice, at},
};

/// A practice with people who work there.
struct Desk {
    store: Store,
    practice: Practice,
}

impl Desk {
    async fn open(store: &Store) -> Self {
        Self { store: store.clone(), practice: Practice::open(store, "praxis").await }
    }

    fn colleague(&self, name: &str) -> Actor {
        let user: UserId = format!("usr_{name}").parse().unwrap();
        Actor::new(self.practice.tenant.id.clone(), Who::Member { user, role: Role::Member })
    }

    /// A message that was left `minutes` after eight.
    async fn left(&self, name: &str, number: Option<&str>, minutes: i64, urgent: bool) -> MessageId {
        let message = Message {
            id: format!("msg_{name}").parse().unwrap(),
            call: None,
            name: name.to_owned(),
            number: number.map(|number| number.parse().unwrap()),
            text: "Bitte um Rückruf.".to_owned(),
            left: at(minutes),
            handled: None,
            spoken: None,
            work: MessageWork { urgent, ..MessageWork::default() },
        };
        let mut tx = self.store.begin(&self.practice.tenant.id).await.unwrap();
        tx.messages().add(&message).await.unwrap();
        tx.commit().await.unwrap();
        message.id
    }

    /// Who stands on the list, by the names of their messages, and who is put off.
    async fn list(&self, now: Timestamp) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
        let list = messages::worklist(&self.store, &self.colleague("ada"), now).await.unwrap();
        let names = |cards: Vec<Card>| {
            let of = |card: Card| card.messages.into_iter().map(|message| message.name).collect();
            cards.into_iter().map(of).collect()
        };
        (names(list.due), names(list.later))
    }
}

const ERIKA: &str = "+4917099000001";
const OTTO: &str = "+4917099000002";

on_both! {
    async fn what_cannot_wait_comes_first_then_the_oldest_and_each_caller_has_one_card(fresh: Fresh) {
        let desk = Desk::open(&fresh.store).await;
        desk.left("first", Some(ERIKA), 10, false).await;
        desk.left("nobody", None, 20, false).await;
        desk.left("otto", Some(OTTO), 30, true).await;
        desk.left("second", Some(ERIKA), 40, false).await;
        desk.left("nobodytoo", None, 50, false).await;
        let (due, later) = desk.list(at(60)).await;
        assert_eq!(due, [vec!["otto"], vec!["first", "second"], vec!["nobody"], vec!["nobodytoo"]]);
        assert!(later.is_empty());
    }

    async fn a_card_says_how_often_its_caller_has_called_since(fresh: Fresh) {
        let desk = Desk::open(&fresh.store).await;
        let number = desk.practice.contact.number.clone().unwrap();
        let mut tx = fresh.store.begin(&desk.practice.tenant.id).await.unwrap();
        for (n, minutes) in [(1, 5), (2, 70), (3, 90), (4, 120)] {
            let call = desk.practice.new_call(n);
            tx.calls().ring(&call, at(minutes)).await.unwrap();
            if n == 2 {
                let message = Message {
                    id: "msg_erika".parse().unwrap(),
                    call: Some(call.id),
                    name: String::new(),
                    number: Some(number.clone()),
                    text: "Bitte um Rückruf.".to_owned(),
                    left: at(72),
                    handled: None,
                    spoken: None,
                    work: MessageWork::default(),
                };
                tx.messages().add(&message).await.unwrap();
            }
        }
        tx.commit().await.unwrap();
        let list = messages::worklist(&fresh.store, &desk.colleague("ada"), at(180)).await.unwrap();
        let card = &list.due[0];
        assert_eq!((card.calls, card.calling_since), (3, Some(at(70))), "with the call in which it was left");
        assert_eq!(card.contacts[0].name, desk.practice.contact.name);
    }

    async fn a_long_list_shows_the_first_things_first_and_says_that_there_is_more(fresh: Fresh) {
        let desk = Desk::open(&fresh.store).await;
        for n in 0..30 {
            desk.left(&format!("caller{n:02}"), Some(&format!("+49170990001{n:02}")), n, n == 29).await;
        }
        let list = messages::worklist(&fresh.store, &desk.colleague("ada"), at(180)).await.unwrap();
        assert!(list.more && list.due.len() == CARDS_MAX, "{} cards", list.due.len());
        let names: Vec<&str> = list.due.iter().take(3).map(|card| card.messages[0].name.as_str()).collect();
        assert_eq!(names, ["caller29", "caller00", "caller01"], "what cannot wait, then the oldest");
    }

    async fn whoever_calls_back_keeps_others_from_it_for_ten_minutes(fresh: Fresh) {
        let desk = Desk::open(&fresh.store).await;
        let first = desk.left("first", Some(ERIKA), 10, false).await;
        let second = desk.left("second", Some(ERIKA), 40, false).await;
        let (ada, ben) = (desk.colleague("ada"), desk.colleague("ben"));
        let claim = async |by: &Actor, id: &MessageId, now| messages::claim(&fresh.store, by, now, id).await;
        assert_eq!(claim(&ada, &second, at(60)).await.unwrap().len(), 2, "all of the caller's");
        let taken = claim(&ben, &first, at(61)).await;
        assert!(matches!(taken, Err(app::Error::Conflict("somebody else is calling back"))));
        for refused in [
            messages::done(&fresh.store, &ben, at(61), &first, false).await,
            messages::not_reached(&fresh.store, &ben, at(61), &first, at(120)).await,
            messages::release(&fresh.store, &ben, at(61), &first).await,
        ] {
            assert!(matches!(refused, Err(app::Error::Conflict(_))));
        }
        claim(&ada, &first, at(65)).await.unwrap();
        assert!(claim(&ben, &first, at(60 + CLAIM_MINUTES)).await.is_err(), "taken again, it lasts from then on");
        claim(&ben, &first, at(65 + CLAIM_MINUTES)).await.unwrap();
        // Let go, it is anybody's.
        messages::release(&fresh.store, &ben, at(76), &first).await.unwrap();
        claim(&ada, &second, at(76)).await.unwrap();
    }

    async fn of_two_who_take_it_at_once_one_has_it(fresh: Fresh) {
        let desk = Arc::new(Desk::open(&fresh.store).await);
        let first = desk.left("first", Some(ERIKA), 10, false).await;
        let second = desk.left("second", Some(ERIKA), 40, false).await;
        let (ada, ben) = (desk.colleague("ada"), desk.colleague("ben"));
        let (one, other) = tokio::join!(
            messages::claim(&fresh.store, &ada, at(60), &first),
            messages::claim(&fresh.store, &ben, at(60), &second),
        );
        assert!(one.is_ok() != other.is_ok());
    }

    async fn whoever_is_not_reached_is_put_off_and_comes_back(fresh: Fresh) {
        let desk = Desk::open(&fresh.store).await;
        let erika = desk.left("erika", Some(ERIKA), 10, false).await;
        desk.left("otto", Some(OTTO), 30, false).await;
        let ada = desk.colleague("ada");
        for wrong in [at(60), at(59), at(60 + AGAIN_MINUTES_MAX + 1)] {
            let refused = messages::not_reached(&fresh.store, &ada, at(60), &erika, wrong).await;
            assert!(matches!(refused, Err(app::Error::Invalid(_))));
        }
        messages::claim(&fresh.store, &ada, at(60), &erika).await.unwrap();
        messages::not_reached(&fresh.store, &ada, at(61), &erika, at(180)).await.unwrap();
        let (due, later) = desk.list(at(62)).await;
        assert_eq!((due, later), (vec![vec!["otto".to_owned()]], vec![vec!["erika".to_owned()]]));
        assert_eq!(desk.list(at(180)).await.0, [["erika"], ["otto"]], "the oldest again");
        let kept = messages::get(&fresh.store, &ada, &erika).await.unwrap().item;
        assert_eq!((kept.work.tries, kept.work.claim), (1, None));
        messages::undo_not_reached(&fresh.store, &ada, at(62), &erika).await.unwrap();
        let kept = messages::get(&fresh.store, &ada, &erika).await.unwrap().item;
        assert_eq!((kept.work.tries, kept.work.again), (0, None));
    }

    async fn what_is_done_leaves_the_list_and_can_be_undone(fresh: Fresh) {
        let desk = Desk::open(&fresh.store).await;
        let first = desk.left("first", Some(ERIKA), 10, false).await;
        desk.left("second", Some(ERIKA), 40, false).await;
        let ada = desk.colleague("ada");
        messages::claim(&fresh.store, &ada, at(60), &first).await.unwrap();
        let done = messages::done(&fresh.store, &ada, at(61), &first, true).await.unwrap();
        assert_eq!(desk.list(at(62)).await.0, Vec::<Vec<String>>::new());
        assert!(matches!(
            messages::claim(&fresh.store, &ada, at(62), &first).await,
            Err(app::Error::Conflict("that message has been looked after"))
        ));
        let ids: Vec<MessageId> = done.into_iter().map(|message| message.id).collect();
        messages::reopen(&fresh.store, &ada, at(62), &ids).await.unwrap();
        assert_eq!(desk.list(at(62)).await.0, [["first", "second"]]);
        messages::claim(&fresh.store, &desk.colleague("ben"), at(63), &first).await.unwrap();
    }

    async fn the_agent_notes_that_a_message_cannot_wait(fresh: Fresh) {
        let desk = Desk::open(&fresh.store).await;
        let context = CallContext {
            tenant: desk.practice.tenant.clone(),
            call: desk.practice.call(&fresh.store, 1).await,
            assistant: Arc::new(desk.practice.assistant.clone()),
            language: Language::German,
            caller: Some(ERIKA.parse().unwrap()),
            attested: true,
        };
        let toolbox = Toolbox::new(context, &fresh.store, Clock::showing(MONDAY_8));
        for (id, arguments) in [("1", json!({ "text": "Kein Strom.", "urgent": true })), ("2", json!({ "text": "Danke." }))] {
            let (id, arguments) = (id.to_owned(), arguments.to_string());
            toolbox.run(Request { id, name: "take_message".to_owned(), arguments }).await;
        }
        let mut tx = fresh.store.read(&desk.practice.tenant.id).await.unwrap();
        let mut urgent: Vec<(String, bool)> =
            tx.messages().open(None, 9).await.unwrap().into_iter().map(|one| (one.text, one.work.urgent)).collect();
        urgent.sort();
        assert_eq!(urgent, [("Danke.".to_owned(), false), ("Kein Strom.".to_owned(), true)]);
    }
}

#[tokio::test]
async fn messages_are_worked_over_the_api() {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let owner = &tenant.owner;
    let path = "/api/messages/msg_alpha";
    let claim = async |asker: &crate::support::office::Asker, method: Method| {
        sent(asker.request(method, &format!("{path}/claim"))).await
    };
    let taken = claim(owner, Method::POST).await.well();
    assert_eq!(taken["claimed_by"], owner.user());
    assert!(taken["claimed_until"].is_string());
    let member = office.member(owner, "someone", "member").await;
    assert_eq!(claim(&member, Method::POST).await.status, 409);
    assert_eq!(claim(&member, Method::DELETE).await.status, 409);
    assert_eq!(claim(owner, Method::DELETE).await.status, 204);
    claim(&member, Method::POST).await.well();
    let again = |at: &str| json!({ "again_at": at });
    let refused = member.post(&format!("{path}/not-reached"), again("tomorrow")).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/again_at"]));
    let soon = Clock::system().now().plus_minutes(90).to_jiff().to_string();
    let put_off = member.post(&format!("{path}/not-reached"), again(&soon)).await.well();
    assert_eq!((&put_off["tries"], put_off["again_at"].is_string()), (&json!(1), true));
    assert!(put_off["claimed_by"].is_null());
    assert_eq!(owner.delete(&format!("{path}/not-reached")).await.status, 204);
    let urgent = owner.patch(path, json!({ "urgent": true })).await.well();
    assert_eq!(
        (&urgent["urgent"], &urgent["tries"], &urgent["handled"]),
        (&json!(true), &json!(0), &json!(false))
    );
    let told = owner.get("/api/audit?subject=msg_alpha").await.well();
    let actions: Vec<&str> =
        told["items"].as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap()).collect();
    for action in [
        "message.claimed",
        "message.released",
        "message.not_reached",
        "message.not_reached_undone",
        "message.urgent",
    ] {
        assert!(actions.contains(&action), "{action}: {actions:?}");
    }
    let viewer = office.member(owner, "someone", "viewer").await;
    assert_eq!(claim(&viewer, Method::POST).await.status, 403);
    office.server.stop().await;
}
