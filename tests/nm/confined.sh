# shellcheck shell=bash
# What the helper has given up while the tunnel is up; that it has lost what it gives up is shown by tests/confine.rs.

helper_status() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$(pgrep -x nm-sstp-service)/status"; }

confined() {
    profile vpn; store vpn
    up vpn; succeeded
    wait_for 10 gave_up_files || fail "the helper keeps its access to files"
    lacks "$(new_log)" "keeps more rights" "the log"
    [ "$(helper_status NoNewPrivs) $(helper_status Seccomp)" = "1 2" ] || fail "there is no filter of system calls"
    [ "$(helper_status CapEff) $(helper_status CapPrm)" = "0000000000001000 0000000000001000" ] ||
        fail "the capabilities are $(helper_status CapEff), of $(helper_status CapPrm)"
    contains "$(helper_status Uid)" "^65534[[:space:]]65534" "the user"
    contains "$(helper_status Groups)" "^ *$" "the groups"
    # and the tunnel goes on
    connected
    down vpn
}
gave_up_files() { new_log | grep -q "files: given up"; }
