# shellcheck shell=bash
# A screen that nobody sees, with a session bus and accessibility: programs with windows are started on it, and driven
# by what they tell screen readers (ui.py).

# screen_up: an X server, a session bus, a home. The settings of the person whose desktop it is are in SCREEN_LANGUAGE,
# GTK_THEME and so on; see `desktop`.
screen_up() {
    SCREEN_HOME=$LAB_RUN/home
    mkdir -p "$SCREEN_HOME" "$LAB_RUN/session" && chmod 700 "$SCREEN_HOME" "$LAB_RUN/session"
    spawn Xvfb "${DAEMON[@]}" Xvfb -displayfd 1 -screen 0 "${SCREEN_SIZE:-1280x1024x24}" -nolisten tcp -noreset
    wait_for 10 grep -qx '[0-9]\+' "$(log_of Xvfb)" || die "Xvfb does not start: $(cat "$(log_of Xvfb)")"
    SCREEN_DISPLAY=:$(grep -x '[0-9]\+' "$(log_of Xvfb)")
    spawn session-bus "${DAEMON[@]}" HOME="$SCREEN_HOME" XDG_RUNTIME_DIR="$LAB_RUN/session" DISPLAY="$SCREEN_DISPLAY" \
        GSETTINGS_BACKEND=memory dbus-daemon --session --nofork --nopidfile --print-address=1
    wait_for 5 grep -q ^unix: "$(log_of session-bus)" || die "no session bus: $(cat "$(log_of session-bus)")"
    SCREEN_BUS=$(grep ^unix: "$(log_of session-bus)")
}

screen_down() {
    reap session-bus
    reap Xvfb
}

# desktop COMMAND...: the command as a program of the session. With OPEN=NAME it is started in the background, until
# `reap NAME`.
desktop() {
    local start=()
    [ -z "${OPEN-}" ] || start=(spawn "$OPEN")
    "${start[@]}" "${DAEMON[@]}" HOME="$SCREEN_HOME" XDG_RUNTIME_DIR="$LAB_RUN/session" DISPLAY="$SCREEN_DISPLAY" \
        DBUS_SESSION_BUS_ADDRESS="$SCREEN_BUS" GSETTINGS_BACKEND=memory GDK_BACKEND=x11 GSK_RENDERER=cairo \
        LIBGL_ALWAYS_SOFTWARE=1 XDG_CURRENT_DESKTOP="${SCREEN_DESKTOP:-GNOME}" ${SCREEN_LANGUAGE:+LANGUAGE="$SCREEN_LANGUAGE"} \
        ${GTK_THEME:+GTK_THEME="$GTK_THEME"} ${GDK_DPI_SCALE:+GDK_DPI_SCALE="$GDK_DPI_SCALE"} "$@"
}

# ui COMMAND...: look at what is on the screen, or act on it; see ui.py.
ui() { desktop python3 "$TREE/tests/desktop/ui.py" "$@"; }

# click WHAT: with the pointer, for what has no action of its own.
click() {
    local x y width height
    read -r x y width height < <(ui place "$1") && desktop xdotool mousemove $((x + width / 2)) $((y + height / 2)) click 1
}

# keys KEY..., typed TEXT: on the keyboard, into the window that has it. keyboard_to WINDOW-NAME: the one that has; there is no
# window manager.
keys() { desktop xdotool key --delay 30 "$@"; }
typed() { desktop xdotool type --delay 20 -- "$1"; }
keyboard_to() {
    wait_for 15 window_is_there "$1" && desktop xdotool search --onlyvisible --name "$1" windowfocus --sync && sleep .3
}
window_is_there() { desktop xdotool search --onlyvisible --name "$1" | grep -q .; }
window_is_gone() { ! window_is_there "$1"; }

# picture FILE [WINDOW-NAME]: a picture of the screen, or of one window.
picture() {
    local window=root
    [ -z "${2-}" ] || window=$(desktop xdotool search --onlyvisible --name "$2" | head -1)
    desktop import -window "$window" "$1"
}
