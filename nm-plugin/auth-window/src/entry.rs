//! One line to type in.

use std::ffi::{CStr, c_int, c_void};

use gtk::ffi::{GTK_ACCESSIBLE_INVALID_FALSE, GTK_ACCESSIBLE_INVALID_TRUE, GTK_ACCESSIBLE_STATE_INVALID};
use gtk::glib::translate::ToGlibPtr;
use gtk::prelude::*;
use nm_sstp_auth_dialog::form::{Field, Kind};
use zeroize::Zeroizing;

// In GTK since its version 4.0; the crate has it for newer ones only.
unsafe extern "C" {
    fn gtk_accessible_update_state(accessible: *mut c_void, first_state: c_int, ...);
}

/// A field of the form on the screen.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What is seen of it.
    pub widget: gtk::Widget,
    /// The text in that.
    pub text: gtk::Text,
    kind: Kind,
}

impl Entry {
    /// The field with what it is filled with. What is hidden lies in memory that is not paged out, and is not offered
    /// to input methods that learn words; its widget warns of Caps Lock.
    pub fn new(field: &Field) -> Self {
        let (widget, text): (gtk::Widget, _) = match field.kind {
            Kind::Shown => {
                let entry = gtk::Entry::new();
                (entry.clone().upcast(), entry.delegate())
            }
            Kind::Hidden | Kind::Again => {
                let entry = gtk::PasswordEntry::new();
                (entry.clone().upcast(), entry.delegate())
            }
        };
        let text = text.and_downcast::<gtk::Text>().expect("both widgets have their text in a GtkText");
        widget.set_hexpand(true);
        text.set_text(&field.value);
        let entry = Self { widget, text, kind: field.kind };
        if entry.is_hidden() {
            entry.text.set_input_hints(gtk::InputHints::PRIVATE | gtk::InputHints::NO_SPELLCHECK);
        }
        entry
    }

    /// Whether it hides what is typed.
    pub fn is_hidden(&self) -> bool {
        self.kind != Kind::Shown
    }

    /// Whether it is to be the same as the field above it.
    pub fn is_again(&self) -> bool {
        self.kind == Kind::Again
    }

    /// Shows or hides what is typed, where that is a question.
    pub fn set_readable(&self, readable: bool) {
        if self.is_hidden() {
            self.text.set_visibility(readable);
        }
    }

    /// What stands in it, without a copy that is not wiped.
    pub fn with_text<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        let buffer = self.text.buffer();
        // SAFETY: the text belongs to the buffer, which nothing changes while `read` looks at it: `read` is given
        // nothing of GTK, and all of GTK happens in this thread. It ends with a NUL.
        let text = unsafe { CStr::from_ptr(gtk::ffi::gtk_entry_buffer_get_text(buffer.to_glib_none().0)) };
        // GTK takes UTF-8 only.
        read(text.to_str().unwrap_or_default())
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.with_text(str::is_empty)
    }

    /// Whether the same stands in both.
    pub fn equals(&self, other: &Self) -> bool {
        self.with_text(|ours| other.with_text(|theirs| ours == theirs))
    }

    /// Marks what stands in it as wrong, or takes the mark away: for eyes, and for screen readers.
    pub fn set_wrong(&self, is_wrong: bool) {
        if is_wrong {
            self.widget.add_css_class("error");
        } else {
            self.widget.remove_css_class("error");
        }
        let state = if is_wrong { GTK_ACCESSIBLE_INVALID_TRUE } else { GTK_ACCESSIBLE_INVALID_FALSE };
        // SAFETY: a live widget, which implements the interface; then a state, its value, which is an enum, and the end
        // of the list.
        unsafe {
            gtk_accessible_update_state(self.widget.as_ptr().cast(), GTK_ACCESSIBLE_STATE_INVALID, state, -1 as c_int)
        }
    }

    /// The answer.
    pub fn value(&self) -> Zeroizing<String> {
        self.with_text(|text| Zeroizing::new(text.to_owned()))
    }
}
