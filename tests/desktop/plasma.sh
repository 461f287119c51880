# shellcheck shell=bash
# Plasma as the secret agent: the module of kded with its dialog, and KWallet.

WALLET=kdewallet
# The hash of the wallet's password, as the login hands it over: 56 octets.
WALLET_HASH=(56 {1..56})

plasma_up() {
    mkdir -p "$SCREEN_HOME/.config" &&
        printf '[Wallet]\nFirst Use=false\nPrompt on Open=false\n' >"$SCREEN_HOME/.config/kwalletrc" || die "no home"
    OPEN=kwalletd desktop kwalletd5
    wait_for 10 kwallet pamOpen sayi $WALLET "${WALLET_HASH[@]}" 0 || die "no wallet: $(cat "$(log_of kwalletd)")"
    ui tree >/dev/null              # screen readers come first, or kded tells them nothing
    OPEN=kded desktop QT_LINUX_ACCESSIBILITY_ALWAYS_ON=1 kded5
    wait_for 10 kded loadModule s networkmanagement || die "kded has no networks: $(cat "$(log_of kded)")"
    registered kded org.kde.plasma.networkmanagement
}
kwallet() { desktop busctl --user call org.kde.kwalletd5 /modules/kwalletd5 org.kde.KWallet "$@"; }
kded() { desktop busctl --user call org.kde.kded5 /kded org.kde.kded5 "$@"; }

in_wallet() { desktop kwallet-query --folder "Network Management" --read-password "{$(uuid_of "$1")};vpn" $WALLET; }

# put_into_wallet NAME PASSWORD: as Plasma's page does it.
put_into_wallet() {
    nmcli connection modify "$1" vpn.secrets "password=$2" || fail "nmcli cannot store the password"
    wait_for 5 wallet_has "$1" "$2" || fail "the wallet has no password"
}
wallet_has() { in_wallet "$1" | grep -qF "password%SEP%$2\""; }

# plasma_asks [SENTENCE]: its window is there, another one than the last time, and has the keyboard. It says always the same;
# SENTENCE, a regular expression, is what the journal has.
PLASMA_WINDOW="^VPN secrets"
plasma_asks() {
    wait_for 15 another_window || fail "Plasma asks nothing"
    ASKED=$(plasma_window)
    desktop xdotool windowfocus --sync "$ASKED" || fail "the window takes no keyboard"
    ui wait 5 "kded5/dialog: > label:^Password:" || fail "there is no field for it"
    [ -z "${1-}" ] || contains "$(new_log | grep Asking: | tail -1)" "Asking: $1" "the log"
    dialog_picture
}
plasma_window() { desktop xdotool search --onlyvisible --name "$PLASMA_WINDOW" | tail -1; }
another_window() { local window; window=$(plasma_window); [ -n "$window" ] && [ "$window" != "${ASKED-}" ]; }
plasma_is_silent() { [ -z "$(plasma_window)" ]; }

plasma_asks_every_time() {
    profile vpn
    local time
    for time in 1 2; do
        activate vpn
        plasma_asks
        answer $VPN_PASSWORD
        works
    done
    lacks "$(in_wallet vpn 2>&1)" $VPN_PASSWORD "the wallet"
}

plasma_finds() {
    kept vpn
    put_into_wallet vpn $VPN_PASSWORD
    activate vpn
    comes_up vpn
    plasma_is_silent || fail "it is asked for although it is kept"
    down vpn
}

plasma_asks_again() {
    kept vpn
    put_into_wallet vpn not-$VPN_PASSWORD
    activate vpn
    plasma_asks "The server refused user name or password"
    answer $VPN_PASSWORD
    works
}

plasma_is_cancelled() {
    profile vpn
    activate vpn
    plasma_asks
    typed half; keys Escape
    wait_for 5 plasma_is_silent || fail "the window stays"
    wait_for 10 is_inactive vpn || fail "it goes on without a password"
}

plasma_gives_up() {
    profile vpn
    activate vpn
    plasma_asks
    nmcli connection down vpn >/dev/null || fail "it cannot be ended"
    wait_for 5 plasma_is_silent || fail "the window stays"
}

plasma_asks_for_a_new_password() {
    with_expired_password
    activate vpn
    plasma_asks
    answer $RADIUS_EXPIRED
    plasma_asks "Your password has expired\. Choose a new one\."
    answer "brand new 1"
    plasma_asks "Type the new password once more\."
    answer "brand new 2"
    plasma_asks "The two new passwords were not the same\."
    answer "brand new 1"
    plasma_asks "Type the new password once more\."
    answer "brand new 1"
    works $PORT_RADIUS
}

plasma_asks_for_a_code() {
    with_code
    activate vpn
    plasma_asks "The server asks: Password:"
    answer wonderland
    works $PORT_EAP
    lacks "$(cat /etc/NetworkManager/system-connections/vpn*; in_wallet vpn 2>&1)" wonderland "what is kept"
}

plasma_asks_for_the_proxy() {
    with_proxy
    activate vpn
    plasma_asks
    answer $VPN_PASSWORD
    plasma_asks "The proxy wants to know who you are\."
    answer "not $PROXY_PASSWORD"
    plasma_asks "The proxy .* refused user name or password"
    answer "$PROXY_PASSWORD"
    works
}

plasma_asks_for_the_key() {
    with_certificate 1
    activate vpn
    plasma_asks
    answer "not $PKI_PASSWORD"
    plasma_asks "That did not open the key of your certificate"
    answer "$PKI_PASSWORD"
    works $PORT_EAP
}
