//! The console and its pages as they are met in a browser.

mod days;
mod inspection;
mod live;
