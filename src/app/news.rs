//! What becomes of appointments, for whoever watches while it happens.
//!
//! Telling costs nothing when nobody watches and holds nobody up: a watcher that is too slow misses some. What is told has
//! been kept before; whoever was not there reads it in the history and among the clashes. It is told in the process in
//! which it happens.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::domain::{
    booking::{Appointment, Step},
    calendar::{Clash, ClashKind},
    id::{AppointmentId, ClashId, TenantId},
};

/// How many items a watcher may be behind before it misses some.
pub const NEWS_MAX: usize = 256;

/// Something happened to an appointment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which one.
    pub appointment: AppointmentId,
    /// What.
    pub what: Happened,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It took a step.
    Step {
        /// Which.
        step: Step,
        /// Who did it, as in its history.
        by: String,
    },
    /// It and something else want the same time.
    Clash {
        /// Which clash.
        id: ClashId,
        /// How.
        what: ClashKind,
    },
}

/// Tells what becomes of appointments. Cheap to clone; clones tell the same watchers.
#[derive(Clone, Debug)]
pub struct News(broadcast::Sender<Arc<Item>>);

impl Default for News {
    fn default() -> Self {
        Self(broadcast::Sender::new(NEWS_MAX))
    }
}

impl News {
    /// Everything that is told from now on, of every tenant.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Item>> {
        self.0.subscribe()
    }

    /// Tells that an appointment took a step.
    pub(super) fn step(&self, tenant: &TenantId, appointment: &Appointment, step: Step, by: &str) {
        self.tell(tenant, &appointment.id, || Happened::Step { step, by: by.to_owned() });
    }

    /// Tells of a clash.
    pub(super) fn clash(&self, tenant: &TenantId, clash: &Clash) {
        self.tell(tenant, &clash.appointment, || Happened::Clash { id: clash.id.clone(), what: clash.what });
    }

    fn tell(&self, tenant: &TenantId, appointment: &AppointmentId, what: impl FnOnce() -> Happened) {
        if self.0.receiver_count() > 0 {
            let item = Item { tenant: tenant.clone(), appointment: appointment.clone(), what: what() };
            // Fails only when the last watcher has just left.
            let _ = self.0.send(Arc::new(item));
        }
    }
}
