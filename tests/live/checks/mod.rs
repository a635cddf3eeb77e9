//! The comparisons. Each is a function over the scene of one live run; a new one is added to a list here.

mod cluster;
mod command_lines;
mod diff;
mod directories;
mod edit;
mod get;
mod hashkv;
mod keys;
mod log;
mod rebuilt;
mod restore;
mod server;
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
    keys::every_list_as_the_server_lists,
    keys::sorted_lists_as_the_server_sorts,
    keys::plain_lines_as_etcdctl_prints_them,
    get::every_value_as_the_server_gives_it,
    get::every_prefix_as_etcdctl_prints_it,
    get::revisions_outside_are_refused_as_the_server_refuses,
    log::every_change_as_the_server_s_watch_tells_it,
    diff::two_snapshots_as_two_dumps_differ,
    diff::two_revisions_as_two_ranges_differ,
    diff::the_log_in_between_as_the_server_s_watch_tells_it,
    restore::the_server_lists_its_keys,
];

pub(crate) const AFTER_THE_END: &[Ended] = &[
    verify::bbolt_finds_the_files_sound,
    status::every_file_in_every_format_of_every_version,
    command_lines::scripts_go_on_working,
    hashkv::every_revision_as_etcdutl_answers_it,
    hashkv::every_format_as_etcdutl_prints_it,
    hashkv::every_revision_as_the_server_answered_it,
    keys::every_file_as_the_history_has_it,
    log::every_file_s_log_as_the_history_has_it,
    log::every_key_s_life_as_it_was_written,
    log::revisions_show_what_they_changed,
    verify::snapshots_are_ok,
    verify::a_stopped_data_directory_is_ok,
    directories::servers_start_where_verify_says_so,
    edit::bbolt_finds_edited_files_sound,
    restore::the_same_is_written_as_by_the_real_tool,
    restore::servers_start_from_what_is_restored,
    restore::the_farthest_bump_leaves_room_and_the_next_is_refused,
    rebuilt::servers_start_from_rewritten_databases,
    rebuilt::a_stopped_server_s_file_becomes_a_snapshot,
    cluster::three_members_are_a_cluster,
];
