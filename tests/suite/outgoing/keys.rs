//! What keys do in a call of ours: at once, whatever becomes of the conversation.

use std::sync::Arc;

use frontdesk::{
    app::{
        outgoing::Errand,
        tools::{CallContext, Request, Toolbox},
    },
    domain::{
        assistant::Language,
        booking::{AppointmentStatus, Service},
        outgoing::{OutgoingState, Said},
    },
    platform::clock::Clock,
    store::{Lane, Work},
};
use serde_json::{Value, json};

use super::ground::{Ground, PERSON};
use crate::support::{
    databases::{Fresh, on_both},
    practice::{MONDAY_8, appointment, at},
};

on_both! {
    async fn one_says_that_the_person_comes_and_the_calendar_is_told(fresh: Fresh) {
        let call = Ours::begin(&fresh).await;
        call.toolbox.keyed('1').await;
        assert_eq!(call.said().await, Some(Said::Confirmed));
        let id = call.errand.appointment.as_ref().unwrap().id.clone();
        assert!(call.ground.store.read(&call.ground.practice.tenant.id).await.unwrap().appointments().coming(&id).await.unwrap());
        let jobs = call.ground.store.across_tenants();
        let jobs = jobs.take_jobs(at(99), at(99), 9, Lane::Prompt).await.unwrap();
        assert!(jobs.iter().any(|job| job.work == Work::SettleAppointment { appointment: id.clone() }));
    }

    async fn three_cancels_and_the_model_learns_it(fresh: Fresh) {
        let call = Ours::begin(&fresh).await;
        call.toolbox.keyed('3').await;
        assert_eq!(call.status().await, AppointmentStatus::Cancelled);
        assert_eq!(call.said().await, Some(Said::Cancelled));
        let request = Request { id: "1".to_owned(), name: "cancel_appointment".to_owned(), arguments: "{}".to_owned() };
        let told: Value = serde_json::from_str(&call.toolbox.run(request).await.output).unwrap();
        assert_eq!(told["status"], json!("cancelled"));
    }

    async fn nine_stops_all_calls_to_the_person(fresh: Fresh) {
        let call = Ours::begin(&fresh).await;
        let later = call.ground.ask_for("later", PERSON, at(500)).await;
        call.toolbox.keyed('9').await;
        assert_eq!(call.said().await, Some(Said::Stop));
        assert_eq!(call.ground.found(&later).await.state, OutgoingState::Dropped, "also what waits already");
        let tenant = &call.ground.practice.tenant.id;
        let mut tx = call.ground.store.read(tenant).await.unwrap();
        assert!(tx.opt_outs().of(&PERSON.parse().unwrap()).await.unwrap().is_some());
    }

    async fn three_does_nothing_to_what_asks_for_a_pin(fresh: Fresh) {
        let call = Ours::begin(&fresh).await;
        let practice = &call.ground.practice;
        let mut tx = call.ground.store.begin(&practice.tenant.id).await.unwrap();
        tx.services().put(&Service { sensitive: true, ..practice.checkup.clone() }).await.unwrap();
        tx.commit().await.unwrap();
        call.toolbox.keyed('3').await;
        assert_eq!((call.status().await, call.said().await), (AppointmentStatus::Confirmed, None), "whoever picked up");
    }

    async fn three_is_about_the_one_appointment_and_no_other(fresh: Fresh) {
        let call = Ours::begin(&fresh).await;
        let practice = &call.ground.practice;
        let other = appointment(practice, practice.contact.id.as_str(), practice.ada.id.as_str(), at(360));
        let mut tx = call.ground.store.begin(&practice.tenant.id).await.unwrap();
        tx.appointments().insert(&other, None, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        let ask = async |id: &str, name: &str, arguments: Value| -> Value {
            let (id, name, arguments) = (id.to_owned(), name.to_owned(), arguments.to_string());
            serde_json::from_str(&call.toolbox.run(Request { id, name, arguments }).await.output).unwrap()
        };
        let told = ask("1", "my_appointments", json!({})).await;
        assert_eq!(told["appointments"].as_array().unwrap().len(), 2);
        call.toolbox.keyed('3').await;
        let second = json!({ "appointment": told["appointments"][1]["key"], "confirmed": true });
        assert_eq!(ask("2", "cancel_appointment", second.clone()).await["status"], "confirm", "it is asked for as always");
        assert_eq!(ask("3", "cancel_appointment", second).await["status"], "cancelled");
        let mut tx = call.ground.store.read(&practice.tenant.id).await.unwrap();
        let standing = tx.appointments().get(&other.id).await.unwrap().unwrap();
        assert_eq!(standing.status, AppointmentStatus::Cancelled, "what was said is so");
    }

    async fn nine_stops_all_calls_also_where_a_pin_is_waited_for(fresh: Fresh) {
        let call = Ours::begin(&fresh).await;
        let looked_at = call.toolbox.typed_pin("9").await;
        assert!(!looked_at.again && looked_at.fact.contains("do_not_call"));
        assert_eq!(call.said().await, Some(Said::Stop));
    }

    async fn other_keys_are_left_to_the_conversation(fresh: Fresh) {
        let call = Ours::begin(&fresh).await;
        for key in ['0', '2', '4', '5', '6', '7', '8', '*', '#'] {
            call.toolbox.keyed(key).await;
        }
        assert_eq!((call.status().await, call.said().await), (AppointmentStatus::Confirmed, None));
    }
}

/// A call of ours that somebody has answered, about an appointment.
struct Ours {
    ground: Ground,
    errand: Errand,
    toolbox: Arc<Toolbox>,
}

impl Ours {
    async fn begin(fresh: &Fresh) -> Self {
        let ground = Ground::open(&fresh.store).await;
        let practice = &ground.practice;
        let booked = appointment(practice, practice.contact.id.as_str(), practice.ada.id.as_str(), at(180));
        let mut outgoing = ground.one("one", &PERSON.parse().unwrap(), at(0));
        outgoing.appointment = Some(booked.id.clone());
        outgoing.contact = Some(practice.contact.id.clone());
        let mut tx = ground.store.begin(&practice.tenant.id).await.unwrap();
        tx.appointments().insert(&booked, None, at(0)).await.unwrap();
        assert!(tx.outgoing().add(&outgoing, None, "usr_1").await.unwrap());
        tx.commit().await.unwrap();
        let context = CallContext {
            tenant: practice.tenant.clone(),
            call: practice.call(&ground.store, 1).await,
            assistant: Arc::new(practice.assistant.clone()),
            language: Language::German,
            caller: PERSON.parse().ok(),
            attested: false,
        };
        let errand = Errand {
            outgoing,
            contact: Some(practice.contact.clone()),
            name: None,
            appointment: Some(booked),
            upcoming: vec![],
            offer: None,
        };
        let toolbox = Toolbox::new(context, &ground.store, Clock::showing(MONDAY_8));
        let toolbox = Arc::new(toolbox.on_errand(Some(errand.clone())));
        Self { ground, errand, toolbox }
    }

    async fn said(&self) -> Option<Said> {
        self.ground.found(&self.errand.outgoing.id).await.said
    }

    async fn status(&self) -> AppointmentStatus {
        let id = &self.errand.appointment.as_ref().unwrap().id;
        let mut tx = self.ground.store.read(&self.ground.practice.tenant.id).await.unwrap();
        tx.appointments().get(id).await.unwrap().unwrap().status
    }
}
