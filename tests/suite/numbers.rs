//! What the database keeps of numbers, orders and accounts, and what it refuses.

use frontdesk::{
    domain::{
        assistant::Language,
        id::TenantId,
        org::{HeldNumber, NumberSetup},
        phone::E164,
        time::Timestamp,
    },
    store::{Error, Order, Progress, Store, TwilioAccount, Wanted},
};
use sqlx::{Connection, Executor, Row, SqliteConnection};

use crate::support::{
    databases::on_both,
    practice::{Practice, at},
};

fn order(id: &str, key: Option<&str>, number: &str) -> Order {
    Order {
        id: id.parse().unwrap(),
        key: key.map(str::to_owned),
        wanted: Wanted {
            number: number.parse().unwrap(),
            assistant: Some("ast_alpha".parse().unwrap()),
            language: Language::German,
            address_sid: Some("AD1".to_owned()),
            bundle_sid: None,
        },
        account_sid: "AC1".to_owned(),
        progress: Progress::Open { asked: None },
        created: at(0),
    }
}

async fn add(store: &Store, tenant: &TenantId, order: &Order) -> Result<(), Error> {
    let mut tx = store.begin(tenant).await.unwrap();
    tx.orders().add(order).await?;
    tx.commit().await
}

on_both! {
    async fn a_number_that_was_given_back_is_kept_for_its_calls_and_can_be_anothers(fresh: Fresh) {
        let store = &fresh.store;
        let (ours, mut theirs) = (Practice::open(store, "alpha").await, Practice::open(store, "beta").await);
        let call = ours.call(store, 1).await;
        let mut tx = store.begin(&ours.tenant.id).await.unwrap();
        let held = HeldNumber {
            number: ours.number.clone(),
            account_sid: Some("AC1".to_owned()),
            sid: Some("PN1".to_owned()),
            setup: NumberSetup::Failed,
            setup_problem: Some("it refused".to_owned()),
            released: None,
        };
        tx.numbers().hold(&held).await.unwrap();
        assert_eq!(tx.numbers().revised(&ours.number.id).await.unwrap().unwrap().item, held);
        assert_eq!(tx.numbers().count_of_assistant(&ours.assistant.id).await.unwrap(), 1);
        assert_eq!(tx.numbers().count_of_account("AC1").await.unwrap(), 1);
        assert!(tx.numbers().release(&ours.number.id, at(1)).await.unwrap());
        assert!(!tx.numbers().release(&ours.number.id, at(2)).await.unwrap(), "only once");
        tx.commit().await.unwrap();

        let mut tx = store.read(&ours.tenant.id).await.unwrap();
        let kept = tx.numbers().revised(&ours.number.id).await.unwrap().unwrap().item;
        assert_eq!((kept.released, kept.number.assistant), (Some(at(1)), None));
        assert_eq!(tx.numbers().all().await.unwrap(), []);
        assert_eq!(tx.numbers().page(None, 10).await.unwrap().items, []);
        assert_eq!((tx.numbers().count().await.unwrap(), tx.numbers().count_of_account("AC1").await.unwrap()), (0, 0));
        assert_eq!(tx.calls().get(&call).await.unwrap().unwrap().to, ours.number.number);
        drop(tx);
        assert_eq!(store.across_tenants().number(&ours.number.number).await.unwrap(), None);

        theirs.number.number = ours.number.number.clone();
        theirs.number.id = "num_other".parse().unwrap();
        let mut tx = store.begin(&theirs.tenant.id).await.unwrap();
        tx.numbers().put(&theirs.number).await.unwrap();
        tx.commit().await.unwrap();
        let (tenant, _) = store.across_tenants().number(&ours.number.number).await.unwrap().unwrap();
        assert_eq!(tenant.id, theirs.tenant.id);
        let mut tx = store.begin(&ours.tenant.id).await.unwrap();
        assert!(matches!(tx.numbers().put(&ours.number).await, Err(Error::NotUnique(_))));
    }

    async fn one_number_is_bought_by_one_tenant_at_a_time(fresh: Fresh) {
        let store = &fresh.store;
        let (ours, theirs) = (Practice::open(store, "alpha").await.tenant.id, Practice::open(store, "beta").await.tenant.id);
        let number: E164 = "+493055501001".parse().unwrap();
        let first = order("ord_a", Some("key"), number.as_str());
        add(store, &ours, &first).await.unwrap();
        let rival = order("ord_b", Some("key"), number.as_str());
        assert!(matches!(add(store, &theirs, &rival).await, Err(Error::NotUnique(_))));
        let same_key = order("ord_c", Some("key"), "+493055501002");
        assert!(matches!(add(store, &ours, &same_key).await, Err(Error::NotUnique(_))));
        for (id, number) in [("ord_d", "+493055501003"), ("ord_e", "+493055501004")] {
            add(store, &ours, &order(id, None, number)).await.unwrap();
        }

        let mut tx = store.begin(&ours).await.unwrap();
        assert_eq!(tx.orders().by_key("key").await.unwrap().unwrap(), first);
        assert_eq!(tx.orders().open_of(&number).await.unwrap().unwrap(), first);
        assert_eq!(tx.orders().count_open().await.unwrap(), 3);
        assert!(tx.orders().take(&first.id, at(0), at(5)).await.unwrap());
        assert!(!tx.orders().take(&first.id, at(4), at(9)).await.unwrap(), "somebody is at it");
        tx.orders().leave(&first.id, "it was busy").await.unwrap();
        assert!(tx.orders().take(&first.id, at(4), at(9)).await.unwrap());
        tx.orders().ask(&first.id, at(4)).await.unwrap();
        tx.orders().ask(&first.id, at(6)).await.unwrap();
        tx.orders().forget(&first.id).await.unwrap();
        let asked = tx.orders().get(&first.id).await.unwrap().unwrap();
        assert_eq!(asked.progress, Progress::Open { asked: Some(at(4)) }, "what Twilio was told is not forgotten");
        tx.orders().fail(&first.id, "it was sold").await.unwrap();
        tx.orders().done(&first.id, &"num_alpha".parse().unwrap()).await.unwrap();
        let failed = tx.orders().get(&first.id).await.unwrap().unwrap();
        assert_eq!(failed.progress, Progress::Failed("it was sold".to_owned()), "an end is an end");
        let second = "ord_d".parse().unwrap();
        tx.orders().done(&second, &"num_alpha".parse().unwrap()).await.unwrap();
        let done = tx.orders().get(&second).await.unwrap().unwrap();
        assert_eq!(done.progress, Progress::Done("num_alpha".parse().unwrap()));
        tx.orders().forget(&"ord_e".parse().unwrap()).await.unwrap();
        assert_eq!(tx.orders().get(&"ord_e".parse().unwrap()).await.unwrap(), None);
        tx.commit().await.unwrap();
        add(store, &theirs, &rival).await.unwrap();
    }

    async fn an_account_is_kept_at_its_own_tenant_and_found_by_its_name(fresh: Fresh) {
        let store = &fresh.store;
        let (ours, theirs) = (Practice::open(store, "alpha").await.tenant.id, Practice::open(store, "beta").await.tenant.id);
        let account = |tenant: &TenantId, byte: u8, set: Timestamp| TwilioAccount {
            tenant: tenant.clone(),
            account_sid: "AC7".to_owned(),
            auth_token: vec![byte; 40],
            hint: "…abcd".to_owned(),
            set,
        };
        let mut tx = store.begin(&ours).await.unwrap();
        assert!(matches!(tx.twilio_account().put(&account(&theirs, 1, at(0))).await, Err(Error::Damaged(_))));
        for (byte, minute) in [(1, 0), (2, 1)] {
            tx.twilio_account().put(&account(&ours, byte, at(minute))).await.unwrap();
        }
        assert_eq!(tx.twilio_account().get().await.unwrap().unwrap(), account(&ours, 2, at(1)));
        tx.commit().await.unwrap();
        assert_eq!(store.read(&theirs).await.unwrap().twilio_account().get().await.unwrap(), None);
        let mut tx = store.begin(&theirs).await.unwrap();
        tx.twilio_account().put(&account(&theirs, 3, at(2))).await.unwrap();
        tx.commit().await.unwrap();
        let found = store.across_tenants().twilio_account("AC7").await.unwrap().unwrap();
        assert_eq!(found, account(&theirs, 3, at(2)), "the one set last");
        let mut tx = store.begin(&theirs).await.unwrap();
        assert!(tx.twilio_account().remove().await.unwrap() && !tx.twilio_account().remove().await.unwrap());
    }
}

