# shellcheck shell=bash
# What people do in the settings of their desktops.

KEYFILES=/etc/NetworkManager/system-connections
PICTURES=${PICTURES-}

# window_case NAME FUNCTION [ARGUMENT]...: with the programs that it starts ended, and its connections gone.
window_case() {
    run_case "$@"
    local program
    for program in editor settings plasma; do reap $program; done
    nmcli --terse --fields UUID,TYPE connection show | sed -n 's/:vpn$//p' | xargs -r nmcli connection delete >/dev/null 2>&1
}
case_logs() {
    local program
    ui tree | grep showing | head -80
    for program in editor settings plasma; do
        [ ! -e "$(log_of $program)" ] || tail -n 20 "$(log_of $program)"
    done
}
# pictured NAME [WINDOW]: leave a picture, where they are wanted.
pictured() { [ -z "$PICTURES" ] || picture "$PICTURES/$1.png" "${2-}"; }

# keyfile NAME: the text of the connection's file. saved NAME: there is one. has NAME LINE-PATTERN...: lines that it has.
keyfile() { cat "$(grep -rlx "id=$1" "$KEYFILES")"; }
saved() { wait_for 10 grep -rqx "id=$1" "$KEYFILES" || fail "NetworkManager has no connection $1"; }
has() {
    local name=$1 line; shift
    for line; do contains "$(keyfile "$name")" "^$line\$" "the file of $name"; done
}

# unharmed NAME [PATTERN]: what a program wrote to its log says nothing of a fault in our code; PATTERN is the toolkit's.
unharmed() {
    # GTK's own words about a list that was chosen from without being shown, and about the tabs of a window that is closed
    # while a screen reader looks at it
    local own='gdk_window_get_window_type|gtk_notebook_get_tab_label'
    local faults; faults=$(grep -E 'CRITICAL|panicked' "$(log_of "$1")" | grep -vE "$own${2+|$2}")
    [ -z "$faults" ] || fail "$1 complains: $faults"
}

# fill_in WINDOW: a name, the server and an account.
fill_in() {
    ui type "$1 > text:^(Connection n|N)ame" work &&
        ui type "$1 > text:^Gateway:" $SERVER_NAME &&
        ui type "$1 > text:^User name:" $VPN_USER &&
        ui type "$1 > (password )?text:^Password:" "$VPN_PASSWORD" || fail "the page cannot be filled in"
}
# trust WINDOW: the lab's authority, in the window with all the settings.
trust() {
    ui press "$1 > push button:dvanced…" && ui type "dialog:^Advanced > text:^Authority:" "$PKI/ca.pem" || fail "no authority"
    pictured "$2-advanced"
    ui press "dialog:^Advanced > push button:Close"
    sleep 1     # GTK 4.8 does not bear to be looked at while it closes a window
    ui gone 5 "dialog:^Advanced" || fail "the window does not close"
}

# file_named WINDOW-NAME FILE: in the toolkit's window for choosing files, as people do who know the name.
file_named() {
    keyboard_to "$1" || fail "there is no window to choose a file in"
    sleep 1     # it reads a directory
    keys ctrl+l
    typed "$2"
    sleep 1     # it completes the name
    keys Return
}
chosen() {
    file_named "$@"
    wait_for 10 window_is_gone "$1" || fail "the window to choose a file in stays"
}

# all_chosen WINDOW: a certificate and its key on the page, an authority in the other window.
all_chosen() {
    cp "$PKI/ca.pem" "$SCREEN_HOME/our ca.pem" && cp "$PKI/server.pem" "$SCREEN_HOME/me.pem" && cp "$PKI/server.key" "$SCREEN_HOME/me.key" || fail "no files"
    ui press "$1 > push button:^Choose a file for .Certificate." && chosen "^Choose your certificate" "$SCREEN_HOME/me.pem"
    ui press "$1 > push button:^Choose a file for .Private key." && chosen "^Choose your private key" "$SCREEN_HOME/me.key"
    [ "$(ui text "$1 > text:^Certificate:")" = "$SCREEN_HOME/me.pem" ] || fail "the certificate is not on the page"
    ui press "$1 > push button:dvanced…" || fail "there are no further settings"
    ui press "dialog:^Advanced > push button:^Choose a file for .Authority." &&
        chosen "^Choose the certificate of the authority" "$SCREEN_HOME/our ca.pem"
    ui press "dialog:^Advanced > push button:Close"
    sleep 1     # see trust
}
FILES_CHOSEN=(connection-type=tls 'tls-user-cert=.*/home/me\.pem' 'tls-user-key=.*/home/me\.key' 'ca-cert=.*/home/our.*ca\.pem')

