#!/usr/bin/python3
"""editor.py 3.0|4.0: what programs on libnm and that version of GTK do to show the page of an SSTP connection. Prints what
the page is, and the connection as it comes out of it."""

import ctypes
import sys

import gi

LIBRARY = {"3.0": "libgtk-3.so.0", "4.0": "libgtk-4.so.1"}[sys.argv[1]]
# for everybody in the process, as in a program that is linked with it: libnm's plugins look which one is there
ctypes.CDLL(LIBRARY, ctypes.RTLD_GLOBAL)
gi.require_version("Gtk", sys.argv[1])
gi.require_version("NM", "1.0")
from gi.repository import GLib, Gtk, NM

DATA = {"gateway": "vpn.example.com:8443", "user": "alice", "ca-cert": "/etc/ssl/certs/lab-ca.pem", "password-flags": "1"}


def connection(data):
    made = NM.SimpleConnection.new()
    made.add_setting(NM.SettingConnection(id="work", uuid="5f0f6a44-3a0c-4ed8-9c5e-5d1e2f0f7a12", type="vpn"))
    vpn = NM.SettingVpn(service_type="org.freedesktop.NetworkManager.sstp")
    for key, value in data.items():
        vpn.add_data_item(key, value)
    made.add_setting(vpn)
    return made


def show(page):
    """In a window, until it is on the screen."""
    if LIBRARY == "libgtk-3.so.0":
        window = Gtk.Window()
        window.add(page)
    else:
        window = Gtk.Window(child=page)
    window.present()
    deadline = GLib.get_monotonic_time() + 20_000_000
    while not page.get_mapped():
        if GLib.get_monotonic_time() > deadline:
            sys.exit("the page is not shown")
        GLib.MainContext.default().iteration(False)


if Gtk.init_check(*([None] if LIBRARY == "libgtk-3.so.0" else [])) in (False, (False, [])):
    sys.exit("there is no screen")
editor = NM.VpnPluginInfo.new_search_file("sstp", None).load_editor_plugin().get_editor(connection(DATA))
page = editor.get_widget()
show(page)
print(f"GTK {Gtk.get_major_version()}.{Gtk.get_minor_version()}: {page.get_name()} is shown")
changed = connection({})
editor.update_connection(changed)
vpn = changed.get_setting_vpn()
for key in vpn.get_data_keys():
    print(f"{key}={vpn.get_data_item(key)}")
