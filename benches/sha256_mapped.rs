//! One SHA-256 over a mapped file, as fast as this crate's digest is: the measure that `verify` is held to.
//!
//! ```text
//! cargo run --release --example sha256_mapped -- FILE
//! ```

use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use etcdsnap::checksum::Sha256Stream;
use etcdsnap::source::{Mapped, Source as _};

#[allow(unsafe_code)]
fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: sha256_mapped FILE");
        return ExitCode::from(2);
    };
    let path = Path::new(&path);
    let mapped = File::open(path).and_then(|file| {
        let len = file.metadata()?.len();
        // SAFETY: whoever measures on a file leaves it alone meanwhile.
        unsafe { Mapped::new(file, path, len) }
    });
    match mapped {
        Ok(mapped) => {
            let mut stream = Sha256Stream::new();
            stream.update(mapped.bytes().unwrap_or_default());
            println!("{}  {}", stream.finish(), path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("sha256_mapped: {}: {error}", path.display());
            ExitCode::from(2)
        }
    }
}
