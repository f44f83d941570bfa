#!/bin/bash
# ipcbroker-protocol(7): a client in another language, written from that page, finds what it says.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

client=(/usr/bin/python3 -B "$TEST_SRCDIR/tests/integration/protocol_client.py")
config="[queue:orders]
message_size = 64
use = any
[queue:inbox]
send = any
[queue:units]
use = unit:shop-*.service
[eventfd:wake]
use = any
[pipe:outlet]
use = any"

# finds CLAIM: with a broker of that configuration.
finds() {
    expect_status 0 in_sandbox "$config" timeout 60 "${client[@]}" "$1"
    expect_output $'as written\n'
}

descriptors_are_acquired() { finds acquires; }
all_or_none_come() { finds acquires_all_or_none; }
facts_are_told() { finds tells; }
requests_wait_and_are_cancelled() { finds waits_and_cancels; }
replies_come_in_order() { finds answers_in_order; }
unknown_fields_are_skipped() { finds skips_what_it_does_not_know; }
other_versions_are_refused() { finds refuses_other_versions; }
the_malformed_ends_it() { finds closes_on_the_malformed; }

long_lists_come_in_pages() {
    config+=$(printf '\n[eventfd:e%03d]\nuse = any' {1..500})
    finds lists_in_pages
}

who_has_connected_is_proved() {
    needs_root
    start_broker "$config" --without peerpidfd
    expect_status 0 env IPCBROKER_SOCKET="$socket" timeout 60 "${client[@]}" proves
    stop_broker
}

run_tests descriptors_are_acquired all_or_none_come facts_are_told long_lists_come_in_pages \
    requests_wait_and_are_cancelled replies_come_in_order unknown_fields_are_skipped \
    other_versions_are_refused the_malformed_ends_it who_has_connected_is_proved
