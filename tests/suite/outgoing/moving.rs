//! Calling somebody whose appointment cannot take place, so that it is moved.

use frontdesk::{
    app::{
        access::{Actor, Who},
        bookings::{self, Asker, Ledger},
        briefing, closures,
        outgoing::{Errand, moving::NotRung},
        stranded::{self, Decision, Done, Remedy, Undone, Wanted},
    },
    domain::{
        assistant::Language,
        booking::{Appointment, AppointmentStatus},
        closing::{Closure, ClosureKind, Part},
        outgoing::{Ending, Kind, OptOutSource, Outgoing, OutgoingSettings},
        time::{TimeRange, Timestamp},
    },
    store::OptOut,
};
use jiff::civil::date;

use super::ground::Ground;
use crate::support::{databases::on_both, practice::at};

const DAY: i64 = 24 * 60;

impl Ground {
    fn staff(&self) -> Actor {
        Actor::new(self.practice.tenant.id.clone(), Who::System("test"))
    }

    fn ledger(&self) -> Ledger {
        Ledger::from(&self.store)
    }

    /// An appointment with Ada that begins then.
    async fn with_ada(&self, name: &str, start: Timestamp) -> Appointment {
        let time = TimeRange { start, end: start.plus_minutes(30) };
        let appointment = Appointment {
            id: format!("apt_{name}").parse().unwrap(),
            service: self.practice.checkup.id.clone(),
            resource: self.practice.ada.id.clone(),
            together: vec![],
            seats: 1,
            session: None,
            contact: Some(self.practice.contact.id.clone()),
            time,
            blocked: time,
            status: AppointmentStatus::Confirmed,
            expires: None,
            note: String::new(),
            clashing: false,
        };
        let mut tx = self.store.begin(&self.practice.tenant.id).await.unwrap();
        tx.appointments().insert(&appointment, None, at(-DAY)).await.unwrap();
        tx.commit().await.unwrap();
        appointment
    }

    /// Ada is away on Tuesday.
    async fn ada_is_away(&self) {
        let closure = Closure {
            id: "clo_ada".parse().unwrap(),
            resource: Some(self.practice.ada.id.clone()),
            kind: ClosureKind::Absence,
            name: String::new(),
            first: date(2026, 3, 3),
            last: date(2026, 3, 3),
            part: Part::Whole,
            yearly: false,
        };
        closures::create(&self.store, &self.staff(), at(0), closure).await.unwrap();
    }

    async fn ring(&self, appointment: &Appointment, now: Timestamp) -> Result<Done, Undone> {
        let decision = Decision { appointment: appointment.id.clone(), seen: None, remedy: Remedy::Ring };
        let done = stranded::decide(&self.ledger(), &self.staff(), now, &[decision]).await.unwrap();
        done.into_iter().next().unwrap().done
    }

    async fn listed(&self, now: Timestamp) -> Vec<stranded::Stranded> {
        stranded::list(&self.store, &self.staff(), now, &Wanted::default()).await.unwrap().items
    }
}

