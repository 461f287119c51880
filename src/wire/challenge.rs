//! Challenges of HTTP authentication (RFC 9110 11.3), and what it takes to answer them.

/// A way to authenticate that is offered, with what its scheme says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Name of the scheme, as it was spelled.
    pub scheme: String,
    /// The one token of schemes that have no parameters.
    pub token: Option<String>,
    /// The parameters, values unquoted.
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Whether it is of this scheme.
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Reads the challenges of a header's value. What cannot be read is left out, with what follows it: servers offer schemes
/// that nobody has heard of, and the others are none the worse for it.
pub fn parse(value: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some((name, after)) = token(rest) else { return challenges };
        if let (Some(equals), Some(challenge)) = (after.trim_start().strip_prefix('='), challenges.last_mut()) {
            let Some((value, after)) = parameter_value(equals.trim_start()) else { return challenges };
            challenge.parameters.push((name.to_owned(), value));
            rest = after;
            continue;
        }
        let (token, after) = match after.strip_prefix(' ').map(|after| token68(after.trim_start())) {
            Some(Some((token, after))) => (Some(token.to_owned()), after),
            _ => (None, after),
        };
        challenges.push(Challenge { scheme: name.to_owned(), token, parameters: Vec::new() });
        rest = after;
    }
}

/// A token (RFC 9110 5.6.2), and what follows it.
fn token(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// A token68 (RFC 9110 11.2) that is followed by the next challenge or by nothing, and that.
fn token68(text: &str) -> Option<(&str, &str)> {
    let begun = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-._~+/".contains(c))).unwrap_or(text.len());
    let padding = text[begun..].bytes().take_while(|c| *c == b'=').count();
    let (token, rest) = text.split_at(begun + padding);
    let ends = rest.trim_start().is_empty() || rest.trim_start().starts_with(',');
    (begun > 0 && ends).then_some((token, rest))
}

/// A token or a quoted string (RFC 9110 5.6.4), unquoted, and what follows it.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(value, rest)| (value.to_owned(), rest));
    };
    let (mut value, mut characters) = (String::new(), quoted.chars());
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.push(characters.next()?),
            other => value.push(other),
        }
    }
}

/// A text as a quoted string.
pub fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('"', "\\\"");
    ["\"", &escaped, "\""].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &str) -> Vec<(String, Option<String>, usize)> {
        let parsed = parse(value).into_iter();
        parsed.map(|challenge| (challenge.scheme, challenge.token, challenge.parameters.len())).collect()
    }

    /// The example of RFC 9110 11.6.1, and those of the schemes.
    #[test]
    fn challenges_side_by_side() {
        let value = r#"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#;
        let challenges = parse(value);
        assert_eq!(challenges.len(), 2);
        assert_eq!((challenges[0].scheme.as_str(), challenges[0].parameter("REALM")), ("Basic", Some("simple")));
        assert!(challenges[1].is("newAuth"));
        assert_eq!(challenges[1].parameter("type"), Some("1"));
        assert_eq!(challenges[1].parameter("title"), Some("Login to \"apps\""));

        let none = |scheme: &str| (scheme.to_owned(), None, 0);
        assert_eq!(shown("Negotiate, NTLM"), [none("Negotiate"), none("NTLM")]);
        assert_eq!(shown("NTLM"), [none("NTLM")]);
        assert_eq!(shown("NTLM TlRMTVNTUAACAAA=="), [("NTLM".to_owned(), Some("TlRMTVNTUAACAAA==".to_owned()), 0)]);
        assert_eq!(
            shown("Negotiate oYG2MIG= , Basic realm=x"),
            [("Negotiate".to_owned(), Some("oYG2MIG=".to_owned()), 0), ("Basic".to_owned(), None, 1)]
        );
        assert_eq!(shown(r#"Digest qop="auth, auth-int" , nonce = "a""#), [("Digest".to_owned(), None, 2)]);
    }

    #[test]
    fn what_is_no_challenge() {
        for value in ["", " , ,", "=", "\"", "\u{e4}", "@Basic"] {
            assert_eq!(shown(value), [], "{value:?}");
        }
        assert_eq!(shown("Basic realm=\"open"), [("Basic".to_owned(), None, 0)]);
        assert_eq!(shown("Basic realm=\"open\\"), [("Basic".to_owned(), None, 0)]);
        // it could be either; nothing is lost by the one that is none
        assert_eq!(shown("Basic realm="), [("Basic".to_owned(), Some("realm=".to_owned()), 0)]);
    }

    #[test]
    fn quoted_strings_come_back() {
        for text in ["", "a", r"CORP\alice", "say \"ah\"", r#"\\""\"#] {
            let value = format!("Digest username={}", quoted(text));
            assert_eq!(parse(&value)[0].parameter("username"), Some(text));
        }
    }
}
