#!/bin/sh
# Runs the scenarios: first those that find devices on the host's drivers, then, with every device
# on vfio-pci, the others.
describe() {
  sh /scenario/describe.sh > /tmp/host.yaml
  echo "lab: host begin"; cat /tmp/host.yaml; echo "lab: host end"
}
run() {
  while read -r name; do
    echo "lab: scenario $name begin"
    start=$(cut -d' ' -f1 /proc/uptime)
    sh "/scenario/$name/run.sh"
    status=$?
    echo "lab: scenario $name end $status $start $(cut -d' ' -f1 /proc/uptime)"
  done < "$1"
}
describe
run /scenario/before
while read -r address; do
  device=/sys/bus/pci/devices/$address
  test -e $device || continue
  echo vfio-pci > $device/driver_override
  test -e $device/driver && echo "$address" > $device/driver/unbind
  echo "$address" > /sys/bus/pci/drivers_probe
done < /scenario/devices
describe
run /scenario/after
