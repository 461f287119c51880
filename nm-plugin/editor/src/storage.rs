//! Who keeps a secret.

use nm_sstp::profile::SecretFlags;

/// Who keeps a secret, as a person chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// The keyring of the user.
    ThisUser,
    /// NetworkManager, for all users.
    AllUsers,
    /// Nobody: it is asked for every time.
    Ask,
    /// Nobody: there is none.
    NotRequired,
}

impl Storage {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 4] = [Self::ThisUser, Self::AllUsers, Self::Ask, Self::NotRequired];

    /// What these flags say. Of sums that no editor writes, what keeps the secret least.
    pub const fn of(flags: SecretFlags) -> Self {
        if flags.not_required() {
            Self::NotRequired
        } else if flags.not_saved() {
            Self::Ask
        } else if flags.agent_owned() {
            Self::ThisUser
        } else {
            Self::AllUsers
        }
    }

    /// Its flags, as data has them (`NMSettingSecretFlags`).
    pub const fn flags(self) -> &'static str {
        match self {
            Self::AllUsers => "0",
            Self::ThisUser => "1",
            Self::Ask => "2",
            Self::NotRequired => "4",
        }
    }

    /// The one of this name in the menu.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|storage| storage.name() == name)
    }

    /// Its name in the menu of the `.ui` file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ThisUser => "this-user",
            Self::AllUsers => "all-users",
            Self::Ask => "ask",
            Self::NotRequired => "not-required",
        }
    }

    /// Whether there is a value to keep.
    pub const fn is_kept(self) -> bool {
        matches!(self, Self::ThisUser | Self::AllUsers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_back() {
        for storage in Storage::ALL {
            assert_eq!(Storage::of(SecretFlags(storage.flags().parse().unwrap())), storage);
            assert_eq!(Storage::named(storage.name()), Some(storage));
        }
        for (flags, storage) in [(3, Storage::Ask), (5, Storage::NotRequired), (7, Storage::NotRequired)] {
            assert_eq!(Storage::of(SecretFlags(flags)), storage);
        }
    }
}
