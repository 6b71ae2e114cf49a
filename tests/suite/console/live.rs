//! A call in the air on its page: who may listen to it, what they hear, and what the caller is told.

use std::time::Duration;

use frontdesk::{
    domain::{
        assistant::Language,
        id::CallId,
        people::{Role, Subject, Verb},
        phrases::Phrase,
    },
    live::Heard,
    platform::clock::Clock,
    sim::{
        openai::Manners,
        scenario,
        stage::{Stage, Wanted},
        twilio::Conditions,
    },
};
use futures_util::StreamExt;
use serde_json::Value;
use tempfile::TempDir;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

use crate::support::{browsing::Browsing, neighbours::Neighbour, office::Office};

async fn stage(scenario: &str) -> (Stage, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let wanted = Wanted {
        clock: Clock::hurried(3),
        folder: folder.path().to_owned(),
        manners: Manners::default(),
        conditions: Conditions::default(),
        clips: false,
        calendar: None,
        keep_log: false,
        environment: vec![],
    };
    (Stage::set(scenario::named(scenario, Language::English).unwrap(), wanted).await.unwrap(), folder)
}

async fn owner_of(stage: &Stage) -> Browsing {
    let (email, password) = stage.owner().await.unwrap();
    let mut browsing = Browsing::at(stage.server.addr, "en");
    let page = browsing.get("/console/entry/login").await;
    let fields = [("email", email), ("password", password.as_str())];
    assert_eq!(browsing.submit(&page, "main form", &fields).await.status, 200);
    browsing
}