# connects: the connection `work`, with the password from elsewhere if it is not in its file.
connects() {
    up_with_file work $VPN_PASSWORD
    succeeded
    connected
    down work
}

# A connection with more in it than a page shows.
rich() {
    nmcli --terse connection add type vpn vpn-type sstp con-name work autoconnect no vpn.user-name bob vpn.timeout 33 \
        vpn.persistent yes \
        vpn.data "gateway=vpn.example.com, user=alice, password-flags=1, unknown=kept, refuse-pap=yes, lcp-echo-interval=17" \
        >/dev/null || fail "nmcli cannot add the connection"
    nmcli --terse --get-values connection.uuid connection show work
}

# kept: of all that `rich` made, only the name and the server have changed.
kept() {
    diff <(sed -E 's/^(id)=.*/\1=other/; s/^gateway=.*/gateway=vpn.lab.test/; /^(timestamp|permissions|addr-gen-mode)=/d' "$BEFORE") \
        <(keyfile other | sed -E '/^(timestamp|permissions|addr-gen-mode)=/d') || fail "more has changed than was edited"
}
before() { BEFORE=$LAB_RUN/before; keyfile work >"$BEFORE"; }

# --- nm-connection-editor

GTK3="nm-connection-editor/frame:^Editing"

made_in_gtk3() {
    OPEN=editor desktop nm-connection-editor --type=vpn --create
    ui press "push button:^Create" || fail "there is no type"
    ui wait 15 "$GTK3 > text:^Gateway:" || fail "the page does not open"
    ui state "$GTK3 > push button:^Save" sensitive && fail "a page without a server can be saved"
    if ui state "$GTK3 > text:^Certificate:" showing; then fail "what is for certificates is shown for passwords"; fi
    fill_in "$GTK3"
    trust "$GTK3" gtk3
    ui choose "$GTK3 > combo box:^Only for this user" "^For all users" || fail "the storage cannot be chosen"
    pictured gtk3
    ui press "$GTK3 > push button:^Save"
    saved work
    has work gateway=$SERVER_NAME user=$VPN_USER password=$VPN_PASSWORD "ca-cert=$PKI/ca.pem" password-flags=0
    lacks "$(keyfile work)" '^(mtu|tls-ext|refuse|proxy)' "the file of work"
    unharmed editor
    connects
}

changed_in_gtk3() {
    local uuid; uuid=$(rich) && before
    OPEN=editor desktop nm-connection-editor --edit="$uuid"
    ui wait 15 "$GTK3 > text:^Gateway:" || fail "the page does not open"
    [ "$(ui text "$GTK3 > text:^User name:")" = alice ] || fail "the user's name is not there"
    ui type "$GTK3 > text:^Connection name" other
    ui type "$GTK3 > text:^Gateway:" "two words"
    ui wait 5 "$GTK3 > label:only letters, digits" || fail "it is not said what is wrong"
    if ui state "$GTK3 > push button:^Save" sensitive; then fail "a server of two words can be saved"; fi
    pictured gtk3-wrong
    ui type "$GTK3 > text:^Gateway:" vpn.lab.test
    ui press "$GTK3 > push button:^Save"
    saved other
    kept
    unharmed editor
}

