//! The comparisons. Each is a function over the scene of one live run; a new one is added to a list here.

mod hashkv;
mod restore;
mod status;
mod verify;

use crate::driver::Driver;
use crate::ledger::Ledger;
use crate::scene::Scene;

/// Made while the server still runs; they may ask it through the driver but must not write.
pub(crate) type Serving = fn(&mut Scene<'_>, &mut Driver, &mut Ledger) -> Result<(), String>;

/// Made after the server has ended, on the files it left.
pub(crate) type Ended = fn(&mut Scene<'_>, &mut Ledger) -> Result<(), String>;

pub(crate) const WHILE_SERVING: &[Serving] = &[
    verify::a_data_directory_in_use_is_told,
    restore::the_server_lists_its_keys,
];

pub(crate) const AFTER_THE_END: &[Ended] = &[
    verify::bbolt_finds_the_files_sound,
    status::every_file_in_every_format_of_every_version,
    hashkv::every_revision_as_etcdutl_answers_it,
    hashkv::every_format_as_etcdutl_prints_it,
    hashkv::every_revision_as_the_server_answered_it,
    verify::snapshots_are_ok,
    verify::a_stopped_data_directory_has_no_trailer,
    restore::servers_start_from_what_is_restored,
];
