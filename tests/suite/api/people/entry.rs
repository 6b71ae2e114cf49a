//! Registering, logging in, refreshing, leaving, forgetting.

use frontdesk::platform::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    house::House,
    log::{self, Log},
    office::{Office, PASSWORD, sent},
    postgres,
};

const NEXT_PASSWORD: &str = "eight loud starlings at noon";

#[tokio::test]
async fn whoever_registers_owns_a_tenant_and_is_in() {
    let office = Office::open().await;
    let wanted = json!({ "tenant": "Praxis Dr. Müller", "email": "Ada@Example.com", "password": PASSWORD });
    let answer = office.stranger().post("/auth/register", wanted).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.body["token_type"], "bearer");
    assert_eq!(answer.body["expires_in"], 900);
    assert_eq!(answer.body["user"]["email"], "ada@example.com");
    assert_eq!(answer.body["tenant"]["slug"], "praxis-dr-mueller");
    assert_eq!(answer.body["tenant"]["role"], "owner");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let ada = office.granted(answer.body);
    let me = ada.get("/users/me").await.well();
    assert_eq!(me["tenant"]["name"], "Praxis Dr. Müller");
    assert_eq!(me["memberships"].as_array().unwrap().len(), 1);
    assert_eq!(ada.get("/api/services").await.well()["items"], json!([]));
    assert_eq!(me["name"], "", "she has not said");
    let me = ada.patch("/users/me", json!({ "name": "Ada Müller" })).await.well();
    assert_eq!((&me["name"], &me["language"]), (&json!("Ada Müller"), &json!("en")));
    let members = ada.get("/api/members").await.well();
    assert_eq!(members["items"][0]["name"], "Ada Müller", "those she works with know her by it");
    let refused = ada.patch("/users/me", json!({ "name": "x".repeat(101) })).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/name"]));
    let again = office.login("ADA@example.com").await;
    assert_eq!(again.tenant(), ada.tenant());
    office.server.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_told_with_a_pointer_and_leaves_nothing_behind() {
    let office = Office::open().await;
    let right = json!({ "tenant": "Praxis", "email": "ada@example.com", "password": PASSWORD });
    let wrong: [(&str, Value, &str); 10] = [
        ("tenant", json!(""), "/tenant"),
        ("tenant", json!("x".repeat(101)), "/tenant"),
        ("email", json!("ada"), "/email"),
        ("name", json!("x".repeat(101)), "/name"),
        ("name", json!("Ada\nBcc: eve@example.com"), "/name"),
        ("password", json!("too short"), "/password"),
        ("password", json!("passwordpassword"), "/password"),
        ("language", json!("fr"), "/language"),
        ("zone", json!("Mars/Olympus"), "/zone"),
        ("role", json!("operator"), "/role"),
    ];
    for (name, value, pointer) in wrong {
        let mut wanted = right.clone();
        wanted[name] = value;
        let answer = office.stranger().post("/auth/register", wanted).await;
        assert_eq!((answer.status, answer.problem()), (422, "invalid"), "{name}: {}", answer.body);
        assert_eq!(answer.pointers(), [pointer], "{}", answer.body);
        assert!(!answer.body.to_string().contains("passwordpassword"), "a password never comes back");
    }
    let missing = office.stranger().post("/auth/register", json!({ "tenant": "Praxis" })).await;
    assert_eq!((missing.status, missing.pointers()), (422, vec!["/email"]));
    assert!(office.server.store.across_tenants().tenants().await.unwrap().is_empty());
    office.stranger().post("/auth/register", right.clone()).await.well();
    let mut taken = right;
    taken["password"] = json!(NEXT_PASSWORD);
    let answer = office.stranger().post("/auth/register", taken).await;
    assert_eq!((answer.status, answer.problem()), (409, "conflict"), "{}", answer.body);
    assert_eq!(office.server.store.across_tenants().tenants().await.unwrap().len(), 1);
    office.server.stop().await;
}