# A phone book in which everything of the second entry is another than of the first.
phone_book() {
    printf '[Office]\r\nPBVersion=8\r\nType=2\r\nVpnStrategy=5\r\nDEVICE=vpn\r\nPhoneNumber=office.example.com\r\n\r\n'
    printf '[Home]\r\nPBVersion=8\r\nType=2\r\nVpnStrategy=5\r\nIpPrioritizeRemote=0\r\nIpNameAssign=2\r\n'
    printf 'IpDnsAddress=10.1.0.53\r\nIpDnsSuffix=home.example\r\nCustomDialDll=x.dll\r\n'
    printf 'NumRoutes=1\r\nRoutes=0100000002000000080000000A0000000000000000000000000000000000000000000000\r\n'
    printf 'DEVICE=vpn\r\nPhoneNumber=home.example.com\r\n'
}
OF_HOME=(gateway=home.example.com password-flags=1 'dns=10\.1\.0\.53;' 'dns-search=home\.example;' never-default=true
    ignore-auto-dns=true)
ENTRIES="dialog:^Secure Socket"

# home_imported WINDOW BUTTON PICTURE KEY...: the second entry, by the window that asks which; the keys choose it there.
home_imported() {
    ui wait 15 "$ENTRIES > label:more than one connection" || fail "nobody is asked which entry it is"
    keyboard_to "^Secure Socket" && keys "${@:4}"
    pictured "$3-entries"
    ui press "$ENTRIES > push button:^_?OK" || fail "the choice is not taken"
    ui wait 15 "$1 > text:^Gateway:" || fail "the page does not open"
    [ "$(ui text "$1 > text:^Gateway:")" = home.example.com ] || fail "that is another entry"
    ui wait 5 "$1 > label:CustomDialDll" || fail "what was not carried over is not said"
    pictured "$3-import"
    ui press "$1 > push button:$2"
    saved Home
    has Home "${OF_HOME[@]}"
}

imported_in_gtk3() {
    phone_book >"$LAB_RUN/rasphone.pbk"
    OPEN=editor desktop nm-connection-editor --type=vpn --import "$LAB_RUN/rasphone.pbk"
    home_imported "$GTK3" "^Save" gtk3 alt+t Down
    # GNOME's settings 43 drop every route without a gateway when they save
    has Home 'route1=10\.0\.0\.0/8'
    unharmed editor
}

# What is not chosen is not imported; the program says so, and goes on.
not_imported_in_gtk3() {
    phone_book >"$LAB_RUN/rasphone.pbk"
    OPEN=editor desktop nm-connection-editor --type=vpn --import "$LAB_RUN/rasphone.pbk"
    ui press "$ENTRIES > push button:^_?Cancel" || fail "nobody is asked which entry it is"
    ui wait 10 "label:rasphone\.pbk#Office" || fail "it is not said why nothing is imported"
    unharmed editor
}

files_chosen_in_gtk3() {
    local uuid; uuid=$(to_look_at $SERVER_NAME connection-type=tls)
    OPEN=editor desktop nm-connection-editor --edit="$uuid"
    ui wait 15 "$GTK3 > text:^Gateway:" || fail "the page does not open"
    all_chosen "$GTK3"
    pictured gtk3-files
    ui press "$GTK3 > push button:^Save"
    wait_for 10 grep -q ^tls-user-key= "$(grep -lx id=work "$KEYFILES"/*)" || fail "the files are not saved"
    has work "${FILES_CHOSEN[@]}"
    # keys, and what a screen reader asks, come to the toolkit's window when it has gone
    unharmed editor 'ATK_IS_STATE_SET|GTK_IS_POPOVER|GTK_IS_CONTAINER|G_IS_OBJECT|WIDGET_REALIZED'
}

# --- GNOME's settings

settings_open() {
    OPEN=settings desktop gnome-control-center network
    ui wait 60 "gnome-control-center/push button:^Add connection" || fail "the settings do not open"
}

made_in_gtk4() {
    local dialog="gnome-control-center/dialog:^Add VPN"
    settings_open
    ui press "push button:^Add connection"
    click "$dialog > label:^Secure Socket" || fail "there is no type"
    ui wait 10 "$dialog > text:^Gateway:" || fail "the page does not open"
    ui state "$dialog > push button:^_Add" sensitive && fail "a page without a server can be saved"
    fill_in "$dialog"
    trust "$dialog" gtk4
    pictured gtk4
    ui press "$dialog > push button:^_Add"
    saved work
    has work gateway=$SERVER_NAME user=$VPN_USER password-flags=1 "ca-cert=$PKI/ca.pem"
    lacks "$(keyfile work)" '^(mtu|tls-ext|refuse|proxy|password=)' "the file of work"
    unharmed settings
    connects
}

