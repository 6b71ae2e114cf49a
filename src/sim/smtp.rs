//! A stand-in for a mail server: takes mails over a real socket, or refuses them as it is told.
//!
//! Speaks as much of SMTP (RFC 5321) as a client that only sends needs, and AUTH PLAIN and LOGIN (RFC 4954), unencrypted. It keeps what
//! it took, in the order it came.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::platform::tasks::Tasks;

/// Longest line of a client, in bytes; what is longer ends the conversation.
const LINE_LEN_MAX: usize = 4_096;
/// Longest mail, in bytes.
const MAIL_LEN_MAX: usize = 1 << 20;

/// A mail that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The mail itself: head, empty line, body, as it came.
    pub data: String,
}

/// What the server answers to a recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// It takes the mail.
    #[default]
    Willing,
    /// It says that the mail should be tried again.
    Busy,
    /// It says that it will never take the mail.
    Unwilling,
}

/// The server. Clones are the same.
#[derive(Clone)]
pub struct MailServer {
    /// Where it listens.
    pub addr: SocketAddr,
    kept: Arc<Kept>,
}

struct Kept {
    mails: watch::Sender<Vec<Taken>>,
    mood: Mutex<Mood>,
    /// How often a recipient was refused.
    refused: watch::Sender<u32>,
    /// User and password, where it asks for them.
    login: Option<(String, String)>,
}

impl MailServer {
    /// Starts one on any port that runs until `tasks` are stopped.
    ///
    /// # Errors
    /// When nobody can listen.
    pub async fn start(tasks: &Tasks) -> io::Result<Self> {
        Self::start_asking(tasks, None).await
    }

    /// The same, for a server that asks for this user and password.
    ///
    /// # Errors
    /// When nobody can listen.
    pub async fn start_asking(tasks: &Tasks, login: Option<(&str, &str)>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let login = login.map(|(user, password)| (user.to_owned(), password.to_owned()));
        let kept = Arc::new(Kept {
            mails: watch::Sender::default(),
            mood: Mutex::default(),
            refused: watch::Sender::default(),
            login,
        });
        let server = Self { addr, kept: Arc::clone(&kept) };
        let (list, leaving) = (tasks.clone(), tasks.stopping_owned());
        tasks.spawn(async move {
            let mut leaving = std::pin::pin!(leaving);
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = leaving.as_mut() => return,
                };
                let Ok((stream, _)) = accepted else { continue };
                let (kept, leaving) = (Arc::clone(&kept), list.stopping_owned());
                list.spawn(async move {
                    tokio::select! {
                        // A client that goes away in the middle of a word is none of a mail server's worries.
                        _ = converse(stream, &kept) => {}
                        () = leaving => {}
                    }
                });
            }
        });
        Ok(server)
    }

    /// What it answers from here on.
    pub fn is(&self, mood: Mood) {
        *self.kept.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// What it took so far.
    pub fn taken(&self) -> Vec<Taken> {
        self.kept.mails.borrow().clone()
    }

    /// Waits until it took so many mails; all of them.
    pub async fn has_taken(&self, count: usize) -> Vec<Taken> {
        let mut mails = self.kept.mails.subscribe();
        match mails.wait_for(|mails| mails.len() >= count).await {
            Ok(mails) => mails.clone(),
            Err(_) => vec![],
        }
    }

    /// Waits until it refused so often.
    pub async fn has_refused(&self, count: u32) {
        // The sender lives as long as this server.
        let _ = self.kept.refused.subscribe().wait_for(|refused| *refused >= count).await;
    }
}

/// One conversation, command by command.
async fn converse(stream: TcpStream, kept: &Kept) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut mail = Taken { from: String::new(), to: vec![], data: String::new() };
    let mut proven = kept.login.is_none();
    say(&mut stream, "220 sim ESMTP").await?;
    loop {
        let line = hear(&mut stream).await?;
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" if kept.login.is_some() => {
                say(&mut stream, "250-sim").await?;
                say(&mut stream, "250 AUTH PLAIN LOGIN").await?;
            }
            "EHLO" | "HELO" | "NOOP" => say(&mut stream, "250 sim").await?,
            "RSET" => {
                mail = Taken { from: String::new(), to: vec![], data: String::new() };
                say(&mut stream, "250 forgotten").await?;
            }
            "AUTH" => {
                proven = authenticate(&mut stream, kept, &line).await?;
                say(&mut stream, if proven { "235 welcome" } else { "535 not you" }).await?;
            }
            "MAIL" | "RCPT" | "DATA" if !proven => say(&mut stream, "530 who are you").await?,
            "MAIL" => {
                mail.from = bracketed(&line);
                say(&mut stream, "250 yes").await?;
            }
            "RCPT" => {
                let mood = *kept.mood.lock().unwrap_or_else(PoisonError::into_inner);
                let answer = match mood {
                    Mood::Willing => "250 yes",
                    Mood::Busy => "451 not just now",
                    Mood::Unwilling => "550 nobody of that name",
                };
                if mood == Mood::Willing {
                    mail.to.push(bracketed(&line));
                } else {
                    kept.refused.send_modify(|refused| *refused += 1);
                }
                say(&mut stream, answer).await?;
            }
            "DATA" => {
                say(&mut stream, "354 go on").await?;
                mail.data = data(&mut stream).await?;
                kept.mails.send_modify(|mails| mails.push(mail.clone()));
                say(&mut stream, "250 taken").await?;
            }
            "QUIT" => return say(&mut stream, "221 goodbye").await,
            _ => say(&mut stream, "502 what").await?,
        }
    }
}

/// Whether the client knows user and password.
async fn authenticate(stream: &mut BufReader<TcpStream>, kept: &Kept, line: &str) -> io::Result<bool> {
    let mut words = line.split(' ').skip(1);
    let (mechanism, first) = (words.next().unwrap_or_default(), words.next());
    let decoded = |text: &str| {
        let bytes = base64_simd::STANDARD.decode_to_vec(text.trim()).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    };
    let told = if mechanism.eq_ignore_ascii_case("PLAIN") {
        let first = decoded(first.unwrap_or_default());
        let mut parts = first.split('\0').skip(1).map(str::to_owned);
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    } else {
        say(stream, "334 VXNlcm5hbWU6").await?;
        let user = decoded(&hear(stream).await?);
        say(stream, "334 UGFzc3dvcmQ6").await?;
        (user, decoded(&hear(stream).await?))
    };
    Ok(kept.login.as_ref() == Some(&told))
}

/// A mail's text, up to the line with a lone dot; leading dots doubled by the client are undone (RFC 5321 §4.5.2).
async fn data(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut text = String::new();
    loop {
        let line = hear(stream).await?;
        if line == "." {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
        text.push('\n');
        if text.len() > MAIL_LEN_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

async fn hear(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.len() > LINE_LEN_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await
}

/// What stands between angle brackets.
fn bracketed(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map(|(inner, _)| inner.to_owned()).unwrap_or_default()
}
