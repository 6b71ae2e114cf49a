//! `frontdesk admin …`: what only whoever sits at the machine may do.
//!
//! Passwords are read from standard input, never from an argument, where other users of the machine could see them.

use std::{
    io::{BufRead, stdin},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use secrecy::SecretString;

use crate::{
    app::{
        self,
        access::{Actor, Who},
        audit,
        keys::{Keys, SETTLE},
        people::{People, operators::Made},
        tenants,
    },
    boot::{self, config::Config},
    domain::email::Email,
    platform::clock::Clock,
    store::{MailState, Store},
};

/// Mails shown at once.
const MAILS_PER_PAGE: u32 = 200;

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(super) enum Admin {
    /// Make somebody an operator, who looks after all tenants. The password is read from standard input: one line.
    /// Whoever has an account already gets this password, and their sessions end.
    CreateOperator {
        /// The person's address.
        #[arg(long)]
        email: Email,
    },
    /// Make an operator an ordinary person again; their sessions end.
    RemoveOperator {
        /// The person's address.
        #[arg(long)]
        email: Email,
    },
    /// Take the second factor from somebody who is locked out. A mail and the log of where they work tell it.
    RemoveSecondFactor {
        /// The person's address.
        #[arg(long)]
        email: Email,
    },
    /// Seal every secret in the database under a fresh key, while servers go on serving.
    RotateKey,
    /// Show the mails of the last thirty days and the links of those that were not sent.
    ListMails,
    /// Show every tenant.
    ListTenants,
    /// Compute every hash of the audit log again and say whether it is intact.
    VerifyAudit {
        /// Only this tenant's, by its slug.
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Set how many people may work at a tenant.
    SetSeats {
        /// The tenant's slug.
        #[arg(long)]
        tenant: String,
        /// How many.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(tenants::GRANT_MAX)))]
        seats: u32,
    },
}

pub(super) async fn run(config: &Config, command: Admin, clock: Clock) -> anyhow::Result<ExitCode> {
    let store = boot::open_store(config).await?;
    let done = carry_out(config, &store, command, clock).await;
    store.close().await;
    done
}

async fn carry_out(config: &Config, store: &Store, command: Admin, clock: Clock) -> anyhow::Result<ExitCode> {
    let keys = boot::keys(config, store, clock).await?;
    let people = boot::people(config, store, &boot::public_url(config, config.http.bind), &keys)?;
    match command {
        Admin::CreateOperator { email } => {
            let made = people.make_operator(&email, &password()?, clock.now()).await;
            match made {
                Ok(Made::Created(id)) => println!("{email} is an operator ({id})."),
                Ok(Made::Promoted(id)) => {
                    println!(
                        "{email} had an account and is an operator with this password from here on ({id})."
                    );
                }
                Err(app::Error::Invalid(faults)) => {
                    for fault in faults {
                        eprintln!("The password {}.", fault.problem);
                    }
                    return Ok(ExitCode::FAILURE);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Admin::RemoveOperator { email } => match people.unmake_operator(&email, clock.now()).await {
            Ok(()) => println!("{email} is no operator any more."),
            Err(app::Error::NotFound(_)) => bail!("{email} is no operator"),
            Err(error) => return Err(error.into()),
        },
        Admin::RemoveSecondFactor { email } => {
            match people.help_in_at_the_machine(&email, clock.now()).await {
                Ok(()) => println!("{email} is asked for the password alone from here on."),
                Err(app::Error::NotFound(_)) => bail!("no second factor guards the account of {email}"),
                Err(error) => return Err(error.into()),
            }
        }
        Admin::RotateKey => return rotate(&keys, clock).await,
        Admin::VerifyAudit { tenant } => return verify_audit(store, tenant.as_deref()).await,
        Admin::ListMails => list_mails(&people).await?,
        Admin::ListTenants => {
            for tenant in store.across_tenants().tenants().await? {
                println!(
                    "{}  {}  {}  seats {}  calls {}  {}",
                    tenant.id,
                    tenant.slug,
                    tenant.name,
                    tenant.seats_max,
                    tenant.calls_max,
                    tenant.zone.name()
                );
            }
        }
        Admin::SetSeats { tenant, seats } => {
            let kept = store.across_tenants().tenant(&tenant).await?;
            let kept = kept.with_context(|| format!("there is no tenant {tenant}"))?;
            let by = Actor::new(kept.id, Who::System("cli"));
            tenants::edit(store, &by, clock.now(), None, None, |kept| {
                Ok(crate::domain::org::Tenant { seats_max: seats, ..kept.clone() })
            })
            .await?;
            println!("{tenant} has {seats} seats.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn rotate(keys: &Keys, clock: Clock) -> anyhow::Result<ExitCode> {
    if !keys.lasting() {
        bail!("there is no key to seal with: set secrets.key (FRONTDESK__SECRETS__KEY) first");
    }
    let (id, first) = keys.rotate(clock.now()).await?;
    println!("Key {id} was made; {} secrets were sealed under it.", first.resealed);
    println!("Waiting {} s, until every running server uses it.", SETTLE.as_secs());
    clock.sleep(SETTLE).await;
    let last = keys.reseal().await?;
    println!("{} more were sealed under it.", last.resealed);
    if last.shut > 0 {
        eprintln!("{} secrets open under no key that is known, and stay as they are.", last.shut);
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

async fn verify_audit(store: &Store, only: Option<&str>) -> anyhow::Result<ExitCode> {
    let mut tenants = store.across_tenants().tenants().await?;
    tenants.retain(|tenant| only.is_none_or(|slug| tenant.slug == slug));
    if let (Some(slug), true) = (only, tenants.is_empty()) {
        bail!("there is no tenant {slug}");
    }
    let mut intact = true;
    for tenant in tenants {
        let by = Actor::new(tenant.id, Who::System("cli"));
        match audit::verify(store, &by).await? {
            Ok(entries) => println!("{}  intact, {entries} entries", tenant.slug),
            Err(broken) => {
                intact = false;
                println!("{}  broken: entry {} was altered or is missing", tenant.slug, broken.ordinal);
            }
        }
    }
    Ok(if intact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn list_mails(people: &People) -> anyhow::Result<()> {
    let mut after = None;
    let mut any = false;
    loop {
        let page = people.mails(after.as_ref(), MAILS_PER_PAGE).await?;
        for opened in &page.items {
            any = true;
            let mail = &opened.mail;
            println!("{}  {}  {}  {}", mail.created_at, mail.state.as_str(), mail.recipient, mail.subject);
            if let Some(problem) = &mail.problem {
                println!("    {problem}");
            }
            match opened.link() {
                Some(link) => println!("    {link}  (until {})", mail.expires_at),
                None if mail.state == MailState::Sent => {}
                None => println!("    its link cannot be shown: it is over, or was sealed under another key"),
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    if !any {
        println!("No mail was written in the last thirty days.");
    }
    Ok(())
}

/// The first line of standard input.
fn password() -> anyhow::Result<SecretString> {
    let mut line = String::new();
    stdin().lock().read_line(&mut line).context("the password cannot be read from standard input")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!(
            "no password came: write it to standard input, such as `frontdesk admin create-operator … < FILE`"
        );
    }
    Ok(SecretString::from(password))
}
