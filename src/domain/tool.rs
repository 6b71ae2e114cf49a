//! What a model may ask for.
//!
//! Names only: what a tool takes and answers is `app::tools`' business, when it is asked for is the call's.

/// Something the model may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ToolName {
    /// Free times of a service.
    FindSlots,
    /// Keep an offered slot for a few minutes.
    HoldSlot,
    /// Promise an offered slot to the caller.
    Book,
    /// The caller's own future appointments.
    MyAppointments,
    /// Move one of them to an offered slot.
    MoveAppointment,
    /// Give one of them back.
    CancelAppointment,
    /// Leave a message for the business.
    TakeMessage,
    /// Pass the caller on to a person.
    Transfer,
    /// The caller's answer to the recording question.
    RecordingConsent,
    /// Say goodbye and hang up.
    EndCall,
    /// The called person will come.
    ConfirmAppointment,
    /// The called person wants to be called later.
    CallLater,
    /// The person does not want to be called any more.
    DoNotCall,
    /// The caller wants to be called when a time becomes free.
    JoinWaitingList,
    /// The called person takes the time that is offered.
    TakeOffer,
    /// The called person does not want it.
    DeclineOffer,
    /// The caller wants to be forgotten.
    ForgetMe,
}

impl ToolName {
    /// Tools that no assistant is given or refused: calls have them where they make sense.
    pub const OURS: [Self; 7] = [
        Self::ConfirmAppointment,
        Self::CallLater,
        Self::DoNotCall,
        Self::ForgetMe,
        Self::JoinWaitingList,
        Self::TakeOffer,
        Self::DeclineOffer,
    ];

    /// Every tool an assistant may be given, in the order the model is told about them.
    pub const ALL: [Self; 10] = [
        Self::FindSlots,
        Self::HoldSlot,
        Self::Book,
        Self::MyAppointments,
        Self::MoveAppointment,
        Self::CancelAppointment,
        Self::TakeMessage,
        Self::Transfer,
        Self::RecordingConsent,
        Self::EndCall,
    ];

    /// The name on the wire, in the configuration and in the records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FindSlots => "find_slots",
            Self::HoldSlot => "hold_slot",
            Self::Book => "book",
            Self::MyAppointments => "my_appointments",
            Self::MoveAppointment => "move_appointment",
            Self::CancelAppointment => "cancel_appointment",
            Self::TakeMessage => "take_message",
            Self::Transfer => "transfer",
            Self::RecordingConsent => "recording_consent",
            Self::EndCall => "end_call",
            Self::ConfirmAppointment => "confirm_appointment",
            Self::CallLater => "call_later",
            Self::DoNotCall => "do_not_call",
            Self::JoinWaitingList => "join_waiting_list",
            Self::TakeOffer => "take_offer",
            Self::DeclineOffer => "decline_offer",
            Self::ForgetMe => "forget_me",
        }
    }

    /// The tool of that name, if there is one.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().chain(Self::OURS).find(|tool| tool.as_str() == name)
    }
}
