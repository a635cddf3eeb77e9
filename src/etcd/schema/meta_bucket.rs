use super::META_BUCKET;
use crate::bolt::{CursorDamage, Database};
use crate::error::Result;

/// The value of one key of bucket `meta`.
///
/// # Errors
/// Reading. Damage on the way is the inner result.
pub fn meta_value(
    database: &Database<'_>,
    key: &[u8],
) -> Result<std::result::Result<Option<Vec<u8>>, CursorDamage>> {
    let bucket = match database.bucket(META_BUCKET)? {
        Ok(Some(bucket)) => bucket,
        Ok(None) => return Ok(Ok(None)),
        Err(damage) => return Ok(Err(damage)),
    };
    let mut cursor = database.cursor(&bucket);
    Ok(match cursor.seek(key)? {
        Ok(Some(entry)) if entry.key == key => Ok(Some(entry.value.to_vec())),
        Ok(_) => Ok(None),
        Err(damage) => Err(damage),
    })
}
