#!/bin/sh
# Applies every description for every target with --check, and looks for what is left behind.
# One line per description and target: `check VM TARGET applied|refused|FAILED|LEFT detail`.
H=/tmp/host.yaml
test -e /scenario/host.yaml && H=/scenario/host.yaml || sh /scenario/describe.sh > $H
state() {
  ls -d /sys/bus/pci/drivers/*/0000:* /dev/vfio/* /dev/vfio/devices/* 2>/dev/null
  cat /sys/bus/pci/devices/*/driver_override
  grep HugePages_Free /proc/meminfo
}
echo "host: begin"; cat $H; echo "host: end"
state > /tmp/before
while read -r target; do
  for file in /scenario/vms/*.yaml; do
    name=$(basename "$file" .yaml)
    vfioplan apply --check "$file" --host $H --target "$target" > /tmp/out 2> /tmp/err
    status=$?
    state > /tmp/after
    if ! cmp -s /tmp/before /tmp/after; then
      echo "check $name $target LEFT status $status"
      diff /tmp/before /tmp/after | sed 's/^/  # /'
      state > /tmp/before
    fi
    case $status in
      0) echo "check $name $target applied" ;;
      1|69) echo "check $name $target refused $(grep -o 'error.VP.*' /tmp/err | head -1)" ;;
      *) echo "check $name $target FAILED status $status"; sed 's/^/  # /' /tmp/err | head -30 ;;
    esac
  done
done < /scenario/targets
