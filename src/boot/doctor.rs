//! Looks at everything the configuration points at, and says in plain words what to do.
//!
//! It changes nothing that anybody would notice: it opens what `serve` would open, asks the vendors who can be asked,
//! and writes one blob that it takes away again.

use jiff::civil::Date;
use secrecy::ExposeSecret;

use super::config::Config;
pub use crate::app::findings::{Finding, Verdict};
use crate::{
    domain::{org::Tenant, time::Timestamp},
    mail::{self, Mailer},
    platform::{
        blobs::{self, Blobs},
        secrets,
    },
    speech::catalog::{self, Model},
    store::{self, MailState, Store},
    telephony::{
        self,
        rest::{self, Rest},
    },
};

/// From how many days before a model's end on it is spoken of.
const MODEL_ENDS_SOON_DAYS: i32 = 90;

fn well(subject: &'static str, words: impl Into<String>) -> Finding {
    Finding { subject, verdict: Verdict::Well, words: words.into() }
}

fn advice(subject: &'static str, words: impl Into<String>) -> Finding {
    Finding { subject, verdict: Verdict::Advice, words: words.into() }
}

fn problem(subject: &'static str, words: impl Into<String>) -> Finding {
    Finding { subject, verdict: Verdict::Problem, words: words.into() }
}

/// Looks at everything. Takes as long as the slowest answer.
pub async fn examine(config: &Config, now: Timestamp) -> Vec<Finding> {
    let (database, engine, telephone) =
        tokio::join!(database(config), engine(config, now), telephone(config));
    let mut findings = database;
    findings.push(recordings(config).await);
    findings.push(public_url(config));
    findings.push(mail(config).await);
    findings.push(secrets(config));
    findings.extend(engine);
    findings.push(telephone);
    findings
}

async fn database(config: &Config) -> Vec<Finding> {
    let subject = "database";
    let store = match Store::open(&config.database).await {
        Ok(store) => store,
        Err(error) => {
            return vec![problem(
                subject,
                format!("{error}. Check database.url (DATABASE_URL) and its server."),
            )];
        }
    };
    let mut findings = match store.migrations_pending().await {
        Ok(0) => vec![well(subject, format!("{} answers, its tables are up to date.", store.kind()))],
        Ok(_) if store.embedded() => vec![well(
            subject,
            format!("{} answers; `frontdesk serve` will bring its tables up to date.", store.kind()),
        )],
        Ok(steps) => vec![problem(
            subject,
            format!(
                "{} answers, but its tables are {steps} steps behind. Run `frontdesk migrate`.",
                store.kind()
            ),
        )],
        Err(error) => vec![problem(subject, format!("{error}. Check the rights of its user."))],
    };
    if findings.iter().all(|finding| finding.words.contains("up to date.")) {
        findings.extend(tenants(&store, &config.twilio).await);
        findings.extend(outbox(&store).await);
    }
    store.close().await;
    findings
}

async fn tenants(store: &Store, twilio: &telephony::Settings) -> Option<Finding> {
    let subject = "tenants";
    match store.across_tenants().tenants().await {
        Ok(tenants) if tenants.is_empty() => Some(advice(
            subject,
            "There is none, so no number is answered. Describe a tenant in a file (config/example-tenant.toml shows how) and run \
             `frontdesk apply FILE`.",
        )),
        Ok(tenants) => {
            let mut lacking = vec![];
            for tenant in &tenants {
                if lacks_token(store, tenant, twilio).await.ok()? {
                    lacking.push(tenant.slug.as_str());
                }
            }
            Some(match (lacking.is_empty(), tenants.len()) {
                (false, _) => problem(
                    subject,
                    format!(
                        "The calls of {} will be refused: no auth token is known for their Twilio account. Set it \
                         under [twilio.accounts], or let an owner set it: PUT /api/tenants/{{tenant}}/twilio.",
                        lacking.join(", ")
                    ),
                ),
                (true, 1) => well(subject, "One is set up."),
                (true, many) => well(subject, format!("{many} are set up.")),
            })
        }
        Err(_) => None,
    }
}

