//! Copies of what is known of somebody, or of everything of a tenant's: made by a job, sealed, gone after a while.
//!
//! A copy is a tar archive: a file of JSON lines for each table, the sound of calls and messages, and `manifest.json`, which
//! says what is in it. It is written as it is read; nothing of it is ever held whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read, Write},
};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Forgetting, erasures, nothing, pieces::internal};
use crate::{
    app::{
        Error,
        access::Actor,
        audit,
        keys::Keys,
        recordings::{self, Listening, blocking},
        voicemail,
    },
    domain::{
        forgetting::{Counts, Export, ExportOf, Person},
        id::{CallId, ExportId, JobId, MessageId, TenantId},
        people::{Subject, Verb},
        time::Timestamp,
    },
    platform::{
        blobs::{BlobName, Blobs},
        ids,
        sealed::{self, Key},
        secrets::{self, Place as Sealed},
        tape::Tape,
    },
    store::{Copied, Page, Place, Root, SealedColumn, Store, Work},
};

pub use super::erasures::Whom;

/// How long a copy can be fetched, in minutes: seven days.
pub const KEPT_MINUTES: i64 = 7 * 24 * 60;
/// How much of a table is gathered before it is written, in bytes.
const PART_LEN: usize = 256 * 1_024;
/// Rows that are on their way from the database to the copy.
const UNDERWAY_MAX: usize = 64;
/// Recordings looked up at once.
const BATCH: u32 = 100;
/// The size in which a tar archive is laid out, in bytes (POSIX.1-1988, ustar).
const BLOCK_LEN: usize = 512;
/// How the name of a copy ends.
const ENDING: &str = "tar";

/// The copies, in the order of their asking.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn list(
    store: &Store,
    by: &Actor,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Export>, Error> {
    by.must(Verb::Read, Subject::Privacy)?;
    Ok(store.read(by.tenant()).await?.forgetting().exports(after, count_max).await?)
}

/// One of them.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &ExportId) -> Result<Export, Error> {
    by.must(Verb::Read, Subject::Privacy)?;
    store.read(by.tenant()).await?.forgetting().export(id).await?.ok_or(Error::NotFound("export"))
}

/// Has a copy made, soon: of somebody, or of everything.
///
/// # Errors
/// [`Error::Forbidden`], also of everything for who may not decide about the tenant; [`Error::Invalid`];
/// [`Error::Unavailable`].
pub async fn ask(store: &Store, by: &Actor, now: Timestamp, whom: Option<&Whom>) -> Result<Export, Error> {
    by.must(Verb::Write, Subject::Privacy)?;
    let mut tx = store.begin(by.tenant()).await?;
    let of = match whom {
        Some(whom) => ExportOf::Person(erasures::person(&mut tx, whom).await?.0),
        None => {
            by.must(Verb::Write, Subject::Tenant)?;
            ExportOf::Tenant
        }
    };
    let export = Export {
        id: ExportId::of(ids::fresh(now)),
        of,
        asked_by: by.to_string(),
        asked: now,
        done: None,
        expires: now.plus_minutes(KEPT_MINUTES),
        length: 0,
        counts: Counts::new(),
    };
    tx.forgetting().add_export(&export).await?;
    tx.jobs().add(&JobId::of(ids::fresh(now)), &Work::Export { export: export.id.clone() }, now).await?;
    audit::tell(&mut tx, by, now, "export.asked", export.id.as_str(), nothing()).await?;
    tx.commit().await?;
    Ok(export)
}

/// Opens a copy for somebody who fetches it. That is told in the log.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] while it is being made; [`Error::Unavailable`].
pub async fn open(
    store: &Store,
    blobs: &Blobs,
    keys: &Keys,
    by: &Actor,
    now: Timestamp,
    id: &ExportId,
) -> Result<Listening, Error> {
    by.must(Verb::Read, Subject::Privacy)?;
    let mut tx = store.begin(by.tenant()).await?;
    let export = tx.forgetting().export(id).await?.ok_or(Error::NotFound("export"))?;
    if matches!(export.of, ExportOf::Tenant) {
        by.must(Verb::Write, Subject::Tenant)?;
    }
    if export.expires <= now {
        return Err(Error::NotFound("export"));
    }
    let sealed = tx.forgetting().export_key(id).await?;
    let sealed = sealed.ok_or(Error::Conflict("it is still being made; ask again shortly"))?;
    audit::tell(&mut tx, by, now, "export.fetched", id.as_str(), nothing()).await?;
    tx.commit().await?;
    let key = Key::new(&keys.open(place(by.tenant(), id), &sealed).await?).map_err(internal)?;
    let (name, blobs) = (name(id)?, blobs.clone());
    let opened = blocking(move || Tape::of_whole(&blobs, &name, &key).map(|tape| Listening { tape, name }));
    opened.await?.map_err(internal)
}

