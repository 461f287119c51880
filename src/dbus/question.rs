//! What a connection asks a person by `SecretsRequired`, and what is answered (`NewSecrets`, `ProvideSecrets`).
//!
//! Agents of NetworkManager know only names of secrets, so that every question is one for secrets: which, by which hints, and what an answer
//! under those names means. An agent that does not look at hints (Plasma) has one field and calls what is typed there
//! `password`.

use zeroize::Zeroizing;

use crate::profile::{Secret, Secrets, Tag};
use crate::session::{Answer, Question};
use crate::tunnel::{Ending, Remedy};

/// What the connection waits for.
pub(super) struct Waiting {
    pub(super) asked: Asked,
    /// The secrets of the attempt that led to the question: what has not changed is no answer.
    pub(super) before: Secrets,
    /// What the person is told.
    pub(super) message: String,
}

/// What was asked.
pub(super) enum Asked {
    /// Secrets without which there is no attempt.
    Missing(Vec<Secret>),
    /// The passphrase of the user's key.
    Passphrase,
    /// The password at the proxy.
    ProxyPassword,
    /// Another password.
    Password,
    /// A new password, twice.
    NewPassword,
    /// The new password once more, of an agent that asks for one secret at a time; this is what it was the first time.
    NewPasswordAgain(Zeroizing<String>),
    /// The answer to this text of the server's.
    Code(String),
}

/// What an answer means.
pub(super) enum Meaning {
    /// Another attempt with the secrets that came.
    Secrets,
    /// Another attempt with this password at the proxy.
    ProxyPassword(Zeroizing<String>),
    /// This is the answer to the question of the server's, on the call that asks or on the next one.
    Answer(Answer),
    /// It is no answer: another question is due.
    Ask(Asked, String),
    /// The same as before, which was refused; as a sentence.
    Unchanged(&'static str),
}

const DIFFERENT: &str = "The two new passwords were not the same. Choose one and type it twice.";

impl Waiting {
    /// For secrets that the profile needs.
    pub(super) fn missing(missing: Vec<Secret>, secrets: Secrets) -> Self {
        if missing == [Secret::ProxyPassword] {
            let message = "The proxy wants to know who you are.".to_owned();
            return Waiting { asked: Asked::ProxyPassword, before: secrets, message };
        }
        let message = "The VPN server wants to know who you are.".to_owned();
        Waiting { asked: Asked::Missing(missing), before: secrets, message }
    }

    /// For the server's question.
    pub(super) fn for_question(question: &Question, before: Secrets) -> Self {
        let said = |what: &str, message: &str, then: &str| match message {
            "" => format!("{what}. {then}"),
            message => format!("{what} (it says: {message}). {then}"),
        };
        let (asked, message) = match question {
            Question::Password { message } => {
                (Asked::Password, said("The server refused user name or password", message, "Try again."))
            }
            Question::NewPassword { refused: None } => {
                (Asked::NewPassword, "Your password has expired. Choose a new one.".to_owned())
            }
            Question::NewPassword { refused: Some(message) } => {
                (Asked::NewPassword, said("The server did not take the new password", message, "Choose another one."))
            }
            Question::OneTimeCode { text } => {
                let message = match text.as_str() {
                    "" => "The server asks for a one-time code.".to_owned(),
                    text => format!("The server asks: {text}"),
                };
                (Asked::Code(text.clone()), message)
            }
        };
        Waiting { asked, before, message }
    }

    /// For what may let another attempt succeed after this failure; `None`: nothing that a person knows.
    pub(super) fn for_failure(failure: &Ending, before: Secrets) -> Option<Self> {
        let question = match failure.remedy.clone()? {
            Remedy::Credentials { code: None | Some(691), message } => Question::Password { message },
            Remedy::Credentials { code: Some(709), message } => Question::NewPassword { refused: Some(message) },
            Remedy::Credentials { .. } | Remedy::Pin(_) => return None,
            Remedy::Answer(question) => question,
            Remedy::Passphrase { message } => return Some(Waiting { asked: Asked::Passphrase, before, message }),
            Remedy::ProxyPassword { message } => return Some(Waiting { asked: Asked::ProxyPassword, before, message }),
        };
        Some(Self::for_question(&question, before))
    }

