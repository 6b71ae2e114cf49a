//! How quickly the console's pages come for a tenant with 100,000 calls, on both databases.
//!
//! `cargo bench --bench console_pages` makes one tenant with a year of calls behind it, signs its owner in, asks for each page one
//! after the other, and prints how long the answers took and how large they are without compression. Without PostgreSQL's server
//! programs only the embedded database is measured, and it says so.

use std::{collections::BTreeMap, fmt::Write as _, net::SocketAddr, time::Duration};

use frontdesk::{
    app::analytics,
    boot::{self, Running, config::Config},
    domain::{
        assistant::{Assistant, AssistantStatus, Language, TurnPolicy},
        contact::Contact,
        conversation::{CallState, Direction, Outcome, Speaker, Turn},
        id::{MessageId, TenantId},
        money::MicroUsd,
        org::Number,
        time::{CallTime, Timestamp},
        tool::ToolName,
    },
    platform::clock::Clock,
    sim::postgres::{Postgres, USER, as_owner},
    store::{Ended, Message, NewCall, Store},
};
use reqwest::{Client, Method, header, redirect};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};

const CALLS: usize = 100_000;
const CONTACTS: usize = 5_000;
const MESSAGES: usize = 500;
const APPOINTMENTS: usize = 300;
const TURNS: u32 = 4;
/// How often each page is asked for.
const ROUNDS: usize = 20;
/// From the first of these calls to the last, in minutes: a year.
const SPAN_MINUTES: i64 = 365 * 24 * 60;
const EMAIL: &str = "owner@bench.example";
const PASSWORD: &str = "seven quiet herons at dusk";
const KEY: &str = "jKtZwZaAm5mvPNrMreS5tiOkbBX5mn+AK1PavG6IfRY=";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("threads").block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let embedded = format!("sqlite://{}", folder.path().join("frontdesk.db").display());
        say(&measured(&embedded, folder.path()).await);
        match Postgres::start() {
            Ok(postgres) => {
                postgres.run(format!("CREATE ROLE {USER} LOGIN")).await.expect("a role");
                postgres.run("CREATE DATABASE bench".to_owned()).await.expect("a database");
                let folder = tempfile::tempdir().expect("a folder");
                say(&measured(&postgres.url("bench"), folder.path()).await);
            }
            Err(error) => say(&error.to_string()),
        }
    });
}

fn say(text: &str) {
    #[expect(clippy::print_stdout, reason = "printing is what this program is for")]
    {
        println!("{text}");
    }
}

async fn measured(database: &str, folder: &std::path::Path) -> String {
    let mut settings = vec![
        ("FRONTDESK__HTTP__BIND", "127.0.0.1:0".to_owned()),
        ("FRONTDESK__DATABASE__URL", database.to_owned()),
        ("FRONTDESK__BLOBS__FOLDER", folder.join("blobs").display().to_string()),
        ("FRONTDESK__SECRETS__KEY", KEY.to_owned()),
        ("FRONTDESK__RATE_LIMITS__REQUESTS", "1000000".to_owned()),
        ("FRONTDESK__LOG__LEVEL", "error".to_owned()),
    ];
    if database.starts_with("postgres") {
        settings.push(("FRONTDESK__DATABASE__OWNER_URL", as_owner(database)));
    }
    let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value));
    let config = Config::read(None, settings).expect("a configuration");
    let store = Store::open(&config.database).await.expect("the database");
    store.migrate().await.expect("tables");
    store.close().await;
    let server = boot::start(config.clone(), Clock::system()).await.expect("a server");
    let desk = Desk::open(&server).await;
    let call = desk.fill(&server.store).await;
    if database.starts_with("postgres") {
        // What autovacuum does within minutes: without figures about the tables the planner guesses.
        let mut owner = PgConnection::connect(&as_owner(database)).await.expect("the tables' owner");
        owner.execute("ANALYZE").await.expect("figures about the tables");
    }
    let prices = config.twilio.prices();
    while analytics::count_due(&server.store, &prices).await.expect("figures") > 0 {}
    let report = desk.look(server.store.kind(), &call).await;
    server.stop().await;
    report
}

/// The tenant's owner.
struct Desk {
    client: Client,
    addr: SocketAddr,
    token: String,
    tenant: TenantId,
    cookie: String,
}

