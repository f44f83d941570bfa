source "$(dirname "$0")/lib.sh"
install_package >&2
before_test
configure ipcbroker.conf $'[queue:named]\nuse = user:root\n[eventfd:event]\nuse = user:root'
timeout 8 systemctl start ipcbroker.service
timeout 3 "$ctl" list
timeout 3 "$ctl" send named hi; echo $?
timeout 3 systemctl status ipcbroker | cat
journal | tail -20
