//! Writes to the people who can do something about a calendar, each in her language.

use super::Calendars;
use crate::{
    app::{
        Error, notifications,
        people::letters::{self, Letter},
    },
    domain::{
        assistant::Language,
        calendar::{Clash, ClashKind, OutsideCalendar},
        notices::EventKind,
        time::Timestamp,
    },
    store::TenantTx,
};

/// People who are written to about one thing, at most.
const LETTERS_MAX: usize = 50;
/// How many members are looked at in one step.
const MEMBERS_PER_PAGE: u32 = 100;
/// How long such a mail is of use, in minutes: fourteen days.
const LETTER_MINUTES: i64 = 14 * 24 * 60;

impl Calendars {
    /// Writes to everybody who wants to be told of that at once: owners and admins, unless they have said otherwise.
    pub(super) async fn write_to_those_who_want(
        &self,
        tx: &mut TenantTx,
        now: Timestamp,
        kind: EventKind,
        letter: impl Fn(Language, &str) -> Letter,
    ) -> Result<(), Error> {
        let tenant = tx.tenant().get().await?.map(|tenant| tenant.name).unwrap_or_default();
        let until = now.plus_minutes(LETTER_MINUTES);
        let (mut after, mut written) = (None, 0);
        loop {
            let page = tx.memberships().page(after.as_ref(), MEMBERS_PER_PAGE).await?;
            for member in &page.items {
                let due = notifications::at_once(tx, &member.item.user, member.item.role, kind, now).await?;
                let Some(due) = due.filter(|_| written < LETTERS_MAX) else { continue };
                let user = tx.users().get(&member.item.user).await?;
                let language = user.map_or(Language::English, |user| user.language);
                let letter = letter(language, &tenant);
                let (people, to) = (&self.parts.people, &member.item.email);
                people.post_later(&mut tx.mails(), to, &letter, now, due, until).await?;
                if kind == EventKind::CalendarCutOff {
                    let link = self.console("calendars");
                    notifications::text_cut_off(tx, &member.item.user, &link, now, due).await?;
                }
                written += 1;
            }
            match page.next {
                Some(next) if written < LETTERS_MAX => after = Some(next),
                _ => return Ok(()),
            }
        }
    }

    /// Tells that a vendor does not have a calendar any more that we use.
    pub(super) async fn tell_vanished(
        &self,
        tx: &mut TenantTx,
        calendar: &OutsideCalendar,
        now: Timestamp,
    ) -> Result<(), Error> {
        let link = self.console("calendars");
        self.write_to_those_who_want(tx, now, EventKind::CalendarCutOff, |language, tenant| {
            letters::calendar_vanished(language, tenant, &calendar.name, &link)
        })
        .await
    }

    /// Tells of a clash that somebody must do something about.
    pub(super) async fn tell_clash(
        &self,
        tx: &mut TenantTx,
        clash: &Clash,
        now: Timestamp,
    ) -> Result<(), Error> {
        let link = format!("{}/{}", self.console("appointments"), clash.appointment);
        let undone = clash.what == ClashKind::EventWasFirst;
        self.write_to_those_who_want(tx, now, EventKind::Clash, |language, tenant| {
            letters::clash(language, tenant, undone, &link)
        })
        .await
    }
}
