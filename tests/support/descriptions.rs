//! What is not the same in two descriptions that were made at different times.

/// A description without ages, and with the same room between the cells of a row that has one; rows that kubectl gives
/// in no order are sorted.
pub(crate) fn masked(description: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut sorted_from = None;
    for line in description.split('\n') {
        let is_row_of_limits = sorted_from.is_some() && !line.is_empty();
        if !is_row_of_limits && let Some(from) = sorted_from.take() {
            let rows: &mut Vec<String> = &mut lines;
            let (_, limits) = rows.split_at_mut(from);
            limits.sort();
        }
        lines.push(masked_line(line));
        if line.contains("Max Limit/Request Ratio") {
            // The line beneath the heads stays where it is: dashes come before letters.
            sorted_from = Some(lines.len());
        }
    }
    lines.join("\n")
}

fn masked_line(line: &str) -> String {
    let is_space_between = |text: &str| text.contains("  ");
    // Written to a terminal or not, these are escaped here.
    let line = line.replace('\u{2028}', "\\u{2028}");
    let mut has_age = false;
    let words = line.split(' ').map(|word| {
        let bare = word.trim_matches(['(', ')', ',']);
        if is_age(bare) {
            has_age = true;
            return word.replace(bare, "AGE");
        }
        word.to_owned()
    });
    let words: Vec<String> = words.collect();
    let masked = words.join(" ");
    let is_head = line.starts_with("  Type") && line.contains("  Age  ");
    let is_head = is_head || line.starts_with("  Namespace") && line.ends_with("Age");
    let is_dashes = line.starts_with("  --") && line.bytes().all(|byte| b" -".contains(&byte));
    if !(has_age || is_head || is_dashes) || !is_space_between(&masked) {
        return masked;
    }
    let cells = masked
        .split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty());
    let cells = cells.map(|cell| if is_dashes { "--" } else { cell });
    cells.collect::<Vec<_>>().join("  ")
}

/// `<invalid>` is the age of what lies in the future.
fn is_age(word: &str) -> bool {
    if matches!(word, "<invalid>" | "<unknown>") {
        return true;
    }
    let parts: Vec<&str> = word.split_inclusive(['s', 'm', 'h', 'd', 'y']).collect();
    let is_part = |part: &&str| {
        let digits = part.strip_suffix(['s', 'm', 'h', 'd', 'y']);
        digits.is_some_and(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
    };
    (1..=2).contains(&parts.len()) && parts.iter().all(is_part)
}
