#!/bin/sh
# For each description and target: what a dry run says, and what `follow` sees of a check.
. /scenario/common.sh
cd /scenario/dryrun || exit 1
save
while read -r target; do
  for vm in vms/*.yaml; do
    echo "== case $vm $target"
    for node in /sys/bus/pci/devices/*/vfio-dev/vfio*; do echo "$node"; done
    vfioplan apply "$vm" --host /tmp/host.yaml --target "$target" --dry-run --format json \
      > /tmp/plan 2> /tmp/messages
    status=$?
    echo "== plan $status"
    # Warnings are not part of the plan; what a refusal says is all there is.
    cat /tmp/plan
    test $status = 0 || cat /tmp/messages
    follow -o /tmp/log vfioplan apply "$vm" --host /tmp/host.yaml --target "$target" --check \
      > /tmp/messages 2>&1
    echo "== check $?"
    cat /tmp/messages
    echo "== log"
    cat /tmp/log
    echo "== same"
    same
  done
done < targets