/// Whether the tenant has an account of its own, of which we know no token.
async fn lacks_token(
    store: &Store,
    tenant: &Tenant,
    twilio: &telephony::Settings,
) -> Result<bool, store::Error> {
    let Some(sid) = tenant.twilio_account_sid.as_ref() else { return Ok(false) };
    let own = store.read(&tenant.id).await?.twilio_account().get().await?;
    Ok(own.is_none_or(|own| own.account_sid != *sid) && twilio.auth_token_of(sid).is_none())
}

async fn mail(config: &Config) -> Finding {
    let subject = "mail";
    match Mailer::new(&config.mail) {
        Ok(None) => advice(
            subject,
            "There is no mail server, so invitations and links to choose another password stay in the outbox: `frontdesk admin \
             list-mails` shows them. Set mail.host (FRONTDESK__MAIL__HOST).",
        ),
        Ok(Some(mailer)) => match mailer.check().await {
            Ok(()) => well(subject, format!("{} takes mails.", config.mail.host)),
            Err(error @ mail::Error::Refused(_)) => {
                problem(subject, format!("{error}. Check mail.user and mail.password."))
            }
            Err(error) => advice(
                subject,
                format!(
                    "{error} ({}:{}). Check mail.host, mail.port, mail.tls and the way out to it.",
                    config.mail.host, config.mail.port
                ),
            ),
        },
        Err(error) => problem(subject, format!("{error}. Set it right.")),
    }
}

/// Mails that somebody should know of.
async fn outbox(store: &Store) -> Option<Finding> {
    let subject = "outbox";
    let mut tx = store.read_platform().await.ok()?;
    let waiting = tx.mails().count(MailState::Waiting).await.ok()?;
    let given_up = tx.mails().count(MailState::GivenUp).await.ok()?;
    if (waiting, given_up) == (0, 0) {
        return Some(well(subject, "It is empty."));
    }
    Some(advice(
        subject,
        format!(
            "Mails that wait: {waiting}; that were given up: {given_up}. `frontdesk admin list-mails` shows them."
        ),
    ))
}

async fn recordings(config: &Config) -> Finding {
    let subject = "recordings";
    let settings = config.blobs.clone();
    let folder = match settings.bucket.as_str() {
        "" => settings.folder.display().to_string(),
        bucket => format!("The bucket {bucket}"),
    };
    let tried = tokio::task::spawn_blocking(move || Blobs::open(&settings)?.check()).await;
    match tried {
        Ok(Ok(())) => well(subject, format!("{folder} keeps what is written to it.")),
        Ok(Err(blobs::Error::Disk { source, .. })) => problem(
            subject,
            format!(
                "{folder} cannot be written: {source}. Give the server's user the right to, or set blobs.folder."
            ),
        ),
        Ok(Err(blobs::Error::Bucket(error))) => problem(
            subject,
            format!("{folder} cannot be used: {error}. Look at blobs.endpoint, blobs.region and the keys."),
        ),
        Ok(Err(error)) => problem(subject, format!("{error}. Set blobs.folder to another place.")),
        Err(_) => problem(subject, format!("Writing to {folder} failed. Set blobs.folder to another place.")),
    }
}

fn public_url(config: &Config) -> Finding {
    let subject = "public URL";
    match &config.http.public_url {
        None => problem(
            subject,
            "It is not set, so Twilio's requests cannot be told from others'. Set http.public_url \
             (FRONTDESK__HTTP__PUBLIC_URL) to where Twilio reaches this server, such as https://voice.example.com.",
        ),
        Some(url) if !url.is_encrypted() => problem(
            subject,
            format!(
                "{url} is not encrypted; Twilio only streams sound to wss. Set http.public_url to an https URL."
            ),
        ),
        Some(url) => well(
            subject,
            format!(
                "{url}. In Twilio, let the number's voice webhook be POST {}.",
                url.webhook("/twilio/voice")
            ),
        ),
    }
}

