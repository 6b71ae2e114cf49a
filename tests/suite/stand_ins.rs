//! The stand-ins are what every whole-call test leans on, so they are held to the vendors' behaviour first.

mod microsoft;
mod openai;
mod scenarios;
mod twilio;
mod voice;
