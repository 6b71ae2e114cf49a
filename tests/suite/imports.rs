//! Transcripts that Twilio made: fetched page by page, believed only of their own call, kept and forgotten as ours are.

use frontdesk::{
    app::{
        self,
        access::{Actor, Who},
        accounts::Accounts,
        calls::{self, Finished},
        imports::{self, TRIES_MAX, Wanted},
        search,
    },
    boot,
    domain::{
        conversation::{Outcome, Speaker},
        id::CallId,
        import::{Import, ImportState, ImportedTurn},
    },
    platform::clock::Clock,
    sim::{
        Faults,
        twilio::{Account, Exchange, intelligence::Transcript, numbers::Mishap},
    },
    store::{Store, TwilioAccount},
    telephony::rest::intelligence::SENTENCES_PER_PAGE,
};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::{
    databases::on_both,
    house::House,
    office::{Office, sent},
    practice::{Practice, at, sid},
};

const ACCOUNT: (&str, &str) = ("AC00000000000000000000000000000001", "12345");
const RECORDING: &str = "RE0123456789abcdef0123456789abcdef";

/// A practice with a call that is over, and a stand-in for Twilio.
struct Scene {
    store: Store,
    practice: Practice,
    exchange: Exchange,
    accounts: Accounts,
    faults: Faults,
    call: CallId,
    by: Actor,
}

impl Scene {
    async fn open(store: &Store) -> Self {
        boot::install_tls();
        let practice = Practice::open(store, "praxis").await;
        let call = practice.call(store, 1).await;
        let over = Finished::without_words(Outcome::CallerLeft, at(3));
        calls::finished(store, &practice.tenant.id, &call, &over).await.unwrap();
        let faults = Faults::default();
        let account = Account { sid: ACCOUNT.0.to_owned(), token: ACCOUNT.1.to_owned() };
        let exchange = Exchange::start(account, faults.clone()).await.unwrap();
        let url = exchange.base_url();
        let house = House::new().ready_for_calls();
        let house = house.with("TWILIO__BASE_URL", &url).with("TWILIO__INTELLIGENCE_BASE_URL", &url);
        let config = house.config();
        let keys = boot::keys(&config, store, Clock::system()).await.unwrap();
        let accounts = boot::accounts(&config, store, &keys).unwrap();
        let by = Actor::new(practice.tenant.id.clone(), Who::System("test"));
        Self { store: store.clone(), practice, exchange, accounts, faults, call, by }
    }

    /// A transcript of the call.
    fn transcript(&self, said: &[(u32, &str)]) -> Transcript {
        Transcript::of(sid(1).as_str(), ACCOUNT.0, said)
    }

    /// Has it lie at Twilio, asks for it, and fetches it for the `attempts`th time.
    async fn import(&self, transcript: &Transcript, attempts: u32) -> Result<(), app::Error> {
        self.exchange.transcribe(transcript);
        let wanted = Wanted { transcript: transcript.sid.clone(), caller_channel: None };
        imports::ask(&self.store, &self.by, at(10), &self.call, &wanted).await.unwrap();
        self.fetch(attempts).await
    }

    async fn fetch(&self, attempts: u32) -> Result<(), app::Error> {
        let tenant = &self.practice.tenant.id;
        imports::fetch(&self.store, &self.accounts, tenant, &self.call, attempts, at(11)).await
    }

    async fn kept(&self) -> (Import, Vec<ImportedTurn>) {
        calls::show(&self.store, &self.by, &self.call).await.unwrap().import.unwrap()
    }

    /// Why it could not be imported, which is final.
    async fn problem(&self, transcript: &Transcript) -> String {
        self.import(transcript, 1).await.unwrap();
        let (import, turns) = self.kept().await;
        assert_eq!((import.state, turns.len()), (ImportState::Failed, 0));
        import.problem.unwrap()
    }

    async fn found(&self, words: &str) -> Vec<(bool, u32, Speaker)> {
        let page = search::calls(&self.store, &self.by, words, (None, None), None, 10).await.unwrap();
        page.items
            .into_iter()
            .map(|found| (found.hit.imported, found.hit.ordinal, found.hit.speaker))
            .collect()
    }
}

