//! Two tenants on one server, each with one of everything, and everybody who may ask at the first.

use std::collections::{BTreeMap, BTreeSet};

use frontdesk::{
    domain::{
        assistant::Language,
        booking::{Appointment, AppointmentStatus},
        calendar::{
            CalendarAccess, Clash, ClashKind, Connection, ConnectionState, EventId, Grant, OutsideCalendar,
            Place, Vendor,
        },
        campaign::{CallWindow, Campaign, CampaignState, Entry, EntryState, Retry},
        closing::{Closure, ClosureKind, Part},
        forgetting::{Counts, Erasure, ErasureState, Export, ExportOf, Person},
        id::{AppointmentId, MessageId},
        outgoing::{Channel, Kind, OptOutSource, Outgoing, OutgoingState},
        remarks::{Remarks, TAG_LEN_MAX},
        time::{TimeRange, Timestamp, Zone},
        transfer::TransferTarget,
        waiting::{Waiting, WaitingState},
        webhook::{Delivery, DeliveryState, EventKind, Webhook},
    },
    store::{Message, NewShare, OptOut, SealedTokens},
};
use serde_json::{Value, json};

use super::{
    office::{Asker, Office},
    practice::{MONDAY_8, Practice, at},
};

/// What stands in every text of the second tenant, and must never be seen by the first.
pub const CANARY: &str = "yellow canary";

/// One tenant with one of everything.
pub struct Neighbour {
    /// Who owns it.
    pub owner: Asker,
    /// Its ids, by the name a path has for them.
    pub ids: BTreeMap<&'static str, String>,
}

