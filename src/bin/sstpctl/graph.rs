//! A graph of one line: a block for each second, as high as that second's rate.

/// Blocks by height, and what stands for them where the terminal has no Unicode.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 8] = ['_', '.', ':', '-', '=', '+', '*', '#'];

/// The last `width` values, the newest at the right; `most` is the height of a full block.
pub fn line(values: &[u64], most: u64, width: usize, unicode: bool) -> String {
    let blocks = if unicode { BLOCKS } else { ASCII };
    let shown = &values[values.len().saturating_sub(width)..];
    let mut text = " ".repeat(width - shown.len());
    text.extend(shown.iter().map(|value| blocks[height(*value, most)]));
    text
}

/// 0 for nothing, 1 to 7 for anything else.
fn height(value: u64, most: u64) -> usize {
    match (value, most) {
        (0, _) | (_, 0) => 0,
        // Never more than 7, so it fits.
        (value, most) => 1 + (u128::from(value.min(most) - 1) * 7 / u128::from(most)) as usize,
    }
    .min(7)
}

/// Whether the locale of this process has Unicode (locale(7): the first of these that is set).
pub fn unicode_is_wanted() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
    let locale = locale.to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_is_at_the_right() {
        assert_eq!(line(&[0, 1, 50, 100], 100, 6, true), "  ▁▂▅█");
        assert_eq!(line(&[0, 1, 50, 100], 100, 2, true), "▅█");
        assert_eq!(line(&[0, 1, 50, 100], 100, 4, false), "_.=#");
    }

    #[test]
    fn any_value_has_a_height() {
        assert_eq!(line(&[u64::MAX, 5], u64::MAX, 2, true), "█▂");
        assert_eq!(line(&[u64::MAX], 0, 1, true), "▁");
        assert_eq!(line(&[], 7, 3, true), "   ");
    }
}
