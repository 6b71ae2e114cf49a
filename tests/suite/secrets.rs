//! What is sealed opens only where it was sealed for, and stays openable while the keys change.

use std::{collections::BTreeSet, time::Duration};

use frontdesk::{
    app::keys::{self, Keys, Resealed},
    domain::{
        assistant::Language,
        calendar::{Connection as CalendarConnection, ConnectionState, Grant, Vendor},
        email::Email,
        forgetting::{Counts, Export, ExportOf},
        id::{MailId, TenantId},
        time::{CallTime, Timestamp},
        webhook::{EventKind, Webhook},
    },
    platform::{
        clock::Clock,
        secrets::{self, Error, Place, Ring, Sealer},
        tasks::Tasks,
    },
    store::{
        MailTimes, Message, SealedColumn, SealedSecrets, SealedTokens, Spoken, Store, Taped, TwilioAccount,
        Underway, User,
    },
};
use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, Row, SqliteConnection};

use crate::support::{
    databases::{self, on_both},
    house,
    practice::Practice,
};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "//////////////////////////////////////////8=";
const NOW: Timestamp = Timestamp(1_772_434_800_000_000);

fn sealer(key: &str) -> Sealer {
    Sealer::new(&SecretString::from(key)).unwrap()
}

const HERE: Place<'_> = Place { owner: None, column: "some.column", row: "1" };

fn seal(sealer: &Sealer) -> Vec<u8> {
    sealer.seal(HERE, &SecretString::from("a secret of some length")).unwrap()
}

#[test]
fn a_sealed_secret_opens_for_its_tenant_column_and_row_alone() {
    let (sealer, alpha, beta) = (sealer(KEY), "ten_a".parse().unwrap(), "ten_b".parse().unwrap());
    let place = Place { owner: Some(&alpha), column: "a.b", row: "1" };
    let sealed = sealer.seal(place, &SecretString::from("s3cret")).unwrap();
    assert_eq!(sealer.open(place, &sealed).unwrap().expose_secret(), "s3cret");
    for elsewhere in [
        Place { owner: Some(&beta), ..place },
        Place { owner: None, ..place },
        Place { column: "a.c", ..place },
        Place { row: "2", ..place },
    ] {
        assert_eq!(sealer.open(elsewhere, &sealed).unwrap_err(), Error::Broken);
    }
    assert_eq!(self::sealer(OTHER_KEY).open(place, &sealed).unwrap_err(), Error::OtherKey);
}

#[test]
fn the_same_secret_sealed_twice_does_not_look_the_same() {
    let sealer = sealer(KEY);
    assert_ne!(seal(&sealer), seal(&sealer));
}

#[test]
fn a_key_is_32_bytes_in_base64() {
    for wrong in ["", "short", "AAAA", &KEY[..40], &format!("{KEY}{KEY}"), "🔑"] {
        assert_eq!(Sealer::new(&SecretString::from(wrong)).unwrap_err(), Error::NotAKey, "{wrong}");
    }
    assert!(Sealer::new(&SecretString::from(format!("{KEY}\n"))).is_ok(), "a line's end does no harm");
}

#[test]
fn a_key_somebody_wrote_by_hand_is_told_from_one_made_by_chance() {
    let by_hand = base64_simd::STANDARD.encode_to_string("changemechangemechangemechangeme");
    for guessable in [KEY, OTHER_KEY, &by_hand] {
        assert_eq!(secrets::check(&SecretString::from(guessable)), Err(Error::Guessable));
    }
    for _ in 0..1_000 {
        assert_eq!(secrets::check(&secrets::fresh_key()), Ok(()));
    }
}

#[test]
fn a_ring_seals_under_its_newest_key_and_opens_under_each() {
    let (ring, secret) = (Ring::default(), SecretString::from("s3cret"));
    assert_eq!(ring.seal(HERE, &secret).unwrap_err(), Error::OtherKey, "without a key nothing is sealed");
    ring.learn(Sealer::numbered(2, &KEY.into()).unwrap());
    let old = ring.seal(HERE, &secret).unwrap();
    ring.learn(Sealer::numbered(3, &OTHER_KEY.into()).unwrap());
    ring.learn(Sealer::numbered(1, &OTHER_KEY.into()).unwrap());
    let new = ring.seal(HERE, &secret).unwrap();
    assert_eq!((secrets::key_id(&old), secrets::key_id(&new)), (Ok(2), Ok(3)));
    for sealed in [old, new] {
        assert_eq!(ring.open(HERE, &sealed).unwrap().expose_secret(), "s3cret");
    }
}

