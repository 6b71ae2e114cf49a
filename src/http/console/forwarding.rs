//! How a practice forwards its own number to ours: the codes it dials, per network, as data.
//!
//! The codes are those of GSM (3GPP TS 22.030 §6.5.2 and annex B) and of the German fixed network (Deutsche Telekom's and the other
//! operators' customer manuals use the same); FRITZ!Box obeys the fixed network's on the telephones connected to it.

/// When calls are forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Every call.
    Always,
    /// When the line is busy.
    Busy,
    /// When nobody answers.
    Unanswered,
    /// When nobody has answered for so long: mobile networks take 5 to 30 seconds, in steps of 5 (3GPP TS 22.030, annex B).
    After {
        /// How long.
        seconds: u32,
    },
}

/// How long it rings where that can be said, in seconds: four or five times.
const AFTER_SECONDS: u32 = 20;

/// The codes of one kind of line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes {
    /// The key of its name.
    pub key: &'static str,
    /// What to dial, and when it forwards.
    pub dial: Vec<Dial>,
}

/// What somebody dials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// When calls go on then.
    pub when: When,
    /// To begin.
    pub on: String,
    /// To end.
    pub off: &'static str,
}

impl Dial {
    /// After how many seconds, where that is said.
    pub fn seconds(&self) -> u32 {
        match self.when {
            When::After { seconds } => seconds,
            When::Always | When::Busy | When::Unanswered => 0,
        }
    }

    /// The key of when.
    pub fn key(&self) -> &'static str {
        match self.when {
            When::Always => "forwarding-always",
            When::Busy => "forwarding-busy",
            When::Unanswered => "forwarding-unanswered",
            When::After { .. } => "forwarding-after",
        }
    }
}

/// How to forward to `number` (E.164).
pub fn codes(number: &str) -> Vec<Codes> {
    // Fixed lines dial their own country's numbers with a zero, and others with two.
    let fixed = number
        .strip_prefix("+49")
        .map_or_else(|| number.replacen('+', "00", 1), |national| format!("0{national}"));
    vec![
        Codes {
            key: "forwarding-fixed",
            dial: vec![
                Dial { when: When::Always, on: format!("*21*{fixed}#"), off: "#21#" },
                Dial { when: When::Busy, on: format!("*67*{fixed}#"), off: "#67#" },
                Dial { when: When::Unanswered, on: format!("*61*{fixed}#"), off: "#61#" },
            ],
        },
        Codes {
            key: "forwarding-mobile",
            dial: vec![
                Dial { when: When::Always, on: format!("**21*{number}#"), off: "##21#" },
                Dial { when: When::Busy, on: format!("**67*{number}#"), off: "##67#" },
                Dial { when: When::Unanswered, on: format!("**61*{number}#"), off: "##61#" },
                Dial {
                    when: When::After { seconds: AFTER_SECONDS },
                    on: format!("**61*{number}**{AFTER_SECONDS}#"),
                    off: "##61#",
                },
            ],
        },
    ]
}
