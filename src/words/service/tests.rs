use super::*;

/// Each sentence in a language whose letters are all one sign.
fn signs(sentence: &'static str) -> String {
    let mut outside = true;
    let sign = |character: char| match character {
        '{' | '}' => {
            outside = character == '}';
            character
        }
        letter if outside && letter.is_alphabetic() => '~',
        other => other,
    };
    sentence.chars().map(sign).collect()
}

/// The words of a text that have no translation.
pub(crate) fn untranslated(text: &str) -> Vec<String> {
    let said = said(text, &signs);
    said.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[test]
fn what_is_put_together_is_taken_apart() {
    let turned = |sentence: &'static str| match sentence {
        "The connection failed: {reason}." => "[{reason}] F".to_owned(),
        "{sentence}; check the name and the port" => "C({sentence})".to_owned(),
        "{address} refused the connection: no server listens on that port" => "R {address}".to_owned(),
        other => panic!("{other}"),
    };
    let text = "The connection failed: 192.0.2.1:443 refused the connection: no server listens on that port; check the \
                name and the port.";
    assert_eq!(said(text, &turned), "[C(R 192.0.2.1:443)] F");
}

#[test]
fn what_is_not_known_stays() {
    assert_eq!(of_service("Something else happened."), "Something else happened.");
    assert_eq!(of_service(""), "");
    let unknown = "Nobody knows; check the name and the port";
    assert_eq!(said(unknown, &signs), unknown);
    assert_eq!(said("The server asks: Which colour is {text}?", &signs), "~~~ ~~~~~~ ~~~~: Which colour is {text}?");
}

/// A server's words, made to be read in as many ways as possible.
#[test]
fn what_has_many_readings_takes_no_longer() {
    let tails = "; the command for that: a; it is made by itself for a, SHA-256 b; check the name and the port (error 1: a) \
                 and sends us to a and 1 more (it said: a)";
    let text = "there is no route to a; there is no route to b".to_owned() + &tails.repeat(25);
    assert!(text.len() < LONGEST);
    let mut readings = READINGS;
    Read::new(&text, DEPTH, &mut readings);
    assert_eq!(readings, 0, "this text is no test of the bound any more");
    assert_eq!(said(&text, &|sentence: &'static str| sentence.to_owned()), text);
}

/// It is the same text again, and nothing is left out, whatever somebody else puts into a sentence.
#[test]
fn what_a_server_says_is_no_more_than_that() {
    let english = |sentence: &'static str| sentence.to_owned();
    for words in
        ["; check the name and the port", "{sentence}", "}{", " (error 1)", "; it is issued to {a} by b, SHA-256 c"]
    {
        let text = format!("The server refused user name or password (it says: {words}). Try again.");
        assert_eq!(said(&text, &english), text);
    }
    let nested = "the tunnel interface a cannot be made: ".repeat(200) + "x";
    for nested in [nested.as_str(), &nested[nested.len() - LONGEST..]] {
        assert_eq!(said(nested, &english), nested);
    }
}
