//! Sizes, counts and tables as text.

use std::path::Path;

use std::convert::Infallible;
use std::io::{self, Write};

pub(crate) use wharf::text::printable;

/// Returns the context of a file that cannot be read.
pub(crate) fn unreadable(path: &Path) -> String {
    format!("cannot read {}", path.display())
}

/// Returns the context of a file or directory that cannot be written.
pub(crate) fn unwritable(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

/// Returns a size in B, KiB, MiB or GiB.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        // A value that rounds to 1024.0 gets the next unit.
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// Parses a size: a number of bytes, or a number with KiB, MiB or GiB (K, M and G mean the same).
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|char: char| !char.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_start() {
        "" | "B" => 0,
        "K" | "Ki" | "KiB" => 10,
        "M" | "Mi" | "MiB" => 20,
        "G" | "Gi" | "GiB" => 30,
        _ => return Err("a size is a number, or a number with KiB, MiB or GiB".to_owned()),
    };
    let number: u64 = number.parse().map_err(|error| format!("{error}"))?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| "the number is too large".to_owned())
}

/// Returns a count with its noun: `1 layer`, `2 layers`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}

/// Aligns rows: a name, numbers in the second and third columns, then words.
pub(crate) fn table(rows: impl IntoIterator<Item = Vec<String>, IntoIter: Clone>) -> String {
    align(rows, &[1, 2])
}

/// Aligns rows of words.
pub(crate) fn words(rows: impl IntoIterator<Item = Vec<String>, IntoIter: Clone>) -> String {
    align(rows, &[])
}

/// Writes the lines of a [`table`].
pub(crate) fn write_table(
    out: &mut dyn Write,
    rows: impl IntoIterator<Item = Vec<String>, IntoIter: Clone>,
) -> io::Result<()> {
    each_line(rows, &[1, 2], |line| writeln!(out, "{line}"))
}

/// Aligns rows; `numbers` are the columns to align on the right. Rows are generated twice instead of stored, because
/// there may be very many.
fn align(
    rows: impl IntoIterator<Item = Vec<String>, IntoIter: Clone>,
    numbers: &[usize],
) -> String {
    let mut text = String::new();
    let Ok(()) = each_line::<Infallible>(rows, numbers, |line| {
        text.push_str(line);
        text.push('\n');
        Ok(())
    });
    text
}

/// Calls `each` with every aligned row. Rows are generated twice instead of stored, because there may be very many.
fn each_line<E>(
    rows: impl IntoIterator<Item = Vec<String>, IntoIter: Clone>,
    numbers: &[usize],
    mut each: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let rows = rows.into_iter();
    let mut widths: Vec<usize> = Vec::new();
    for row in rows.clone() {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(&row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            match column {
                0 => line.push_str(&format!("{cell:<width$}")),
                _ if numbers.contains(&column) => line.push_str(&format!("  {cell:>width$}")),
                _ => line.push_str(&format!("  {cell:<width$}")),
            }
        }
        each(line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_and_read() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (12_005_201, "11.4 MiB"),
            (5 << 30, "5.0 GiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("4KiB", 4096),
            ("1 GiB", 1 << 30),
            ("2M", 2 << 20),
            ("3Gi", 3 << 30),
        ] {
            assert_eq!(parse_size(text), Ok(bytes));
        }
        for bad in [
            "",
            "KiB",
            "-1",
            "1.5MiB",
            "4 apples",
            "99999999999999999999",
            "99999999999G",
        ] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
