//! Tests whether a business's own line is forwarded to a number here: the line is rung once, and it is watched for that call
//! to come back.

use super::{
    id::{NumberId, OutgoingId},
    outgoing::{Ending, OutgoingState},
    phone::E164,
    time::Timestamp,
};

/// A test. `Debug` shows no number.
#[derive(Clone, PartialEq, Eq)]
pub struct ForwardingTest {
    /// The attempt to ring the line.
    pub id: OutgoingId,
    /// The number here to which the line is said to be forwarded, and from which it is rung.
    pub number: NumberId,
    /// The business's own line.
    pub line: E164,
    /// Where the attempt stands.
    pub state: OutgoingState,
    /// How it ended, once it has.
    pub ended: Option<Ending>,
    /// When it was asked for.
    pub asked: Timestamp,
    /// When the network was asked to ring the line, once it was.
    pub rung: Option<Timestamp>,
    /// When the call came back, and at which number.
    pub arrived: Option<(Timestamp, NumberId)>,
}

impl std::fmt::Debug for ForwardingTest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForwardingTest")
            .field("id", &self.id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Through what callers would go in a circle: it leads to the line that leads here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Through {
    /// The fallback number of a pause.
    Fallback,
    /// The transfer target of that name.
    Target(String),
}

/// What a test has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing yet: it rings, or is about to.
    Ringing,
    /// The call came back: the line is forwarded here.
    Works,
    /// It came back, and whom the assistant passes on to that line comes back too.
    Circle(Through),
    /// It came back at another number of the business's.
    Elsewhere(NumberId),
    /// It did not come back; how it ended at the line.
    NotArrived(Ending),
    /// The line was not rung, and why.
    NotRung(Ending),
}

impl ForwardingTest {
    /// What it has found; `circle` is what leads to the line, if anything does. What was asked for before `since` and has not come
    /// back will not.
    pub fn found(&self, circle: Option<Through>, since: Timestamp) -> Found {
        match (&self.arrived, self.state) {
            (Some((_, at)), _) if *at != self.number => Found::Elsewhere(at.clone()),
            (Some(_), _) => circle.filter(|_| self.at_once()).map_or(Found::Works, Found::Circle),
            (None, OutgoingState::Over) => Found::NotArrived(self.ended.unwrap_or(Ending::Unknown)),
            (None, OutgoingState::Dropped) => Found::NotRung(self.ended.unwrap_or(Ending::Unknown)),
            (None, OutgoingState::Waiting) if self.asked < since => Found::NotRung(Ending::TooLate),
            (None, OutgoingState::Dialling | OutgoingState::Placed) if self.asked < since => {
                Found::NotArrived(Ending::Unknown)
            }
            (None, OutgoingState::Waiting | OutgoingState::Dialling | OutgoingState::Placed) => {
                Found::Ringing
            }
        }
    }

    /// Whether the call came back so soon that the line does not ring before it sends calls on.
    pub fn at_once(&self) -> bool {
        let Some((arrived, _)) = self.arrived else { return false };
        self.rung.is_none_or(|rung| arrived < rung.plus_millis(AT_ONCE_MS))
    }

    /// What a call that comes in tells of the test, which was made from `from`. It is the test's if it still says so, or if the
    /// network names the line in place of the caller. A call of somebody else's that the line has sent on shows that it does.
    pub fn told_by(&self, from: &E164, caller: Option<&E164>, forwarded: Option<&E164>) -> Told {
        let sent_on = forwarded == Some(&self.line);
        match caller {
            Some(caller) if (caller == from || *caller == self.line) && (sent_on || forwarded.is_none()) => {
                Told::Back
            }
            Some(_) | None if sent_on => Told::Forwarded,
            Some(_) | None => Told::Nothing,
        }
    }
}

/// How long after a line was rung a call that it sends on always may take to come back, in milliseconds: setting both calls up
/// takes a few seconds, and a line that rings first rings for ten or more.
const AT_ONCE_MS: i64 = 8_000;

/// What a call that comes in tells of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    Nothing,
    /// That the line sends calls on; it is somebody else's.
    Forwarded,
    /// That the line sends calls on; it is the test's own.
    Back,
}
