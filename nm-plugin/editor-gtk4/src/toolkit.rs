//! What is different in GTK 4.

use std::ffi::c_int;
use std::path::Path;

use gtk::glib::translate::*;
use gtk::prelude::*;
use gtk::{AccessibleInvalidState, AccessibleProperty, AccessibleState, ffi, gio, glib};

/// The windows.
pub const UI: &str = include_str!("../../editor/ui/editor-gtk4.ui");
/// Types of GLib have one name in the whole process.
pub const TYPE_NAME: &str = "NmSstpEditorGtk4";

/// Lets the bindings know that the program has initialized GTK.
pub fn take_over() {
    if !gtk::is_initialized() {
        // SAFETY: a program asks for an editor in the thread of its windows, after it has initialized GTK
        unsafe { gtk::set_initialized() };
    }
}

/// What the toolkit itself writes on its buttons.
pub fn own_word(text: &str) -> glib::GString {
    glib::dgettext(Some("gtk40"), text)
}

pub fn css(text: &str) -> gtk::CssProvider {
    let provider = gtk::CssProvider::new();
    provider.load_from_data(text);
    provider
}

pub fn append(parent: &gtk::Box, child: &impl IsA<gtk::Widget>) {
    parent.append(child);
}

pub fn add_to_bar(bar: &gtk::InfoBar, child: &impl IsA<gtk::Widget>) {
    bar.add_child(child);
}

/// Keeps the wheel from changing a menu when a person only wants to scroll the page.
pub fn keep_from_wheel(menu: &gtk::ComboBoxText) {
    let controllers = menu.observe_controllers().snapshot();
    for wheel in controllers.into_iter().filter_map(|one| one.downcast::<gtk::EventControllerScroll>().ok()) {
        menu.remove_controller(&wheel);
    }
}

pub fn window_of(widget: &impl IsA<gtk::Widget>) -> Option<gtk::Window> {
    widget.root().and_downcast().filter(gtk::Window::is_visible)
}

/// There is nothing that would show all of a page.
pub fn keep_hidden(_: &gtk::Box) {}

pub fn hide_on_close(window: &gtk::Dialog) {
    window.set_hide_on_close(true);
}

pub fn destroy(window: &gtk::Dialog) {
    window.destroy();
}

/// Tells screen readers what is wrong with a field.
pub fn describe(field: &gtk::Widget, sentence: Option<&str>, wrong: bool) {
    set_property(field, AccessibleProperty::Description, sentence.unwrap_or_default());
    // GTK reads a number here, not the enumeration.
    let invalid = if wrong { AccessibleInvalidState::True } else { AccessibleInvalidState::False }.into_glib();
    let mut state = AccessibleState::Invalid.into_glib();
    let accessible = accessible(field);
    // SAFETY: one state, with a value of its type
    unsafe { gtk_accessible_update_state_value(accessible, 1, &mut state, invalid.to_value().to_glib_none().0) }
}

/// Tells screen readers what a widget is, beyond what it shows.
pub fn label(widget: &impl IsA<gtk::Widget>, name: &str) {
    set_property(widget, AccessibleProperty::Label, name);
}

/// Lets screen readers say a text that has just come.
pub fn announce(label: &gtk::Label) {
    set_property(label, AccessibleProperty::Description, &label.text());
}

/// Every widget is accessible.
fn accessible(widget: &gtk::Widget) -> *mut ffi::GtkAccessible {
    let widget: *mut ffi::GtkWidget = widget.to_glib_none().0;
    widget.cast()
}

/// Sets a property that is a text.
fn set_property(widget: &impl IsA<gtk::Widget>, property: AccessibleProperty, text: &str) {
    let mut property = property.into_glib();
    let accessible = accessible(widget.as_ref());
    // SAFETY: one property, with a value of its type
    unsafe { gtk_accessible_update_property_value(accessible, 1, &mut property, text.to_value().to_glib_none().0) }
}

// GTK has had these since 4.0; the bindings have them where 4.10 is required.
unsafe extern "C" {
    fn gtk_accessible_update_property_value(
        accessible: *mut ffi::GtkAccessible,
        count: c_int,
        properties: *mut ffi::GtkAccessibleProperty,
        values: *const glib::gobject_ffi::GValue,
    );
    fn gtk_accessible_update_state_value(
        accessible: *mut ffi::GtkAccessible,
        count: c_int,
        states: *mut ffi::GtkAccessibleState,
        values: *const glib::gobject_ffi::GValue,
    );
}

pub fn begin_at(chooser: &gtk::FileChooserNative, path: &Path) -> bool {
    chooser.set_file(&gio::File::for_path(path)).is_ok()
}
