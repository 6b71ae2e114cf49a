//! A configuration for a server of one test's own, in a folder that goes away with it.

use frontdesk::boot::config::Config;
use tempfile::TempDir;

/// A key to seal with, made by chance.
pub const KEY: &str = "jKtZwZaAm5mvPNrMreS5tiOkbBX5mn+AK1PavG6IfRY=";

/// What a server of one test's own is made of.
pub struct House {
    folder: TempDir,
    settings: Vec<(String, String)>,
    file: Option<std::path::PathBuf>,
}

impl House {
    /// An embedded database and a folder for blobs; no keys, no public URL, any port.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        let house = Self { folder, settings: vec![], file: None };
        house
            .with("HTTP__BIND", "127.0.0.1:0")
            .with("DATABASE__URL", &format!("sqlite://{path}/frontdesk.db"))
            .with("BLOBS__FOLDER", &format!("{path}/blobs"))
    }

    /// With one key of the configuration set, named as in the environment.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((format!("FRONTDESK__{name}"), value.to_owned()));
        self
    }

    /// With a configuration file beneath the keys.
    pub fn with_file(mut self, file: &std::path::Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    /// With everything a server needs to answer calls; neither vendor can be reached.
    pub fn ready_for_calls(self) -> Self {
        self.with("HTTP__PUBLIC_URL", "https://voice.example.com")
            .with("OPENAI__API_KEY", "test-key")
            .with("OPENAI__BASE_URL", "http://127.0.0.1:9/v1")
            .with("TWILIO__BASE_URL", "http://127.0.0.1:9")
            .with("TWILIO__INTELLIGENCE_BASE_URL", "http://127.0.0.1:9")
            .with("TWILIO__ACCOUNT_SID", "AC00000000000000000000000000000001")
            .with("TWILIO__AUTH_TOKEN", "12345")
            .with("SECRETS__KEY", KEY)
    }

    /// The whole configuration.
    pub fn config(&self) -> Config {
        let text = self.file.as_ref().map(|file| std::fs::read_to_string(file).unwrap());
        let file = text.as_deref().map(|text| ("desk.toml", text));
        Config::read(file, self.settings.clone()).unwrap()
    }

    /// The keys as a process finds them in its environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.settings.clone()
    }

    /// A path inside the folder.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}
