//! Cells between tabs, aligned as kubectl aligns columns of a person's own, and descriptions.

use std::io;

use crate::finding::escape;

/// Longer cells are cut unless they are the last of their line: each line would be padded to their length.
const CELL: usize = 4096;

/// How wide columns are.
#[derive(Debug, Clone, Copy)]
struct Widths {
    /// The least width of a column.
    least: usize,
    /// Between the longest cell of a column and the next one.
    padding: usize,
    /// What follows is never narrower than what was before.
    are_kept: bool,
}

/// Of columns of a person's own.
const OF_COLUMNS: Widths = Widths {
    least: 6,
    padding: 3,
    are_kept: true,
};

/// Of descriptions.
const OF_DESCRIPTIONS: Widths = Widths {
    least: 0,
    padding: 2,
    are_kept: false,
};

/// Lines of cells. A column is a block of cells above each other, as far as each line has one there: a line with
/// fewer cells ends it. Stored text may have tabs and line breaks in it, which part cells and lines as well.
#[derive(Debug)]
pub struct TabStops {
    /// Lines of text, cells parted by tabs, escaped otherwise.
    lines: Vec<Box<str>>,
    bytes: usize,
    widths: Widths,
}

impl Default for TabStops {
    fn default() -> Self {
        Self::with(OF_COLUMNS)
    }
}

impl TabStops {
    /// For a description: as narrow as it can be.
    pub fn of_description() -> Self {
        Self::with(OF_DESCRIPTIONS)
    }

    fn with(widths: Widths) -> Self {
        Self {
            lines: Vec::new(),
            bytes: 0,
            widths,
        }
    }

    /// Adds a row of cells.
    pub fn push<'c>(&mut self, cells: impl Iterator<Item = &'c str>) {
        let mut row = String::new();
        for (number, cell) in cells.enumerate() {
            if number > 0 {
                row.push('\t');
            }
            row.push_str(cell);
        }
        for line in row.split(['\n', '\u{c}']) {
            let mut text = String::with_capacity(line.len());
            let mut cells = line.split(['\t', '\u{b}']).peekable();
            while let Some(cell) = cells.next() {
                let is_last = cells.peek().is_none();
                push_cell(cell, is_last, &mut text);
                if !is_last {
                    text.push('\t');
                }
            }
            self.bytes = self.bytes.saturating_add(text.len());
            self.lines.push(text.into_boxed_str());
        }
    }

    /// How much memory the lines take.
    pub fn memory(&self) -> usize {
        let each = std::mem::size_of::<Box<str>>();
        self.bytes
            .saturating_add(self.lines.len().saturating_mul(each))
    }

    /// Writes all lines.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        write_lines(&self.lines, self.widths, out)
    }
}

fn push_cell(cell: &str, is_last: bool, out: &mut String) {
    let start = out.len();
    for (number, part) in cell.split('\u{1b}').enumerate() {
        if number > 0 {
            out.push_str("^[");
        }
        for (number, part) in part.split('\\').enumerate() {
            if number > 0 {
                out.push('\\');
            }
            out.push_str(&escape::text(part.as_bytes()));
        }
    }
    let added = out.get(start..).unwrap_or_default();
    if !is_last && let Some((end, _)) = added.char_indices().nth(CELL) {
        out.truncate(start + end);
        out.push('…');
    }
}

fn write_lines(lines: &[Box<str>], widths: Widths, out: &mut dyn io::Write) -> io::Result<()> {
    // The column and the width of each block.
    let mut blocks: Vec<(usize, usize)> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for line in lines {
        open_blocks(line, &mut open, |column| {
            blocks.push((column, widths.least));
            blocks.len() - 1
        });
        for (cell, block) in line.split('\t').zip(&open) {
            let width = cell.chars().count().saturating_add(widths.padding);
            if let Some((_, widest)) = blocks.get_mut(*block) {
                *widest = width.max(*widest);
            }
        }
    }
    let mut widest: Vec<usize> = Vec::new();
    for (column, width) in blocks.iter_mut().filter(|_| widths.are_kept) {
        if widest.len() <= *column {
            widest.resize(*column + 1, 0);
        }
        if let Some(widest) = widest.get_mut(*column) {
            *widest = (*widest).max(*width);
            *width = *widest;
        }
    }
    let mut next = 0;
    open.clear();
    let mut text = String::new();
    for line in lines {
        open_blocks(line, &mut open, |_| {
            next += 1;
            next - 1
        });
        text.clear();
        for (number, cell) in line.split('\t').enumerate() {
            text.push_str(cell);
            if let Some((_, width)) = open.get(number).and_then(|block| blocks.get(*block)) {
                let pad = width.saturating_sub(cell.chars().count());
                text.extend(std::iter::repeat_n(' ', pad));
            }
        }
        text.push('\n');
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Ends the blocks in which a line has no cell, and begins those that are new. The last cell is in none.
fn open_blocks(line: &str, open: &mut Vec<usize>, mut begin: impl FnMut(usize) -> usize) {
    let tabs = memchr::memchr_iter(b'\t', line.as_bytes()).count();
    open.truncate(tabs);
    for column in open.len()..tabs {
        open.push(begin(column));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rows: &[&[&str]]) -> String {
        let mut stops = TabStops::default();
        rows.iter().for_each(|row| stops.push(row.iter().copied()));
        let mut out = Vec::new();
        stops.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_as_wide_as_their_longest_cell_and_three_more_and_at_least_six() {
        assert_eq!(
            written(&[&["A", "B", "C"], &["a", "longest", "x"], &["", "", ""]]),
            "A     B         C\na     longest   x\n                \n"
        );
    }

    #[test]
    fn columns_of_descriptions_are_as_narrow_as_their_own_cells() {
        let mut stops = TabStops::of_description();
        stops.push(["Longer:\tx\nA:\tb\nalone\nA:\t\tb\nB:\tlong\tc"].into_iter());
        let mut out = Vec::new();
        stops.write(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "Longer:  x\nA:       b\nalone\nA:        b\nB:  long  c\n"
        );
    }

    #[test]
    fn tabs_and_line_breaks_in_values_part_cells_and_lines() {
        // As kubectl 1.37 prints it.
        assert_eq!(
            written(&[
                &["NAME", "TEXT", "END"],
                &["one", "first line\nsecond\tx", "end"],
                &["longer-name", "tab\there", "end"],
                &["z", "a", "b"],
            ]),
            TEXT_OF_KUBECTL
        );
    }

    #[test]
    fn a_cell_is_cut_only_where_others_would_be_padded_to_its_length() {
        let long = "x".repeat(CELL + 10);
        let text = written(&[&[&long, "a"], &["a", &long]]);
        let (first, second) = text.split_once('\n').unwrap();
        assert!(first.ends_with("x…   a"), "{}", first.len());
        assert!(second.ends_with(&format!("{long}\n")));
    }

    #[test]
    fn what_could_harm_a_terminal_is_escaped() {
        assert_eq!(
            written(&[&["a\u{1b}[1m\u{7}", "b\\n"]]),
            "a^[[1m\\x07   b\\n\n"
        );
    }

    const TEXT_OF_KUBECTL: &str = "\
NAME          TEXT   END
one           first line
second        x      end
longer-name   tab    here   end
z             a      b
";
}
