//! Assistants in the console: drafts that only test calls hear, what they change, and the way back.

use frontdesk::{
    audio::wav,
    domain::assistant::Language,
    platform::clock::Clock,
    sim::{
        scenario,
        stage::{Stage, Wanted},
    },
    speech::VOICES,
};
use serde_json::json;

use crate::support::{browsing::Browsing, house::House, neighbours::Neighbour, office::Office};

const FORM: &str = "main form[data-keep]";

async fn open(language: &'static str) -> (Office, Neighbour, Browsing, String) {
    let office = Office::open_in(House::new().ready_for_calls()).await;
    let own = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let ada = Browsing::signed_in(&office, "owner@alpha.example", language).await;
    let path = format!("/console/assistants/{}", own.ids["assistant"]);
    (office, own, ada, path)
}

#[tokio::test]
async fn a_change_is_a_draft_until_its_difference_was_seen_and_it_is_made_live() {
    let (office, own, mut ada, path) = open("de").await;
    let page = ada.get("/console/assistants").await;
    assert_eq!(page.heading(), "Assistenzen");
    let page = ada.get(&path).await;
    let words = "Sei freundlich. <script>alert(1)</script>";
    let changes =
        [("instructions", words), ("policy-end-of-turn-ms", "700"), ("policy-silence-first-ms", "9")];
    let page = ada.submit(&page, FORM, &changes).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.told().starts_with("Der Entwurf ist gespeichert."), "{}", page.told());
    let api = format!("/api/assistants/{}", own.ids["assistant"]);
    assert_ne!(own.owner.get(&api).await.body["instructions"], words, "callers hear nothing of it");

    let page = ada.get(&format!("{path}/difference")).await;
    let parts = page.all(".changes dt");
    let wanted = [
        "Anweisungen",
        "Pause, nach der sie antwortet (Millisekunden)",
        "Stille, bis sie fragt, ob jemand da ist (Sekunden)",
    ];
    assert!(parts.ends_with(&wanted.map(str::to_owned)), "{parts:?}");
    assert!(
        page.one(".changes").contains("700 ms") && page.one(".changes").contains("9 Sek."),
        "{}",
        page.one(".changes")
    );
    assert!(page.one(".changes ins").contains("<script>"), "what somebody typed is text");
    let page = ada.submit(&page, "form[action$='/live']", &[]).await;
    assert!(page.told().contains("Fassung 2"), "{}", page.told());
    let live = own.owner.get(&api).await.body;
    assert_eq!((&live["instructions"], &live["policy"]["end_of_turn_ms"]), (&json!(words), &json!(700)));
    assert!(!page.has("#draft"), "there is no draft any more");

    let page = ada.get(&format!("{path}/versions")).await;
    assert_eq!(page.all("main h2"), ["Fassung 2", "Fassung 1"]);
    let page = ada.submit(&page, "form[action$='/versions/1']", &[]).await;
    assert_eq!(page.told(), "Fassung 1 gilt wieder, als Fassung 3.");
    assert_ne!(own.owner.get(&api).await.body["instructions"], words);
    office.server.stop().await;
}

#[tokio::test]
async fn what_does_not_fit_is_said_at_its_field_and_nothing_is_lost() {
    let (office, _own, mut ada, path) = open("de").await;
    let page = ada.get(&path).await;
    let wrong = [("name", ""), ("description", "Für die Patienten"), ("policy-silence-second-ms", "3")];
    let page = ada.submit(&page, FORM, &wrong).await;
    assert_eq!(page.status, 422, "{}", page.text);
    assert_eq!(page.wrongs().len(), 2, "{:?}", page.wrongs());
    assert!(
        page.wrongs().iter().any(|words| words.starts_with("Die drei Stillen müssen wachsen")),
        "{:?}",
        page.wrongs()
    );
    assert_eq!(page.attribute("#description", "value").as_deref(), Some("Für die Patienten"));
    assert!(page.one("title").starts_with("Fehler: "));
    office.server.stop().await;
}

