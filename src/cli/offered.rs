//! Values that shells offer for an argument, which may take others, too.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command};

/// Parses as the function does.
#[derive(Clone)]
pub(super) struct Offered<T> {
    parse: fn(&str) -> Result<T, String>,
    values: &'static [&'static [&'static str]],
}

/// A parser by `parse`, with values for completions.
pub(super) fn offered<T>(
    parse: fn(&str) -> Result<T, String>,
    values: &'static [&'static [&'static str]],
) -> Offered<T> {
    Offered { parse, values }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Offered<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        let parse = self.parse;
        TypedValueParser::parse_ref(&parse, command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(
            self.values
                .iter()
                .copied()
                .flatten()
                .map(PossibleValue::new),
        ))
    }
}
