//! The stand-in for Twilio and the person on the line, met by a hand-made server.
