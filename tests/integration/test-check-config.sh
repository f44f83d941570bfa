#!/bin/bash
# ipcbrokerd --check-config, and the exit status of a start that fails for its configuration.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

a_good_file_is_0_with_sums() {
    printf '[queue:a]\nmax_messages = 10\nmessage_size = 64\nuse = any\n[eventfd:b]\nuse = any\n' >c.conf
    expect_status 0 "$ipcbrokerd" --check-config c.conf
    [[ ! -s err ]]
    expect_text out 'objects: 2' 'fs.mqueue.queues_max: 1 needed' 'bytes of message queues: 1600 needed' RLIMIT_MSGQUEUE \
        'fs.mqueue.msg_max: 10 needed' RLIMIT_NOFILE
}

nothing_is_touched() {
    printf '[broker]\nsocket = %s/s\n[queue:check-touches-nothing]\nuse = any\n' "$directory" >c.conf
    expect_status 0 "$ipcbrokerd" --check-config c.conf
    [[ ! -e s && ! -e s.admin && ! -e s.admin.lock && ! -e /dev/mqueue/check-touches-nothing ]]
}

drop_ins_are_read_and_judged() {
    mkdir c.conf.d
    printf '[queue:a]\nuse = any\n' >c.conf
    printf '[queue:b]\nuse = any\n' >c.conf.d/b.conf
    printf 'no section\n' >c.conf.d/ignored.txt
    expect_status 0 "$ipcbrokerd" --check-config c.conf
    expect_text out 'objects: 2'
    printf '[queue:c]\nfoo = 1\n' >c.conf.d/c.conf
    expect_status 78 "$ipcbrokerd" --check-config c.conf
    expect_text err 'c.conf.d/c.conf:2: '
}

offline_makes_the_hosts_matters_warnings() {
    printf '[queue:a]\nmax_messages = 60000\nmessage_size = 1M\nuse = user:nobody-has-this-name\n' >c.conf
    chmod 666 c.conf
    expect_status 78 "$ipcbrokerd" --check-config c.conf
    expect_status 0 "$ipcbrokerd" --check-config --offline c.conf
    expect_text err warning nobody-has-this-name fs.mqueue.msg_max RLIMIT_MSGQUEUE
    printf 'bad = 1\n' >>c.conf
    expect_status 78 "$ipcbrokerd" --check-config --offline c.conf
}

more_clients_than_descriptors_is_an_error_of_its_line() {
    printf '[broker]\n\nmax_clients = 100000000\n' >c.conf
    expect_status 78 "$ipcbrokerd" --check-config c.conf
    expect_text err 'c.conf:3: ' RLIMIT_NOFILE LimitNOFILE=
}

what_a_descriptor_store_needs_is_said() {
    printf '[queue:a]\nuse = any\n[eventfd:b]\nuse = any\n' >c.conf
    expect_status 0 "$ipcbrokerd" --check-config c.conf
    expect_text out 'descriptors in a descriptor store: 6 needed'
    for n in {1..300}; do printf '[eventfd:e%d]\nuse = any\n' "$n"; done >c.conf
    (ulimit -n 768 && expect_status 0 "$ipcbrokerd" --check-config --offline c.conf)
    expect_text err warning '804 is needed' 'LimitNOFILE=804 in'
}

a_mode_that_passes_grants_by_is_warned_of() {
    printf '[queue:a]\nmode = 0660\nuse = any\n' >c.conf
    expect_status 0 "$ipcbrokerd" --check-config c.conf
    expect_text err 'c.conf:1: ' warning grants
}

an_object_without_grants_is_warned_of() {
    printf '[queue:a]\n' >c.conf
    expect_status 0 "$ipcbrokerd" --check-config c.conf
    expect_text err 'c.conf:1: ' warning
}

the_users_places_are_checked_by_user() {
    export XDG_CONFIG_HOME=$directory/home
    mkdir -p home/ipcbroker/ipcbroker.conf.d
    printf '[queue:a]\nuse = any\n' >home/ipcbroker/ipcbroker.conf.d/a.conf
    expect_status 0 "$ipcbrokerd" --check-config --user
    expect_text out 'objects: 1'
    printf 'x\n' >>home/ipcbroker/ipcbroker.conf.d/a.conf
    expect_status 78 "$ipcbrokerd" --check-config --user
    expect_text err "$directory/home/ipcbroker/ipcbroker.conf.d/a.conf:3: "
}

a_start_with_a_bad_main_file_is_78() {
    printf '[queue:a]\nfoo = 1\n' >c.conf
    expect_status 78 "$ipcbrokerd" --config c.conf --socket "$directory/s"
    expect_text err 'c.conf:2: ' 'nothing was changed'
    [[ ! -e s && ! -e s.admin.lock ]]
}

