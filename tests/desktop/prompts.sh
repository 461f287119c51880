# shellcheck shell=bash
# The window of the dialog, and the keyring, under a real nm-applet.

# Nothing is stored: somebody asks, the tunnel comes up, nm-applet keeps the password; then nobody asks.
asked_once() { # WHO APPLICATION
    "$1"
    kept vpn
    activate vpn
    question
    ui wait 5 "$2/:$QUESTION" || fail "it is not the window of $2"
    typed $VPN_PASSWORD; keys Return
    comes_up vpn; no_question
    down vpn
    [ "$(in_keyring vpn)" = $VPN_PASSWORD ] || fail "the keyring has no password"
    activate vpn
    comes_up vpn
    ! question_is_there || fail "the password is asked for although it is kept"
    down vpn
}

# Where our window is not installed, nm-applet asks itself.
WINDOW_PROGRAM=/usr/libexec/nm-sstp-auth-window
asked_by_the_agent() {
    mv $WINDOW_PROGRAM $WINDOW_PROGRAM.away
    trap 'mv $WINDOW_PROGRAM.away $WINDOW_PROGRAM' EXIT
    asked_once agents_ask_themselves nm-applet
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
    wait_for 5 window_is_gone "$QUESTION" || fail "the window stays"
}

# The program itself, with what the agent would write and these hints; its answer is in ANSWERED.
ask() {
    ANSWERED=$LAB_RUN/answer
    say $'DATA_KEY=user\nDATA_VAL=me\nDATA_KEY=password-flags\nDATA_VAL=1\nDONE\nQUIT' >$LAB_RUN/connection
    rm -f "$ANSWERED"
    (desktop /usr/libexec/nm-sstp-auth-dialog -u none -n Work -s org.freedesktop.NetworkManager.sstp -i "$@" \
        <$LAB_RUN/connection >"$ANSWERED.part" 2>&1; say "status $?" >>"$ANSWERED.part"; mv "$ANSWERED.part" "$ANSWERED") &
    question
}
answers() { # TEXT
    wait_for 5 test -e "$ANSWERED" || fail "there is no answer"
    [ "$(cat "$ANSWERED")" = "$1" ] || fail "the answer is $(cat -A "$ANSWERED")"
}
window_picture() { [ -z "${PICTURES-}" ] || picture "$PICTURES/$1.png" "$QUESTION"; }

# Both fields must be the same; Enter sends nothing until they are.
new_password() {
    ask -t x-vpn-message:"Your password has expired." -t password -t x-dynamic-challenge:password-again
    ui_has 'Your password has expired\.' || fail "the server's words are not there"
    typed "new one"; keys Return; typed "new two"; keys Return
    shows 'alert:The two new passwords are not the same\.'
    [ "$(ui state "nm-sstp-auth-window/push button:^Connect$" sensitive 2>&1)" = "ui: it is not sensitive" ] ||
        fail "what differs can be sent"
    window_picture prompt-new-password
    keys BackSpace BackSpace BackSpace; typed one
    ! ui_has 'alert:The two' || fail "it still complains"
    keys Return
    answers $'password\nnew one\nx-dynamic-challenge:password-again\nnew one\n\n\nstatus 0'
}

# What a server says is text, whatever it looks like; and what may be read as it is typed is.
one_time_code() {
    ask -t x-vpn-message:"Enter <b>the code</b> & press Enter." -t x-dynamic-challenge-echo:otp
    ui_has 'label:Enter <b>the code</b> & press Enter\.' || fail "the message is not as it was sent: $(ui tree)"
    typed 123456
    [ "$(ui text "nm-sstp-auth-window/text:^One-time code$")" = 123456 ] || fail "the code cannot be read"
    window_picture prompt-code
    keys Return
    answers $'x-dynamic-challenge-echo:otp\n123456\n\n\nstatus 0'
}

# With the keyboard alone: mnemonics, and what is hidden is shown on request. Screen readers are told what is hidden.
hidden_and_shown() {
    ask -t password -t proxy-password
    shows 'password text:Password'; shows 'password text:Proxy password'
    keys alt+r; typed second
    keys alt+p; typed first
    window_picture prompt-hidden
    keys alt+s
    wait_for 3 ui state "nm-sstp-auth-window/check box:^Show what is typed$" checked || fail "Alt+S does nothing"
    window_picture prompt-password
    keys alt+o
    answers $'password\nfirst\nproxy-password\nsecond\n\n\nstatus 0'
}