/// SQLite changes a table by making it again; that must lose nothing.
#[tokio::test]
async fn numbers_from_before_they_could_be_bought_keep_their_calls() {
    let mut db = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    db.execute("PRAGMA foreign_keys = ON").await.unwrap();
    for step in [
        include_str!("../../migrations/sqlite/0001_first_call.sql"),
        include_str!("../../migrations/sqlite/0003_admin.sql"),
        "INSERT INTO tenants (id, slug, name, zone, calls_max) VALUES ('ten_a', 'a', 'A', 'Europe/Berlin', 1);
         INSERT INTO assistants (tenant_id, id, name, language, voice, instructions, opening, policy, recording,
                transcripts, tools)
            VALUES ('ten_a', 'ast_a', 'A', 'de', 'v', 'i', '{}', '{}', 0, 0, '[]');
         INSERT INTO numbers (tenant_id, id, number, assistant_id, language)
            VALUES ('ten_a', 'num_a', '+493055501001', 'ast_a', 'de');
         INSERT INTO calls (tenant_id, id, sid, account_sid, number_id, assistant_id, to_number, attested, state,
                state_rank, rang_at)
            VALUES ('ten_a', 'call_a', 'CA1', 'AC1', 'num_a', 'ast_a', '+493055501001', 0, 'ringing', 0, 1)",
        include_str!("../../migrations/sqlite/0005_numbers.sql"),
    ] {
        let mut tx = db.begin().await.unwrap();
        tx.execute(sqlx::raw_sql(step)).await.unwrap();
        tx.commit().await.unwrap();
    }
    let kept = db.fetch_one("SELECT number, assistant_id, setup, revision FROM numbers").await.unwrap();
    let kept: (String, String, String, i64) = (kept.get(0), kept.get(1), kept.get(2), kept.get(3));
    assert_eq!(kept, ("+493055501001".into(), "ast_a".into(), "elsewhere".into(), 1));
    assert!(db.fetch_all("PRAGMA foreign_key_check").await.unwrap().is_empty());
    assert!(db.execute("DELETE FROM numbers").await.is_err(), "a call still refers to it");
}