#[tokio::test]
async fn of_two_who_edit_the_second_sees_both_and_chooses() {
    let (office, _own, mut ada, path) = open("en").await;
    let mut ben = ada.clone();
    let (first, second) = (ada.get(&path).await, ben.get(&path).await);
    ada.submit(&first, FORM, &[("description", "Ada's")]).await;
    let page = ben.submit(&second, FORM, &[("description", "Ben's")]).await;
    assert_eq!(page.status, 409, "{}", page.text);
    assert_eq!(page.attribute("#description", "value").as_deref(), Some("Ben's"));
    assert!(page.one(".theirs").contains("Ada's"), "{}", page.one(".theirs"));
    let page = ben.submit(&page, FORM, &[]).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(page.attribute("#description", "value").as_deref(), Some("Ben's"));
    let page = ben.submit(&page, "form[action$='/discard']", &[]).await;
    assert!(page.told().contains("discarded") && !page.has("#draft"), "{}", page.told());
    office.server.stop().await;
}

#[tokio::test]
async fn an_assistant_is_made_and_the_microphone_is_for_its_page_alone() {
    let (office, _own, mut ada, path) = open("en").await;
    let page = ada.get("/console/assistants").await;
    let refused = ada.submit(&page, FORM, &[("name", "Evening"), ("opening", "")]).await;
    assert_eq!((refused.status, refused.wrongs().len()), (422, 1), "{:?}", refused.wrongs());
    let made = ada.submit(&refused, FORM, &[("opening", "Good evening, you reach the practice.")]).await;
    assert_eq!(made.heading(), "Evening");
    let allowed = |page: &crate::support::browsing::Shown| {
        page.headers["permissions-policy"].to_str().unwrap().contains("microphone=(self)")
    };
    assert!(allowed(&made) && allowed(&ada.get(&path).await));
    for other in
        ["/console/assistants", "/console/calls", &format!("{path}/versions"), "/console/entry/login"]
    {
        assert!(!allowed(&ada.get(other).await), "{other}");
    }
    let strange = ada.get("/console/assistants/ast_0123456789abcdef0123456789abcdef").await;
    assert_eq!(strange.status, 404);
    office.server.stop().await;
}

#[tokio::test]
async fn who_may_not_set_assistants_up_reads_and_changes_nothing() {
    let (office, own, _ada, path) = open("en").await;
    office.member(&own.owner, "vera", "viewer").await;
    let mut vera = Browsing::signed_in(&office, "vera@viewer.example", "en").await;
    let page = vera.get(&path).await;
    assert_eq!(page.status, 200);
    assert!(
        !page.has("#try") && !page.has("form[data-keep] button"),
        "she is offered nothing she may not do"
    );
    let refused = vera.post(&path, &[("name", "Hers")]).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert_eq!(vera.post(&format!("{path}/test"), &[]).await.status, 403);
    office.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voice_is_heard_with_the_opening_words_of_the_draft_before_it_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = Wanted { clips: false, keep_log: true, ..Wanted::plain(Clock::system(), folder.path()) };
    let stage = Stage::set(scenario::named("silent", Language::German).unwrap(), wanted).await.unwrap();
    let (email, password) = stage.owner().await.unwrap();
    let mut ada = Browsing::at(stage.server.addr, "de");
    let page = ada.get("/console/entry/login?next=/console/assistants").await;
    let page = ada.submit(&page, "main form", &[("email", email), ("password", &password)]).await;
    let assistant = page.attribute("main table a", "href").unwrap();
    let page = ada.get(&assistant).await;
    assert_eq!(page.all("ul.voices audio").len(), VOICES.len());
    let sample = page.attribute("audio[aria-label=cedar]", "src").unwrap();
    let (head, file) = ada.bytes(&sample).await;
    assert_eq!(head["content-type"], "audio/wav");
    let mut sound = wav::Reader::new(file.as_slice()).unwrap();
    assert!(sound.len() > 8_000, "more than a second of it");
    let mut samples = vec![[0; 2]; 8_000];
    sound.read(&mut samples).unwrap();
    assert!(
        samples.iter().any(|[left, right]| left == right && left.unsigned_abs() > 1_000),
        "it can be heard"
    );
    let asked = stage.openai.received().iter().map(ToString::to_string).collect::<String>();
    assert!(asked.contains("\"voice\":\"cedar\"") && asked.contains("Praxis Doktor Sommer"), "{asked}");
    assert_eq!(ada.get(&sample.replace("cedar", "nobody")).await.status, 404);
    stage.strike().await;
}
