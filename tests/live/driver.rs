//! Talks with the load driver: one JSON line asks, one answers.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// The driver's process. It kills the server it started when its input ends, and that ends when this is dropped.
pub(crate) struct Driver {
    process: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Driver {
    pub(crate) fn start(program: &Path) -> Result<Self, String> {
        let mut process = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let questions = process.stdin.take();
        let answers = process.stdout.take().expect("standard output is piped");
        Ok(Self {
            process,
            questions,
            answers: BufReader::new(answers),
        })
    }

    /// Sends a command; an answer that is not ok is an error.
    pub(crate) fn ask(&mut self, question: Value) -> Result<Value, String> {
        self.send(&question)?;
        self.answer(&question)
    }

    /// Sends a command without waiting for the answer.
    pub(crate) fn send(&mut self, question: &Value) -> Result<(), String> {
        let sent = self
            .questions
            .as_mut()
            .map(|stdin| writeln!(stdin, "{question}").and_then(|()| stdin.flush()));
        if !matches!(sent, Some(Ok(()))) {
            return Err(format!("the driver does not listen to {question}"));
        }
        Ok(())
    }

    /// Waits for the answer to what was sent.
    pub(crate) fn answer(&mut self, question: &Value) -> Result<Value, String> {
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .map_err(|error| format!("no answer to {question}: {error}"))?;
        let answer: Value = serde_json::from_str(&line)
            .map_err(|error| format!("bad answer to {question}: {error}: {line:?}"))?;
        if answer["ok"] == json!(true) {
            Ok(answer)
        } else {
            Err(answer["error"].as_str().unwrap_or(&line).to_owned())
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The end of its input is the driver's sign to kill the server and to end.
        self.questions = None;
        let _ = self.process.wait();
    }
}

/// What the server answered to HashKV at one revision.
#[derive(Debug)]
pub(crate) enum ServerHash {
    Hash {
        hash: u32,
        /// Only told by 3.6 and later.
        revision: Option<i64>,
        compacted: i64,
    },
    Refused(String),
}

impl ServerHash {
    pub(crate) fn from_json(answer: &Value) -> Result<Self, String> {
        if let Some(text) = answer["error"].as_str() {
            return Ok(Self::Refused(text.to_owned()));
        }
        let hash = answer["hash"].as_u64().and_then(|n| u32::try_from(n).ok());
        let compacted = answer["compact_revision"].as_i64();
        match (hash, compacted) {
            (Some(hash), Some(compacted)) => Ok(Self::Hash {
                hash,
                revision: answer["hash_revision"].as_i64(),
                compacted,
            }),
            _ => Err(format!("not a HashKV answer: {answer}")),
        }
    }
}