impl Neighbour {
    /// A tenant of that name; with `words` in every text there is. `n` tells its calls from others'.
    pub async fn settle(office: &Office, name: &str, words: &str, n: u32) -> Self {
        let owner = office.owner(name).await;
        let store = &office.server.store;
        let id = owner.tenant().parse().unwrap();
        let mut practice = Practice::named(name);
        practice.tenant = store.read(&id).await.unwrap().tenant().get().await.unwrap().unwrap();
        practice.tenant.seats_max = 50;
        let say = |text: &mut String| *text = format!("{text} {words}");
        let assistant = &mut practice.assistant;
        assistant.fallback = None;
        for text in [&mut assistant.name, &mut assistant.description, &mut assistant.instructions] {
            say(text);
        }
        assistant.opening.values_mut().for_each(say);
        say(&mut practice.ada.name);
        say(&mut practice.ben.name);
        practice.checkup.names.values_mut().for_each(say);
        practice.checkup.price = Some(words.to_owned());
        say(&mut practice.contact.name);
        say(&mut practice.contact.note);
        practice.keep(store).await;
        let call = practice.call(store, n).await;
        let message = Message {
            id: format!("msg_{name}").parse::<MessageId>().unwrap(),
            call: Some(call.clone()),
            name: words.to_owned(),
            number: practice.contact.number.clone(),
            text: words.to_owned(),
            left: MONDAY_8,
            handled: None,
            spoken: None,
            work: Default::default(),
        };
        let time = TimeRange { start: at(60), end: at(90) };
        let appointment = Appointment {
            id: format!("apt_{name}").parse::<AppointmentId>().unwrap(),
            service: practice.checkup.id.clone(),
            resource: practice.ada.id.clone(),
            together: vec![],
            seats: 1,
            session: None,
            contact: Some(practice.contact.id.clone()),
            time,
            blocked: TimeRange { start: time.start, end: at(100) },
            status: AppointmentStatus::Confirmed,
            expires: None,
            note: words.to_owned(),
            clashing: false,
        };
        let connection = Connection {
            id: format!("cnx_{name}").parse().unwrap(),
            vendor: Vendor::Google,
            grant: Grant::Person,
            account: format!("{name} {words}"),
            directory: None,
            personal: false,
            state: ConnectionState::Connected,
            problem: None,
            connected: MONDAY_8,
            since: MONDAY_8,
        };
        let calendar = OutsideCalendar {
            id: format!("cal_{name}").parse().unwrap(),
            connection: connection.id.clone(),
            place: Place { mailbox: None, calendar: format!("{name} {words}"), zone: Zone::utc() },
            name: words.to_owned(),
            primary: true,
            access: CalendarAccess::Write,
            there: true,
        };
        let clash = Clash {
            id: format!("cls_{name}").parse().unwrap(),
            appointment: appointment.id.clone(),
            calendar: Some(calendar.id.clone()),
            event: Some(EventId(format!("{name} {words}"))),
            what: ClashKind::EventOverAppointment,
            found: MONDAY_8,
            settled: None,
        };
        let closure = Closure {
            id: format!("clo_{name}").parse().unwrap(),
            resource: Some(practice.ada.id.clone()),
            kind: ClosureKind::Absence,
            name: words.to_owned(),
            first: jiff::civil::date(2026, 3, 2),
            last: jiff::civil::date(2026, 3, 2),
            part: Part::Whole,
            yearly: true,
        };
        let outgoing = Outgoing {
            id: format!("out_{name}").parse().unwrap(),
            to: practice.contact.number.clone().unwrap(),
            number: practice.number.id.clone(),
            assistant: practice.assistant.id.clone(),
            language: Language::German,
            purpose: words.to_owned(),
            kind: Kind::Asked,
            cause: None,
            channel: Channel::Call,
            attempt: 1,
            attempts_max: 1,
            sms_after: false,
            appointment: Some(appointment.id.clone()),
            for_start: None,
            contact: Some(practice.contact.id.clone()),
            zone: None,
            due: Timestamp::MAX,
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
            created: MONDAY_8,
            over: None,
        };
        let campaign = Campaign {
            id: format!("cmp_{name}").parse().unwrap(),
            name: words.to_owned(),
            assistant: practice.assistant.id.clone(),
            number: practice.number.id.clone(),
            language: Language::German,
            purpose: words.to_owned(),
            window: CallWindow {
                first_day: None,
                last_day: jiff::civil::date(2100, 1, 4),
                from_min: 9 * 60,
                until_min: 20 * 60,
            },
            retry: Retry { attempts_max: 1, after_min: 60, endings: vec![] },
            at_once_max: 1,
            starts: None,
            state: CampaignState::Draft,
            created: MONDAY_8,
            ended: None,
        };
        let entry = Entry {
            id: format!("cen_{name}").parse().unwrap(),
            campaign: campaign.id.clone(),
            position: 1,
            number: practice.contact.number.clone().unwrap().to_string(),
            name: words.to_owned(),
            contact: None,
            state: EntryState::Waiting,
            ended: None,
            refused: None,
            attempts: 0,
            next: MONDAY_8,
            outgoing: None,
            call: None,
            said: None,
            over: None,
        };
        let waiting = Waiting {
            id: format!("wtl_{name}").parse().unwrap(),
            contact: practice.contact.id.clone(),
            service: practice.checkup.id.clone(),
            resources: vec![practice.ada.id.clone()],
            first_day: jiff::civil::date(2026, 3, 2),
            last_day: jiff::civil::date(2026, 3, 6),
            from_min: 0,
            until_min: 24 * 60,
            appointment: Some(appointment.id.clone()),
            language: None,
            state: WaitingState::Waiting,
            joined: MONDAY_8,
            ended: None,
        };
        let opt_out = OptOut {
            id: format!("opt_{name}").parse().unwrap(),
            number: format!("+49301111111{n}").parse().unwrap(),
            source: OptOutSource::Staff,
            call: None,
            since: MONDAY_8,
        };
        let tokens = SealedTokens { refresh: None, access: None, access_expires: MONDAY_8 };
        let target = TransferTarget {
            id: format!("tgt_{name}").parse().unwrap(),
            name: words.to_owned(),
            number: "+493055509999".parse().unwrap(),
            description: words.to_owned(),
            hours: None,
            announced: true,
            active: true,
        };
        let mut tx = store.begin(&id).await.unwrap();
        tx.connections().add(&connection, &BTreeSet::new(), &tokens, "usr_1").await.unwrap();
        tx.calendars().put(&calendar, MONDAY_8).await.unwrap();
        tx.messages().add(&message).await.unwrap();
        tx.transfer_targets().put(&target).await.unwrap();
        tx.appointments().insert(&appointment, Some(&call), Timestamp(MONDAY_8.0)).await.unwrap();
        assert!(tx.clashes().add(&clash).await.unwrap());
        tx.closures().add(&closure, MONDAY_8).await.unwrap();
        assert!(tx.outgoing().add(&outgoing, None, "usr_1").await.unwrap());
        tx.waiting().add(&waiting, "usr_1").await.unwrap();
        assert!(tx.campaigns().add(&campaign, None, "usr_1").await.unwrap());
        assert!(tx.campaigns().add_entry(&entry).await.unwrap());
        assert!(tx.opt_outs().add(&opt_out).await.unwrap());
        tx.commit().await.unwrap();
        let webhook = Webhook {
            id: format!("whk_{name}").parse().unwrap(),
            url: format!("https://example.com/{}", words.replace(' ', "%20")),
            description: words.to_owned(),
            kinds: EventKind::ALL.into_iter().filter(|kind| kind.can_be_asked_for()).collect(),
            // What this tenant is told is none of the test's.
            active: false,
        };
        let delivery = Delivery {
            id: format!("dlv_{name}").parse().unwrap(),
            webhook: webhook.id.clone(),
            event: format!("evt_{name}").parse().unwrap(),
            kind: EventKind::CallEnded,
            payload: json!({ "words": words }).to_string(),
            state: DeliveryState::Dead,
            attempts: 1,
            made: MONDAY_8,
            due: MONDAY_8,
            ended: Some(MONDAY_8),
            last_status: None,
            problem: Some(words.to_owned()),
        };
        let erasure = Erasure {
            id: format!("era_{name}").parse().unwrap(),
            person: Some(Person::Number(opt_out.number.clone())),
            digits: words.to_owned(),
            state: ErasureState::Requested,
            asked_by: words.to_owned(),
            asked: MONDAY_8,
            approved_by: None,
            ended: None,
            counts: Counts::new(),
        };
        let export = Export {
            id: format!("exp_{name}").parse().unwrap(),
            of: ExportOf::Tenant,
            asked_by: words.to_owned(),
            asked: MONDAY_8,
            done: None,
            expires: Timestamp::MAX,
            length: 0,
            counts: Counts::new(),
        };
        let share = NewShare {
            id: format!("shr_{name}").parse().unwrap(),
            call: call.clone(),
            fingerprint: &format!("of nothing of {name}"),
            by: words,
            made: MONDAY_8,
            expires: Timestamp::MAX,
        };
        let tag: String = words.chars().take(TAG_LEN_MAX).collect();
        let remarks = Remarks { note: words.to_owned(), tags: vec![tag.parse().unwrap()] };
        let mut tx = store.begin(&id).await.unwrap();
        tx.shares().add(&share).await.unwrap();
        tx.calls().set_remarks(&call, &remarks).await.unwrap();
        tx.forgetting().add_erasure(&erasure).await.unwrap();
        tx.forgetting().add_export(&export).await.unwrap();
        tx.forgetting()
            .end_export(&export.id, b"sealed under no key", 1, &Counts::new(), MONDAY_8)
            .await
            .unwrap();
        tx.webhooks().add(&webhook, b"sealed under no key", MONDAY_8).await.unwrap();
        tx.deliveries().add(&delivery).await.unwrap();
        tx.commit().await.unwrap();
        let key = json!({ "name": format!("key {words}"), "scopes": ["tenant:read"] });
        let key = owner.post("/api/api-keys", key).await.well();
        let invited = json!({ "email": format!("invited@{name}.example"), "role": "viewer" });
        let invited = owner.post("/api/invitations", invited).await.well();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let ids = BTreeMap::from([
            ("tenant", owner.tenant().to_owned()),
            ("member", owner.user().to_owned()),
            ("key", text(&key["id"])),
            ("invitation", text(&invited["id"])),
            ("assistant", practice.assistant.id.to_string()),
            ("version", "1".to_owned()),
            ("service", practice.checkup.id.to_string()),
            ("resource", practice.ada.id.to_string()),
            ("contact", practice.contact.id.to_string()),
            ("number", practice.number.id.to_string()),
            ("call", call.to_string()),
            ("message", message.id.to_string()),
            ("appointment", appointment.id.to_string()),
            ("connection", connection.id.to_string()),
            ("calendar", calendar.id.to_string()),
            ("clash", clash.id.to_string()),
            ("closure", closure.id.to_string()),
            ("target", target.id.to_string()),
            ("webhook", webhook.id.to_string()),
            ("delivery", delivery.id.to_string()),
            ("outgoing", outgoing.id.to_string()),
            ("opt_out", opt_out.id.to_string()),
            ("campaign", campaign.id.to_string()),
            ("waiting", waiting.id.to_string()),
            ("erasure", erasure.id.to_string()),
            ("export", export.id.to_string()),
            ("share", share.id.to_string()),
        ]);
        Self { owner, ids }
    }
}

/// Everybody who may ask at a tenant, by what they are.
pub async fn everybody(office: &Office, owner: &Asker) -> Vec<(&'static str, Asker)> {
    let mut all = vec![("owner", owner.clone())];
    for role in ["admin", "member", "viewer"] {
        all.push((role, office.member(owner, "someone", role).await));
    }
    let scopes: Vec<String> =
        frontdesk::domain::people::Scope::all().map(|scope| scope.to_string()).collect();
    let key = json!({ "name": "everything", "scopes": scopes });
    let key = owner.post("/api/api-keys", key).await.well();
    all.push(("program", office.bearer(key["key"].as_str().unwrap())));
    all
}