proptest! {
    #[test]
    fn altered_bytes_never_open(at in 0usize..64, change in 1u8.., cut in 0usize..64) {
        let sealer = sealer(KEY);
        let mut sealed = seal(&sealer);
        prop_assert!(sealer.open(HERE, &sealed[..cut.min(sealed.len() - 1)]).is_err());
        let at = at % sealed.len();
        sealed[at] ^= change;
        prop_assert!(sealer.open(HERE, &sealed).is_err());
    }
}

async fn keys(store: &Store) -> Keys {
    Keys::load(store, &house::KEY.into(), None, NOW).await.unwrap()
}

/// Seals `secret` and keeps it in that column: a mail's is in the row `row`, a token's in the tenant's own.
async fn keep(
    store: &Store,
    keys: &Keys,
    column: SealedColumn,
    practice: &Practice,
    row: &str,
    secret: &str,
) {
    let tenant = &practice.tenant.id;
    let call = match column {
        SealedColumn::RecordingKey => practice.call(store, 1).await.to_string(),
        _ => String::new(),
    };
    let (owner, row): (Option<&TenantId>, &str) = match column {
        SealedColumn::MailBody => (None, row),
        SealedColumn::TwilioToken => (Some(tenant), tenant.as_str()),
        SealedColumn::RefreshToken => (Some(tenant), "cnx_1"),
        SealedColumn::AccessToken => (Some(tenant), "cnx_2"),
        SealedColumn::Verifier => (Some(tenant), "cst_1"),
        SealedColumn::WebhookSecret | SealedColumn::FormerWebhookSecret => (Some(tenant), "whk_1"),
        SealedColumn::RecordingKey => (Some(tenant), call.as_str()),
        SealedColumn::MessageKey => (Some(tenant), "msg_1"),
        SealedColumn::Pin => (Some(tenant), practice.contact.id.as_str()),
        SealedColumn::ExportKey => (Some(tenant), "exp_1"),
        SealedColumn::DigestKey => (Some(tenant), tenant.as_str()),
        SealedColumn::FactorSecret => (None, "usr_1"),
    };
    let sealed = keys.seal(Place { owner, column: column.name(), row }, &SecretString::from(secret)).unwrap();
    let mut tx = store.begin(tenant).await.unwrap();
    match column {
        SealedColumn::MailBody => {
            let (id, to): (MailId, Email) = (row.parse().unwrap(), "a@b.example".parse().unwrap());
            let times = MailTimes { written: NOW, due: NOW, expires: NOW.plus_minutes(60) };
            tx.mails().add(&id, &to, "s", &sealed, times).await.unwrap();
        }
        SealedColumn::TwilioToken => {
            let account = TwilioAccount {
                tenant: tenant.clone(),
                account_sid: format!("AC{:032x}", 7),
                auth_token: sealed,
                hint: "…".to_owned(),
                set: NOW,
            };
            tx.twilio_account().put(&account).await.unwrap();
        }
        SealedColumn::RefreshToken | SealedColumn::AccessToken => {
            let made = CalendarConnection {
                id: row.parse().unwrap(),
                vendor: Vendor::Google,
                grant: Grant::Person,
                account: "a@b.example".to_owned(),
                directory: None,
                personal: false,
                state: ConnectionState::Connected,
                problem: None,
                connected: NOW,
                since: NOW,
            };
            let (refresh, access) = match column {
                SealedColumn::RefreshToken => (Some(sealed), None),
                _ => (None, Some(sealed)),
            };
            let tokens = SealedTokens { refresh, access, access_expires: NOW };
            tx.connections().add(&made, &BTreeSet::new(), &tokens, "usr_1").await.unwrap();
        }
        SealedColumn::Verifier => {
            let underway = Underway {
                id: row.parse().unwrap(),
                browser_hash: "b".to_owned(),
                verifier: sealed,
                vendor: Vendor::Google,
                grant: Grant::Person,
                directory: None,
                session: "ses_1".parse().unwrap(),
                user: "usr_1".parse().unwrap(),
                connection: None,
                created: NOW,
                expires: NOW,
                used: None,
            };
            tx.consents().add(&underway, "s").await.unwrap();
        }
        SealedColumn::WebhookSecret => {
            let webhook = Webhook {
                id: row.parse().unwrap(),
                url: "https://example.com".to_owned(),
                description: String::new(),
                kinds: BTreeSet::from([EventKind::CallEnded]),
                active: true,
            };
            tx.webhooks().add(&webhook, &sealed, NOW).await.unwrap();
        }
        SealedColumn::FormerWebhookSecret => {
            // Stands beside the present one, in the same row.
            let id = row.parse().unwrap();
            let kept = tx.webhooks().secrets(&id).await.unwrap().unwrap();
            let secrets = SealedSecrets { former: Some((sealed, NOW)), ..kept };
            tx.webhooks().rotate(&id, &secrets).await.unwrap();
        }
        SealedColumn::RecordingKey => {
            let taped = Taped {
                blob: "recordings/one.wav".to_owned(),
                key: Some(sealed),
                begun: NOW,
                began: CallTime(0),
                millis: None,
                complete: false,
                silences: vec![],
            };
            tx.recordings().put(&row.parse().unwrap(), &taped).await.unwrap();
        }
        SealedColumn::ExportKey => {
            let export = Export {
                id: row.parse().unwrap(),
                of: ExportOf::Tenant,
                asked_by: "usr_1".to_owned(),
                asked: NOW,
                done: None,
                expires: NOW,
                length: 0,
                counts: Counts::new(),
            };
            tx.forgetting().add_export(&export).await.unwrap();
            tx.forgetting().end_export(&export.id, &sealed, 1, &Counts::new(), NOW).await.unwrap();
        }
        SealedColumn::MessageKey => {
            let message = Message {
                id: row.parse().unwrap(),
                call: None,
                name: String::new(),
                number: None,
                text: String::new(),
                left: NOW,
                handled: None,
                spoken: Some(Spoken { sid: "RE1".to_owned(), blob: None, key: None }),
                work: Default::default(),
            };
            tx.messages().add(&message).await.unwrap();
            tx.messages().fetched(&message.id, "messages/one.wav", &sealed).await.unwrap();
        }
        SealedColumn::FactorSecret => {
            let user = User {
                id: row.parse().unwrap(),
                email: "guarded@b.example".parse().unwrap(),
                name: String::new(),
                password_hash: "-".to_owned(),
                language: Language::German,
                operator: false,
                created_at: NOW,
            };
            tx.users().add(&user).await.unwrap();
            assert!(tx.second_factors().begin(&user.id, &sealed, NOW).await.unwrap());
        }
        SealedColumn::DigestKey => {
            tx.forgetting().set_digest_key(&sealed, NOW).await.unwrap();
        }
        SealedColumn::Pin => {
            tx.pins().put(&practice.contact.id, &sealed, NOW).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
}

/// What is in a column: under which key it is sealed, and what it says.
async fn kept(store: &Store, keys: &Keys, column: SealedColumn) -> Vec<(u32, String)> {
    let mut all = vec![];
    for value in store.across_tenants().sealed(column, "", 1_000).await.unwrap() {
        let place = Place { owner: value.owner.as_ref(), column: column.name(), row: &value.row };
        let opened = keys.open(place, &value.sealed).await.unwrap();
        all.push((secrets::key_id(&value.sealed).unwrap(), opened.expose_secret().to_owned()));
    }
    all
}

on_both! {
    async fn a_fresh_key_seals_every_column_anew_and_a_server_that_runs_learns_it(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let (server, admin) = (keys(&fresh.store).await, keys(&fresh.store).await);
        for column in SealedColumn::ALL {
            keep(&fresh.store, &server, column, &practice, "mail_1", column.name()).await;
        }
        let (id, done) = admin.rotate(NOW).await.unwrap();
        assert_eq!((id, done), (2, Resealed { resealed: SealedColumn::ALL.len() as u64, shut: 0 }));
        for column in SealedColumn::ALL {
            // The server does not know the key yet: it finds it because it must.
            assert_eq!(kept(&fresh.store, &server, column).await, [(2, column.name().to_owned())]);
        }
        keep(&fresh.store, &server, SealedColumn::MailBody, &practice, "mail_2", "later").await;
        assert_eq!(kept(&fresh.store, &admin, SealedColumn::MailBody).await[1], (2, "later".to_owned()));
        assert_eq!(admin.reseal().await.unwrap(), Resealed::default(), "there is nothing left to do");
    }

    async fn what_is_written_and_read_while_the_key_is_changed_is_never_lost(fresh: Fresh) {
        const MAILS: usize = 250;
        let practice = Practice::open(&fresh.store, "alpha").await;
        let (writer, reader, admin) =
            (keys(&fresh.store).await, keys(&fresh.store).await, keys(&fresh.store).await);
        let column = SealedColumn::MailBody;
        let write = async {
            for n in 0..MAILS {
                let row = format!("mail_{n:04}");
                keep(&fresh.store, &writer, column, &practice, &row, &row).await;
            }
        };
        let read = async {
            loop {
                let all = kept(&fresh.store, &reader, column).await;
                for (n, (_, words)) in all.iter().enumerate() {
                    assert_eq!(*words, format!("mail_{n:04}"));
                }
                if all.len() == MAILS {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        let change = async {
            for _ in 0..3 {
                admin.rotate(NOW).await.unwrap();
            }
        };
        let all = async { tokio::join!(write, read, change) };
        tokio::time::timeout(Duration::from_secs(60), all).await.unwrap();
        admin.reseal().await.unwrap();
        let left = kept(&fresh.store, &reader, column).await;
        assert!(left.len() == MAILS && left.iter().all(|(id, _)| *id == 4), "all under the last key");
    }

    async fn the_configured_key_is_changed_by_naming_the_one_before(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let (old, new) = (SecretString::from(house::KEY), secrets::fresh_key());
        let before = keys(&fresh.store).await;
        keep(&fresh.store, &before, SealedColumn::TwilioToken, &practice, "", "a token").await;
        let alone = Keys::load(&fresh.store, &new, None, NOW).await;
        assert!(matches!(alone, Err(keys::Error::OtherKey)), "the new key alone opens nothing");
        Keys::load(&fresh.store, &new, Some(&old), NOW).await.unwrap();
        let after = Keys::load(&fresh.store, &new, None, NOW).await.unwrap();
        assert_eq!(kept(&fresh.store, &after, SealedColumn::TwilioToken).await, [(1, "a token".to_owned())]);
        assert!(Keys::load(&fresh.store, &old, None, NOW).await.is_err(), "the old key is good for nothing");
        assert_eq!(kept(&fresh.store, &before, SealedColumn::TwilioToken).await.len(), 1, "who runs goes on");
    }

    async fn a_value_moved_to_another_row_stays_shut_and_the_rest_is_sealed_anew(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let keys = keys(&fresh.store).await;
        let column = SealedColumn::MailBody;
        for row in ["mail_1", "mail_2"] {
            keep(&fresh.store, &keys, column, &practice, row, row).await;
        }
        let values = fresh.store.across_tenants().sealed(column, "", 10).await.unwrap();
        let moved = vec![(values[1].clone(), values[0].sealed.clone())];
        assert_eq!(fresh.store.across_tenants().reseal(column, &moved).await.unwrap(), 1);
        assert_eq!(keys.rotate(NOW).await.unwrap().1, Resealed { resealed: 1, shut: 1 });
    }

    async fn servers_that_start_at_once_agree_on_the_first_key(fresh: Fresh) {
        let start = || keys(&fresh.store);
        let all = tokio::join!(start(), start(), start(), start());
        let practice = Practice::open(&fresh.store, "alpha").await;
        keep(&fresh.store, &all.0, SealedColumn::MailBody, &practice, "mail_1", "a").await;
        for keys in [&all.1, &all.2, &all.3] {
            assert_eq!(kept(&fresh.store, keys, SealedColumn::MailBody).await, [(1, "a".to_owned())]);
        }
    }
}

#[tokio::test]
async fn a_running_server_looks_for_fresh_keys_by_itself() {
    let fresh = databases::on_sqlite().await;
    let (server, admin) = (keys(&fresh.store).await, keys(&fresh.store).await);
    let tasks = Tasks::new();
    tasks.spawn(server.clone().keep_up(tasks.clone(), Clock::hurried(100)));
    admin.rotate(NOW).await.unwrap();
    let learnt = async {
        loop {
            let sealed = server.seal(HERE, &SecretString::from("a")).unwrap();
            if secrets::key_id(&sealed) == Ok(2) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), learnt).await.unwrap();
    tasks.leave();
    tasks.ended().await;
}

#[tokio::test]
async fn no_column_of_bytes_is_forgotten_when_keys_change() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("frontdesk.db").display());
    databases::open(&url).await.migrate().await.unwrap();
    let mut db = SqliteConnection::connect(&url).await.unwrap();
    let rows = sqlx::query(
        "SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND c.type = 'BLOB' ORDER BY 1",
    );
    let rows = rows.fetch_all(&mut db).await.unwrap();
    let mut found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    // The keys themselves are sealed under the configured one; the index of words is the database's own.
    found.retain(|column| column != "data_keys.key" && !column.starts_with("turn_words_"));
    let mut listed: Vec<&str> = SealedColumn::ALL.iter().map(|column| column.name()).collect();
    listed.sort_unstable();
    assert_eq!(found, listed);
}
