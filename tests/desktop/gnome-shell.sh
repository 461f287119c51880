# shellcheck shell=bash
# GNOME Shell as the secret agent, with the dialog in which it asks. What the dialog says is read from the shell itself: it
# tells screen readers nothing of the hints in its fields.

# A mode of the shell's own kind, "user" without what has nothing to do with this, and an extension that lets us look inside.
gnome_shell_up() {
    local files=/usr/share/gnome-shell extension=/usr/share/gnome-shell/extensions/lab@nm-sstp
    mkdir -p $files/modes $extension
    cat >$files/modes/lab.json <<JSON
{ "parentMode": "user", "components": ["networkAgent"], "enabledExtensions": ["${extension##*/}"],
  "hasOverview": false, "hasNotifications": false, "showWelcomeDialog": false }
JSON
    cat >$extension/metadata.json <<JSON
{ "uuid": "${extension##*/}", "name": "Lab", "description": "Lets the lab look inside",
  "shell-version": ["$(gnome-shell --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')"] }
JSON
    cat >$extension/extension.js <<'JS'
class Extension {
    enable() {
        global.context.unsafe_mode = true;
        imports.gi.St.Settings.get().inhibit_animations();
    }
    disable() {}
}
function init() { return new Extension(); }
JS
    OPEN=gnome-shell desktop gnome-shell --x11 --mode=lab
    registered gnome-shell org.gnome.Shell.NetworkAgent
    wait_for 20 dialog || die "GNOME Shell tells nothing: $(tail -n 20 "$(log_of gnome-shell)")"
}

# The dialog that is open, from top to bottom, a line each: its number, texts, fields with their hints, and "ready" once one
# of them has the keyboard.
DIALOG='const { St } = imports.gi;
const lines = [];
const look = actor => {
    if (!actor.visible || !actor.opacity)
        return;
    if (actor instanceof St.Entry) {
        lines.push((actor instanceof St.PasswordEntry ? "hidden " : "shown ") + actor.hint_text);
        if (global.stage.key_focus === actor.clutter_text)
            lines.push("ready");
    } else if (actor instanceof St.Label) {
        lines.push(actor.text);
    } else {
        actor.get_children().forEach(look);
    }
};
const dialog = Main.layoutManager.modalDialogGroup.get_children().find(actor => actor.visible && actor.contentLayout);
if (dialog) {
    dialog.number ??= global.dialogs = (global.dialogs ?? 0) + 1;
    lines.push(String(dialog.number));
    look(dialog);
}
lines.join("\n")'
dialog() {
    desktop busctl --user --json=short call org.gnome.Shell /org/gnome/Shell org.gnome.Shell Eval s "$DIALOG" |
        python3 -c 'import json, sys; done, value = json.load(sys.stdin)["data"]; print(json.loads(value)); sys.exit(not done)'
}
dialog_is_gone() { local said; said=$(dialog) && [ -z "$said" ]; }

# shell_asks LINE...: the shell asks, in another dialog than the last time, which has these lines, regular expressions.
shell_asks() {
    local line
    wait_for 20 another_dialog || fail "GNOME Shell asks nothing"
    ASKED=$(head -1 <<<"$SAID")
    for line; do
        grep -Exq -- "$line" <<<"$SAID" || fail "no line of the dialog is /$line/:
$SAID"
    done
    dialog_picture
}
another_dialog() { SAID=$(dialog) && grep -qx ready <<<"$SAID" && [ "$(head -1 <<<"$SAID")" != "${ASKED-}" ]; }

VPN_QUESTION="You need to authenticate to access the Virtual Private Network .vpn.\."

shell_asks_once() {
    kept vpn
    activate vpn
    shell_asks "Authenticate VPN vpn" "$VPN_QUESTION" "hidden Password"
    answer $VPN_PASSWORD
    works
    [ "$(in_keyring vpn)" = $VPN_PASSWORD ] || fail "the keyring has no password"
    asks_nothing
}

# asks_nothing: it comes up by what is kept.
asks_nothing() {
    activate vpn
    comes_up vpn "$@"
    dialog_is_gone || fail "it is asked for although it is kept: $(dialog)"
    down vpn
}