/// The call that is in the air, once its first words were heard.
async fn in_the_air(stage: &Stage) -> CallId {
    let mut notices = stage.server.lines.watch();
    let opened = async {
        loop {
            let notice = notices.recv().await.unwrap();
            if format!("{:?}", notice.what).contains("TurnOver") {
                return notice.call.clone();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), opened).await.expect("the first words are heard")
}

type Listening = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// Listens to a call as a page of that origin has it done; the status, when that is refused.
async fn listen(stage: &Stage, by: &Browsing, call: &CallId, origin: &str) -> Result<Listening, u16> {
    let url = format!("ws://{}/console/calls/{call}/listen", stage.server.addr);
    let mut request = url.into_client_request().unwrap();
    let cookies: Vec<String> = by.cookies().iter().map(|(name, value)| format!("{name}={value}")).collect();
    request.headers_mut().insert("cookie", cookies.join("; ").parse().unwrap());
    request.headers_mut().insert("origin", origin.parse().unwrap());
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn next(socket: &mut Listening) -> Option<Value> {
    let message =
        tokio::time::timeout(Duration::from_secs(60), socket.next()).await.expect("something comes");
    match message {
        Some(Ok(Message::Text(text))) => Some(serde_json::from_str(&text).unwrap()),
        Some(Ok(Message::Close(_)) | Err(_)) | None => None,
        Some(Ok(other)) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_listens_hears_both_sides_is_shown_to_the_others_and_stands_in_the_log() {
    let (stage, _folder) = stage("cancel").await;
    let mut ada = owner_of(&stage).await;
    let settings = ada.get("/console/settings").await;
    let form = "form[action='/console/settings/company']";
    assert_eq!(
        settings.attribute("#company-listening-in-yes", "checked"),
        None,
        "off unless it is turned on"
    );
    let saved = ada.submit(&settings, form, &[("listening-in", "yes")]).await;
    assert!(saved.has("#company-listening-in-yes[checked]"), "{}", saved.text);
    let origin = format!("http://{}", stage.server.addr);
    let listening = async {
        let call = in_the_air(&stage).await;
        assert_eq!(listen(&stage, &ada, &call, "https://elsewhere.example").await.err(), Some(403));
        let mut ear = listen(&stage, &ada, &call, &origin).await.unwrap();
        let (mut caller, mut agent) = (false, false);
        while !(caller && agent) {
            let heard = next(&mut ear).await.unwrap();
            if heard["event"] == "media" {
                assert!(!heard["media"]["payload"].as_str().unwrap().is_empty());
                match heard["media"]["track"].as_str() {
                    Some("inbound") => caller = true,
                    Some("outbound") => agent = true,
                    other => panic!("{other:?}"),
                }
            }
        }
        let page = ada.get(&format!("/console/calls/{call}")).await;
        assert!(page.one("#steer").contains("is listening."), "{}", page.one("#steer"));
        assert!(page.has("#listen-start") && page.has("#over-telephone"));
        while next(&mut ear).await.is_some() {}
        call
    };
    let (played, call) = tokio::join!(stage.play(), listening);
    let played = played.unwrap();
    // What callers hear at the practice's German number is nothing that an English voice can read.
    let problems = played.problems.iter().filter(|problem| !problem.contains("praxis doktor sommer"));
    assert_eq!(problems.collect::<Vec<_>>(), Vec::<&String>::new());
    let told = Phrase::ColleagueMayJoin.words(Language::English);
    assert!(played.turns[0].text.contains(told), "{}", played.turns[0].text);
    let logged = async {
        loop {
            let log = ada.get("/console/settings/audit").await.text;
            if log.contains("call.listening_over") {
                return log;
            }
        }
    };
    let log = tokio::time::timeout(Duration::from_secs(30), logged).await.expect("the log tells it");
    assert!(log.contains("call.listened_to"), "{log}");
    let page = ada.get(&format!("/console/calls/{call}")).await;
    assert!(!page.has("#listen") && !page.has("#over-telephone"), "there is nothing left to hear");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_who_hears_nothing_of_it_holds_no_call_up() {
    let (stage, _folder) = stage("cancel").await;
    let mut tx = stage.server.store.begin(&stage.tenant.id).await.unwrap();
    let mut tenant = tx.tenant().get().await.unwrap().unwrap();
    tenant.listening_in = true;
    tx.tenant().put(&tenant).await.unwrap();
    tx.commit().await.unwrap();
    let asleep = async {
        let mut notices = stage.server.lines.watch();
        let rings = notices.recv().await.unwrap().call.clone();
        let early = [stage.server.lines.listen(&tenant.id, &rings, "early".to_owned()).is_err()];
        let call = in_the_air(&stage).await;
        let lines = &stage.server.lines;
        assert_eq!(early, [true], "not before the caller has heard that a colleague may");
        let mut ears: Vec<_> =
            (0..4).map(|n| lines.listen(&tenant.id, &call, format!("{n}")).ok().unwrap()).collect();
        assert!(lines.listen(&tenant.id, &call, "one more".to_owned()).is_err(), "so many and no more");
        drop(ears.split_off(1));
        assert_eq!(lines.aired(&tenant.id, &call).unwrap().listeners, ["0"]);
        ears.pop().unwrap()
    };
    let (played, mut ear) = tokio::join!(stage.play(), asleep);
    assert_eq!(played.unwrap().problems, Vec::<String>::new());
    let mut kept = 0;
    while let Some(heard) = ear.next().await {
        assert!(matches!(heard, Heard::Caller(_) | Heard::Agent(_) | Heard::Clear));
        kept += 1;
    }
    assert_eq!(kept, 200, "two seconds of both sides were kept, and the rest is lost");
    stage.strike().await;
}

#[tokio::test]
async fn only_who_has_the_right_listens_and_only_where_it_is_turned_on() {
    for role in Role::ALL {
        assert_eq!(role.may(Verb::Read, Subject::Listening), role >= Role::Admin, "{role:?}");
    }
    let office = Office::open().await;
    let alpha = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let path = format!("/console/calls/{}/listen", alpha.ids["call"]);
    office.member(&alpha.owner, "mia", "member").await;
    let mut mia = Browsing::signed_in(&office, "mia@member.example", "en").await;
    assert_eq!(mia.get(&path).await.status, 403);
    let mut ada = Browsing::signed_in(&office, "owner@alpha.example", "en").await;
    let off = ada.get(&path).await;
    assert_eq!(off.status, 409);
    assert!(off.one(".lead").contains("Listening in is turned off."), "{}", off.text);
}

#[tokio::test]
async fn whoever_wants_to_be_rung_is_told_at_the_field_what_kind_of_number_is_needed() {
    let office = Office::open().await;
    let alpha = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let mut ada = Browsing::signed_in(&office, "owner@alpha.example", "de").await;
    let page = ada.get(&format!("/console/assistants/{}", alpha.ids["assistant"])).await;
    let refused = ada.submit(&page, "#call-me form", &[("telephone", "110")]).await;
    assert_eq!(refused.status, 422);
    let wrong = refused.wrongs();
    assert!(wrong[0].starts_with("Geben Sie die Nummer Ihres eigenen Telefons mit Vorwahl ein"), "{wrong:?}");
    assert_eq!(
        refused.attribute("#ring-telephone", "value").as_deref(),
        Some("110"),
        "what was typed is kept"
    );
    assert_eq!(refused.attribute("#name", "value"), page.attribute("#name", "value"));
}