on_both! {
    async fn whoever_has_a_stranded_appointment_is_called_once_to_move_it(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let appointment = ground.with_ada("a", at(DAY + 120)).await;
        assert!(ground.listed(at(0)).await.is_empty(), "it stands while she is there");
        ground.ada_is_away().await;
        let listed = ground.listed(at(120)).await;
        assert_eq!((listed.len(), listed[0].not_rung), (1, None));
        let Ok(Done::Rings(id, due)) = ground.ring(&appointment, at(120)).await else {
            panic!("they may be called");
        };
        assert_eq!(due, at(120));
        let again = ground.ring(&appointment, at(121)).await;
        assert!(matches!(again, Err(Undone::NotRung(NotRung::UnderWay))), "{again:?}");
        ground.dial(at(121)).await;
        assert_eq!(ground.exchange.placed().len(), 1);
        let tenant = &ground.practice.tenant.id;
        let one = ground.store.read(tenant).await.unwrap().outgoing().get(&id).await.unwrap().unwrap();
        assert_eq!((one.kind, &one.appointment), (Kind::Move, &Some(appointment.id.clone())));
        let listed = ground.listed(at(122)).await;
        assert_eq!(listed[0].call.as_ref().map(|call| &call.id), Some(&id), "the list says that they are called");
    }

    async fn the_agent_is_told_to_move_and_never_to_confirm_what_cannot_take_place(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let appointment = ground.with_ada("a", at(DAY + 120)).await;
        ground.ada_is_away().await;
        let Ok(Done::Rings(id, _)) = ground.ring(&appointment, at(120)).await else {
            panic!("they may be called");
        };
        let tenant = &ground.practice.tenant;
        let outgoing = ground.store.read(&tenant.id).await.unwrap().outgoing().get(&id).await.unwrap().unwrap();
        let reminder = Outgoing { kind: Kind::Reminder { lead_min: 1_440 }, ..outgoing.clone() };
        let told = |outgoing: Outgoing| {
            let errand = Errand {
                outgoing,
                contact: None,
                name: None,
                appointment: Some(appointment.clone()),
                offer: None,
                upcoming: vec![],
            };
            let language = Language::German;
            let briefing =
                briefing::briefing(tenant, &ground.practice.assistant, &[], &[], language, at(130), Some(&errand));
            let confirms = briefing.tools.iter().any(|tool| tool.name == "confirm_appointment");
            (confirms, briefing.instructions.contains("must be moved"))
        };
        assert_eq!(told(outgoing), (false, true));
        assert_eq!(told(reminder), (true, false));
    }

    async fn who_may_not_be_called_is_named_with_the_reason(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let appointment = ground.with_ada("a", at(DAY + 120)).await;
        ground.ada_is_away().await;
        let not = async |now: Timestamp| match ground.ring(&appointment, now).await {
            Err(Undone::NotRung(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(not(at(DAY + 110)).await, NotRung::Rules(Ending::TooLate), "it begins in a moment");
        ground.allow(&OutgoingSettings { countries: vec!["AT".to_owned()], ..ground.settings() }).await;
        assert_eq!(not(at(120)).await, NotRung::Rules(Ending::Country));
        ground.allow(&OutgoingSettings { consent: None, ..ground.settings() }).await;
        assert_eq!(not(at(120)).await, NotRung::Rules(Ending::NoConsent));
        ground.allow(&ground.settings()).await;
        let tenant = &ground.practice.tenant.id;
        let opt_out = OptOut {
            id: "opt_1".parse().unwrap(),
            number: ground.practice.contact.number.clone().unwrap(),
            source: OptOutSource::Staff,
            call: None,
            since: at(0),
        };
        let mut tx = ground.store.begin(tenant).await.unwrap();
        tx.opt_outs().add(&opt_out).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(not(at(120)).await, NotRung::Rules(Ending::OptedOut));
        assert_eq!(ground.listed(at(120)).await[0].not_rung, Some(NotRung::Rules(Ending::OptedOut)));
        assert!(ground.exchange.placed().is_empty());
    }

    async fn what_the_business_cannot_keep_may_be_changed_by_who_has_it_until_it_begins(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let tenant = &ground.practice.tenant.id;
        let mut service = ground.practice.checkup.clone();
        service.cancel_cutoff_min = 7 * 24 * 60;
        let mut tx = ground.store.begin(tenant).await.unwrap();
        tx.services().put(&service).await.unwrap();
        tx.commit().await.unwrap();
        let appointment = ground.with_ada("a", at(DAY + 120)).await;
        let caller = Asker { tenant: tenant.clone(), call: None, key: None, staff: None };
        let cancel = async || {
            bookings::cancel(&ground.store, &caller, at(0), &appointment.id, appointment.contact.as_ref()).await
        };
        assert!(matches!(cancel().await, Err(frontdesk::app::Error::TooLate)));
        ground.ada_is_away().await;
        assert_eq!(cancel().await.unwrap().status, AppointmentStatus::Cancelled);
    }
}
