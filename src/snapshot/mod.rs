//! The front door: a snapshot that is opened once and asked as often as wanted.
//!
//! Each question opens what it needs, does its whole work, and looks whether the file is still what it was. Nothing is
//! kept between two questions but the open file: what takes time is passing over the records, and opening is not.
//!
//! # Damage
//!
//! [`verify`](Snapshot::verify) and [`info`](Snapshot::info) report damage; that is their answer. All others answer
//! with [`Error::Refused`] where the file has no answer, and with [`Error::Incomplete`] where it has one that damage may
//! have made incomplete: no record is lost silently. [`accept_damage`](Snapshot::accept_damage) takes what can be read.
//!
//! # Secrets
//!
//! Objects and differences have their secrets replaced by marks, unless [`show_secrets`](Snapshot::show_secrets) is
//! called. [`keys`](Snapshot::keys) and [`history`](Snapshot::history) give the stored bytes as they are.

mod difference;
mod entries;
mod mapped;
mod object;

pub use difference::Difference;
pub use entries::{Entries, Entry, Keys};
pub use object::{LiveObject, ObjectAnswer};

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::etcd::{HashKv, Release};
use crate::finding::Findings;
use crate::kubernetes::Redactor;
use crate::kubernetes::secrets::encryption::EncryptionConfig;
use crate::ops::{
    self, FileInfo, HashKvOutcome, Input, Session, Status, StatusOutcome, ValueReader,
    VerifyOptions, VerifyReport,
};
use crate::options::{Cancel, Options, Progress};
use crate::source::{Held, Source};

/// What messages call bytes that are not a file's.
const IN_MEMORY: &str = "(in memory)";
const OF_A_SOURCE: &str = "(source)";

/// A snapshot file, a database, a data directory, or the bytes of one. Nothing is ever written to it.
///
/// ```
/// use etcdsnap::{Snapshot, Verdict};
///
/// let snapshot = Snapshot::open("testdata/real/etcd-3.6.14-b.db")?.threads(1);
/// assert_eq!(snapshot.verify()?.verdict, Verdict::Ok);
/// assert_eq!(snapshot.status()?.revision, 662);
/// assert_eq!(snapshot.hashkv(0)?.hash, 3_412_603_937);
/// # Ok::<(), etcdsnap::Error>(())
/// ```
pub struct Snapshot<'b> {
    input: Input<'b>,
    options: Options,
    release: Release,
    reader: ValueReader,
    accepts_damage: bool,
}

impl Snapshot<'static> {
    /// Opens the file at `path`, to be read by position. A directory stands for the database of the data directory.
    ///
    /// # Errors
    /// That it cannot be opened or read, is not a file, or is larger than any database. What is wrong with its content is
    /// the answer to the questions that follow.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::of(Input::open(path.as_ref())?)
    }
}

impl<'b> Snapshot<'b> {
    /// A snapshot in memory: a slice, or whatever owns bytes. They are not copied.
    ///
    /// # Errors
    /// That the system has no random bytes for the marks of secrets.
    pub fn from_bytes(bytes: impl AsRef<[u8]> + Send + Sync + 'b) -> Result<Self> {
        Self::of(Input::from_source(IN_MEMORY, Held(bytes))?)
    }

    /// A snapshot from wherever `source` has it.
    ///
    /// # Errors
    /// Those of the source, when its end is read.
    pub fn from_source(source: impl Source + Send + 'b) -> Result<Self> {
        Self::of(Input::from_source(OF_A_SOURCE, source)?)
    }

    fn of(input: Input<'b>) -> Result<Self> {
        let redactor = Redactor::random().map_err(|source| Error::Random { source })?;
        Ok(Self {
            input,
            options: Options::default(),
            release: Release::default(),
            reader: ValueReader {
                redactor: Some(redactor),
                ..ValueReader::default()
            },
            accepts_damage: false,
        })
    }

