#!/bin/sh
# A VM gets one device of a group whose members have drivers of the host.
. /scenario/common.sh
export NO_COLOR=1
here=/sys/bus/pci/devices
bind=/scenario/companions/bind.yaml
begin() { echo "== $1"; save; }
finish() { echo "status $1"; same; }
drivers() {
  for address in 0000:00:1f.0 0000:00:1f.2 0000:00:1f.3; do
    test -e $here/$address/driver && name=$(basename "$(readlink $here/$address/driver)") || name=none
    echo "$address $name"
  done
}
hold() {
  rm -f /tmp/held
  vfioplan apply $bind > /tmp/held 2>&1 & holder=$!
  tries=0
  until grep -q holding /tmp/held || test $tries = 600; do tries=$((tries + 1)); sleep 0.1; done
  cat /tmp/held
  drivers
}

begin before
drivers
finish 0

begin refused
vfioplan apply --check /scenario/companions/refuse.yaml 2>&1
finish $?

begin planned
vfioplan compile $bind --why 2>&1
finish $?

begin checked
vfioplan apply --check $bind 2>&1
finish $?

begin held
hold
kill -TERM $holder
wait $holder
finish $?

begin killed
hold
kill -KILL $holder
wait $holder
vfioplan restore 2>&1
finish $?
