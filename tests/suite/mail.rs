//! Mails: from the change that writes one to the mail server that takes it, over a real socket.

use std::time::Duration;

use frontdesk::{
    boot::{
        config::Config,
        doctor::{self, Verdict},
    },
    mail::{Error, Mailer, Settings},
    platform::{clock::Clock, tasks::Tasks},
    sim::smtp::{MailServer, Mood},
};
use serde_json::{Value, json};

use crate::support::{house::House, office::Office};

/// How much faster than the world's the clock of a test runs that waits for a second attempt.
const HURRY: u32 = 240;
/// Longest wait for something that must happen.
const WAIT_MAX: Duration = Duration::from_secs(30);

async fn mail_server() -> (MailServer, Tasks) {
    let tasks = Tasks::new();
    (MailServer::start(&tasks).await.unwrap(), tasks)
}

fn house_with(server: &MailServer) -> House {
    House::new()
        .with("RATE_LIMITS__AUTHENTICATION", "100000")
        .with("MAIL__HOST", "127.0.0.1")
        .with("MAIL__PORT", &server.addr.port().to_string())
        .with("MAIL__TLS", "none")
        .with("MAIL__FROM", "Am Empfang <desk@example.com>")
        .with("HTTP__CONSOLE_URL", "https://desk.example.com/console/")
}

/// What the outbox says of its one mail, once `done` is true of it.
async fn outbox(office: &Office, done: impl Fn(&Value) -> bool) -> Value {
    let operator = office.operator("root").await;
    let watch = Clock::system().stopwatch();
    loop {
        let page = operator.get("/api/outbox").await.well();
        let mail = page["items"][0].clone();
        if done(&mail) {
            return mail;
        }
        assert!(watch.elapsed() < WAIT_MAX, "{mail}");
    }
}

#[tokio::test]
async fn an_invitation_reaches_the_mail_server_with_its_link() {
    let (server, tasks) = mail_server().await;
    let office = Office::open_as_it_is(house_with(&server), Clock::system()).await;
    let owner = office.owner("sommer").await;
    owner
        .post("/api/invitations", json!({ "email": "ben@example.com", "role": "member", "language": "de" }))
        .await
        .well();
    let taken = Clock::system().within(WAIT_MAX, server.has_taken(1)).await.unwrap();
    let mail = &taken[0];
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("desk@example.com", &["ben@example.com".to_owned()][..])
    );
    for line in [
        "From: \"Am Empfang\" <desk@example.com>",
        "Subject: Einladung zu sommer",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(mail.data.lines().any(|told| told == line), "{line}: {}", mail.data);
    }
    let body = mail.data.replace("=\n", "").replace("=3D", "=");
    let link = body
        .lines()
        .find(|line| line.starts_with("https://desk.example.com/console/invitation#token="))
        .unwrap();
    let token = link.split_once("token=").unwrap().1;
    let offer = office.stranger().post("/auth/invitation", json!({ "token": token })).await.well();
    assert_eq!(offer["email"], "ben@example.com");
    let mail = outbox(&office, |mail| mail["state"] == "sent").await;
    assert_eq!((&mail["link"], &mail["attempts"]), (&Value::Null, &json!(1)), "what was sent is not kept");
    office.server.stop().await;
    tasks.stop();
}

#[tokio::test]
async fn a_mail_server_that_is_busy_is_asked_again() {
    let (server, tasks) = mail_server().await;
    server.is(Mood::Busy);
    // Requests take their time, however the clock hurries.
    let house = house_with(&server).with("HTTP__REQUEST_MS_MAX", "10000000");
    let office = Office::open_as_it_is(house, Clock::hurried(HURRY)).await;
    office.owner("sommer").await;
    office.stranger().post("/auth/forgot", json!({ "email": "owner@sommer.example" })).await.well();
    Clock::system().within(WAIT_MAX, server.has_refused(2)).await.unwrap();
    server.is(Mood::Willing);
    let taken = Clock::system().within(WAIT_MAX, server.has_taken(1)).await.unwrap();
    assert_eq!(taken[0].to, ["owner@sommer.example"]);
    office.server.stop().await;
    tasks.stop();
}

