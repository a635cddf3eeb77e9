//! The three ciphers, as the API server lays out their values.

use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{AeadCore, AesGcm, KeyInit};
use cbc::cipher::{Array, BlockModeDecrypt, KeyIvInit, StreamCipher as _};
use poly1305::Poly1305;
use salsa20::XSalsa20;

use super::envelope::Provider;

/// Why a value did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CipherError {
    /// Its length is none such a value can have.
    Malformed,
    /// Not written with this key, or changed since.
    WrongKey,
}

const BLOCK: usize = 16;
const GCM_NONCE: usize = 12;
const BOX_NONCE: usize = 24;
const TAG: usize = 16;

/// Opens `payload` with a secret whose length has been checked. `etcd_key` counts for AES-GCM only.
pub(super) fn open(
    provider: Provider,
    secret: &[u8],
    payload: &[u8],
    etcd_key: &[u8],
) -> Result<Vec<u8>, CipherError> {
    match (provider, secret.len()) {
        (Provider::AesCbc, 16) => open_cbc::<cbc::Decryptor<Aes128>>(secret, payload),
        (Provider::AesCbc, 24) => open_cbc::<cbc::Decryptor<Aes192>>(secret, payload),
        (Provider::AesCbc, 32) => open_cbc::<cbc::Decryptor<Aes256>>(secret, payload),
        (Provider::AesGcm, 16) => open_gcm::<AesGcm<Aes128, U12>>(secret, payload, etcd_key),
        (Provider::AesGcm, 24) => open_gcm::<AesGcm<Aes192, U12>>(secret, payload, etcd_key),
        (Provider::AesGcm, 32) => open_gcm::<AesGcm<Aes256, U12>>(secret, payload, etcd_key),
        (Provider::SecretBox, 32) => open_box(secret, payload),
        _ => Err(CipherError::WrongKey),
    }
}

/// IV, then whole blocks of which the last one ends with the padding.
fn open_cbc<C>(secret: &[u8], payload: &[u8]) -> Result<Vec<u8>, CipherError>
where
    C: KeyIvInit + BlockModeDecrypt,
{
    let (iv, blocks) = payload
        .split_at_checked(BLOCK)
        .ok_or(CipherError::Malformed)?;
    if blocks.is_empty() || !blocks.len().is_multiple_of(BLOCK) {
        return Err(CipherError::Malformed);
    }
    let mut cipher = C::new_from_slices(secret, iv).map_err(|_| CipherError::WrongKey)?;
    let mut plain = blocks.to_vec();
    cipher.decrypt_blocks(Array::slice_as_chunks_mut(&mut plain).0);
    // Padding longer than a block comes from no server, but servers take it when they read.
    let padding = plain.last().copied().ok_or(CipherError::Malformed)?;
    let len = plain.len().checked_sub(usize::from(padding));
    let len = len.ok_or(CipherError::WrongKey)?;
    let tail = plain.get(len..).unwrap_or_default();
    if tail.is_empty() || tail.iter().any(|b| *b != padding) {
        return Err(CipherError::WrongKey);
    }
    plain.truncate(len);
    Ok(plain)
}

/// Nonce, ciphertext, tag; the key in etcd is authenticated too.
fn open_gcm<C>(secret: &[u8], payload: &[u8], etcd_key: &[u8]) -> Result<Vec<u8>, CipherError>
where
    C: Aead + AeadCore<NonceSize = U12> + KeyInit,
{
    let (nonce, sealed) = payload
        .split_at_checked(GCM_NONCE)
        .ok_or(CipherError::Malformed)?;
    if sealed.len() < TAG {
        return Err(CipherError::Malformed);
    }
    let cipher = C::new_from_slice(secret).map_err(|_| CipherError::WrongKey)?;
    let nonce = nonce.try_into().map_err(|_| CipherError::Malformed)?;
    let message = Payload {
        msg: sealed,
        aad: etcd_key,
    };
    cipher
        .decrypt(nonce, message)
        .map_err(|_| CipherError::WrongKey)
}

/// Nonce, tag, ciphertext: NaCl's secretbox. The first 32 bytes of the stream are the key of the tag.
fn open_box(secret: &[u8], payload: &[u8]) -> Result<Vec<u8>, CipherError> {
    let (nonce, sealed) = payload
        .split_at_checked(BOX_NONCE)
        .ok_or(CipherError::Malformed)?;
    let (tag, sealed) = sealed.split_at_checked(TAG).ok_or(CipherError::Malformed)?;
    let mut stream = XSalsa20::new_from_slices(secret, nonce).map_err(|_| CipherError::WrongKey)?;
    let mut tag_key = [0; 32];
    stream.apply_keystream(&mut tag_key);
    let expected = Poly1305::new_from_slice(&tag_key)
        .map_err(|_| CipherError::WrongKey)?
        .compute_unpadded(sealed);
    if expected.as_slice() != tag {
        return Err(CipherError::WrongKey);
    }
    let mut plain = sealed.to_vec();
    stream.apply_keystream(&mut plain);
    Ok(plain)
}
