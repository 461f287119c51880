//! What is to be asked.

use nm_sstp::profile::{Secret, SecretFlags, Secrets, required_secrets};
use zeroize::Zeroizing;

use crate::input::Details;
use crate::options::Options;

/// How a hint begins that is a text to show (libnm's `NM_VPN_HINT_MESSAGE`).
const MESSAGE_HINT: &str = "x-vpn-message:";

/// The answer to the agent.
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
    /// Its value, where it is known and may be kept.
    pub value: Option<Zeroizing<String>>,
    /// A person is to be asked for it.
    pub ask: bool,
}

impl Prompt {
    /// Decides what to ask: what the hints name; without a name in them, what the connection's data require.
    pub fn new(options: &Options, details: Details) -> Self {
        let (secrets, _) = Secrets::from_settings(&details.data, &details.secrets);
        let hinted: Vec<Secret> =
            Secret::ALL.into_iter().filter(|secret| options.hints.iter().any(|hint| hint == secret.name())).collect();
        let needed = if hinted.is_empty() { required_secrets(&details.data) } else { hinted.clone() };
        let entries = needed.into_iter().map(|secret| {
            let may_be_kept = !SecretFlags::of(secret, &details.data).not_saved();
            let value = secrets.get(secret).filter(|_| may_be_kept).map(|value| Zeroizing::new(value.to_owned()));
            let unsettled = value.is_none() || options.reprompt || hinted.contains(&secret);
            Entry { secret, value, ask: unsettled && options.allow_interaction }
        });
        let message = options.hints.iter().find_map(|hint| hint.strip_prefix(MESSAGE_HINT));
        let description = message.map(str::to_owned).unwrap_or_else(|| {
            format!("You need to authenticate to access the Virtual Private Network “{}”.", options.name)
        });
        Self { title: format!("Authenticate VPN {}", options.name), description, entries: entries.collect() }
    }
}