#[tokio::test]
async fn a_mail_nobody_will_take_is_given_up_and_keeps_its_link() {
    let (server, tasks) = mail_server().await;
    server.is(Mood::Unwilling);
    let office = Office::open_as_it_is(house_with(&server), Clock::system()).await;
    office.owner("sommer").await;
    office.stranger().post("/auth/forgot", json!({ "email": "owner@sommer.example" })).await.well();
    let mail = outbox(&office, |mail| mail["state"] == "given_up").await;
    assert_eq!(
        (&mail["problem"], &mail["attempts"]),
        (&json!("the mail server does not take it"), &json!(1))
    );
    assert!(mail["link"].as_str().unwrap().starts_with("https://desk.example.com/console/reset#token="));
    office.server.stop().await;
    tasks.stop();
}

#[tokio::test]
async fn without_a_mail_server_mails_wait_where_the_operator_finds_them() {
    let office = Office::open().await;
    office.owner("sommer").await;
    office.stranger().post("/auth/forgot", json!({ "email": "owner@sommer.example" })).await.well();
    let mail = outbox(&office, |mail| mail["state"] == "waiting").await;
    assert!(mail["link"].as_str().unwrap().contains("/console/reset#token="), "{mail}");
    let config: Config = office.house.config();
    let findings = doctor::examine(&config, Clock::system().now()).await;
    let about = |subject: &str| findings.iter().find(|finding| finding.subject == subject).unwrap();
    assert!(about("mail").words.contains("mail.host") && about("mail").verdict == Verdict::Advice);
    assert!(about("outbox").words.starts_with("Mails that wait: 1;"), "{}", about("outbox").words);
    office.server.stop().await;
}

#[tokio::test]
async fn doctor_says_whether_the_mail_server_lets_us_in() {
    let tasks = Tasks::new();
    let server = MailServer::start_asking(&tasks, Some(("desk", "s3cret"))).await.unwrap();
    for (password, verdict) in [("s3cret", Verdict::Well), ("wrong", Verdict::Problem)] {
        let house = house_with(&server).with("MAIL__USER", "desk").with("MAIL__PASSWORD", password);
        let findings = doctor::examine(&house.config(), Clock::system().now()).await;
        let mail = findings.iter().find(|finding| finding.subject == "mail").unwrap();
        assert_eq!(mail.verdict, verdict, "{}", mail.words);
        assert!(!mail.words.contains(password));
    }
    tasks.stop();
    tasks.ended().await;
    let findings = doctor::examine(&house_with(&server).config(), Clock::system().now()).await;
    let mail = findings.iter().find(|finding| finding.subject == "mail").unwrap();
    assert_eq!(mail.verdict, Verdict::Advice, "{}", mail.words);
}

#[tokio::test]
async fn a_mail_that_must_be_encrypted_is_not_sent_in_the_clear() {
    let (server, tasks) = mail_server().await;
    frontdesk::boot::install_tls();
    for tls in ["starttls", "tls"] {
        let house = house_with(&server).with("MAIL__TLS", tls);
        let settings: Settings = house.config().mail;
        let mailer = Mailer::new(&settings).unwrap().unwrap();
        let now = Clock::system().now();
        let sent = mailer.send(&"mail_1".parse().unwrap(), &"a@b.de".parse().unwrap(), "s", "b", now).await;
        assert!(matches!(sent, Err(Error::Away(_) | Error::Refused(_))), "{sent:?}");
    }
    assert!(server.taken().is_empty());
    tasks.stop();
}

#[test]
fn a_sender_that_is_no_address_is_told_at_the_start() {
    let settings =
        House::new().with("MAIL__HOST", "mail.example.com").with("MAIL__FROM", "nobody").config().mail;
    assert!(matches!(Mailer::new(&settings), Err(Error::From(_))));
    assert!(Mailer::new(&House::new().config().mail).unwrap().is_none());
}