fn secrets(config: &Config) -> Finding {
    let subject = "secrets key";
    if config.secrets.key.expose_secret().is_empty() {
        return problem(
            subject,
            "It is not set, so no secret can be sealed in the database and `frontdesk serve` does not start. Make one \
             with `openssl rand -base64 32`, set it as secrets.key (FRONTDESK__SECRETS__KEY) and keep a copy.",
        );
    }
    match secrets::check(&config.secrets.key) {
        Ok(()) => well(subject, "It is 32 bytes long and not easily guessed."),
        Err(error) => problem(subject, format!("It is {error}. Set secrets.key (FRONTDESK__SECRETS__KEY).")),
    }
}

async fn engine(config: &Config, now: Timestamp) -> Vec<Finding> {
    let subject = "engine";
    let settings = &config.openai;
    let mut findings = vec![];
    if !settings.prices.contains_key(&settings.model) {
        findings.push(advice(
            "prices",
            format!("{0} has none, so its calls show no cost. Add [openai.prices.\"{0}\"].", settings.model),
        ));
    }
    if !settings.has_key() {
        let words = "There is no key, so callers hear an apology. Set OPENAI_API_KEY.";
        findings.insert(0, problem(subject, words));
        return findings;
    }
    let models = match catalog::models(settings).await {
        Ok(models) => models,
        Err(catalog::Error::Unauthorized) => {
            let words = "The vendor does not accept the key. Set OPENAI_API_KEY to one that is valid.";
            findings.insert(0, problem(subject, words));
            return findings;
        }
        Err(error) => {
            let words = format!(
                "There is a key, but {error} ({}). Check openai.base_url and the way out to it.",
                settings.base_url
            );
            findings.insert(0, advice(subject, words));
            return findings;
        }
    };
    let today = now.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
    findings.insert(0, model(subject, "openai.model", &settings.model, &models, today));
    if !settings.transcription_model.is_empty() {
        let key = "openai.transcription_model";
        findings.insert(1, model("transcription", key, &settings.transcription_model, &models, today));
    }
    findings
}

fn model(subject: &'static str, key: &str, name: &str, models: &[Model], today: Date) -> Finding {
    let Some(found) = models.iter().find(|model| model.id == name) else {
        return problem(
            subject,
            format!("The vendor does not offer this key a model {name}. Set {key} to another."),
        );
    };
    let Some(ends) = found.ends() else { return well(subject, format!("{name} is offered.")) };
    let days = ends.since(today).map_or(0, |span| span.get_days());
    if ends <= today {
        problem(subject, format!("{name} ended on {ends}. Set {key} to another."))
    } else if days <= MODEL_ENDS_SOON_DAYS {
        advice(subject, format!("{name} ends on {ends}. Set {key} to another before."))
    } else {
        well(subject, format!("{name} is offered until {ends}."))
    }
}

async fn telephone(config: &Config) -> Finding {
    let subject = "telephone";
    let settings = &config.twilio;
    let sid = settings.account_sid.as_str();
    if sid.is_empty() || settings.auth_token.expose_secret().is_empty() {
        return problem(
            subject,
            "The Twilio account is not set, so its requests cannot be recognised. Set TWILIO_ACCOUNT_SID and \
             TWILIO_AUTH_TOKEN.",
        );
    }
    if sid.len() != 34 || !sid.starts_with("AC") {
        return problem(subject, "TWILIO_ACCOUNT_SID must be `AC` and 32 hexadecimal digits.");
    }
    let asked = match Rest::new(settings) {
        Ok(rest) => match settings.credentials_of(sid) {
            Ok(who) => rest.check(&who).await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    match asked {
        Ok(()) => well(subject, "Twilio accepts the account and its auth token."),
        Err(rest::Error::Away(_)) => advice(
            subject,
            format!(
                "The account is set, but Twilio cannot be reached ({}). Check the way out to it.",
                settings.base_url
            ),
        ),
        Err(error) => problem(subject, format!("{error}. Check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.")),
    }
}