#[tokio::test]
async fn nobody_registers_where_registration_is_closed() {
    let office = Office::open_in(House::new().with("PEOPLE__REGISTRATION", "false")).await;
    let wanted = json!({ "tenant": "Praxis", "email": "ada@example.com", "password": PASSWORD });
    let answer = office.stranger().post("/auth/register", wanted).await;
    assert_eq!((answer.status, answer.problem()), (403, "forbidden"));
    office.server.stop().await;
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_get_the_same_answer() {
    let office = Office::open().await;
    office.owner("sommer").await;
    let mut told = vec![];
    for email in ["owner@sommer.example", "nobody@sommer.example"] {
        let wanted = json!({ "email": email, "password": "not the password" });
        let answer = office.stranger().post("/auth/login", wanted).await;
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"frontdesk\""));
        told.push((answer.status, answer.body));
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0].0, 401);
    let mut told = vec![];
    for email in ["owner@sommer.example", "nobody@sommer.example"] {
        let answer = office.stranger().post("/auth/forgot", json!({ "email": email })).await;
        told.push((answer.status, answer.body));
    }
    assert_eq!(told, [(202, Value::Null), (202, Value::Null)]);
    office.server.stop().await;
}

#[tokio::test]
async fn without_a_token_of_ours_nothing_opens() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let token = owner.token.clone().unwrap();
    let (words, signature) = token.rsplit_once('.').unwrap();
    let mut altered = signature.to_owned();
    altered.replace_range(5..6, if &signature[5..6] == "A" { "B" } else { "A" });
    let none = base64_simd::URL_SAFE_NO_PAD.encode_to_string(r#"{"alg":"none","typ":"JWT"}"#);
    let claims = words.rsplit_once('.').unwrap().1;
    for forged in [
        String::new(),
        "x".to_owned(),
        "fd_".to_owned() + &"0".repeat(64),
        format!("{words}.{altered}"),
        format!("{words}."),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        "a".repeat(5_000),
    ] {
        for path in ["/users/me", "/api/members", "/api/services"] {
            let answer = office.bearer(&forged).get(path).await;
            assert_eq!((answer.status, answer.problem()), (401, "unauthenticated"), "{path} {forged:.20}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"frontdesk\""));
        }
    }
    let stranger = office.stranger();
    for scheme in ["Basic b3duZXI6cGFzc3dvcmQ=".to_owned(), token.clone(), format!("Token {token}")] {
        let answer = sent(stranger.request(Method::GET, "/users/me").header("authorization", scheme)).await;
        assert_eq!(answer.status, 401);
    }
    let twice =
        stranger.request(Method::GET, "/users/me").bearer_auth(&token).header("authorization", "Bearer x");
    assert_eq!(sent(twice).await.status, 401, "two tokens are none");
    let in_url = stranger.get(&format!("/users/me?access_token={token}")).await;
    assert_eq!(in_url.status, 401, "a token in a URL is none");
    assert_eq!(owner.get("/users/me").await.status, 200);
    office.server.stop().await;
}

#[tokio::test]
async fn a_pair_of_tokens_is_renewed_and_ends_with_the_session() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let next =
        office.stranger().post("/auth/refresh", json!({ "refresh_token": owner.refresh_token() })).await;
    let next = office.granted(next.well());
    assert_eq!(next.tenant(), owner.tenant());
    assert_eq!(next.get("/users/me").await.status, 200);
    assert_eq!(next.post("/auth/logout", Value::Null).await.status, 204);
    for over in [&owner, &next] {
        assert_eq!(over.get("/users/me").await.status, 401);
        let wanted = json!({ "refresh_token": over.refresh_token() });
        assert_eq!(office.stranger().post("/auth/refresh", wanted).await.status, 401);
    }
    office.server.stop().await;
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_mail() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let email = "owner@sommer.example";
    office.stranger().post("/auth/forgot", json!({ "email": email })).await.well();
    let token = office.link_to(email).await;
    let weak = office.stranger().post("/auth/reset", json!({ "token": token, "password": "short" })).await;
    assert_eq!((weak.status, weak.pointers()), (422, vec!["/password"]));
    let wanted = json!({ "token": token, "password": NEXT_PASSWORD });
    assert_eq!(office.stranger().post("/auth/reset", wanted.clone()).await.status, 204);
    let again = office.stranger().post("/auth/reset", wanted).await;
    assert_eq!((again.status, again.pointers()), (422, vec!["/token"]));
    assert_eq!(owner.get("/users/me").await.status, 401);
    let login = json!({ "email": email, "password": NEXT_PASSWORD });
    let back = office.granted(office.stranger().post("/auth/login", login).await.well());
    let change = json!({ "current_password": NEXT_PASSWORD, "password": PASSWORD });
    let changed = office.granted(back.post("/auth/password", change).await.well());
    assert_eq!((back.get("/users/me").await.status, changed.get("/users/me").await.status), (401, 200));
    office.server.stop().await;
}