on_both! {
    async fn what_twilio_wrote_down_stands_beside_the_call_and_is_found_by_its_words(fresh: Fresh) {
        let scene = Scene::open(&fresh.store).await;
        let said = [
            (1, "Praxis Beispiel, guten Tag."),
            (2, "Ich möchte meine Termine verschieben."),
            (2, "Meine Karte ist 4111 1111 1111 1111."),
        ];
        let transcript = scene.transcript(&said);
        scene.import(&transcript, 1).await.unwrap();
        let (import, turns) = scene.kept().await;
        assert_eq!((import.state, import.problem, import.done), (ImportState::Done, None, Some(at(11))));
        assert_eq!(import.transcript, transcript.sid);
        let wanted = ImportedTurn {
            ordinal: 1,
            channel: 2,
            speaker: Speaker::Caller,
            began_ms: 2_250,
            ended_ms: 4_000,
            text: "Ich möchte meine Termine verschieben.".to_owned(),
            confidence: Some(0.875),
        };
        assert_eq!(turns[1], wanted, "{:?}", turns[1]);
        assert_eq!(turns[0].speaker, Speaker::Agent);
        assert_eq!(turns[2].text, "Meine Karte ist •••• •••• •••• ••••.");
        assert_eq!(scene.found("termin verschieben").await, [(true, 1, Speaker::Caller)]);
        let call = calls::show(&scene.store, &scene.by, &scene.call).await.unwrap();
        assert!(call.turns.is_empty(), "it is not taken for what we heard ourselves");
        // Run once more, nothing is there to be done; asked for anew, what was there goes.
        scene.exchange.go_wrong([Mishap::Broken]);
        scene.fetch(1).await.unwrap();
        let other = scene.transcript(&[(1, "Etwas anderes.")]);
        assert!(scene.import(&other, 1).await.is_err(), "Twilio breaks");
        assert_eq!(scene.found("termin").await, []);
        scene.fetch(2).await.unwrap();
        assert_eq!(scene.kept().await.1.len(), 1);
        assert_eq!(scene.faults.all(), [""; 0]);
    }

    async fn a_long_transcript_comes_page_by_page(fresh: Fresh) {
        let scene = Scene::open(&fresh.store).await;
        let words: Vec<String> = (0..2 * SENTENCES_PER_PAGE + 7).map(|n| format!("Satz {n}.")).collect();
        let said: Vec<(u32, &str)> = words.iter().map(|words| (1, words.as_str())).collect();
        let mut transcript = scene.transcript(&said);
        scene.exchange.recorded_in(RECORDING, sid(1).as_str());
        transcript.source_sid = RECORDING.to_owned();
        scene.import(&transcript, 1).await.unwrap();
        let turns = scene.kept().await.1;
        assert_eq!(turns.iter().map(|turn| turn.text.as_str()).collect::<Vec<_>>(), words);
        let asked = scene.exchange.asked().into_iter().filter(|one| one.path.ends_with("/Sentences"));
        assert_eq!(asked.count(), 3);
        assert_eq!(scene.faults.all(), [""; 0]);
    }

    async fn whose_channel_is_whose_is_as_the_transcript_or_whoever_asks_says(fresh: Fresh) {
        let scene = Scene::open(&fresh.store).await;
        let mut transcript = scene.transcript(&[(1, "Hallo?"), (2, "Guten Tag.")]);
        for (participants, asked, caller_on) in [
            (vec![], None, 2),
            (vec![(1, "Customer"), (2, "Agent")], None, 1),
            (vec![(2, "agent")], None, 1),
            (vec![(1, "Patientin"), (2, "Empfang")], None, 2),
            (vec![(1, "Customer")], Some(2), 2),
        ] {
            transcript.participants =
                participants.into_iter().map(|(channel, role)| (channel, role.to_owned())).collect();
            scene.exchange.transcribe(&transcript);
            let wanted = Wanted { transcript: transcript.sid.clone(), caller_channel: asked };
            imports::ask(&scene.store, &scene.by, at(10), &scene.call, &wanted).await.unwrap();
            scene.fetch(1).await.unwrap();
            for turn in scene.kept().await.1 {
                let expected = if turn.channel == caller_on { Speaker::Caller } else { Speaker::Agent };
                assert_eq!(turn.speaker, expected, "{:?}", transcript.participants);
            }
        }
    }

    async fn what_is_not_ready_is_waited_for_and_then_given_up_with_a_reason(fresh: Fresh) {
        let scene = Scene::open(&fresh.store).await;
        let mut transcript = scene.transcript(&[(1, "Hallo?")]);
        transcript.status = "in-progress".to_owned();
        let mut waits = vec![];
        for attempts in 1..TRIES_MAX {
            match scene.import(&transcript, attempts).await {
                Err(app::Error::Later { wait, .. }) => waits.push(wait.as_secs()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 960]);
        assert_eq!(scene.kept().await.0.state, ImportState::Waiting);
        scene.import(&transcript, TRIES_MAX).await.unwrap();
        assert_eq!(scene.kept().await.0.problem.unwrap(), "the transcript is not finished");
        // Asked for again when it is, it comes.
        transcript.status = "completed".to_owned();
        scene.import(&transcript, 1).await.unwrap();
        assert_eq!(scene.kept().await.0.state, ImportState::Done);
        for never in ["failed", "canceled", "error"] {
            transcript.status = never.to_owned();
            assert_eq!(scene.problem(&transcript).await, "Twilio could not make the transcript", "{never}");
        }
    }

    async fn a_twilio_that_refuses_is_left_alone_for_as_long_as_it_says(fresh: Fresh) {
        let scene = Scene::open(&fresh.store).await;
        let transcript = scene.transcript(&[(1, "Hallo?")]);
        scene.exchange.go_wrong([Mishap::TooMany(17)]);
        let busy = scene.import(&transcript, 1).await;
        assert!(matches!(&busy, Err(app::Error::Later { wait, .. }) if wait.as_secs() == 17), "{busy:?}");
        scene.exchange.go_wrong([Mishap::Broken]);
        assert!(matches!(scene.fetch(2).await, Err(app::Error::Later { .. })));
        scene.exchange.go_wrong([Mishap::Unauthorized]);
        scene.fetch(3).await.unwrap();
        let problem = scene.kept().await.0.problem.unwrap();
        assert_eq!(problem, "Twilio does not accept the account and its auth token");
        let unknown = Transcript { sid: format!("GT{:032x}", 99), account_sid: "ACother".to_owned(), ..transcript };
        let problem = scene.problem(&unknown).await;
        assert_eq!(problem, "Twilio knows no such transcript in the account the call came from");
    }

    async fn the_token_goes_to_no_other_host_whatever_a_page_says(fresh: Fresh) {
        let scene = Scene::open(&fresh.store).await;
        let other = Account { sid: ACCOUNT.0.to_owned(), token: ACCOUNT.1.to_owned() };
        let foreign = Exchange::start(other, Faults::default()).await.unwrap();
        let words = vec!["Hallo.".to_owned(); SENTENCES_PER_PAGE as usize + 1];
        let said: Vec<(u32, &str)> = words.iter().map(|words| (1, words.as_str())).collect();
        let mut transcript = scene.transcript(&said);
        foreign.transcribe(&transcript);
        for elsewhere in [foreign.base_url(), "http://127.0.0.1:9".to_owned(), format!("{}/x", scene.exchange.base_url())] {
            transcript.pages_at = Some(elsewhere.clone());
            let problem = scene.problem(&transcript).await;
            assert_eq!(problem, "its next page is at another place than Twilio's", "{elsewhere}");
        }
        assert!(foreign.asked().is_empty(), "nobody there is told anything");
    }

    async fn numbers_that_are_none_are_refused_and_an_unreadable_confidence_is_unknown(fresh: Fresh) {
        let scene = Scene::open(&fresh.store).await;
        for (at, garbage) in [
            ("start_time", json!("soon")),
            ("start_time", json!("-1")),
            ("start_time", json!("1e99")),
            ("start_time", json!({})),
            ("end_time", json!("NaN")),
            ("end_time", json!("0.1")),
            ("media_channel", json!("left")),
            ("media_channel", json!(-1)),
            ("sentence_index", json!(1.5)),
            ("sentence_index", json!(null)),
        ] {
            let mut transcript = scene.transcript(&[(1, "Hallo?")]);
            transcript.sentences[0][at] = garbage.clone();
            assert_eq!(scene.problem(&transcript).await, "a number in it is none", "{at}: {garbage}");
        }
        for (unsure, known) in [
            (json!("2.5"), None), (json!("very"), None), (json!(null), None), (json!([]), None),
            (json!(0.5), Some(0.5)), (json!("1.0"), Some(1.0)),
        ] {
            let mut transcript = scene.transcript(&[(1, "Hallo?")]);
            transcript.sentences[0]["confidence"] = unsure.clone();
            scene.import(&transcript, 1).await.unwrap();
            assert_eq!(scene.kept().await.1[0].confidence, known, "{unsure}");
        }
        // Without times a sentence stands behind the one before it.
        let mut transcript = scene.transcript(&[(1, "Hallo?"), (2, "Ja?")]);
        (transcript.sentences[1]["start_time"], transcript.sentences[1]["end_time"]) = (Value::Null, Value::Null);
        scene.import(&transcript, 1).await.unwrap();
        let turns = scene.kept().await.1;
        assert_eq!((turns[1].began_ms, turns[1].ended_ms), (2_000, 2_000));
        let long = "x".repeat(5_000);
        assert_eq!(scene.problem(&scene.transcript(&[(1, &long)])).await, "it is too long");
    }

    async fn a_transcript_of_another_call_is_refused(fresh: Fresh) {
        let scene = Scene::open(&fresh.store).await;
        let (store, practice) = (&scene.store, &scene.practice);
        let second = practice.call(store, 2).await;
        let neighbour = Practice::open(store, "nach").await;
        neighbour.call(store, 3).await;
        scene.exchange.recorded_in(RECORDING, sid(3).as_str());
        let plain = scene.transcript(&[(1, "Hallo?")]);
        let of = |source: &str, key: Option<&str>| Transcript {
            source_sid: source.to_owned(),
            customer_key: key.map(str::to_owned),
            ..plain.clone()
        };
        let own = sid(1).to_string();
        let (theirs, erased) = (sid(3).to_string(), format!("RE{:032x}", 5));
        for other in [
            of(sid(2).as_str(), None),
            of(&theirs, None),
            of(RECORDING, None),
            of(RECORDING, Some(scene.call.as_str())),
            of(&own, Some(second.as_str())),
            of(&own, Some(&theirs)),
            // In an account that others' calls are in, too, what says nothing is not believed.
            of(&erased, None),
            of("", None),
        ] {
            let problem = scene.problem(&other).await;
            assert_eq!(problem, "the transcript is not known to be of this call", "{other:?}");
        }
        for ours in [of("", Some(&own)), of(&erased, Some(scene.call.as_str())), of(&own, Some("4711"))] {
            scene.import(&ours, 1).await.unwrap();
            assert_eq!(scene.kept().await.0.state, ImportState::Done, "{ours:?}");
        }
    }

    async fn in_an_account_of_the_tenants_own_what_names_no_other_call_is_taken(fresh: Fresh) {
        let scene = Scene::open(&fresh.store).await;
        let (store, tenant) = (&scene.store, &scene.practice.tenant.id);
        let own = format!("AC{:032x}", 7);
        scene.exchange.know(Account { sid: own.clone(), token: "theirs".to_owned() });
        let place = frontdesk::platform::secrets::Place {
            owner: Some(tenant),
            column: "twilio_accounts.auth_token",
            row: tenant.as_str(),
        };
        let config = House::new().ready_for_calls().config();
        let keys = boot::keys(&config, store, Clock::system()).await.unwrap();
        let account = TwilioAccount {
            tenant: tenant.clone(),
            account_sid: own.clone(),
            auth_token: keys.seal(place, &SecretString::from("theirs")).unwrap(),
            hint: "…".to_owned(),
            set: at(0),
        };
        let mut call = scene.practice.new_call(5);
        call.account_sid = own.clone();
        let mut tx = store.begin(tenant).await.unwrap();
        tx.twilio_account().put(&account).await.unwrap();
        tx.calls().ring(&call, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        calls::finished(store, tenant, &call.id, &Finished::without_words(Outcome::CallerLeft, at(3))).await.unwrap();
        let scene = Scene { call: call.id, ..scene };
        scene.import(&Transcript::of("", &own, &[(1, "Hallo?")]), 1).await.unwrap();
        assert_eq!(scene.kept().await.0.state, ImportState::Done);
        let other = scene.problem(&Transcript::of(sid(1).as_str(), &own, &[(1, "Hallo?")])).await;
        assert_eq!(other, "the transcript is not known to be of this call");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transcript_is_asked_for_over_the_api_and_comes_by_itself() {
    let faults = Faults::default();
    let account = Account { sid: ACCOUNT.0.to_owned(), token: ACCOUNT.1.to_owned() };
    let exchange = Exchange::start(account, faults.clone()).await.unwrap();
    let url = exchange.base_url();
    let house = House::new().ready_for_calls();
    let house = house.with("TWILIO__BASE_URL", &url).with("TWILIO__INTELLIGENCE_BASE_URL", &url);
    let office = Office::open_in(house).await;
    let owner = office.owner("praxis").await;
    let store = &office.server.store;
    let mut practice = Practice::named("praxis");
    let id = owner.tenant().parse().unwrap();
    practice.tenant = store.read(&id).await.unwrap().tenant().get().await.unwrap().unwrap();
    practice.keep(store).await;
    let call = practice.call(store, 1).await;
    let path = format!("/api/calls/{call}");
    assert!(owner.get(&path).await.well()["imported_transcript"].is_null());
    let ask = async |body: Value| owner.post(&format!("{path}/transcript-import"), body).await;
    let transcript = Transcript::of(sid(1).as_str(), ACCOUNT.0, &[(2, "Ich rufe wegen der Impfung an.")]);
    exchange.transcribe(&transcript);
    let wanted = json!({ "transcript": transcript.sid });
    assert_eq!(ask(wanted.clone()).await.status, 409, "it is in the air");
    let over = Finished::without_words(Outcome::CallerLeft, at(3));
    calls::finished(store, &id, &call, &over).await.unwrap();
    for (wrong, pointer) in [
        (json!({ "transcript": "GT12" }), "/transcript"),
        (json!({ "transcript": format!("RE{:032x}", 1) }), "/transcript"),
        (json!({ "transcript": transcript.sid, "caller_channel": 3 }), "/caller_channel"),
    ] {
        let refused = ask(wrong.clone()).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{wrong}");
    }
    let viewer = office.member(&owner, "someone", "viewer").await;
    let request = viewer.request(Method::POST, &format!("{path}/transcript-import")).json(&wanted);
    assert_eq!(sent(request).await.status, 403);
    let asked = ask(wanted).await;
    assert_eq!((asked.status, &asked.body["state"]), (202, &json!("waiting")));
    let looked = async {
        loop {
            let shown = owner.get(&path).await.well()["imported_transcript"].clone();
            if shown["state"] != "waiting" {
                return shown;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let shown = tokio::time::timeout(std::time::Duration::from_secs(60), looked).await.unwrap();
    assert_eq!(shown["state"], "done", "{shown}");
    let turn = &shown["turns"][0];
    assert_eq!((&turn["speaker"], &turn["began_ms"]), (&json!("caller"), &json!(250)));
    let hits = owner.get("/api/search/calls?q=impfungen").await.well();
    assert_eq!(
        (&hits["items"][0]["call"], &hits["items"][0]["imported"]),
        (&json!(call.as_str()), &json!(true))
    );
    let told = owner.get(&format!("/api/audit?subject={call}")).await.well();
    assert_eq!(told["items"][0]["action"], "call.transcript_wanted");
    assert_eq!(faults.all(), [""; 0]);
    office.server.stop().await;
}