    /// Takes at most so many threads for each question; 0, the default, takes one per core.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.options.threads = NonZeroUsize::new(threads);
        self
    }

    /// Lets tables over keys and records take at most so many bytes. A question that needs more ends with
    /// [`Error::MemoryLimit`].
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.options.memory_limit = Some(bytes);
        self
    }

    /// Stops a question with [`Error::Cancelled`] once the flag is set.
    #[must_use]
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.options.cancel = cancel;
        self
    }

    /// Is told how far a question has come.
    #[must_use]
    pub fn progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.options.progress = Some(progress);
        self
    }

    /// The release of etcd whose rules count for [`status`](Self::status) and [`hashkv`](Self::hashkv).
    #[must_use]
    pub fn release(mut self, release: Release) -> Self {
        self.release = release;
        self
    }

    /// Shows the secrets in objects and differences.
    #[must_use]
    pub fn show_secrets(mut self) -> Self {
        self.reader.redactor = None;
        self
    }

    /// Hides secrets behind the marks of `redactor`. By default each snapshot has one with a random key.
    #[must_use]
    pub fn redactor(mut self, redactor: Redactor) -> Self {
        self.reader.redactor = Some(redactor);
        self
    }

    /// Decrypts values that are encrypted at rest.
    #[must_use]
    pub fn encryption(mut self, config: EncryptionConfig) -> Self {
        self.reader.encryption = Some(config);
        self
    }

    /// Answers from what can be read of a damaged file, where the answer would be [`Error::Incomplete`].
    #[must_use]
    pub fn accept_damage(mut self) -> Self {
        self.accepts_damage = true;
        self
    }

    /// Looks at everything and judges whether the file will restore; a data directory, whether a server starts from it.
    /// Damage is not an error but a [`Verdict`](crate::Verdict), with findings.
    ///
    /// # Errors
    /// Reading, cancelling, a file that changed meanwhile.
    pub fn verify(&self) -> Result<VerifyReport> {
        self.verify_with(VerifyOptions {
            directory: true,
            ..VerifyOptions::default()
        })
    }

    /// The same, of what is chosen. With [`VerifyOptions::values`] every live value is decoded, too.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify).
    pub fn verify_with(&self, what: VerifyOptions) -> Result<VerifyReport> {
        let (input, options) = (&self.input, &self.options);
        let mut report = ops::verify(input, what, options)?;
        let is_readable = report.examination.is_some() && !input.file.in_use();
        if what.values && is_readable {
            let reader = ValueReader {
                redactor: None,
                ..self.reader.clone()
            };
            ops::verify_values(input, &reader, what.finding_limit, options, &mut report)?;
        }
        Ok(report)
    }

    /// What `snapshot status` shows: hash, revision, keys, size, version.
    ///
    /// # Errors
    /// [`Error::Refused`] for a file that is damaged or not a snapshot; reading, cancelling, a file that changed.
    pub fn status(&self) -> Result<Status> {
        match ops::status(&self.input, self.release, &self.options)? {
            StatusOutcome::Answer(status) => Ok(status),
            StatusOutcome::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// The hash of the keys at `revision`, as members compare it; 0 stands for the newest.
    ///
    /// # Errors
    /// [`Error::Refused`] for a file that is damaged or not a snapshot; [`Error::Revision`]; reading, cancelling, a file
    /// that changed.
    pub fn hashkv(&self, revision: i64) -> Result<HashKv> {
        match ops::hashkv(&self.input, revision, self.release, &self.options)? {
            HashKvOutcome::Answer(hash) => Ok(hash),
            HashKvOutcome::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// What is in the file, at a glance, with what is wrong with it.
    ///
    /// # Errors
    /// Reading, cancelling, a file that changed meanwhile.
    pub fn info(&self) -> Result<FileInfo> {
        ops::info(&self.input, &self.options)
    }

    /// The keys with their values: all that live at the newest revision, unless less is asked for.
    ///
    /// ```
    /// let snapshot = etcdsnap::Snapshot::open("testdata/real/etcd-3.6.14-b.db")?;
    /// let mut keys = Vec::new();
    /// for entry in snapshot.keys().at(400).prefix("/app/k0").limit(2).iter()? {
    ///     keys.push(entry?.key);
    /// }
    /// assert_eq!(keys, [b"/app/k00", b"/app/k01"]);
    /// # Ok::<(), etcdsnap::Error>(())
    /// ```
    pub fn keys(&self) -> Keys<'_> {
        Keys::new(self.session_source())
    }

    /// All that the file retains of a key, by revision, deletions included. Nothing for a key that it does not know.
    ///
    /// # Errors
    /// As [`Keys::iter`].
    pub fn history(&self, key: impl AsRef<[u8]>) -> Result<Entries<'_>> {
        entries::history(self.session_source(), key.as_ref())
    }

    /// The live object of a kind, with this name, at the newest revision. Kinds are named as for kubectl: `pods`, `po`,
    /// `Pod`, `deployments.apps`. Without a namespace it is looked for in all of them, and for kinds that have none the
    /// namespace does not count.
    ///
    /// # Errors
    /// [`Error::Query`] with a [`KindError`](ops::KindError) for a word that does not name one kind that an API server
    /// serves; [`Error::Refused`], [`Error::Incomplete`]; reading, cancelling, a file that changed.
    pub fn object(&self, kind: &str, namespace: Option<&str>, name: &str) -> Result<ObjectAnswer> {
        self.object_at(0, kind, namespace, name)
    }

    /// The same at a revision.
    ///
    /// # Errors
    /// Those of [`object`](Self::object), and [`Error::Revision`].
    pub fn object_at(
        &self,
        revision: i64,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<ObjectAnswer> {
        let source = self.session_source();
        object::find(source, &self.reader, revision, kind, namespace, name)
    }

    /// Compares this state, the old one, with that of `new`.
    ///
    /// # Errors
    /// [`Error::Refused`] for a file that is damaged beyond reading or not a snapshot; reading, cancelling.
    pub fn diff<'s>(&'s self, new: &'s Snapshot<'_>) -> Result<Difference<'s>> {
        // Marks tell whether secrets are equal only where one redactor made them.
        let redactor = self.reader.redactor.clone();
        let redactor = redactor.or_else(|| new.reader.redactor.clone());
        let readers = [self, new].map(|side| ValueReader {
            redactor: redactor.clone(),
            ..side.reader.clone()
        });
        Difference::new(self.session_source(), new.session_source(), readers)
    }

    fn session_source(&self) -> SessionSource<'_> {
        SessionSource {
            input: &self.input,
            options: &self.options,
            accepts_damage: self.accepts_damage,
        }
    }
}

/// What questions about keys are opened from.
#[derive(Clone, Copy)]
struct SessionSource<'s> {
    input: &'s Input<'s>,
    options: &'s Options,
    accepts_damage: bool,
}

impl<'s> SessionSource<'s> {
    fn open(&self) -> Result<Session<'s>> {
        Session::open(self.input, self.options)
    }

    /// Ends a question. What was found must not have made the answer incomplete.
    fn finish(&self, session: Session<'_>) -> Result<Findings> {
        let findings = session.finish()?;
        match findings.has_errors() && !self.accepts_damage {
            true => Err(Error::Incomplete(Box::new(findings))),
            false => Ok(findings),
        }
    }
}

impl fmt::Debug for Snapshot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("path", &self.input.file.path())
            .field("bytes", &self.input.file.len())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
