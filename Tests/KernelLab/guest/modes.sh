#!/bin/sh
# A plan held, handed to a command, applied twice, by somebody else than root, and where something is
# missing. Each case prints what happened, its status, and what differs from before.
. /scenario/common.sh
export NO_COLOR=1
vm=/scenario/modes/vm.yaml
plain=/scenario/modes/plain.yaml
target=$1
here=/sys/bus/pci/devices
host=/tmp/host.yaml
apply() { vfioplan apply --host $host --target "$target" "$@"; }
begin() { echo "== $1 $target"; rm -f /tmp/held; save; }
finish() { echo "status $1"; same; }
# Waits until a plan is in force, at most a minute.
held() {
  tries=0
  until grep -q holding /tmp/held || test $tries = 600; do tries=$((tries + 1)); sleep 0.1; done
  cat /tmp/held
}
# Not through `apply`: the shell would wait in between, and signals go to the program.
hold() { vfioplan apply --host $host --target "$target" $vm > /tmp/held 2>&1 & holder=$!; held; }

for signal in INT TERM; do
  begin hold-$signal
  hold
  echo "driver $(basename "$(readlink $here/0000:00:05.0/driver)")"
  grep -E 'VmLck|VmPin' /proc/$holder/status
  if test $signal = INT; then
    apply $vm --check 2>&1
    echo "second $?"
    vfioplan restore
    echo "restore $?"
  fi
  kill -$signal $holder
  wait $holder
  finish $?
done

begin hold-KILL
hold
kill -KILL $holder
wait $holder
echo "killed $?"
apply $vm --check > /tmp/output 2>&1
echo "again $?"
cat /tmp/output
vfioplan restore
finish $?

first=iommufd
test "$target" = type1 && first=gpa.container
begin command
apply $vm -- sh /scenario/modes/command.sh "{$first}" '{nic}' '{ram0}' '{{literal}}' 2>&1
finish $?

begin command-signal
apply $vm -- sh -c 'kill -TERM $$' 2>&1
finish $?

begin command-passed
vfioplan apply --host $host --target "$target" $vm -- sh -c 'trap "exit 5" TERM; echo holding > /tmp/held; while :; do sleep 0.1; done' 2>&1 &
holder=$!
held
kill -TERM $holder
wait $holder
finish $?

begin command-missing
apply $vm -- /no/such/program 2>&1
finish $?

begin command-unknown
apply $vm -- echo '{nonsense}' 2>&1
finish $?

interface=$(ls $here/0000:00:05.0/virtio*/net 2>/dev/null)
if test -n "$interface"; then
  ifconfig "$interface" 192.0.2.1 up
  route add default gw 192.0.2.2 "$interface"
  begin route
  apply --check $vm 2>&1
  finish $?
  route del default
  ifconfig "$interface" down
fi

# The rest with a device that is on vfio-pci already: nothing has to be written.
echo vfio-pci > $here/0000:00:07.0/driver_override
echo 0000:00:07.0 > /sys/bus/pci/drivers_probe
host=/tmp/plain-host.yaml
sh /scenario/describe.sh > $host
# With which kibibytes locked, as whom.
as_user() {
  unprivileged "$1" "$2" vfioplan apply --check $plain --host $host --target "$target" 2>&1
}

begin user-denied
as_user 65536 user
finish $?

chmod 0666 /dev/iommu /dev/kvm /dev/vfio/vfio /dev/vfio/devices/* /dev/vfio/[0-9]* 2>/dev/null
begin user
as_user 65536 user
finish $?

begin accountant
as_user 65536 accountant
finish $?

begin accountant-limit
as_user 1024 accountant
finish $?

begin huge-pages
apply --check /scenario/modes/huge.yaml 2>&1
finish $?

# Descriptors: the plan needs about ten.
begin few-files
(ulimit -n 6; apply --check $plain) 2>&1
finish $?

begin held-elsewhere
vfioplan apply --host $host --target "$target" $plain > /tmp/held 2>&1 & holder=$!
held
apply --check $plain 2>&1
status=$?
kill -TERM $holder
wait $holder
finish $status

begin tested-driven
vfioplan host --test-no-snoop 0000:00:07.0 2>&1
finish $?

# A device of PCI Express, without its driver for the time being.
begin tested
driver=$(readlink $here/0000:00:04.0/driver)
test -z "$driver" || echo 0000:00:04.0 > $here/0000:00:04.0/driver/unbind
vfioplan host --test-no-snoop 0000:00:04.0 --format yaml > /tmp/tested 2>&1
status=$?
grep -A 14 '"0000:00:04.0"' /tmp/tested | grep noSnoopCapable
test -z "$driver" || echo 0000:00:04.0 > /sys/bus/pci/drivers/"$(basename "$driver")"/bind
finish $status

node=/dev/iommu
test "$target" = type1 && node=/dev/vfio/vfio
begin no-interface
mv $node /dev/away
apply --check $plain 2>&1
status=$?
mv /dev/away $node
finish $status

echo > $here/0000:00:07.0/driver_override
echo 0000:00:07.0 > /sys/bus/pci/drivers/vfio-pci/unbind
chmod 0600 /dev/kvm
test ! -e /dev/iommu || chmod 0600 /dev/iommu
