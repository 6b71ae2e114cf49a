//! The calls in the air and the tasks that carry them.
//!
//! A driver moves bytes between a call, its sockets and its clock. It decides nothing about the conversation.

