use super::META_BUCKET;
use crate::bolt::{CursorError, Database};
use crate::error::Result;

/// The value of one key of bucket `meta`.
///
/// # Errors
/// [`CursorError`]
pub fn meta_value(database: &Database<'_>, key: &[u8]) -> Result<Option<Vec<u8>>, CursorError> {
    let Some(bucket) = database.bucket(META_BUCKET)? else {
        return Ok(None);
    };
    let mut cursor = database.cursor(&bucket);
    let found = cursor.seek(key)?.filter(|entry| entry.key == key);
    Ok(found.map(|entry| entry.value.to_vec()))
}
