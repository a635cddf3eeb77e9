//! The `etcdsnap` command.

fn main() -> std::process::ExitCode {
    etcdsnap::cli::main()
}
