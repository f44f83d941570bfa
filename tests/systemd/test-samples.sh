#!/bin/bash
# The sample services of examples/service, installed as a reader would.
# shellcheck source=tests/systemd/lib.sh
source "$(dirname "$0")/lib.sh"

samples=$TEST_SRCDIR/examples/service

an_order_goes_from_one_service_to_the_other() {
    fresh ''
    install -D --mode 644 "$samples/orders.conf" "${TEST_LIBDIR}/ipcbroker/ipcbroker.conf.d/orders.conf"
    install -D --mode 755 "$samples/dispatcher" /usr/local/lib/dispatcher
    # shellcheck disable=SC2086 # flags are words
    ${TEST_CC:-cc} ${TEST_CFLAGS-} -o /usr/local/lib/front-end "$TEST_SRCDIR/examples/front-end.c" \
        -I"$TEST_INCLUDEDIR" -L"$TEST_LIBDIR" -lipcbroker
    install --mode 644 "$samples"/*.service /etc/systemd/system
    echo '5 a book' >/etc/orders
    systemctl daemon-reload
    systemctl start dispatcher.service front-end.service
    await eval 'journalctl --sync; journalctl --unit dispatcher.service | grep "dispatched: a book"'
    expect_property dispatcher.service ActiveState active
}

install_package >&2
run_tests an_order_goes_from_one_service_to_the_other
