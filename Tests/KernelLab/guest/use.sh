#!/bin/sh
# Disks and other nodes that somebody uses, and the same when nobody does.
. /scenario/common.sh
export NO_COLOR=1
here=/scenario/use
begin() { echo "== $1"; save; }
finish() { echo "status $1"; same; }
check() {
  begin "$1"
  vfioplan apply --check "$here/$2.yaml" 2>&1
  finish $?
}
# The namespace that both paths lead to.
controller=$(basename /sys/bus/pci/devices/0000:02:00.0/nvme/nvme*)
for subsystem in /sys/class/nvme-subsystem/*; do
  test -e "$subsystem/$controller" && disk=/dev/$(basename "$subsystem"/nvme*n1)
done
for event in /sys/bus/pci/devices/0000:00:0e.0/virtio*/input/input*/event*; do
  keyboard=/dev/input/$(basename "$event")
done
mkdir -p /mnt
both() { check "$1-one" twin0; check "$1-other" twin1; }

both free
check free-keyboard keyboard

mount -t minix "$disk" /mnt
both mounted
umount /mnt

unshare -m sh -c "mount -t minix $disk /mnt && echo > /tmp/mounted && exec sleep 1000" &
user=$!
wait_for test -e /tmp/mounted
both elsewhere
kill $user
wait $user 2> /dev/null

sleep 1000 < "$disk" &
user=$!
both open
kill $user
wait $user 2> /dev/null

sleep 1000 < "$keyboard" &
user=$!
check typed keyboard
kill $user
wait $user 2> /dev/null

both again
check again-keyboard keyboard
