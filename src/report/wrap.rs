//! Text of reports on lines that are as long as the terminal is wide.

use anstream::adapter::strip_str;

/// Narrower terminals get the lines of this width.
const NARROWEST: usize = 40;

/// How far the continuation of a line is indented.
const HANGING: usize = 2;

/// Text in which lines of more than `columns` go on below, further to the right: where a value began, if the line has a
/// name in front of it. They are parted behind `;` or at blanks; never within a word, or a command between
/// backticks, even if it is longer than the line.
pub fn wrapped(text: &str, columns: usize) -> String {
    let columns = columns.max(NARROWEST);
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if width(line.trim_end()) <= columns {
            out.push_str(line);
        } else {
            wrap(line, columns, &mut out);
        }
    }
    out
}

/// Columns that a text takes: colours take none.
fn width(text: &str) -> usize {
    strip_str(text).map(|part| part.chars().count()).sum()
}

fn wrap(line: &str, columns: usize, out: &mut String) {
    let (body, end) = match line.strip_suffix('\n') {
        Some(body) => (body, "\n"),
        None => (line, ""),
    };
    let (head, words) = parts(body, columns);
    let hanging = match width(head) {
        wide if wide == indent(body) => wide,
        // Behind a name.
        wide => wide.saturating_sub(HANGING),
    };
    let hanging = " ".repeat(hanging.saturating_add(HANGING));
    let mut row: Vec<&str> = Vec::new();
    let mut front = head;
    for word in words {
        row.push(word);
        while row.len() > 1 && width(front).saturating_add(len_of(&row)) > columns {
            let kept = kept(&row);
            let rest = row.split_off(kept);
            put(out, front, &row, "\n");
            front = &hanging;
            row = rest;
        }
    }
    put(out, front, &row, end);
}

/// How many words of a row that is too long by its last one stay on it.
fn kept(row: &[&str]) -> usize {
    let others = row.len().saturating_sub(1);
    let clause = row
        .get(..others)
        .and_then(|row| row.iter().rposition(|word| word.ends_with(';')));
    match clause {
        // A row that is mostly empty is worse than a clause in two.
        Some(at) if at.saturating_add(1) >= others.div_ceil(2) => at.saturating_add(1),
        _ => others,
    }
}

fn len_of(row: &[&str]) -> usize {
    let words: usize = row.iter().map(|word| width(word)).sum();
    words.saturating_add(row.len().saturating_sub(1))
}

fn put(out: &mut String, front: &str, row: &[&str], end: &str) {
    out.push_str(front);
    out.push_str(&row.join(" "));
    out.push_str(end);
}

fn indent(line: &str) -> usize {
    line.chars().take_while(|sign| *sign == ' ').count()
}

/// What stands before the words that may go on below (blanks, or a name with blanks behind it), and the words.
fn parts(line: &str, columns: usize) -> (&str, Vec<&str>) {
    let from = indent(line);
    let (blanks, rest) = line.split_at(from);
    let named = rest.find("  ").map(|at| {
        let behind = rest.get(at..).unwrap_or_default();
        from.saturating_add(at).saturating_add(indent(behind))
    });
    // Beside a name that is longer the rest has no room.
    let is_short = |at: &usize| width(line.get(..*at).unwrap_or_default()) <= columns / 2;
    let head = named.filter(is_short).unwrap_or(blanks.len());
    let (head, rest) = line.split_at(head.min(line.len()));
    let mut words = Vec::new();
    let mut start = 0;
    let mut is_command = false;
    for (at, sign) in rest.char_indices() {
        match sign {
            '`' => is_command = !is_command,
            ' ' if !is_command => {
                words.extend(rest.get(start..at));
                start = at.saturating_add(1);
            }
            _ => {}
        }
    }
    words.extend(rest.get(start..));
    (head, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays_as_it_is() {
        let text =
            "name   a value\n  \n\x1b[1m0123456789012345678901234567890123456789\x1b[0m\nend";
        assert_eq!(wrapped(text, 40), text);
    }

    #[test]
    fn long_lines_go_on_where_their_value_began() {
        let text = "  meta 0     transaction 23, root page 91, freelist not stored\nnext\n";
        let expected =
            "  meta 0     transaction 23, root page\n             91, freelist not stored\nnext\n";
        assert_eq!(wrapped(text, 40), expected);
        let text = "  revision 662, 372 live keys, 672 records, compacted at 357";
        let expected = "  revision 662, 372 live keys, 672\n    records, compacted at 357";
        assert_eq!(wrapped(text, 40), expected);
    }

    #[test]
    fn what_stands_far_behind_is_not_a_value() {
        let text = "  ! ClusterRoleBinding helper: runner gets cluster-admin  (added)";
        let expected = "  ! ClusterRoleBinding helper: runner\n    gets cluster-admin  (added)";
        assert_eq!(wrapped(text, 40), expected);
    }

    #[test]
    fn they_part_behind_a_semicolon_if_there_is_one_near() {
        let text = "3 pods changed; 14 leases renewed; 5 nodes reported";
        let expected = "3 pods changed; 14 leases renewed;\n  5 nodes reported";
        assert_eq!(wrapped(text, 44), expected);
        let text = "a; one clause that is as long as two of the rows that are there";
        let expected = "a; one clause that is as long as two of\n  the rows that are there";
        assert_eq!(wrapped(text, 40), expected);
    }

    #[test]
    fn neither_words_nor_commands_are_parted() {
        let digest = "c09a837adc562ebdcc5460f4cc5eff6a724880a72b43dc2952f9b338dce76839";
        let text = format!("  sha256 of the file: {digest} (not compared)");
        let expected = format!("  sha256 of the file:\n    {digest}\n    (not compared)");
        assert_eq!(wrapped(&text, 40), expected);
        let command = "`etcdsnap restore snapshot.db --data-dir /var/lib/etcd`";
        let text = format!("restore it with {command}, then start etcd");
        let expected = format!("restore it with\n  {command},\n  then start etcd");
        assert_eq!(wrapped(&text, 40), expected);
    }

    #[test]
    fn nothing_but_blanks_is_lost() {
        let mut random = 7u64;
        for _ in 0..2000 {
            let mut text = String::new();
            for _ in 0..60 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let sign = ["a", "b;", " ", " ", "  ", "`", "é", "\n", "word", "\x1b[1m"];
                text.push_str(sign[(random >> 33) as usize % sign.len()]);
            }
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(bare(&wrapped(&text, 40)), bare(&text), "{text:?}");
        }
    }
}
