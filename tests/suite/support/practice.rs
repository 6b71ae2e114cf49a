//! A small practice in Berlin, to book at.

use frontdesk::{
    domain::{
        assistant::{Assistant, AssistantStatus, Language, TurnPolicy},
        availability::EventStatus,
        booking::{Appointment, AppointmentStatus, Resource, Schedule, Selection, Service, Window},
        contact::Contact,
        conversation::{CallSid, Direction},
        id::{CallId, ContactId},
        org::{Number, Tenant},
        phone::E164,
        time::{TimeRange, Timestamp},
        tool::ToolName,
    },
    store::{NewCall, Store},
};
use jiff::civil::time;

/// Monday, 2 March 2026, 08:00 in Berlin: before anything opens.
pub const MONDAY_8: Timestamp = Timestamp(1_772_434_800_000_000);

/// Minutes after [`MONDAY_8`].
pub fn at(minutes: i64) -> Timestamp {
    MONDAY_8.plus_minutes(minutes)
}

/// A practice that is open on weekdays from nine to twelve and from one to five.
#[derive(Clone)]
pub struct Practice {
    pub tenant: Tenant,
    pub number: Number,
    pub assistant: Assistant,
    /// Half an hour, every quarter of an hour, ten minutes kept free after it; with Ada or Ben.
    pub checkup: Service,
    /// A quarter of an hour, five minutes kept free before it; with Ada.
    pub vaccination: Service,
    pub ada: Resource,
    pub ben: Resource,
    /// Who calls.
    pub contact: Contact,
}

impl Practice {
    /// One whose ids and number end in `name`, not kept anywhere.
    pub fn named(name: &str) -> Self {
        let window = |opens, closes| Window { opens: time(opens, 0, 0, 0), closes: time(closes, 0, 0, 0) };
        let weekday = vec![window(9, 12), window(13, 17)];
        let schedule = Schedule {
            week: std::array::from_fn(|day| if day < 5 { weekday.clone() } else { vec![] }),
            ..Schedule::default()
        };
        let resource = |word: &str| Resource {
            id: format!("res_{word}{name}").parse().unwrap(),
            name: word.to_owned(),
            schedule: schedule.clone(),
            active: true,
        };
        let (ada, ben) = (resource("ada"), resource("ben"));
        let checkup = Service {
            id: format!("svc_checkup{name}").parse().unwrap(),
            key: "checkup".to_owned(),
            names: [("de".to_owned(), "Vorsorge".to_owned()), ("en".to_owned(), "Check-up".to_owned())]
                .into(),
            duration_min: 30,
            interval_min: 15,
            grid_offset_min: 0,
            buffer_before_min: 0,
            buffer_after_min: 10,
            notice_min: 60,
            horizon_days: 60,
            per_day_max: None,
            per_week_max: None,
            per_month_max: None,
            minutes_per_day_max: None,
            capacity: 1,
            selection: Selection::RoundRobin,
            blocking: EventStatus::BLOCKING.into(),
            conflict_calendars: None,
            cancel_cutoff_min: 120,
            invites: false,
            sensitive: false,
            price: Some("80 Euro".to_owned()),
            resources: vec![ada.id.clone(), ben.id.clone()],
            active: true,
        };
        let vaccination = Service {
            id: format!("svc_vaccination{name}").parse().unwrap(),
            key: "vaccination".to_owned(),
            names: [("de".to_owned(), "Impfung".to_owned())].into(),
            duration_min: 15,
            buffer_before_min: 5,
            buffer_after_min: 0,
            price: None,
            resources: vec![ada.id.clone()],
            ..checkup.clone()
        };
        let assistant = Assistant {
            id: format!("ast_{name}").parse().unwrap(),
            name: "Empfang".to_owned(),
            language: Language::German,
            fallback: Some(Language::English),
            voice: "marin".to_owned(),
            model: None,
            instructions: "Sei freundlich.".to_owned(),
            opening: [(Language::German, "Guten Tag!".to_owned())].into(),
            policy: TurnPolicy { end_of_turn_ms: 650, ..TurnPolicy::default() },
            recording: true,
            transcripts: true,
            tools: ToolName::ALL.to_vec(),
            services: vec![checkup.id.clone(), vaccination.id.clone()],
            description: String::new(),
            status: AssistantStatus::Live,
            transfers: vec![],
            keypad: Default::default(),
        };
        let digits: String = name.bytes().map(|byte| char::from(b'0' + byte % 10)).collect();
        let caller = format!("+4917099{digits}").parse::<E164>();
        Self {
            tenant: Tenant {
                id: format!("ten_{name}").parse().unwrap(),
                slug: name.to_owned(),
                name: "Praxis Dr. Beispiel".to_owned(),
                zone: "Europe/Berlin".parse().unwrap(),
                twilio_account_sid: None,
                calls_max: 10,
                seats_max: Tenant::SEATS,
                assistants_max: Tenant::ASSISTANTS,
                numbers_max: Tenant::NUMBERS,
                networks: vec![],
                listening_in: false,
            },
            number: Number {
                id: format!("num_{name}").parse().unwrap(),
                number: format!("+493012345{digits}").parse().unwrap(),
                assistant: Some(assistant.id.clone()),
                language: Language::German,
            },
            assistant,
            checkup,
            vaccination,
            ada,
            ben,
            contact: Contact {
                id: format!("con_{name}").parse().unwrap(),
                name: "Erika Beispiel".to_owned(),
                number: caller.ok(),
                born: Some(jiff::civil::date(1964, 8, 12)),
                note: String::new(),
                email: None,
            },
        }
    }

