# shellcheck shell=bash
# Secrets on a desktop: a keyring, nm-applet as the secret agent, and the windows in which a person is asked.

KEYRING_PASSWORD=keyring
QUESTION="^Authenticate VPN"
NAME_FILE=/usr/lib/NetworkManager/VPN/nm-sstp-service.name

# agent_up: a keyring that is unlocked, and nm-applet.
agent_up() {
    keyring_up
    OPEN=nm-applet desktop nm-applet
    registered nm-applet org.freedesktop.nm-applet
}
keyring_up() {
    printf %s $KEYRING_PASSWORD | desktop gnome-keyring-daemon --daemonize --unlock --components=secrets >"$(log_of keyring)" 2>&1
    wait_for 5 keyring_is_open || die "no keyring: $(cat "$(log_of keyring)")"
}
# registered PROGRAM AGENT: wait until NetworkManager knows this agent of the program.
registered() {
    wait_for 20 grep -q "agent\\[.*$2/.*agent registered" "$(log_of NetworkManager)" ||
        die "$1 is no secret agent: $(tail -n 20 "$(log_of "$1")")"
}
keyring_is_open() { [ "$(collection Locked)" = "b false" ]; }
collection() { desktop busctl --user get-property org.freedesktop.secrets /org/freedesktop/secrets/collection/login org.freedesktop.Secret.Collection "$1"; }

# Who has the window: the agent (external-UI mode), or the dialog.
agents_ask_themselves() { sed -i 's/^supports-external-ui-mode=.*/supports-external-ui-mode=true/' $NAME_FILE; }
dialog_asks() { sed -i 's/^supports-external-ui-mode=.*/supports-external-ui-mode=false/' $NAME_FILE; }

# kept NAME KEY=VALUE...: a profile whose password an agent keeps.
kept() { profile "$1" password-flags=1 "${@:2}"; }
uuid_of() { nmcli --get-values connection.uuid connection show "$1"; }

# The attributes under which GNOME's agents store a password, and the plugin before this one did.
attributes() { say connection-uuid "$(uuid_of "$1")" setting-name vpn setting-key "${2-password}"; }
# shellcheck disable=SC2046 # words
in_keyring() { desktop secret-tool lookup $(attributes "$@"); }
# shellcheck disable=SC2046
put_into_keyring() { # NAME VALUE
    printf %s "$2" | desktop secret-tool store --label "VPN password secret" \
        xdg:schema org.freedesktop.NetworkManager.Connection $(attributes "$1")
}

# activate NAME: as a click in a desktop does it; the secrets are the agent's affair.
activate() {
    busctl call org.freedesktop.NetworkManager /org/freedesktop/NetworkManager org.freedesktop.NetworkManager \
        ActivateConnection ooo "$(path_of "$1")" / / >/dev/null ||
        fail "$1 cannot be activated"
}
path_of() { nmcli --terse --fields NAME,DBUS-PATH connection show | sed -n "s/^$1://p"; }
is_activated() { [ "$(nmcli --get-values GENERAL.STATE connection show "$1" 2>/dev/null)" = activated ]; }
is_inactive() { [ -z "$(nmcli --get-values GENERAL.STATE connection show "$1" 2>/dev/null)" ]; }
# comes_up NAME [PORT]: it is up, at the server of this port.
comes_up() { wait_for 20 is_activated "$1" || fail "$1 is not up"; connected "${2-443}"; }

# question [PATTERN]: wait for the window, and bring the keyboard to it; there is no window manager.
question() {
    wait_for 15 question_is_there || fail "nobody is asked; on the screen: $(desktop xdotool search --onlyvisible --name . 2>/dev/null | desktop xargs -rn1 xdotool getwindowname)"
    keyboard_to "${1-$QUESTION}" || fail "the window takes no keyboard"
}
question_is_there() { window_is_there "$QUESTION"; }
no_question() { wait_for 3 window_is_gone "$QUESTION" || fail "the window is still there"; }
# shows WHAT: text that the window tells to screen readers.
shows() { wait_for 5 ui_has "$1" || fail "the window does not say /$1/"; }
ui_has() { ui tree | grep -Eq -- "$1"; }
