//! What only a person can answer, and answers that are there before the question.

use std::fmt;

use zeroize::Zeroizing;

/// Questions to a person in one authentication; a server that asks on is one that does not end.
pub(in super::super) const MAX_QUESTIONS: u32 = 10;

/// What only a person can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Question {
    /// Another password: the server has refused the one it got, and takes another in the same call (RFC 2759 6, R=1).
    Password {
        /// What the server said; may be empty.
        message: String,
    },
    /// A new password in the place of one that has expired (RFC 2759 7).
    NewPassword {
        /// Why the new password of the last answer was not taken; `None`: this is the first question.
        refused: Option<String>,
    },
    /// The answer to a text of the server's (RFC 3748 5.5, 5.6); it is good for this once.
    OneTimeCode {
        /// The text, printable characters only; may be empty.
        text: String,
    },
}

impl Question {
    /// Whether an answer to `other` is one to this question, too.
    fn is_answered_by(&self, other: &Question) -> bool {
        match (self, other) {
            (Question::NewPassword { refused: None }, Question::NewPassword { .. }) => true,
            (Question::OneTimeCode { text }, Question::OneTimeCode { text: other }) => text == other,
            _ => false,
        }
    }
}

/// An answer that was given before its question came: to the same question on an earlier call, which did not wait.
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Answer {
    /// What was asked.
    pub question: Question,
    /// The answer.
    pub text: Zeroizing<String>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("question", &self.question).finish_non_exhaustive()
    }
}

/// Takes the answer to a question out of those that are there already.
pub(in super::super) fn take_answer(answers: &mut Vec<Answer>, question: &Question) -> Option<Zeroizing<String>> {
    let at = answers.iter().position(|answer| question.is_answered_by(&answer.question))?;
    Some(answers.remove(at).text)
}
