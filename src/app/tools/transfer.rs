//! The tool that passes a caller on to a person.
//!
//! The model names somebody of the assistant's list, never a number. The caller is asked first; whoever is closed, unknown
//! or asked for too often is refused in words, with what can be had instead.

use super::{Reply, Say, State, Toolbox, Trouble, arguments, identity, words};
use crate::{app::transfers, domain::transfer::TransferTarget};

/// The longest wish that is told to whoever takes a call, in characters.
pub const WISH_CHARS_MAX: usize = 200;

impl Toolbox {
    pub(super) async fn transfer(
        &self,
        state: &mut State,
        asked: arguments::Transfer,
    ) -> Result<Reply, Trouble> {
        let (now, context) = (self.clock.now(), &self.context);
        let mut tx = self.store.begin(&context.tenant.id).await?;
        let mut targets = tx.transfer_targets().of_assistant(&context.assistant.id).await?;
        targets.retain(|target| target.active);
        if targets.is_empty() {
            return Ok(self.nobody("nobody", Say::NobodyToReach.words(self.language()).to_owned(), &[]));
        }
        if tx.transfers().of_call(&context.call).await?.len() >= transfers::PER_CALL_MAX {
            return Ok(self.enough("transfers_per_call"));
        }
        let zone = &context.tenant.zone;
        let open = |target: &&TransferTarget| target.open(now, zone);
        let Some(target) = named(&targets, asked.to.as_deref()) else {
            let status = if asked.to.is_some() { "unknown_target" } else { "need_target" };
            return Ok(self.other(status, &targets.iter().filter(open).collect::<Vec<_>>()));
        };
        if !target.open(now, zone) {
            let opens = target.opens(now, zone).map(|at| self.spoken(at, now));
            let say = words::closed(&target.name, opens.as_deref(), self.language());
            return Ok(self.nobody("closed", say, &targets.iter().filter(open).collect::<Vec<_>>()));
        }
        // Asked once: a single slip of the model never takes a caller out of the conversation.
        if state.passing_on.as_ref() != Some(&target.id) || asked.confirmed != Some(true) {
            state.passing_on = Some(target.id.clone());
            return Ok(Reply::new("confirm", words::pass_on(&target.name, self.language()))
                .with("to", target.name.clone()));
        }
        let wish = asked.wish.as_deref().map(|wish| arguments::tidy(wish, WISH_CHARS_MAX));
        let wanted = transfers::Wanted {
            announced: target.announced,
            wish: wish.unwrap_or_default(),
            by: "assistant",
        };
        transfers::keep(&mut tx, now, &context.call, target, wanted).await?;
        tx.commit().await?;
        state.passing_on = None;
        tracing::info!(call.id = %context.call, announced = target.announced, "a caller is passed on");
        Ok(Reply { passes_on: true, ..self.ask("putting_through", Say::PuttingThrough) })
    }

    /// Whoever was asked for cannot be had; others may.
    fn nobody(&self, status: &'static str, say: String, open: &[&TransferTarget]) -> Reply {
        let offer = Say::MessageOffer.words(self.language());
        Reply::new(status, format!("{say} {offer}")).with("reachable", names(open))
    }

    /// Who is meant?
    fn other(&self, status: &'static str, open: &[&TransferTarget]) -> Reply {
        if open.is_empty() {
            return self.nobody(status, Say::NobodyToReach.words(self.language()).to_owned(), open);
        }
        let names = names(open);
        let listed: Vec<&str> = names.iter().map(String::as_str).collect();
        Reply::new(status, words::reachable(&listed, self.language())).with("reachable", names.clone())
    }
}

fn names(targets: &[&TransferTarget]) -> Vec<String> {
    targets.iter().map(|target| target.name.clone()).collect()
}

/// The target of that name; the only one there is, when nobody was named. A name that could mean two means neither.
fn named<'t>(targets: &'t [TransferTarget], name: Option<&str>) -> Option<&'t TransferTarget> {
    let Some(name) = name else { return if let [only] = targets { Some(only) } else { None } };
    if let Some(exact) = targets.iter().find(|target| identity::same(&target.name, name)) {
        return Some(exact);
    }
    let mut like = targets.iter().filter(|target| identity::mentions(name, &target.name));
    like.next().filter(|_| like.next().is_none())
}