/// Removes a copy before its time.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn remove(
    store: &Store,
    blobs: &Blobs,
    by: &Actor,
    now: Timestamp,
    id: &ExportId,
) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Privacy)?;
    let found = store.read(by.tenant()).await?.forgetting().export(id).await?;
    found.ok_or(Error::NotFound("export"))?;
    let (name, blobs) = (name(id)?, blobs.clone());
    blocking(move || blobs.delete(&name)).await?.map_err(internal)?;
    let mut tx = store.begin(by.tenant()).await?;
    if tx.forgetting().remove_export(id).await? {
        audit::tell(&mut tx, by, now, "export.removed", id.as_str(), nothing()).await?;
    }
    Ok(tx.commit().await?)
}

impl Forgetting {
    /// Makes a copy, unless it is made, or removes one whose time is over. Safe to run twice.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database or the blobs are away; [`Error::Internal`] when it cannot be written.
    pub async fn export(&self, tenant: &TenantId, id: &ExportId) -> Result<(), Error> {
        let now = self.clock.now();
        let found = self.store.read(tenant).await?.forgetting().export(id).await?;
        let Some(export) = found else {
            return self.remove(vec![name(id)?]).await;
        };
        if export.expires <= now {
            return self.drop_copy(tenant, id).await.map(drop);
        }
        if export.done.is_some() {
            return Ok(());
        }
        let fresh = secrets::fresh_key();
        let sealed = self.keys.seal(place(tenant, id), &fresh)?;
        let key = Key::new(&fresh).map_err(internal)?;
        let (to, from) = mpsc::channel(UNDERWAY_MAX);
        let (blobs, name, about) = (self.blobs.clone(), name(id)?, about(tenant, &export, now));
        let written = tokio::task::spawn_blocking(move || write(&blobs, &name, &key, from, about));
        let gathered = self.gather(tenant, &export.of, &to).await;
        if gathered.is_ok() {
            // Whoever writes has left when this does not arrive, and says why.
            let _ = to.send(Item::End).await;
        }
        drop(to);
        let written = written.await.map_err(internal)?;
        gathered?;
        let (length, counts) = written.map_err(internal)?;
        let mut tx = self.store.begin(tenant).await?;
        let wanted = tx.forgetting().end_export(id, &sealed, length, &counts, self.clock.now()).await?;
        tx.commit().await?;
        if !wanted {
            // It was removed while it was being made, with somebody in it who is to be forgotten.
            self.remove(vec![self::name(id)?]).await?;
        }
        Ok(())
    }

    /// Removes a copy; whether there was one.
    pub(super) async fn drop_copy(&self, tenant: &TenantId, id: &ExportId) -> Result<bool, Error> {
        self.remove(vec![name(id)?]).await?;
        let mut tx = self.store.begin(tenant).await?;
        let gone = tx.forgetting().remove_export(id).await?;
        tx.commit().await?;
        Ok(gone)
    }