    /// One kept in `store`.
    pub async fn open(store: &Store, name: &str) -> Self {
        let practice = Self::named(name);
        practice.keep(store).await;
        practice
    }

    /// Keeps all of it.
    pub async fn keep(&self, store: &Store) {
        let mut tx = store.begin(&self.tenant.id).await.unwrap();
        tx.tenant().put(&self.tenant).await.unwrap();
        tx.resources().put(&self.ada).await.unwrap();
        tx.resources().put(&self.ben).await.unwrap();
        tx.services().put(&self.checkup).await.unwrap();
        tx.services().put(&self.vaccination).await.unwrap();
        tx.assistants().put(&self.assistant, MONDAY_8, "system:test").await.unwrap();
        tx.numbers().put(&self.number).await.unwrap();
        tx.contacts().put(&self.contact, MONDAY_8).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Another person who calls, kept.
    pub async fn caller(&self, store: &Store, name: &str) -> ContactId {
        let contact = Contact {
            id: format!("con_{name}").parse().unwrap(),
            name: name.to_owned(),
            number: None,
            born: None,
            note: String::new(),
            email: None,
        };
        let mut tx = store.begin(&self.tenant.id).await.unwrap();
        tx.contacts().put(&contact, MONDAY_8).await.unwrap();
        tx.commit().await.unwrap();
        contact.id
    }

    /// The `n`th call, ringing, kept.
    pub async fn call(&self, store: &Store, n: u32) -> CallId {
        let new = self.new_call(n);
        let mut tx = store.begin(&self.tenant.id).await.unwrap();
        assert!(tx.calls().ring(&new, MONDAY_8).await.unwrap());
        tx.commit().await.unwrap();
        new.id
    }

    /// The `n`th call, not kept anywhere.
    pub fn new_call(&self, n: u32) -> NewCall {
        NewCall {
            id: format!("call_{}{n}", self.tenant.slug).parse().unwrap(),
            sid: sid(n),
            account_sid: format!("AC{:032x}", 1),
            number: self.number.id.clone(),
            assistant: self.assistant.id.clone(),
            from: self.contact.number.clone(),
            to: self.number.number.clone(),
            attested: false,
            direction: Direction::Inbound,
        }
    }
}

/// The `n`th name of Twilio's for a call.
pub fn sid(n: u32) -> CallSid {
    format!("CA{n:032x}").parse().unwrap()
}

/// A check-up, confirmed.
pub fn appointment(practice: &Practice, contact: &str, resource: &str, start: Timestamp) -> Appointment {
    Appointment {
        id: format!("apt_{}{resource}{}", practice.tenant.slug, start.0).parse().unwrap(),
        service: practice.checkup.id.clone(),
        resource: resource.parse().unwrap(),
        together: vec![],
        seats: 1,
        session: None,
        contact: Some(contact.parse().unwrap()),
        time: TimeRange { start, end: start.plus_minutes(30) },
        blocked: TimeRange { start, end: start.plus_minutes(40) },
        status: AppointmentStatus::Confirmed,
        expires: None,
        note: String::new(),
        clashing: false,
    }
}