#[tokio::test]
async fn a_person_chooses_the_language_she_is_written_to_in_and_nothing_else_about_herself() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    assert_eq!(owner.patch("/users/me", json!({ "language": "de" })).await.well()["language"], "de");
    for (patch, pointer) in [
        (json!({ "language": "fr" }), "/language"),
        (json!({ "operator": true }), "/operator"),
        (json!({ "email": "root@platform.example" }), "/email"),
    ] {
        let answer = owner.patch("/users/me", patch).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer]));
    }
    office.stranger().post("/auth/forgot", json!({ "email": "owner@sommer.example" })).await.well();
    let mails = office.operator("root").await.get("/api/outbox").await.well();
    assert_eq!(mails["items"][0]["subject"], "Neues Passwort für frontdesk");
    office.server.stop().await;
}

#[tokio::test]
async fn whoever_tries_too_often_waits_by_address_and_by_account() {
    let office = Office::open_as_it_is(House::new(), Clock::system()).await;
    let wanted = json!({ "email": "ada@example.com", "password": "not the password" });
    let mut answers = vec![];
    for _ in 0..6 {
        answers.push(office.stranger().post("/auth/login", wanted.clone()).await);
    }
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
    let last = answers.pop().unwrap();
    assert_eq!(last.problem(), "too-many-requests");
    let wait: u64 = last.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(last.header("ratelimit-policy"), Some("\"authentication\";q=5;w=60"));
    assert!(last.header("ratelimit").unwrap().starts_with("\"authentication\";r=0;"));
    assert_eq!(office.stranger().post("/auth/forgot", json!({ "email": "b@c.de" })).await.status, 429);
    office.server.stop().await;
    let proxied = House::new().with("HTTP__TRUSTED_PROXIES", "127.0.0.0/8");
    let office = Office::open_as_it_is(proxied, Clock::system()).await;
    for n in 0..6 {
        let from = format!("203.0.113.{n}");
        let request = office.stranger().request(Method::POST, "/auth/login").json(&wanted);
        let answer = sent(request.header("x-forwarded-for", from)).await;
        assert_eq!(answer.status, if n < 5 { 401 } else { 429 }, "one account, from everywhere");
    }
    office.server.stop().await;
}

#[tokio::test]
async fn what_ends_in_one_process_has_ended_in_the_other() {
    let url = postgres::fresh_url().await;
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let house = || House::new().with("DATABASE__URL", &url).with("SECRETS__KEY", key);
    let (here, there) = (Office::open_in(house()).await, Office::open_in(house()).await);
    let owner = here.owner("sommer").await;
    let token = owner.token.clone().unwrap();
    assert_eq!(there.bearer(&token).get("/users/me").await.status, 200, "one key, one database");
    owner.post("/auth/logout", Value::Null).await.well();
    assert_eq!(there.bearer(&token).get("/users/me").await.status, 401);
    let wanted = json!({ "refresh_token": owner.refresh_token() });
    assert_eq!(there.stranger().post("/auth/refresh", wanted).await.status, 401);
    here.server.stop().await;
    there.server.stop().await;
}

/// One thread, so that whatever is logged on it is seen.
#[tokio::test]
async fn the_log_learns_neither_addresses_nor_secrets() {
    if !log::alone(concat!(module_path!(), "::the_log_learns_neither_addresses_nor_secrets")) {
        return;
    }
    let (log, _guard) = Log::keep();
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let mia = office.member(&owner, "mia", "member").await;
    let wrong = json!({ "email": "owner@sommer.example", "password": "not the password" });
    office.stranger().post("/auth/login", wrong).await;
    office.stranger().post("/auth/forgot", json!({ "email": "owner@sommer.example" })).await.well();
    let link = office.link_to("owner@sommer.example").await;
    let weak = json!({ "token": link, "password": "short" });
    office.stranger().post("/auth/reset", weak).await;
    let made = owner.post("/api/api-keys", json!({ "name": "x", "scopes": ["services:read"] })).await.well();
    let key = made["key"].as_str().unwrap();
    office.bearer(key).get("/api/services").await.well();
    let refresh = json!({ "refresh_token": mia.refresh_token() });
    office.stranger().post("/auth/refresh", refresh.clone()).await.well();
    mia.post("/auth/logout", Value::Null).await.well();
    office.stranger().post("/auth/refresh", refresh).await;
    let token = owner.token.clone().unwrap();
    office.server.stop().await;
    log.has_none_of([
        PASSWORD,
        "not the password",
        "sommer.example",
        "mia@member",
        &link,
        key,
        &token,
        owner.refresh_token(),
    ]);
}
