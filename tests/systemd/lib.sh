# shellcheck shell=bash
# Sourced by the tests that need a booted systemd: boots one and goes on in it, as root. There is one
# boot for a script; a test leaves nothing running that the next one does not expect.
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")

if [[ -z ${BOOTED-} ]]; then
    if [[ $TEST_UNITDIR != /lib/* && $TEST_UNITDIR != /usr/lib/* ]]; then
        echo "1..0 # SKIP no systemd looks for units in $TEST_UNITDIR"
        exit 0
    fi
    export BOOTED=1 IPC_IS_OURS=1
    script=$(realpath "$0")
    status=0
    "$here/boot" --bind "$TEST_SRCDIR" --bind "$TEST_BUILDDIR" -- bash "$script" || status=$?
    exit $((status == 77 ? 0 : status)) # the plan says that all is skipped
fi

# What is tested lies where it is meant to be, not in the stage.
TEST_BINDIR=${TEST_BINDIR#"$TEST_STAGE"}
TEST_SBINDIR=${TEST_SBINDIR#"$TEST_STAGE"}
TEST_LIBDIR=${TEST_LIBDIR#"$TEST_STAGE"}
# shellcheck source=tests/integration/lib.sh
source "$here/../integration/lib.sh"

configuration=$TEST_SYSCONFDIR/ipcbroker
socket=/run/ipcbroker/ipcbroker.sock

# Put in place as a package would: the installed tree over the root, and what a package's script
# runs. `make install` itself is tested by test-install.sh.
install_package() {
    tar --create --directory="$TEST_STAGE" . | tar --extract --directory=/ --keep-directory-symlink
    settle_package
}

settle_package() {
    ldconfig
    systemd-sysusers
    systemd-tmpfiles --create
    systemctl daemon-reload
}

# The search for leaks needs system calls that units take away; other errors are found all the same.
[[ -z ${TEST_CFLAGS-} ]] || systemctl set-environment ASAN_OPTIONS=detect_leaks=0

# Units see neither /tmp nor /home, where the counters of a build that has them may lie.
if [[ -n ${TEST_COUNTED-} ]]; then
    mkdir -p /etc/systemd/system/service.d
    printf '[Service]\nBindPaths=%s\nReadWritePaths=%s\n' "$TEST_BUILDDIR" "$TEST_BUILDDIR" \
        >/etc/systemd/system/service.d/counted.conf
fi

# configure FILE TEXT: a file of the configuration, such as ipcbroker.conf or ipcbroker.conf.d/x.conf.
configure() {
    mkdir -p "$(dirname "$configuration/$1")"
    printf '%s\n' "$2" >"$configuration/$1"
}

# drop_in UNIT TEXT: a drop-in of that unit, in force from its next start on.
drop_in() {
    mkdir -p "/etc/systemd/system/$1.d"
    printf '%s\n' "$2" >"/etc/systemd/system/$1.d/test.conf"
    systemctl daemon-reload
}

no_drop_in() { # UNIT
    rm -rf "/etc/systemd/system/$1.d"
    systemctl daemon-reload
}

# property UNIT NAME: its value.
property() {
    systemctl show --property "$2" --value "$1"
}

expect_property() { # UNIT NAME VALUE
    local is
    is=$(property "$1" "$2")
    [[ $is == "$3" ]] || fail "$2 of $1 is '$is', not '$3'"
}

# await COMMAND...: until it succeeds; it is tried for 20 s.
await() {
    local deadline=$((SECONDS + 20))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || fail "in vain: $*"
        sleep 0.05
    done
}

fresh() { # CONFIG-TEXT: the service as after a boot, with this main file, not started yet
    systemctl stop ipcbroker.service ipcbroker.socket
    systemctl reset-failed
    rm -rf "$configuration" /dev/mqueue/*
    no_drop_in ipcbroker.service
    no_drop_in ipcbroker.socket
    configure ipcbroker.conf "$1"
}

main_pid() {
    property ipcbroker.service MainPID
}

another_pid_than() { # PID: the service runs, in another process
    local pid
    pid=$(main_pid)
    [[ $pid != 0 && $pid != "$1" && $(property ipcbroker.service ActiveState) == active ]]
}

is_active() {
    [[ $(property ipcbroker.service ActiveState) == active ]]
}

# hit SIGNAL PID: where no broker runs systemd says 0, which kill(1) takes for all of this group.
hit() {
    [[ $2 != 0 ]] && kill "-$1" "$2"
}

# As an enemy does; comes back when the next one is ready.
kill_broker() {
    local pid
    pid=$(main_pid)
    hit KILL "$pid" || fail 'no broker runs'
    await another_pid_than "$pid"
}

before_test() {
    journalctl --sync
    journalctl --quiet --lines 1 --show-cursor --output cat | sed -n 's/^-- cursor: //p' >"$directory.cursor"
}

# journal [ARGUMENT...]: what has been written since the test began. (--after-cursor would pass over
# the first that matches.)
journal() {
    journalctl --sync
    journalctl --quiet --no-pager --cursor "$(<"$directory.cursor")" "$@"
}

expect_journal() { # TEXT...: the broker's unit has said each of them
    journal --output cat --unit ipcbroker.service >journal.text
    expect_text journal.text "$@"
}

explain_failure() {
    journal --output short-precise --lines 100
}