# shell_has PASSWORD: in its keyring. Of a connection that is new it forgets everything first, in its own time.
shell_has() {
    sleep 1
    put_into_keyring vpn "$1"
}

shell_finds() {
    kept vpn
    shell_has $VPN_PASSWORD
    asks_nothing
}

shell_asks_again() {
    kept vpn
    shell_has not-$VPN_PASSWORD
    activate vpn
    shell_asks "The server refused user name or password.* Try again\." "hidden Password"
    answer $VPN_PASSWORD
    works
    [ "$(in_keyring vpn)" = $VPN_PASSWORD ] || fail "the keyring still has the wrong password"
}

# Enter in the first field does nothing yet.
shell_asks_the_user_name() {
    kept vpn
    nmcli connection modify vpn -vpn.data user || fail "nmcli cannot take the user name away"
    activate vpn
    shell_asks "shown User name" "hidden Password"
    answer $VPN_USER
    answer "" $VPN_PASSWORD
    works
}

shell_is_cancelled() {
    kept vpn
    activate vpn
    shell_asks "hidden Password"
    typed half; keys Escape
    wait_for 5 dialog_is_gone || fail "the dialog stays"
    wait_for 10 is_inactive vpn || fail "it goes on without a password"
    [ -z "$(in_keyring vpn)" ] || fail "something was kept"
}

shell_gives_up() {
    kept vpn
    activate vpn
    shell_asks "hidden Password"
    nmcli connection down vpn >/dev/null || fail "it cannot be ended"
    wait_for 5 dialog_is_gone || fail "the dialog stays"
}

# GNOME Shell does not compare the two.
shell_asks_for_a_new_password() {
    with_expired_password
    shell_has $RADIUS_EXPIRED
    activate vpn
    shell_asks "Your password has expired\. Choose a new one\." "hidden New password" "hidden Repeat the new password"
    answer "brand new 1" "brand new 2"
    shell_asks "The two new passwords were not the same\..*" "hidden New password" "hidden Repeat the new password"
    answer "brand new 1" "brand new 1"
    works $PORT_RADIUS
    [ "$(in_keyring vpn)" = "brand new 1" ] || fail "the keyring has no new password"
    asks_nothing $PORT_RADIUS
}

shell_asks_for_a_code() {
    with_code
    activate vpn
    shell_asks "The server asks: Password: ?" "hidden One-time code"
    answer wonderland
    works $PORT_EAP
    [ -z "$(in_keyring vpn otp)$(in_keyring vpn x-dynamic-challenge:otp)" ] || fail "the code was kept"
    lacks "$(cat /etc/NetworkManager/system-connections/vpn*)" wonderland "the file of the connection"
}

shell_asks_for_the_proxy() {
    with_proxy
    activate vpn
    shell_asks "hidden Password" "hidden Proxy password"
    answer $VPN_PASSWORD "not $PROXY_PASSWORD"
    shell_asks "The proxy .* refused user name or password\. Try again\." "hidden Proxy password"
    answer "$PROXY_PASSWORD"
    works
    [ "$(in_keyring vpn proxy-password)" = "$PROXY_PASSWORD" ] || fail "the keyring has no password of the proxy"
}

shell_asks_for_the_key() {
    with_certificate 1
    activate vpn
    shell_asks "$VPN_QUESTION" "hidden Certificate password"
    answer "$PKI_PASSWORD"
    works $PORT_EAP
    [ "$(in_keyring vpn tls-user-key-secret)" = "$PKI_PASSWORD" ] || fail "the keyring has no password of the key"
    asks_nothing $PORT_EAP
}

# A password that GNOME Shell keeps, and that is wrong, it sends beside the one that is typed, and then that is lost; see
# docs/secrets.md.
shell_asks_for_the_key_again() {
    with_certificate 2
    activate vpn
    shell_asks "hidden Certificate password"
    answer "not $PKI_PASSWORD"
    shell_asks "That did not open the key of your certificate, in .*/alice\.key\. Try again\." "hidden Certificate password"
    answer "$PKI_PASSWORD"
    works $PORT_EAP
}
