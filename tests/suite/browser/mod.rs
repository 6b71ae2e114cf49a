//! The console and its pages as they are met in a browser.

mod days;
mod first_day;
mod inspection;
mod keys;
mod live;
mod pages;
