//! The one place where foreign text becomes safe to print.
//!
//! Names, messages and answers come from a cluster or from an agent in somebody's pod, and a terminal obeys escape
//! sequences in them (CVE-2021-25743). Every human format passes its text through [`line`] or [`block`].

/// Most characters of one value in a report for people.
pub const MAX_CHARS: usize = 1024;

/// Characters that move the cursor, reorder or hide text instead of showing something.
pub fn is_hostile(c: char) -> bool {
    // C0, DEL and C1
    c.is_control()
        // bidirectional embeddings, overrides and isolates (UAX #9): "Trojan Source", CVE-2021-42574
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}')
        // zero-width, invisible operators, line and paragraph separators, byte-order mark, interlinear annotations, tags
        || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' | '\u{180e}' | '\u{00ad}')
}

/// One line: hostile characters gone, line feeds and tabs as spaces, at most [`MAX_CHARS`] characters.
pub fn line(text: &str) -> String {
    cap(text.chars().filter_map(|c| if matches!(c, '\n' | '\t' | '\r') { Some(' ') } else { (!is_hostile(c)).then_some(c) }))
}

/// Text that may have several lines: hostile characters other than the line feed gone, at most [`MAX_CHARS`] characters.
pub fn block(text: &str) -> String {
    cap(text.chars().filter_map(|c| match c {
        '\n' => Some('\n'),
        '\t' => Some(' '),
        c => (!is_hostile(c)).then_some(c),
    }))
}

fn cap(mut kept: impl Iterator<Item = char>) -> String {
    let mut text: String = kept.by_ref().take(MAX_CHARS).collect();
    if kept.next().is_some() {
        text.push('…');
    }
    text
}

/// A finished JSON document with every hostile character as `\uXXXX`: the same data, safe on a terminal. They can only
/// stand inside strings, as JSON has none of them elsewhere but the white space that is kept.
pub fn json(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    for c in document.chars() {
        if c == '\n' || !is_hostile(c) {
            out.push(c);
            continue;
        }
        let mut units = [0_u16; 2];
        for unit in c.encode_utf16(&mut units) {
            let escape = format!("\\u{unit:04x}");
            out.push_str(&escape);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rule in figures, written down a second time so that a slip in [`is_hostile`] shows.
    fn forbidden(c: char) -> bool {
        let c = c as u32;
        c < 0x20
            || (0x7f..=0x9f).contains(&c)
            || (0x202a..=0x202e).contains(&c)
            || (0x2066..=0x2069).contains(&c)
            || (0x200b..=0x200f).contains(&c)
            || [0x2028, 0x2029, 0x2060, 0xfeff].contains(&c)
    }

    /// Text with many of the characters that matter.
    fn nasty() -> impl Strategy<Value = String> {
        let picks = prop_oneof![
            any::<char>(),
            (0_u32..0xa0).prop_map(|c| char::from_u32(c).unwrap_or('x')),
            (0x2000_u32..0x2070).prop_map(|c| char::from_u32(c).unwrap_or('x')),
            Just('\u{feff}'),
            Just('a'),
        ];
        proptest::collection::vec(picks, 0..64).prop_map(|cs| cs.into_iter().collect())
    }

    proptest! {
        #[test]
        fn no_forbidden_character_survives(text in nasty()) {
            prop_assert!(!line(&text).chars().any(forbidden));
            prop_assert!(!block(&text).chars().any(|c| c != '\n' && forbidden(c)));
        }

        #[test]
        fn harmless_text_is_kept(text in "[ -~äöü日本]{0,80}") {
            prop_assert_eq!(line(&text), text);
        }

        #[test]
        fn json_means_the_same_and_is_safe(text in nasty()) {
            let value = serde_json::json!({ "text": text });
            let safe = json(&serde_json::to_string_pretty(&value).expect("writes"));
            prop_assert!(!safe.chars().any(|c| c != '\n' && forbidden(c)));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).expect("reads"), value);
        }
    }

    #[test]
    fn long_values_are_cut() {
        let cut = line(&"x".repeat(5000));
        assert_eq!(cut.chars().count(), MAX_CHARS + 1);
        assert!(cut.ends_with('…'));
    }
}