impl Desk {
    async fn open(server: &Running) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
        let addr = server.addr;
        let wanted = json!({ "tenant": "Bench", "email": EMAIL, "password": PASSWORD });
        let grant = client.post(format!("http://{addr}/auth/register")).json(&wanted).send().await;
        let grant: Value = grant.expect("an answer").json().await.expect("a grant");
        let typed = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("email", EMAIL), ("password", PASSWORD), ("next", "")])
            .finish();
        let signed_in = client
            .post(format!("http://{addr}/console/entry/login"))
            .header(header::ORIGIN, format!("http://{addr}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(typed)
            .send()
            .await
            .expect("an answer");
        let cookies = signed_in.headers().get_all(header::SET_COOKIE).iter();
        let cookies = cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next().map(str::to_owned));
        Self {
            addr,
            token: grant["access_token"].as_str().expect("a token").to_owned(),
            tenant: grant["tenant"]["id"].as_str().expect("a tenant").parse().expect("an id"),
            cookie: cookies.collect::<Vec<_>>().join("; "),
            client,
        }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.client.request(Method::POST, format!("http://{}{path}", self.addr));
        let answer = request.bearer_auth(&self.token).json(&body).send().await.expect("an answer");
        let (status, body): (_, Value) = (answer.status(), answer.json().await.expect("JSON"));
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }

    /// A year of calls up to now, with people, messages and what is booked for the weeks to come. Names one of the calls.
    async fn fill(&self, store: &Store) -> String {
        let now = Clock::system().now();
        let hours = json!([["00:00", "24:00"]]);
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let week: BTreeMap<&str, Value> = days.into_iter().map(|day| (day, hours.clone())).collect();
        let anna = self.post("/api/resources", json!({ "name": "Anna", "schedule": { "week": week } })).await;
        let service = json!({
            "key": "checkup", "names": { "de": "Kontrolle" }, "duration": 30, "resources": [anna["id"]]
        });
        let service = self.post("/api/services", service).await;
        let mut tx = store.begin(&self.tenant).await.expect("a transaction");
        let assistant = assistant();
        tx.assistants().put(&assistant, now, "system:bench").await.expect("an assistant");
        let number = Number {
            id: "num_bench".parse().expect("an id"),
            number: "+493055500001".parse().expect("a number"),
            assistant: Some(assistant.id.clone()),
            language: Language::German,
        };
        tx.numbers().put(&number).await.expect("a number");
        for c in 0..CONTACTS {
            let contact = Contact {
                id: format!("con_{c:06}").parse().expect("an id"),
                name: format!("Caller {c}"),
                number: format!("+49170{c:07}").parse().ok(),
                born: None,
                note: String::new(),
                email: None,
            };
            tx.contacts().put(&contact, now).await.expect("a contact");
        }
        tx.commit().await.expect("kept");
        for block in 0..CALLS / 1_000 {
            let mut tx = store.begin(&self.tenant).await.expect("a transaction");
            for c in block * 1_000..(block + 1) * 1_000 {
                ring(&mut tx, &number, &assistant, c, now).await;
            }
            tx.commit().await.expect("kept");
        }
        let mut tx = store.begin(&self.tenant).await.expect("a transaction");
        for m in 0..MESSAGES {
            let message = Message {
                id: format!("msg_{m:06}").parse::<MessageId>().expect("an id"),
                call: Some(call_id(m).parse().expect("an id")),
                name: format!("Caller {m}"),
                number: format!("+49170{m:07}").parse().ok(),
                text: "Bitte um Rückruf.".to_owned(),
                left: now.plus_minutes(-i64::try_from(m).expect("few")),
                handled: None,
                spoken: None,
                work: Default::default(),
            };
            tx.messages().add(&message).await.expect("a message");
        }
        tx.commit().await.expect("kept");
        for a in 0..APPOINTMENTS {
            let start =
                now.to_jiff().as_second() / 1_800 * 1_800 + 1_800 * (i64::try_from(a).expect("few") + 4);
            let start = jiff::Timestamp::from_second(start).expect("a time");
            let contact = format!("con_{a:06}");
            let wanted = json!({ "service": service["id"], "contact": contact, "start": start.to_string() });
            self.post("/api/appointments", wanted).await;
        }
        call_id(CALLS - 1)
    }

    async fn look(&self, kind: &str, call: &str) -> String {
        let mut report = format!(
            "{kind}, {CALLS} calls, each page {ROUNDS} times\n\n\
             | page | p50 ms | p95 ms | max ms | KB |\n|---|---|---|---|---|\n"
        );
        let clock = Clock::system();
        for path in [
            "/console/today",
            "/console/calls",
            "/console/calls?q=Termin",
            &format!("/console/calls/{call}"),
            "/console/messages",
            "/console/appointments",
            "/console/appointments/new",
            "/console/availability",
            "/console/contacts",
            "/console/contacts/con_000001",
            "/console/figures",
            "/console/assistants",
            "/console/numbers",
            "/console/outgoing",
            "/console/settings/audit",
            "/console/settings",
            "/console/search?q=Caller+42",
        ] {
            let (mut took, mut length) = (vec![], 0);
            for _ in 0..ROUNDS {
                let watch = clock.stopwatch();
                let request = self.client.get(format!("http://{}{path}", self.addr));
                let answer = request.header(header::COOKIE, &self.cookie).send().await.expect("an answer");
                let (status, text) = (answer.status(), answer.text().await.expect("a page"));
                took.push(watch.elapsed());
                assert!(status.is_success(), "{path}: {status}");
                length = text.len();
            }
            took.sort();
            let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
            _ = writeln!(
                report,
                "| {path} | {:.1} | {:.1} | {:.1} | {} |",
                ms(took[ROUNDS / 2]),
                ms(took[ROUNDS * 95 / 100]),
                ms(took[ROUNDS - 1]),
                length.div_ceil(1_000)
            );
        }
        report
    }
}

