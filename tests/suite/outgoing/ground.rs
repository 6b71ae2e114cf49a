//! A practice that may call people, a stand-in Twilio, and somebody who dials: by a clock that is handed in.

use frontdesk::{
    app::outgoing::dialling::{Dialled, Dialler},
    boot,
    domain::{
        assistant::Language,
        id::OutgoingId,
        outgoing::{Channel, Kind, Outgoing, OutgoingSettings, OutgoingState},
        phone::E164,
        time::Timestamp,
    },
    platform::clock::Clock,
    sim::{
        Faults,
        twilio::{Account, Exchange},
    },
    store::Store,
};

use crate::support::{house::House, practice::Practice};

/// Whose account dials.
pub const ACCOUNT: (&str, &str) = ("AC00000000000000000000000000000001", "12345");

/// Who is called.
pub const PERSON: &str = "+4915112345678";

/// All of it.
pub struct Ground {
    pub store: Store,
    pub practice: Practice,
    pub exchange: Exchange,
    pub dialler: Dialler,
    pub faults: Faults,
}

impl Ground {
    /// A practice that may call people in Germany.
    pub async fn open(store: &Store) -> Self {
        boot::install_tls();
        let mut practice = Practice::named("ruf");
        practice.contact.number = PERSON.parse().ok();
        practice.tenant.calls_max = 100;
        practice.keep(store).await;
        let faults = Faults::default();
        let account = Account { sid: ACCOUNT.0.to_owned(), token: ACCOUNT.1.to_owned() };
        let exchange = Exchange::start(account, faults.clone()).await.unwrap();
        let house = House::new().ready_for_calls().with("TWILIO__BASE_URL", &exchange.base_url());
        let config = house.config();
        let keys = boot::keys(&config, store, Clock::system()).await.unwrap();
        let accounts = boot::accounts(&config, store, &keys).unwrap();
        let dialler = Dialler { store: store.clone(), accounts };
        let ground = Self { store: store.clone(), practice, exchange, dialler, faults };
        ground.allow(&OutgoingSettings { at_once_max: 100, ..ground.settings() }).await;
        ground
    }

    /// Whom the practice may call unless a test says otherwise.
    pub fn settings(&self) -> OutgoingSettings {
        OutgoingSettings {
            consent: Some("asked at the first visit".to_owned()),
            countries: vec!["DE".to_owned()],
            number: Some(self.practice.number.id.clone()),
            ..OutgoingSettings::default()
        }
    }

    pub async fn allow(&self, settings: &OutgoingSettings) {
        let mut tx = self.store.begin(&self.practice.tenant.id).await.unwrap();
        tx.outgoing().set(settings).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Something to be called, not kept anywhere.
    pub fn one(&self, name: &str, to: &E164, due: Timestamp) -> Outgoing {
        Outgoing {
            id: format!("out_{name}").parse().unwrap(),
            to: to.clone(),
            number: self.practice.number.id.clone(),
            assistant: self.practice.assistant.id.clone(),
            language: Language::German,
            purpose: "Fragen, ob die neue Karte da ist.".to_owned(),
            kind: Kind::Asked,
            cause: None,
            channel: Channel::Call,
            attempt: 1,
            attempts_max: 1,
            sms_after: false,
            appointment: None,
            for_start: None,
            contact: None,
            zone: None,
            due,
            expires: None,
            state: OutgoingState::Waiting,
            ended: None,
            said: None,
            problem: None,
            asks: 0,
            asked: None,
            account_sid: None,
            sid: None,
            call: None,
            created: due,
            over: None,
        }
    }

    /// Has somebody called from `due` on.
    pub async fn ask_for(&self, name: &str, to: &str, due: Timestamp) -> OutgoingId {
        let one = self.one(name, &to.parse().unwrap(), due);
        let mut tx = self.store.begin(&self.practice.tenant.id).await.unwrap();
        assert!(tx.outgoing().add(&one, None, "usr_1").await.unwrap());
        tx.commit().await.unwrap();
        one.id
    }

    /// Goes on with whatever is due, once.
    pub async fn dial(&self, now: Timestamp) -> Dialled {
        self.exchange.set_time(now);
        self.dialler.dial_next(&self.practice.tenant.id, now).await.unwrap()
    }

    pub async fn found(&self, id: &OutgoingId) -> Outgoing {
        let mut tx = self.store.read(&self.practice.tenant.id).await.unwrap();
        tx.outgoing().get(id).await.unwrap().unwrap()
    }
}