changed_in_gtk4() {
    local dialog="gnome-control-center/dialog:^work"
    rich >/dev/null && before
    settings_open
    ui press "list:^VPN > push button:^Options"
    ui wait 10 "$dialog > text:^Gateway:" || fail "the page does not open"
    [ "$(ui text "$dialog > text:^User name:")" = alice ] || fail "the user's name is not there"
    ui type "$dialog > text:^Name" other
    ui type "$dialog > text:^Gateway:" vpn.lab.test
    pictured gtk4-changed
    ui press "$dialog > push button:^_Apply"
    saved other
    kept
    unharmed settings
}

imported_in_gtk4() {
    local dialog="gnome-control-center/dialog:^Add VPN"
    phone_book >"$SCREEN_HOME/rasphone.pbk"
    settings_open
    ui press "push button:^Add connection"
    click "$dialog > label:^Import from file" || fail "there is no import"
    file_named "^Select file to import" "$SCREEN_HOME/rasphone.pbk"
    home_imported "$dialog" "^_Add" gtk4 alt+t Down Return
    unharmed settings
}

files_chosen_in_gtk4() {
    local dialog="gnome-control-center/dialog:^work"
    to_look_at $SERVER_NAME connection-type=tls >/dev/null
    settings_open
    ui press "list:^VPN > push button:^Options"
    click "$dialog > label:^Identity" && ui wait 10 "$dialog > text:^Gateway:" || fail "the page does not open"
    all_chosen "$dialog"
    pictured gtk4-files
    ui press "$dialog > push button:^_Apply"
    wait_for 10 grep -q ^tls-user-key= "$(grep -lx id=work "$KEYFILES"/*)" || fail "the files are not saved"
    has work "${FILES_CHOSEN[@]}"
    unharmed settings
}

# --- Plasma

# Plasma has a page of its own for SSTP, and no use for ours; what it writes has to work.
made_in_plasma() {
    page_in_plasma plasma $SERVER_NAME $VPN_USER
    ui type "$PLASMA > filler:^Optional > text:^$" "$PKI/ca.pem" || fail "Plasma's page takes no authority"
    pictured plasma-page
    ui press "$PLASMA > push button:^Save"
    saved plasma
    has plasma "service-type=org\.freedesktop\.NetworkManager\.sstp" gateway=$SERVER_NAME user=$VPN_USER proxy-port=0
    up_with_file plasma $VPN_PASSWORD
    succeeded
    connected
    down plasma
}

# page_in_plasma NAME GATEWAY USER: Plasma's own page for a new connection of SSTP, filled in.
PLASMA="dialog:^New Connection"
page_in_plasma() {
    local x y width height
    SCREEN_DESKTOP=KDE OPEN=plasma desktop QT_QUICK_BACKEND=software QT_LINUX_ACCESSIBILITY_ALWAYS_ON=1 \
        kcmshell5 kcm_networkmanagement
    ui wait 60 "kcmshell5/push button:^Reset" || fail "Plasma's settings do not open"
    # Plasma tells screen readers neither the name of its button with the plus nor the names of the types of connection.
    sleep 3
    read -r x y width height < <(ui place "kcmshell5/push button:^Reset")
    desktop xdotool mousemove $((x + 189)) $((y + height / 2 - 46)) click 1
    ui wait 20 "push button:^Create" || fail "there is no list of types"
    sleep 1
    read -r x y width height < <(ui place "push button:^Create")
    desktop xdotool mousemove 200 $((y - 150)) click --repeat 12 5
    sleep 1
    pictured plasma-types
    desktop xdotool mousemove 200 $((y + height / 2 - 172)) click 1
    ui press "push button:^Create"
    ui wait 10 "$PLASMA > page tab:sstp" || fail "that was another type"
    ui type "$PLASMA > text:^Connection name" "$1" &&
        ui type "$PLASMA > text:^General" "$2" &&
        ui type "$PLASMA > panel:^Optional > text:^Optional" "$3" || fail "Plasma's page cannot be filled in"
}