fn call_id(c: usize) -> String {
    format!("call_{c:08}")
}

async fn ring(
    tx: &mut frontdesk::store::TenantTx,
    number: &Number,
    assistant: &Assistant,
    c: usize,
    now: Timestamp,
) {
    let ago =
        SPAN_MINUTES - SPAN_MINUTES * i64::try_from(c).expect("few") / i64::try_from(CALLS).expect("few");
    let rang = now.plus_minutes(-ago - 5);
    let call = NewCall {
        id: call_id(c).parse().expect("an id"),
        sid: format!("CA{c:032x}").parse().expect("a SID"),
        account_sid: format!("AC{:032x}", 1),
        number: number.id.clone(),
        assistant: assistant.id.clone(),
        from: format!("+49170{:07}", c % CONTACTS).parse().ok(),
        to: number.number.clone(),
        attested: false,
        direction: Direction::Inbound,
    };
    tx.calls().ring(&call, rang).await.expect("a call");
    tx.calls().advance(&call.id, CallState::Completed, rang.plus_minutes(2)).await.expect("a state");
    let ended = Ended {
        outcome: Outcome::CallerLeft,
        at: rang.plus_minutes(2),
        cost: MicroUsd(40_000),
        recording: None,
        consent: None,
        stream: Some(0),
    };
    tx.calls().finish(&call.id, &ended).await.expect("an end");
    let turns: Vec<Turn> = (0..TURNS).map(turn).collect();
    tx.calls().add_turns(&call.id, &turns).await.expect("turns");
}

fn assistant() -> Assistant {
    Assistant {
        id: "ast_bench".parse().expect("an id"),
        name: "Reception".to_owned(),
        description: String::new(),
        status: AssistantStatus::Live,
        language: Language::German,
        fallback: None,
        voice: "marin".to_owned(),
        model: None,
        instructions: "Be kind.".to_owned(),
        opening: [(Language::German, "Guten Tag!".to_owned())].into(),
        policy: TurnPolicy::default(),
        recording: false,
        transcripts: true,
        tools: ToolName::ALL.to_vec(),
        services: vec![],
        transfers: vec![],
        keypad: Default::default(),
    }
}

fn turn(ordinal: u32) -> Turn {
    let began = u64::from(ordinal) * 4_000;
    Turn {
        ordinal,
        speaker: if ordinal.is_multiple_of(2) { Speaker::Agent } else { Speaker::Caller },
        began: CallTime(began),
        ended: CallTime(began + 3_000),
        text: "Guten Tag, ich hätte gern einen Termin am nächsten Dienstag.".to_owned(),
        heard_text: "Guten Tag, ich hätte gern einen Termin am nächsten Dienstag.".to_owned(),
        generated_ms: 3_000,
        heard_ms: 3_000,
        interrupted: false,
        first_audio_ms: Some(420),
        confidence: None,
    }
}
