//! What an operator should know of the objects before they come back: how old they are, and what has to be
//! at hand to read them.

use crate::error::Result;
use crate::ops::input::Input;
use crate::ops::objects::encryption::{EncryptionCount, counted};
use crate::ops::objects::live::live;
use crate::ops::session::Session;
use crate::options::Options;

/// What the live objects of a snapshot tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoredObjects {
    /// The newest time that an object tells, in seconds since 1970: whatever happened later is lost.
    pub newest_object: Option<i64>,
    /// Values that are encrypted at rest, by resource, provider and key.
    pub encrypted: Vec<EncryptionCount>,
}

impl RestoredObjects {
    /// Looks at every live object of `input`. Damage is not told here; a file that cannot be opened tells
    /// nothing.
    ///
    /// # Errors
    /// Reading, cancelling, threads.
    pub fn of(input: &Input, options: &Options) -> Result<Self> {
        let Some(mut session) = Session::open_if_readable(input, options)? else {
            return Ok(Self::default());
        };
        let live = live(&mut session, 0)?;
        let counts = counted(&live, &session, None)?;
        Ok(Self {
            newest_object: live.now,
            encrypted: counts
                .into_iter()
                .filter(|count| count.stored.is_some())
                .collect(),
        })
    }
}