a_start_with_a_bad_drop_in_needs_strict_to_fail() {
    mkdir c.conf.d
    printf '[queue:a]\nuse = any\n' >c.conf
    printf '[queue:b]\nfoo = 1\n' >c.conf.d/b.conf
    expect_status 78 "$ipcbrokerd" --config c.conf --socket "$directory/s" --strict
    expect_text err 'c.conf.d/b.conf:2: '
}

a_refused_file_is_judged_to_its_end() {
    printf '[queue:a]\nfoo = 1\nuse = user:nobody-has-this-name\n[queue:b]\nmax_messages = 60000\nuse = any\n' >c.conf
    expect_status 78 "$ipcbrokerd" --check-config c.conf
    expect_text err "c.conf:2: unknown key 'foo'" "c.conf:3: unknown user 'nobody-has-this-name'" \
        'sysctl fs.mqueue.msg_max=60000'
    expect_text out 'objects: 2'
}

an_unknown_group_is_an_error_of_its_line() {
    printf '[queue:a]\nuse = any\nmode = 0660\ngroup = nobody-has-this-name\n' >c.conf
    expect_status 78 "$ipcbrokerd" --check-config c.conf
    expect_text err "c.conf:4: unknown group 'nobody-has-this-name'"
}

sockets_that_cannot_be_are_errors() {
    local long
    long=$directory/$(printf '%0*d' $((104 - ${#directory})) 1)
    printf '[broker]\nsocket = %s\n' "$long" >c.conf
    expect_status 78 "$ipcbrokerd" --check-config c.conf
    expect_text err "$long.admin is no path for a socket"
    expect_status 78 "$ipcbrokerd" --config c.conf
    expect_text err "$long.admin is no path for a socket"
    expect_status 1 "$ipcbrokerd" --config c.conf --socket relative
    expect_text err 'relative is no path for a socket'
    printf '[broker]\nsocket = %s/s\nadmin_socket = %s/s\n' "$directory" "$directory" >c.conf
    expect_status 78 "$ipcbrokerd" --check-config c.conf
    expect_text err "$directory/s is socket and admin_socket"
}

more_errors_than_a_person_reads_are_counted() {
    for n in {1..1100}; do printf 'nonsense %d\n' "$n"; done >c.conf
    expect_status 78 "$ipcbrokerd" --check-config c.conf
    expect_text err 'c.conf:1000: ' 'and 100 more problems'
}

wrong_usage_is_2() {
    local options
    for options in --nonsense --config '--without eventfds' '--offline' 'a.conf' \
        '--check-config a.conf b.conf' '--check-config --config a.conf b.conf' '--config a.conf --user'; do
        # shellcheck disable=SC2086 # they are words
        expect_status 2 "$ipcbrokerd" $options
        expect_text err "Try 'ipcbrokerd --help'."
    done
    expect_text err '--user and a file exclude each other'
}

help_and_version_go_to_stdout() {
    expect_status 0 "$ipcbrokerd" --help
    expect_text out --check-config --without
    expect_status 0 "$ipcbrokerd" --version
    expect_text out 'ipcbrokerd '
    ! "$ipcbrokerd" --version >/dev/full || fail 'nobody can read it, and all is said to be well'
}

# The broker writes to no file that it opens in the place of its standard ones.
closed_standard_descriptors_are_filled() {
    printf 'nonsense\n' >c.conf
    local status=0
    "$ipcbrokerd" --check-config c.conf <&- >&- 2>&- || status=$?
    ((status == 78)) || fail "status $status"
    [[ $(<c.conf) == nonsense ]]
    printf '[queue:a]\nuse = any\n' >c.conf
    "$ipcbrokerd" --check-config c.conf <&- >&- || fail "status $?"
}

the_shipped_examples_are_good() {
    local file
    for file in "$TEST_SRCDIR"/conf/*.conf; do
        cp "$file" example.conf
        expect_status 0 "$ipcbrokerd" --check-config example.conf
        [[ ! -s err ]] || fail "$file: $(<err)"
    done
}

tests=(a_good_file_is_0_with_sums nothing_is_touched drop_ins_are_read_and_judged
    offline_makes_the_hosts_matters_warnings more_clients_than_descriptors_is_an_error_of_its_line
    what_a_descriptor_store_needs_is_said
    a_mode_that_passes_grants_by_is_warned_of an_object_without_grants_is_warned_of
    the_users_places_are_checked_by_user a_refused_file_is_judged_to_its_end
    an_unknown_group_is_an_error_of_its_line sockets_that_cannot_be_are_errors a_start_with_a_bad_main_file_is_78
    a_start_with_a_bad_drop_in_needs_strict_to_fail more_errors_than_a_person_reads_are_counted
    wrong_usage_is_2 help_and_version_go_to_stdout closed_standard_descriptors_are_filled
    the_shipped_examples_are_good)
run_tests "${tests[@]}"