    async fn gather(&self, tenant: &TenantId, of: &ExportOf, to: &mpsc::Sender<Item>) -> Result<(), Error> {
        let (rows, mut copied) = mpsc::channel::<Copied>(UNDERWAY_MAX);
        let passed = async {
            while let Some((table, row)) = copied.recv().await {
                if to.send(Item::Row(table, row)).await.is_err() {
                    return;
                }
            }
        };
        match of {
            ExportOf::Person(person) => {
                let (known, ()) = tokio::join!(self.copy_person(tenant, person, rows), passed);
                let known = known?;
                for call in &known.0 {
                    self.sound_of_call(tenant, call, to).await?;
                }
                for message in &known.1 {
                    self.sound_of_message(tenant, message, to).await?;
                }
                Ok(())
            }
            ExportOf::Tenant => {
                let all = async {
                    let rows = rows;
                    let mut tx = self.store.read(tenant).await?;
                    Ok::<_, Error>(tx.forgetting().copy_all(&rows).await?)
                };
                let (copied, ()) = tokio::join!(all, passed);
                copied?;
                let mut after = String::new();
                loop {
                    let calls = self.store.read(tenant).await?.forgetting().recorded(&after, BATCH).await?;
                    let Some(last) = calls.last() else { break };
                    after.clone_from(last);
                    for call in calls {
                        self.sound_of_call(tenant, &call.parse().map_err(internal)?, to).await?;
                    }
                }
                let mut after = String::new();
                loop {
                    let messages = self.store.read(tenant).await?.forgetting().spoken(&after, BATCH).await?;
                    let Some(last) = messages.last() else { return Ok(()) };
                    after.clone_from(last);
                    for message in messages {
                        self.sound_of_message(tenant, &message.parse().map_err(internal)?, to).await?;
                    }
                }
            }
        }
    }

    async fn copy_person(
        &self,
        tenant: &TenantId,
        person: &Person,
        to: mpsc::Sender<Copied>,
    ) -> Result<(BTreeSet<CallId>, BTreeSet<MessageId>), Error> {
        let mut tx = self.store.read(tenant).await?;
        let known = tx.forgetting().known(person).await?;
        let mut all: Vec<(Root, &str)> = vec![];
        all.extend(known.number.iter().map(|number| (Root::Number, number.as_str())));
        all.extend(known.contacts.iter().map(|id| (Root::Contact, id.as_str())));
        all.extend(known.appointments.iter().map(|id| (Root::Appointment, id.as_str())));
        all.extend(known.messages.iter().map(|id| (Root::Message, id.as_str())));
        all.extend(known.calls.iter().map(|id| (Root::Call, id.as_str())));
        for (root, id) in all {
            tx.forgetting().copy(root, id, &to).await?;
        }
        drop(tx);
        Ok((known.calls, known.messages))
    }

