//! What happens in calls, for whoever watches while it happens.
//!
//! Watching costs a call nothing when nobody does, and never holds it up: a watcher that is too slow misses
//! notices, not the caller words. Notices carry what people say; they are for the tenant's eyes, never for logs.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::{
    call::port::Note,
    domain::{
        conversation::Outcome,
        id::{CallId, TenantId},
        time::CallTime,
        transfer::TransferState,
    },
};

/// How many notices a watcher may be behind before it misses some.
pub const NOTICES_MAX: usize = 1_024;

/// Something happened in a call.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Whose call it is.
    pub tenant: TenantId,
    /// Which call.
    pub call: CallId,
    /// When, since the media stream began.
    pub at: CallTime,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// It rings, and is being put through.
    Ringing,
    /// The media stream began.
    Answered,
    /// The call noted something.
    Note {
        /// What.
        note: Note,
        /// The tool it is about, if it is about one.
        tool: Option<String>,
        /// Whether that tool broke.
        broke: bool,
    },
    /// The line was let go of: the caller is passed on.
    PassedOn,
    /// Where passing the caller on stands.
    Transfer(TransferState),
    /// The caller agreed, and the recording began.
    RecordingBegan,
    /// Somebody at the business begins to listen, or has stopped.
    Listening(bool),
    /// The call is over and its record is kept.
    Ended(Outcome),
}

/// Tells one call's notices.
#[derive(Clone, Debug)]
pub(super) struct Notices {
    pub(super) tenant: TenantId,
    pub(super) call: CallId,
    pub(super) watchers: broadcast::Sender<Arc<Notice>>,
    /// Whether the words of the conversation may be told: not where they may not be kept.
    pub(super) words: bool,
}

impl Notices {
    /// Whether anybody watches.
    pub(super) fn watched(&self) -> bool {
        self.watchers.receiver_count() > 0
    }

    pub(super) fn tell(&self, at: CallTime, mut what: What) {
        if self.watched() {
            if let What::Note { note, .. } = &mut what
                && !self.words
            {
                if matches!(note, Note::Heard { .. }) {
                    return;
                }
                if let Note::TurnOver(turn) = note {
                    (turn.text, turn.heard_text) = (String::new(), String::new());
                }
            }
            let notice = Notice { tenant: self.tenant.clone(), call: self.call.clone(), at, what };
            // Fails only when the last watcher has just left.
            let _ = self.watchers.send(Arc::new(notice));
        }
    }
}
