//! What is to be asked.

use nm_sstp::profile::{Secret, SecretFlags, Secrets, Tag, required_secrets};
use nm_sstp::tr;
use nm_sstp::words::of_service;
use zeroize::Zeroizing;

use crate::input::Details;
use crate::options::Options;
use crate::plain::plain;

/// How a hint begins that is a text to show (libnm's `NM_SECRET_TAG_VPN_MSG`).
const MESSAGE_HINT: &str = "x-vpn-message:";

/// The answer to the agent: one question for everything that is needed.
pub struct Prompt {
    /// Heading of the question.
    pub title: String,
    /// The question, in a sentence.
    pub description: String,
    /// The secrets that are needed; none: there is nothing to ask.
    pub entries: Vec<Entry>,
}

/// A secret that is needed.
pub struct Entry {
    pub secret: Secret,
    /// The tag that its name has in the answer.
    pub tag: Tag,
    /// What a person is asked for.
    pub label: String,
    /// Its value, where it is known and may be kept; with `ask`, what the field is filled with.
    pub value: Option<Zeroizing<String>>,
    /// A person is to be asked for it.
    pub ask: bool,
    /// It may be shown as it is typed.
    pub echo: bool,
}

impl Prompt {
    /// Decides what to ask: what the hints name; without a name in them, what the connection's data require. What an
    /// agent keeps and has not told, `find` may know.
    pub fn new(
        options: &Options,
        details: &Details,
        mut find: impl FnMut(Secret) -> Option<Zeroizing<String>>,
    ) -> Self {
        let (secrets, _) = Secrets::from_settings(&details.data, &details.secrets);
        let hints = Hints::read(&options.hints);
        let needed = if hints.secrets.is_empty() && !hints.second_step {
            // Agents do not tell the user name of the VPN setting, only its data.
            required_secrets(&details.data, None).into_iter().map(|secret| (secret, Tag::Plain)).collect()
        } else {
            hints.secrets.clone()
        };
        let together: Vec<Secret> = needed.iter().map(|(secret, _)| *secret).collect();
        let refused = options.reprompt || !hints.secrets.is_empty();
        let entries = needed.into_iter().filter_map(|(secret, tag)| {
            let label = secret.label(&together)?;
            let flags = SecretFlags::of(secret, &details.data);
            let keeps = !flags.not_saved();
            // Whoever typed a wrong password types all of it anew, but can mend a user name.
            let is_of_use = !refused || !options.allow_interaction || secret == Secret::User;
            let mut value = None;
            if keeps && is_of_use && tag == Tag::Plain && is_lasting(secret, &together) {
                value = secrets.get(secret).map(|value| Zeroizing::new(value.to_owned()));
                if value.is_none() && flags.agent_owned() {
                    value = find(secret);
                }
            }
            let ask = options.allow_interaction && (refused || value.is_none());
            Some(Entry {
                secret,
                // Where the profile says that it is not kept, no version of NetworkManager needs to be told.
                tag: if keeps { tag } else { Tag::Plain },
                label,
                value,
                ask,
                echo: secret == Secret::User || tag == Tag::ChallengeEcho,
            })
        });
        let description = hints.message.unwrap_or_else(|| {
            tr!("You need to authenticate to access the Virtual Private Network “{name}”.", name = options.name)
        });
        Self { title: tr!("Authenticate VPN {name}", name = options.name), description, entries: entries.collect() }
    }
}

/// Whether a value that was stored can be the answer, where these are asked for together.
fn is_lasting(secret: Secret, together: &[Secret]) -> bool {
    match secret {
        Secret::PasswordAgain | Secret::Otp => false,
        // The stored one is the old one.
        Secret::Password => !together.contains(&Secret::PasswordAgain),
        _ => true,
    }
}

/// What the hints say.
struct Hints {
    /// The secrets to ask for and how, each once, in the order of [`Secret::ALL`].
    secrets: Vec<(Secret, Tag)>,
    /// They are a question of a second step, which has no place for what a connection needs anyway.
    second_step: bool,
    /// The texts to show.
    message: Option<String>,
}

impl Hints {
    fn read(hints: &[String]) -> Self {
        let (messages, names): (Vec<_>, Vec<_>) = hints.iter().partition(|hint| hint.starts_with(MESSAGE_HINT));
        let named: Vec<_> = names.iter().filter_map(|hint| Secret::from_hint(hint)).collect();
        let once = Secret::ALL.into_iter().filter(|secret| secret.can_be_asked_for()).filter_map(|secret| {
            let mut tags = named.iter().filter(|(other, _)| *other == secret).map(|(_, tag)| *tag);
            let first = tags.next()?;
            // Hints that differ: hidden, and not kept.
            Some((secret, if tags.all(|tag| tag == first) { first } else { Tag::Challenge }))
        });
        let messages: Vec<_> = messages.iter().map(|hint| of_service(&hint[MESSAGE_HINT.len()..])).collect();
        let message = messages.into_iter().filter(|message| !message.trim().is_empty()).collect::<Vec<_>>().join("\n");
        Self {
            secrets: once.collect(),
            second_step: names.iter().any(|hint| Tag::split(hint).0 != Tag::Plain),
            message: (!message.is_empty()).then(|| plain(&message)),
        }
    }
}