    /// The secrets that are asked for, and how.
    fn secrets(&self) -> Vec<(Secret, Tag)> {
        let plain = |secret: &Secret| (*secret, Tag::Plain);
        match &self.asked {
            Asked::Missing(secrets) => secrets.iter().map(plain).collect(),
            Asked::Passphrase => vec![plain(&Secret::TlsUserKeySecret)],
            Asked::ProxyPassword => vec![plain(&Secret::ProxyPassword)],
            Asked::Password | Asked::NewPasswordAgain(_) => vec![plain(&Secret::Password)],
            Asked::NewPassword => vec![plain(&Secret::Password), (Secret::PasswordAgain, Tag::Challenge)],
            Asked::Code(_) => vec![(Secret::Otp, Tag::Challenge)],
        }
    }

    /// The hints of NetworkManager's `SecretsRequired`.
    pub(super) fn hints(&self) -> Vec<String> {
        self.secrets().into_iter().map(|(secret, tag)| secret.hint(tag)).collect()
    }

    /// The names of the secrets that are asked for.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.secrets().into_iter().map(|(secret, _)| secret.name()).collect()
    }

    /// What the secrets that came mean.
    pub(super) fn understand(self, secrets: &Secrets) -> Meaning {
        let Waiting { asked, before, message } = self;
        let changed = |secret| secrets.answer_to(secret, &before).filter(|answer| before.get(secret) != Some(*answer));
        let answer = |question, text: &str| Meaning::Answer(Answer { question, text: Zeroizing::new(text.to_owned()) });
        match asked {
            Asked::Missing(_) => Meaning::Secrets,
            Asked::Passphrase if changed(Secret::TlsUserKeySecret).is_some() => Meaning::Secrets,
            Asked::Passphrase => Meaning::Unchanged("no passphrase came that had not been tried before"),
            Asked::ProxyPassword => match changed(Secret::ProxyPassword) {
                Some(password) => Meaning::ProxyPassword(Zeroizing::new(password.to_owned())),
                None => Meaning::Unchanged("no password for the proxy came that had not been tried before"),
            },
            Asked::Password => match changed(Secret::Password) {
                Some(password) => answer(Question::Password { message: String::new() }, password),
                None => Meaning::Unchanged("no password came but the one that the server had refused"),
            },
            Asked::NewPassword => match (secrets.get(Secret::Password), secrets.get(Secret::PasswordAgain)) {
                (Some(new), Some(again)) if new != again => Meaning::Ask(Asked::NewPassword, DIFFERENT.to_owned()),
                (Some(new), _) if before.get(Secret::Password) == Some(new) => Meaning::Unchanged(
                    "the password has expired, and the old one came in the place of a new one; a desktop that asks for the \
                     password a second time, without saying why, wants the new one",
                ),
                (Some(new), Some(_)) => answer(Question::NewPassword { refused: None }, new),
                (Some(new), None) => Meaning::Ask(
                    Asked::NewPasswordAgain(Zeroizing::new(new.to_owned())),
                    "Type the new password once more.".to_owned(),
                ),
                (None, _) => Meaning::Ask(Asked::NewPassword, message),
            },
            Asked::NewPasswordAgain(first) => match secrets.get(Secret::Password) {
                Some(again) if again == first.as_str() => answer(Question::NewPassword { refused: None }, again),
                _ => Meaning::Ask(Asked::NewPassword, DIFFERENT.to_owned()),
            },
            Asked::Code(text) => match secrets.answer_to(Secret::Otp, &before) {
                Some(code) => answer(Question::OneTimeCode { text }, code),
                None => Meaning::Ask(Asked::Code(text), message),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::inner_tls;
    use crate::session;
    use crate::tunnel::Failure;

    fn secrets(pairs: &[(&str, &str)]) -> Secrets {
        Secrets::from_settings(&BTreeMap::new(), pairs.iter().copied()).0
    }

    #[track_caller]
    fn answered(meaning: Meaning) -> (Question, String) {
        match meaning {
            Meaning::Answer(Answer { question, text }) => (question, text.to_string()),
            Meaning::Secrets | Meaning::ProxyPassword(_) | Meaning::Ask(..) | Meaning::Unchanged(_) => {
                panic!("no answer")
            }
        }
    }

    const WRONG: (&str, &str) = ("password", "wrong");

    #[test]
    fn another_password() {
        let waiting = || Waiting::for_question(&Question::Password { message: "Nope".into() }, secrets(&[WRONG]));
        assert_eq!(waiting().hints(), ["password"]);
        assert_eq!(waiting().message, "The server refused user name or password (it says: Nope). Try again.");
        assert_eq!(answered(waiting().understand(&secrets(&[("password", "right")]))).1, "right");
        assert!(matches!(waiting().understand(&secrets(&[WRONG])), Meaning::Unchanged(_)));
        assert!(matches!(waiting().understand(&secrets(&[])), Meaning::Unchanged(_)));
    }

    #[test]
    fn a_new_password_twice() {
        let waiting = || Waiting::for_question(&Question::NewPassword { refused: None }, secrets(&[WRONG]));
        assert_eq!(waiting().hints(), ["password", "x-dynamic-challenge:password-again"]);
        let both = secrets(&[("password", "new"), ("password-again", "new")]);
        assert_eq!(answered(waiting().understand(&both)).1, "new");
        let typo = secrets(&[("password", "new"), ("x-dynamic-challenge:password-again", "mew")]);
        assert!(matches!(waiting().understand(&typo), Meaning::Ask(Asked::NewPassword, _)));
        assert!(matches!(waiting().understand(&secrets(&[WRONG])), Meaning::Unchanged(_)));
        assert!(matches!(waiting().understand(&secrets(&[])), Meaning::Ask(Asked::NewPassword, _)));
    }

    #[cfg(feature = "words")]
    #[test]
    fn what_a_person_reads_can_be_translated() {
        use inner_tls::Error;
        let questions = [
            Question::Password { message: String::new() },
            Question::Password { message: "1".into() },
            Question::NewPassword { refused: None },
            Question::NewPassword { refused: Some(String::new()) },
            Question::NewPassword { refused: Some("1".into()) },
            Question::OneTimeCode { text: String::new() },
            Question::OneTimeCode { text: "1".into() },
        ];
        let of_questions = questions.iter().map(|question| Waiting::for_question(question, secrets(&[])).message);
        let missing = [Secret::ProxyPassword, Secret::Password];
        let of_missing = missing.map(|secret| Waiting::missing(vec![secret], secrets(&[])).message);
        let name = || "1".to_owned();
        let of_keys = [Error::PassphraseMissing { name: name() }, Error::PassphraseWrong { name: name() }]
            .map(|error| error.question().unwrap());
        let token = Error::PassphraseWrong { name: "pkcs11:".to_owned() }.question().unwrap().replace("pkcs11:", "1");
        let again =
            Waiting::for_question(&questions[2], secrets(&[WRONG])).understand(&secrets(&[("password", "new")]));
        let Meaning::Ask(_, again) = again else { panic!() };
        let all = of_questions.chain(of_missing).chain(of_keys).chain([token, again, DIFFERENT.to_owned()]);
        for message in all {
            assert!(crate::words::untranslated(&message).is_empty(), "{message}");
        }
    }

    /// Plasma has one field, and calls it `password`.
    #[test]
    fn a_new_password_in_one_field() {
        let waiting = Waiting::for_question(&Question::NewPassword { refused: None }, secrets(&[WRONG]));
        let new = secrets(&[("password", "new")]);
        let Meaning::Ask(asked, message) = waiting.understand(&new) else { panic!() };
        let again = Waiting { asked, before: secrets(&[WRONG]), message };
        assert_eq!(again.hints(), ["password"]);
        assert_eq!(answered(again.understand(&new)), (Question::NewPassword { refused: None }, "new".to_owned()));
        let asked = Asked::NewPasswordAgain(Zeroizing::new("mew".to_owned()));
        let again = Waiting { asked, before: secrets(&[WRONG]), message: String::new() };
        assert!(matches!(again.understand(&new), Meaning::Ask(Asked::NewPassword, _)));
    }

    #[test]
    fn a_one_time_code() {
        let question = Question::OneTimeCode { text: "Code from your phone?".to_owned() };
        let waiting = || Waiting::for_question(&question, secrets(&[("password", "right")]));
        assert_eq!(waiting().hints(), ["x-dynamic-challenge:otp"]);
        assert_eq!(waiting().message, "The server asks: Code from your phone?");
        let tagged = secrets(&[("password", "right"), ("x-dynamic-challenge:otp", "123456")]);
        assert_eq!(answered(waiting().understand(&tagged)), (question.clone(), "123456".to_owned()));
        let plasma = secrets(&[("password", "123456")]);
        assert_eq!(answered(waiting().understand(&plasma)), (question.clone(), "123456".to_owned()));
        let nothing = secrets(&[("password", "right")]);
        assert!(matches!(waiting().understand(&nothing), Meaning::Ask(Asked::Code(_), _)));
    }

    #[test]
    fn another_password_at_the_proxy() {
        use crate::proxy::{Error, Method};
        use crate::transport::proxy::{self, Problem};
        let failure = |error| {
            let error = proxy::Error { proxy: "proxy.example:3128".to_owned(), problem: Problem::Http(error) };
            Ending::from(Failure::Transport(crate::transport::failure::Error::Proxy(error)))
        };
        let before = || secrets(&[WRONG, ("proxy-password", "old")]);
        let waiting = || Waiting::for_failure(&failure(Error::Refused(Method::Digest)), before()).unwrap();
        assert_eq!(waiting().hints(), ["proxy-password"]);
        assert_eq!(waiting().message, "The proxy proxy.example:3128 refused user name or password. Try again.");
        let proxy_password = |meaning| match meaning {
            Meaning::ProxyPassword(password) => password.to_string(),
            _ => panic!("it is none"),
        };
        assert_eq!(proxy_password(waiting().understand(&secrets(&[WRONG, ("proxy-password", "new")]))), "new");
        // Plasma has one field, and calls it `password`
        let plasma = secrets(&[("password", "new"), ("proxy-password", "old")]);
        assert!(matches!(waiting().understand(&plasma), Meaning::Unchanged(_)), "it says that it is the old one");
        assert_eq!(proxy_password(waiting().understand(&secrets(&[("password", "new")]))), "new");
        assert!(matches!(waiting().understand(&before()), Meaning::Unchanged(_)));
        assert!(Waiting::for_failure(&failure(Error::NotHttp), before()).is_none());
        let missing = Waiting::missing(vec![Secret::ProxyPassword], secrets(&[WRONG]));
        assert_eq!(proxy_password(missing.understand(&secrets(&[("password", "typed")]))), "typed");
    }

    #[test]
    fn failures_that_a_person_can_mend() {
        let failed = |code, message: &str| {
            let error = session::Error::AuthenticationFailed { code, message: message.to_owned() };
            Waiting::for_failure(&Ending::from(error), secrets(&[WRONG])).map(|waiting| waiting.hints())
        };
        assert_eq!(failed(Some(691), ""), Some(vec!["password".to_owned()]));
        assert_eq!(failed(None, ""), Some(vec!["password".to_owned()]));
        assert_eq!(failed(Some(709), "").map(|hints| hints.len()), Some(2));
        assert_eq!(failed(Some(647), "disabled"), None);
        assert_eq!(failed(Some(648), "expired, and no way to change it"), None);
        let locked = inner_tls::Error::PassphraseMissing { name: "/home/me/key.pem".to_owned() };
        let waiting = Waiting::for_failure(&Ending::from(Failure::InnerTls(locked)), Secrets::default()).unwrap();
        assert_eq!(waiting.hints(), ["tls-user-key-secret"]);
        assert_eq!(waiting.message, "The key of your certificate, in /home/me/key.pem, is locked.");
        let same = secrets(&[]);
        assert!(matches!(waiting.understand(&same), Meaning::Unchanged(_)));
    }
}
