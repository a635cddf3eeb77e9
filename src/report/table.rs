use comfy_table::TableStyle;
use comfy_table::{Cell, CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Table};

/// The style up to etcd 3.6.
const ASCII: TableStyle = TableStyle::new()
    .top_border(LineStyle::new('+', '-', '+', '+'))
    .header_lines(ContentLineStyle::new('|', '|', '|'))
    .header_separator(LineStyle::new('+', '-', '+', '+'))
    .content_lines(ContentLineStyle::new('|', '|', '|'))
    .bottom_border(LineStyle::new('+', '-', '+', '+'));

/// The style from etcd 3.7 on.
const BOXES: TableStyle = TableStyle::new()
    .top_border(LineStyle::new('┌', '─', '┬', '┐'))
    .header_lines(ContentLineStyle::new('│', '│', '│'))
    .header_separator(LineStyle::new('├', '─', '┼', '┤'))
    .content_lines(ContentLineStyle::new('│', '│', '│'))
    .bottom_border(LineStyle::new('└', '─', '┴', '┘'));

/// A table with one row, as etcd's tools draw it, without a newline at the end.
pub(super) fn etcd_table(boxes: bool, columns: &[(&str, String)]) -> String {
    let mut table = Table::new();
    table.load_style(if boxes { BOXES } else { ASCII });
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|(header, cell)| {
        // An odd spare column goes to the right of the header; comfy-table would put it left.
        let spare = cell.chars().count().saturating_sub(header.chars().count());
        let pad = if spare % 2 == 1 { " " } else { "" };
        Cell::new(format!("{header}{pad}")).set_alignment(CellAlignment::Center)
    }));
    table.add_row(
        columns
            .iter()
            .map(|(_, cell)| Cell::new(cell).set_alignment(CellAlignment::Right)),
    );
    table.to_string()
}
