//! A second factor: which codes are right, how often one is looked at, and who takes it away.

use std::time::Duration;

use frontdesk::{
    app::{
        Error,
        keys::Keys,
        people::{
            self, People,
            entry::Registration,
            second_factor::{Credentials, Entered, RECOVERY_CODES, SHUT_MINUTES, TRIES_MAX},
        },
    },
    domain::{assistant::Language, email::Email, time::Timestamp},
    platform::{
        clock::Clock,
        passwords::Passwords,
        tokens::Signer,
        totp::{self, STEP_SECONDS},
    },
    store::Store,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::support::{
    browsing::Browsing,
    databases::on_both,
    house::{House, KEY},
    office::{Asker, Office, PASSWORD},
    practice::MONDAY_8 as NOW,
};

#[test]
fn the_codes_are_those_of_the_standard() {
    let secret = SecretString::from(totp::base32(b"12345678901234567890"));
    assert_eq!(secret.expose_secret(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    // RFC 6238, appendix B, the last six of eight digits.
    for (seconds, code) in [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ] {
        let step = totp::step(Timestamp(seconds * 1_000_000));
        assert_eq!(totp::code(&secret, step).as_deref(), Some(code), "at {seconds}");
    }
}

#[test]
fn a_code_is_right_in_its_own_step_and_the_two_beside_it_and_only_after_the_last_that_was_used() {
    let secret = totp::fresh_secret();
    let now = totp::step(NOW);
    let code = |step| totp::code(&secret, step).unwrap();
    let right: Vec<bool> =
        (now - 2..=now + 2).map(|step| totp::right(&secret, &code(step), NOW, 0).is_some()).collect();
    assert_eq!(right, [false, true, true, true, false]);
    assert_eq!(totp::right(&secret, &code(now), NOW, now), None, "it was used");
    assert_eq!(totp::right(&secret, &code(now + 1), NOW, now), Some(now + 1));
    assert_eq!(totp::right(&secret, "", NOW, 0), None);
}

async fn people(store: &Store) -> People {
    let key = SecretString::from(KEY);
    People::new(people::Parts {
        store: store.clone(),
        passwords: Passwords::new(),
        signer: Signer::new([&key]).unwrap(),
        keys: Keys::load(store, &key, None, NOW).await.unwrap(),
        console: "https://desk.example.com/console".to_owned(),
        settings: people::Settings {
            registration: true,
            zone: "Europe/Berlin".parse().unwrap(),
            operators_second_factor: true,
        },
    })
}

fn ada() -> Email {
    "ada@example.com".parse().unwrap()
}

/// The code that is shown so many steps after that moment.
fn shown(secret: &SecretString, at: Timestamp, steps: u64) -> SecretString {
    SecretString::from(totp::code(secret, totp::step(at) + steps).unwrap())
}

on_both! {
    async fn a_code_is_good_once_and_after_some_wrong_ones_none_is_looked_at_for_a_while(fresh: Fresh) {
        let people = people(&fresh.store).await;
        let password = SecretString::from(PASSWORD);
        let registration = Registration {
            tenant: "Praxis".to_owned(),
            name: String::new(),
            email: ada(),
            password: password.clone(),
            code: None,
            language: Language::German,
            zone: None,
        };
        let grant = people.register(registration, NOW).await.unwrap();
        let by = people.know(grant.access_token.expose_secret(), NOW).await.unwrap();
        let wrong = people.begin_factor(&by, &SecretString::from("not this one"), NOW).await;
        assert!(matches!(wrong, Err(Error::Invalid(_))), "{wrong:?}");
        let setup = people.begin_factor(&by, &password, NOW).await.unwrap();
        assert!(people.login(&ada(), &password, None, NOW).await.is_ok(), "it guards nothing yet");
        let refused = people.confirm_factor(&by, &SecretString::from("000000"), NOW).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
        let codes = people.confirm_factor(&by, &shown(&setup.secret, NOW, 0), NOW).await.unwrap();
        assert_eq!(codes.len(), RECOVERY_CODES);
        let bare = people.login(&ada(), &password, None, NOW).await;
        assert!(matches!(bare, Err(Error::SecondFactor)), "{bare:?}");
        let login = async |code: &SecretString, now| {
            people.login(&ada(), Credentials { password: &password, code: Some(code) }, None, now).await
        };
        let used = login(&shown(&setup.secret, NOW, 0), NOW).await;
        assert!(matches!(used, Err(Error::Unauthenticated(_))), "{used:?}");
        let next = shown(&setup.secret, NOW, 1);
        assert!(login(&next, NOW).await.is_ok());
        assert!(login(&next, NOW).await.is_err(), "once");
        let typed = SecretString::from(codes[0].expose_secret().to_lowercase().replace('-', " "));
        assert!(login(&typed, NOW).await.is_ok(), "a recovery code, however it is typed");
        assert!(login(&codes[0], NOW).await.is_err(), "once");
        for _ in 1..TRIES_MAX {
            assert!(matches!(login(&SecretString::from("123"), NOW).await, Err(Error::Unauthenticated(_))));
        }
        let shut = login(&codes[1], NOW).await;
        assert!(matches!(shut, Err(Error::Later { wait, .. }) if wait > Duration::from_secs(60)), "{shut:?}");
        let later = NOW.plus_minutes(SHUT_MINUTES);
        assert!(login(&codes[1], later).await.is_ok(), "nothing was used up meanwhile");
        let gone = Credentials { password: &password, code: Some(&codes[2]) };
        people.remove_factor(&by, gone, later).await.unwrap();
        assert!(people.login(&ada(), &password, None, later).await.is_ok());
    }

    async fn what_waits_for_a_code_is_good_for_some_minutes_and_for_its_password(fresh: Fresh) {
        let people = people(&fresh.store).await;
        let password = SecretString::from(PASSWORD);
        people.make_operator(&ada(), &password, NOW).await.unwrap();
        let grant = people.login(&ada(), &password, None, NOW).await.unwrap();
        let by = people.know(grant.access_token.expose_secret(), NOW).await.unwrap();
        assert!(by.operator().is_err(), "an operator without the factor that is demanded is none");
        assert!(people.factor(&by).await.unwrap().demanded);
        let setup = people.begin_factor(&by, &password, NOW).await.unwrap();
        people.confirm_factor(&by, &shown(&setup.secret, NOW, 0), NOW).await.unwrap();
        let Entered::CodeAsked(asked) = people.login_in_steps(&ada(), &password, None, NOW).await.unwrap()
        else {
            panic!("a code is asked for");
        };
        let late = NOW.plus_millis(11 * 60_000);
        let steps = u64::try_from(11 * 60 / STEP_SECONDS).unwrap();
        let over = people.login_by_code(&asked, &shown(&setup.secret, NOW, steps), None, late).await;
        assert!(matches!(over, Err(Error::Unauthenticated(_))), "{over:?}");
        let forged = SecretString::from(format!("{}A", asked.expose_secret()));
        let code = shown(&setup.secret, NOW, 1);
        assert!(people.login_by_code(&forged, &code, None, NOW).await.is_err());
        let grant = people.login_by_code(&asked, &code, None, NOW).await.unwrap();
        let by = people.know(grant.access_token.expose_secret(), NOW).await.unwrap();
        assert!(by.operator().is_ok());
        let kept = Credentials { password: &password, code: Some(&code) };
        assert!(matches!(people.remove_factor(&by, kept, NOW).await, Err(Error::Conflict(_))), "it is demanded");
        people.make_operator(&ada(), &SecretString::from("eight loud starlings at noon"), NOW).await.unwrap();
        let later = NOW.plus_millis(STEP_SECONDS * 2_000);
        let stale = people.login_by_code(&asked, &shown(&setup.secret, later, 0), None, later).await;
        assert!(matches!(stale, Err(Error::Unauthenticated(_))), "the password is another: {stale:?}");
        people.help_in_at_the_machine(&ada(), later).await.unwrap();
        assert!(people.factor(&by).await.unwrap().since.is_none());
    }
}

async fn office() -> Office {
    Office::open_in(House::new().with("SECRETS__KEY", KEY)).await
}

/// Has a second factor guard the asker's account; the secret and the recovery codes.
async fn guard(asker: &Asker) -> (SecretString, Vec<String>) {
    let wanted = json!({ "current_password": PASSWORD });
    let setup = asker.post("/users/me/second-factor", wanted).await.well();
    let secret = SecretString::from(setup["secret"].as_str().unwrap());
    let code = shown(&secret, Clock::system().now(), 0);
    let wanted = json!({ "code": code.expose_secret() });
    let codes = asker.post("/users/me/second-factor/confirm", wanted).await.well();
    let codes = codes["recovery_codes"].as_array().unwrap().iter();
    (secret, codes.map(|code| code.as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn a_program_logs_somebody_in_with_a_code_and_is_told_when_one_is_missing() {
    let office = office().await;
    let owner = office.owner("guarded").await;
    let (_, codes) = guard(&owner).await;
    let stands = owner.get("/users/me/second-factor").await.well();
    assert_eq!(stands["recovery_codes_left"], RECOVERY_CODES);
    let mut wanted = json!({ "email": "owner@guarded.example", "password": PASSWORD });
    let bare = office.stranger().post("/auth/login", wanted.clone()).await;
    assert_eq!((bare.status, bare.problem()), (401, "second-factor"));
    wanted["code"] = Value::from("000000");
    let wrong = office.stranger().post("/auth/login", wanted.clone()).await;
    assert_eq!((wrong.status, wrong.problem()), (401, "unauthenticated"));
    wanted["code"] = Value::from(codes[0].as_str());
    assert_eq!(office.stranger().post("/auth/login", wanted.clone()).await.status, 200);
    assert_eq!(office.stranger().post("/auth/login", wanted).await.status, 401, "once");
    let again = json!({ "tenant": "second", "email": "owner@guarded.example", "password": PASSWORD });
    let refused = office.stranger().post("/auth/register", again).await;
    assert_eq!((refused.status, refused.problem()), (401, "second-factor"), "no way in beside it");
}

#[tokio::test]
async fn who_was_in_before_a_factor_guards_the_account_is_out_and_its_owner_stays() {
    let office = office().await;
    let owner = office.owner("sessions").await;
    let before = office.login("owner@sessions.example").await;
    assert_eq!(before.get("/users/me").await.status, 200);
    guard(&owner).await;
    assert_eq!(owner.get("/users/me").await.status, 200, "who showed the code stays");
    assert_eq!(before.get("/users/me").await.status, 401, "who showed none is out");
    let refreshed = json!({ "refresh_token": before.refresh_token() });
    assert_eq!(office.stranger().post("/auth/refresh", refreshed).await.status, 401);
    let refreshed = json!({ "refresh_token": owner.refresh_token() });
    assert_eq!(office.stranger().post("/auth/refresh", refreshed).await.status, 200);
}

#[tokio::test]
async fn a_factor_of_ones_own_goes_by_password_and_code_alone_whoever_one_is() {
    let office = office().await;
    let owner = office.owner("own").await;
    let ben = office.member(&owner, "ben", "member").await;
    guard(&owner).await;
    guard(&ben).await;
    let path = |who: &Asker| format!("/api/members/{}/second-factor", who.user());
    assert_eq!(owner.delete(&path(&owner)).await.status, 403, "not by a session that was left open");
    let key = json!({ "name": "a program", "scopes": ["members:write", "members:read"] });
    let key = owner.post("/api/api-keys", key).await.well();
    let program = office.bearer(key["key"].as_str().unwrap());
    assert_eq!(program.delete(&path(&ben)).await.status, 403, "nor by a program");
    for asker in [&owner, &ben] {
        let stands = asker.get("/users/me/second-factor").await.well();
        assert_eq!(stands["recovery_codes_left"], RECOVERY_CODES, "{stands}");
    }

    let root = office.operator("root").await;
    let (_, codes) = guard(&root).await;
    let mut desk = Browsing::at(office.server.addr, "en");
    let page = desk.get("/console/entry/login").await;
    let typed = [("email", "root@platform.example"), ("password", PASSWORD)];
    let asked = desk.submit(&page, "main form", &typed).await;
    assert_eq!(desk.submit(&asked, "main form", &[("code", &codes[0])]).await.path, "/console/operator");
    let help = |email| [("email", email)];
    let refused = desk.post("/console/operator/second-factor", &help("root@platform.example")).await;
    assert_eq!(refused.status, 403, "nor by an operator for herself");
    assert_eq!(desk.post("/console/operator/second-factor", &help("ben@member.example")).await.status, 200);
    office.login("ben@member.example").await;
}

#[tokio::test]
async fn an_admin_helps_a_member_who_is_locked_out_and_nobody_who_works_elsewhere_too() {
    let office = office().await;
    let owner = office.owner("helping").await;
    let ben = office.member(&owner, "ben", "member").await;
    let admin = office.member(&owner, "ann", "admin").await;
    let path = |who: &Asker| format!("/api/members/{}/second-factor", who.user());
    assert_eq!(owner.delete(&path(&ben)).await.status, 404, "he has none");
    guard(&ben).await;
    guard(&owner).await;
    assert_eq!(ben.delete(&path(&ben)).await.status, 403);
    assert_eq!(admin.delete(&path(&owner)).await.status, 403, "only owners decide about owners");
    assert_eq!(admin.delete(&path(&ben)).await.status, 204);
    office.login("ben@member.example").await;
    let log = owner.get("/api/audit").await.well();
    let told = log["items"].as_array().unwrap().iter();
    let told: Vec<_> = told.filter(|one| one["action"] == "member.second_factor_removed").collect();
    assert_eq!(told.len(), 1, "{log}");
    assert_eq!(told[0]["actor"], admin.user());
    let operator = office.operator("reader").await;
    let mails = operator.get("/api/outbox?limit=200").await.well();
    let mails = mails["items"].as_array().unwrap();
    let to_ben = mails.iter().filter(|mail| mail["to"] == "ben@member.example");
    assert!(
        to_ben.clone().any(|mail| {
            let subject = mail["subject"].as_str().unwrap();
            subject.contains("second factor") || subject.contains("zweiter Faktor")
        }),
        "{:?}",
        to_ben.collect::<Vec<_>>()
    );
    let (_, codes) = guard(&ben).await;
    let other = office.owner("elsewhere").await;
    office.seats(&other, 5).await;
    let wanted = json!({ "email": "ben@member.example", "role": "viewer" });
    other.post("/api/invitations", wanted).await.well();
    let token = office.link_to("ben@member.example").await;
    let mut accept = json!({ "token": token, "password": PASSWORD });
    let bare = office.stranger().post("/auth/accept", accept.clone()).await;
    assert_eq!(bare.problem(), "second-factor");
    accept["code"] = Value::from(codes[0].as_str());
    assert_eq!(office.stranger().post("/auth/accept", accept).await.status, 200);
    assert_eq!(
        admin.delete(&path(&ben)).await.status,
        409,
        "the account is not the asker's alone to help with"
    );
}

#[tokio::test]
async fn somebody_sets_it_up_in_the_console_and_signs_in_with_a_recovery_code() {
    let office = office().await;
    office.owner("console").await;
    let mut ada = Browsing::signed_in(&office, "owner@console.example", "en").await;
    let page = ada.get("/console/account").await;
    let begin = "form[action='/console/account/second-factor']";
    let wrong = ada.submit(&page, begin, &[("current-password", "not this one at all")]).await;
    assert_eq!(wrong.wrongs(), ["The present password is not right. Enter it once more."]);
    let page = ada.submit(&wrong, begin, &[("current-password", PASSWORD)]).await;
    assert!(page.has("svg.qr path"), "{}", page.text);
    let secret = SecretString::from(page.one("code.secret").replace(' ', ""));
    let confirm = "form[action='/console/account/second-factor/confirm']";
    let refused = ada.submit(&page, confirm, &[("code", "123")]).await;
    assert!(refused.wrongs()[0].starts_with("This code is not right"), "{:?}", refused.wrongs());
    let code = shown(&secret, Clock::system().now(), 0);
    let done = ada.submit(&refused, confirm, &[("code", code.expose_secret())]).await;
    let codes = done.all(".codes code");
    assert_eq!(codes.len(), RECOVERY_CODES);
    assert!(!ada.get("/console/account").await.text.contains(&codes[0]), "told once");

    let mut ada = Browsing::at(office.server.addr, "en");
    let page = ada.get("/console/entry/login?next=%2Fconsole%2Fcontacts").await;
    let typed = [("email", "owner@console.example"), ("password", PASSWORD)];
    let asked = ada.submit(&page, "main form", &typed).await;
    assert_eq!(asked.heading(), "Enter the code");
    assert!(!asked.text.contains(PASSWORD) && ada.get("/console/today").await.path.contains("login"));
    let wrong = ada.submit(&asked, "main form", &[("code", "000000")]).await;
    assert_eq!((wrong.status, wrong.heading().as_str()), (401, "Enter the code"));
    let inside = ada.submit(&wrong, "main form", &[("code", &codes[0])]).await;
    assert_eq!(inside.path, "/console/contacts");

    // A form whose session is over asks for the code as well, and is carried out.
    let open = ada.get("/console/contacts/new").await;
    ada.lose("__Host-frontdesk");
    let typed = [("name", "Cleo Brandt"), ("number", "030 1234567")];
    let again = ada.submit(&open, "form[action='/console/contacts']", &typed).await;
    let right = [("again-email", "owner@console.example"), ("again-password", PASSWORD)];
    let code = ada.submit(&again, "main form", &right).await;
    assert!(code.has("#again-code"), "{}", code.text);
    assert!(!code.text.contains(PASSWORD), "no page repeats a password");
    let wrong = [right[0], right[1], ("again-code", "SPENT-CODE-0")];
    let code = ada.submit(&code, "main form", &wrong).await;
    assert!(code.wrongs()[0].starts_with("This address, this password and this code"), "{:?}", code.wrongs());
    let right = [right[0], right[1], ("again-code", codes[1].as_str())];
    assert_eq!(ada.submit(&code, "main form", &right).await.status, 200);
    assert!(ada.get("/console/contacts").await.text.contains("Cleo"));
}

#[tokio::test]
async fn an_operator_of_whom_it_is_demanded_sees_nothing_until_it_is_set_up() {
    let house = House::new().with("SECRETS__KEY", KEY).with("PEOPLE__OPERATORS_SECOND_FACTOR", "true");
    let office = Office::open_in(house).await;
    let operator = office.operator("opa").await;
    assert_eq!(operator.get("/api/outbox").await.status, 403);
    let mut opa = Browsing::signed_in(&office, "opa@platform.example", "en").await;
    let page = opa.get("/console").await;
    assert_eq!(page.path, "/console/account");
    assert!(page.one("main .fault").contains("asks a second factor of operators"));
    assert_eq!(opa.get("/console/operator").await.status, 404);
    guard(&operator).await;
    assert_eq!(opa.get("/console/operator").await.status, 200);
}