    async fn sound_of_call(
        &self,
        tenant: &TenantId,
        call: &CallId,
        to: &mpsc::Sender<Item>,
    ) -> Result<(), Error> {
        match recordings::tape(&self.store, &self.blobs, &self.keys, tenant, call).await {
            Ok(Some((tape, name))) => pass_on(to, format!("recordings/{call}"), name, tape).await,
            Ok(None) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn sound_of_message(
        &self,
        tenant: &TenantId,
        message: &MessageId,
        to: &mpsc::Sender<Item>,
    ) -> Result<(), Error> {
        let found = self.store.read(tenant).await?.messages().revised(message).await?;
        let Some(spoken) = found.and_then(|found| found.item.spoken) else { return Ok(()) };
        match voicemail::tape(&self.blobs, &self.keys, tenant, message, &spoken).await {
            Ok(Listening { tape, name }) => pass_on(to, format!("messages/{message}"), name, tape).await,
            Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

async fn pass_on(to: &mpsc::Sender<Item>, stem: String, blob: BlobName, tape: Tape) -> Result<(), Error> {
    let ending = blob.as_str().rsplit('.').next().unwrap_or_default();
    // Whoever writes has left when this does not arrive, and says why.
    let _ = to.send(Item::Sound(format!("{stem}.{ending}"), tape)).await;
    Ok(())
}

fn name(id: &ExportId) -> Result<BlobName, Error> {
    BlobName::new(format!("exports/{id}.{ENDING}")).map_err(internal)
}

fn place<'p>(tenant: &'p TenantId, id: &'p ExportId) -> Sealed<'p> {
    Sealed { owner: Some(tenant), column: SealedColumn::ExportKey.name(), row: id.as_str() }
}

/// What the manifest says, but for what was counted.
fn about(tenant: &TenantId, export: &Export, now: Timestamp) -> Value {
    json!({
        "format": "frontdesk export, 1",
        "export": export.id.as_str(),
        "tenant": tenant.as_str(),
        "of": match &export.of {
            ExportOf::Tenant => json!("tenant"),
            ExportOf::Person(Person::Number(number)) => json!({ "number": number.as_str() }),
            ExportOf::Person(Person::Contact(contact)) => json!({ "contact": contact.as_str() }),
        },
        "made_at": now.to_string(),
        "files": "data/TABLE-N.jsonl: the rows of a table, one JSON object per line, in several files where there are many; \
                  recordings/ and messages/: sound, in files named after the call or the message",
        "values": "ids are text; columns that end in `_at` are instants (RFC 3339, UTC); columns that end in `_ms` are \
                   milliseconds; secrets are left out",
    })
}

/// Something on its way into a copy.
enum Item {
    Row(&'static str, Value),
    Sound(String, Tape),
    /// Nothing is missing.
    End,
}

/// Writes a copy; how long it is, and how many of what it holds. Without an end nothing is kept.
fn write(
    blobs: &Blobs,
    name: &BlobName,
    key: &Key,
    mut from: mpsc::Receiver<Item>,
    mut about: Value,
) -> io::Result<(u64, Counts)> {
    let mut draft = blobs.begin(name).map_err(sealed::Error::from)?;
    let mut archive = Archive { out: sealed::Writer::new(&mut draft, key)?, length: 0 };
    let (mut counts, mut seen) = (Counts::new(), BTreeSet::new());
    let mut parts: BTreeMap<&'static str, (u32, Vec<u8>)> = BTreeMap::new();
    loop {
        match from.blocking_recv() {
            // Whoever gathers has given up.
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
            Some(Item::Row(table, row)) => {
                // The same row may hang on several things of a person's.
                if let Some(id) = row["id"].as_str()
                    && ["outgoing_calls", "campaign_entries"].contains(&table)
                    && !seen.insert(id.to_owned())
                {
                    continue;
                }
                *counts.entry(table.to_owned()).or_default() += 1;
                let (number, part) = parts.entry(table).or_insert((1, vec![]));
                serde_json::to_writer(&mut *part, &row)?;
                part.push(b'\n');
                if part.len() >= PART_LEN {
                    archive.bytes(&format!("data/{table}-{number}.jsonl"), part)?;
                    part.clear();
                    *number += 1;
                }
            }
            Some(Item::Sound(name, mut tape)) => {
                *counts.entry("sounds".to_owned()).or_default() += 1;
                let length = tape.len();
                archive.file(&name, length, &mut tape)?;
            }
            Some(Item::End) => break,
        }
    }
    for (table, (number, part)) in parts.iter().filter(|(_, (_, part))| !part.is_empty()) {
        archive.bytes(&format!("data/{table}-{number}.jsonl"), part)?;
    }
    about["counts"] = json!(counts);
    archive.bytes("manifest.json", serde_json::to_string_pretty(&about)?.as_bytes())?;
    let length = archive.finish()?;
    draft.finish().map_err(sealed::Error::from)?;
    Ok((length, counts))
}

/// A tar archive that is being written.
struct Archive<W: Write> {
    out: sealed::Writer<W>,
    length: u64,
}

impl<W: Write> Archive<W> {
    fn bytes(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.file(name, bytes.len() as u64, &mut &*bytes)
    }

    fn file(&mut self, name: &str, length: u64, from: &mut impl Read) -> io::Result<()> {
        self.put(&head(name, length))?;
        let copied = io::copy(&mut from.take(length), &mut self.out)?;
        if copied != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.length += copied;
        let over = (length % BLOCK_LEN as u64) as usize;
        if over > 0 { self.put(&[0; BLOCK_LEN][over..]) } else { Ok(()) }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Two empty blocks are the end.
    fn finish(mut self) -> io::Result<u64> {
        self.put(&[0; 2 * BLOCK_LEN])?;
        self.out.finish()?;
        Ok(self.length)
    }
}

/// What stands before a file: name, rights, length, and a sum over all of it.
fn head(name: &str, length: u64) -> [u8; BLOCK_LEN] {
    let mut head = [0; BLOCK_LEN];
    let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name.as_bytes()[..name.len().min(100)]);
    put(100, b"0000600\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{length:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_file_carries_its_name_its_length_and_a_sum_that_holds() {
        let head = head("data/calls-1.jsonl", 1_234);
        assert_eq!(&head[..18], b"data/calls-1.jsonl");
        assert_eq!(&head[124..135], b"00000002322");
        let told = u32::from_str_radix(std::str::from_utf8(&head[148..154]).unwrap(), 8).unwrap();
        let mut blank = head;
        blank[148..156].fill(b' ');
        assert_eq!(told, blank.iter().map(|byte| u32::from(*byte)).sum::<u32>());
    }
}
