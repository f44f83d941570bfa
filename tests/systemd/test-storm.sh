#!/bin/bash
# A storm of kill -9 while clients send and signal: nothing is lost, nothing comes twice.
# $STORM_ROUNDS: how many, 50.
# shellcheck source=tests/systemd/lib.sh
source "$(dirname "$0")/lib.sh"

rounds=${STORM_ROUNDS:-50}

# Sends the numbers from 1 on, each until it is in the queue, until it is told to stop. A send that
# failed was not made: the tool acquires first, and the kernel's answer is the last it waits for.
send_numbers() { # QUEUE
    local number=1
    until [[ -e stop ]]; do
        "$ctl" send --timeout 10 "$1" "$number" 2>>"send.$1.err" && echo $((number++)) >"sent.$1"
    done
}

receive_numbers() { # QUEUE
    until [[ -e stop-receiving ]]; do
        "$ctl" receive --timeout 0.2 --count 10 "$1" >>"received.$1" 2>/dev/null || true
    done
}

count_signals() { # EVENT
    local count=0
    until [[ -e stop ]]; do
        ! "$ctl" signal "$1" 3 2>/dev/null || echo $((count += 3)) >"signalled.$1"
    done
}

count_taken() { # EVENT: all that is in it; one wait takes at most 65536 out of a pipe
    local sum=0 count
    while count=$("$ctl" wait --timeout 0 "$1"); do ((sum += count)); done
    echo "$sum"
}

nothing_is_lost_in_a_storm() {
    local round pid objects actors=()
    objects=$(printf '[queue:%s]\nuse = user:root\n' plain)
    objects+=$(printf '\n[queue:%s]\nposix_name = none\nuse = user:root\n' hidden)
    objects+=$(printf '\n[eventfd:event]\nuse = user:root\n[pipe:stream]\ncapacity = 1M\nuse = user:root\n')
    fresh "$objects"
    drop_in ipcbroker.service $'[Service]\nRestartSec=0'
    systemctl start ipcbroker.service
    for queue in plain hidden; do
        send_numbers "$queue" &
        actors+=($!)
        receive_numbers "$queue" &
        receivers+=($!)
    done
    for event in event stream; do
        count_signals "$event" &
        actors+=($!)
    done
    for ((round = 1; round <= rounds; round++)); do
        sleep "0.0$((RANDOM % 10))"
        pid=$(main_pid)
        hit KILL "$pid" 2>/dev/null || true
        # Half of the time it is hit again while it starts.
        ((RANDOM % 2)) || await another_pid_than "$pid"
    done
    await is_active
    touch stop
    wait "${actors[@]}"
    touch stop-receiving
    wait "${receivers[@]}"
    for queue in plain hidden; do
        "$ctl" receive --timeout 1 --count 100 "$queue" >>"received.$queue" 2>/dev/null || true
        seq "$(<"sent.$queue")" >"wanted.$queue"
        cmp "wanted.$queue" "received.$queue" || fail "$queue: lost or doubled"
        note "$queue: $(<"sent.$queue") messages in $rounds rounds, none lost, none doubled"
    done
    for event in event stream; do
        [[ $(count_taken "$event") == "$(<"signalled.$event")" ]] || fail "$event: lost or doubled"
        note "$event: a count of $(<"signalled.$event"), none lost, none doubled"
    done
    expect_property ipcbroker.service NFileDescriptorStore 2
}

receivers=()
install_package >&2
run_tests nothing_is_lost_in_a_storm
