# shellcheck shell=bash
# The window of the dialog, and the keyring, under a real nm-applet.

# Nothing is stored: the window asks, the tunnel comes up, nm-applet keeps the password; then nobody asks.
asked_once() {
    "$1"
    kept vpn
    activate vpn
    question
    typed $VPN_PASSWORD; keys Return
    comes_up vpn; no_question
    down vpn
    [ "$(in_keyring vpn)" = $VPN_PASSWORD ] || fail "the keyring has no password"
    activate vpn
    comes_up vpn
    ! question_is_there || fail "the password is asked for although it is kept"
    down vpn
}

# What the plugin before this one has stored is found.
found_in_the_keyring() {
    "$1"
    kept vpn
    put_into_keyring vpn $VPN_PASSWORD
    activate vpn
    comes_up vpn
    ! question_is_there || fail "the password is asked for although it is kept"
    down vpn
}

# A wrong password is asked for again, with the server's reason.
wrong_then_right() {
    dialog_asks
    kept vpn
    put_into_keyring vpn not-$VPN_PASSWORD
    activate vpn
    question
    shows 'refused|rejected|wrong|not accepted'
    typed $VPN_PASSWORD; keys Return
    comes_up vpn
    [ "$(in_keyring vpn)" = $VPN_PASSWORD ] || fail "the keyring still has the wrong password"
    down vpn
}

user_name_too() {
    dialog_asks
    kept vpn
    nmcli connection modify vpn -vpn.data user || fail "nmcli cannot take the user name away"
    activate vpn
    question
    shows 'User name'
    typed $VPN_USER; keys Return          # goes on to the empty field
    typed $VPN_PASSWORD; keys Return
    comes_up vpn
    down vpn
}

cancelled() { # HOW...
    dialog_asks
    kept vpn
    activate vpn
    question
    typed half; "$@"
    no_question
    wait_for 10 is_inactive vpn || fail "it goes on without a password"
    [ -z "$(in_keyring vpn)" ] || fail "something was kept"
}
close_window() { desktop xdotool search --onlyvisible --name "$QUESTION" windowclose; }

# NetworkManager does not wait any more: nm-applet ends the dialog, and the window goes.
given_up() {
    dialog_asks
    kept vpn
    activate vpn
    question
    nmcli connection down vpn >/dev/null || fail "it cannot be ended"
    wait_for 5 question_is_not_there || fail "the window stays"
}
