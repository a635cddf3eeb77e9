//! The `etcdsnap` command.
fn main() {}
