#!/bin/sh
# Open files that go to a process that runs already, and an iommufd that comes from one. Each case prints
# what happened, the status of vfioplan, and what differs from before.
. /scenario/common.sh
export NO_COLOR=1
vm=/scenario/handover/vm.yaml
many=/scenario/handover/many.yaml
plain=/scenario/handover/plain.yaml
target=$1
here=/sys/bus/pci/devices
host=/tmp/host.yaml
socket=/tmp/socket
give=/tmp/give
apply() { vfioplan apply --host $host --target "$target" "$@"; }
begin() { echo "== $1 $target"; rm -f /tmp/held /tmp/taken /tmp/given; save; }
finish() {
  echo "status $1"
  same
  for path in $socket $give; do test ! -e $path || echo "$path is still there"; done
  rm -f $socket $give
}
# Waits for a line that begins so, at most a minute: guests are slow when much runs beside them.
said() {
  tries=0
  until grep -q "^$1" "$2" 2>/dev/null || test $tries = 600; do tries=$((tries + 1)); sleep 0.1; done
}
start() { vfioplan apply --host $host --target "$target" "$@" > /tmp/held 2>&1 & holder=$!; }
end() { wait $holder; status=$?; cat /tmp/held; finish $status; }

begin all
start $vm --send-fds unix:$socket
takefds $socket all brief
end

begin all-many
start $many --send-fds unix:$socket
takefds $socket all brief
end

for signal in INT TERM; do
  begin all-$signal
  start $vm --send-fds unix:$socket
  takefds $socket all stay > /tmp/taken & peer=$!
  said "files" /tmp/taken
  test ! -e $socket && echo "no socket"
  kill -$signal $holder
  wait $peer
  cat /tmp/taken
  end
done

begin all-nobody
start $vm --send-fds unix:$socket
said holding /tmp/held
echo "mode $(stat -c %a $socket)"
kill -TERM $holder
end

begin all-mute
start $vm --send-fds unix:$socket
takefds $socket all mute
end

begin all-stall
start $vm --send-fds unix:$socket
takefds $socket all stall > /tmp/taken & peer=$!
said "files" /tmp/taken
kill -TERM $holder
wait $peer
end

begin all-strangers
start $vm --send-fds unix:$socket
said holding /tmp/held
unprivileged 65536 user takefds $socket all brief 2>&1 | head -1
chmod 0666 $socket
unprivileged 65536 user takefds $socket all brief 2>&1
takefds $socket all brief
end

begin exists
echo precious > /tmp/file
apply $vm --send-fds unix:/tmp/file 2>&1
status=$?
cat /tmp/file
finish $status

if test "$target" = type1; then
  begin refused
  apply $vm --send-iommufd unix:$socket 2>&1
  finish $?
  exit 0
fi

begin one
start $vm --send-iommufd unix:$socket
said holding /tmp/held
test ! -e $socket || echo "mode $(stat -c %a $socket)"
takefds $socket one stay
kill -TERM $holder
end

begin one-mute
start $vm --send-iommufd unix:$socket
takefds $socket one mute
said holding /tmp/held
sleep 1
kill -TERM $holder
end

begin one-nobody
apply $vm --send-iommufd unix:$socket 2>&1
finish $?

begin one-signal
start $vm --send-iommufd unix:$socket
said holding /tmp/held
kill -INT $holder
end

# An iommufd from elsewhere. Starts the server, which has to be there first.
serve() { givefd $give "$@" > /tmp/given 2>&1 & server=$!; while test ! -e $give; do sleep 0.1; done; }
served() { said answer /tmp/given; kill $server 2>/dev/null; wait $server; cat /tmp/given; }

begin from
serve /dev/iommu 1
apply $vm --check --iommufd-from unix:$give 2>&1
status=$?
served
finish $status

begin from-command
serve /dev/iommu 1
apply $vm --iommufd-from unix:$give -- sh -c 'echo "$LISTEN_FDNAMES $(readlink /proc/self/fd/3)"' 2>&1
status=$?
served
finish $status

begin from-hold
serve /dev/iommu 1
start $vm --iommufd-from unix:$give --send-fds unix:$socket
takefds $socket all brief
wait $holder
status=$?
cat /tmp/held
served
finish $status

begin from-fail
serve /dev/iommu 1
apply $vm --check --fail 1=EIO --iommufd-from unix:$give 2>&1
status=$?
served
finish $status

for wrong in "/dev/null 1" "/dev/vfio/vfio 1" "/dev/iommu 0" "/dev/iommu 2"; do
  begin "from-$(basename "${wrong% *}")-${wrong#* }"
  serve $wrong
  apply $vm --check --iommufd-from unix:$give 2>&1
  status=$?
  served
  finish $status
done

begin from-nobody
apply $vm --check --iommufd-from unix:$give 2>&1
finish $?

# As a user who may open neither /dev/iommu nor say how it accounts; the device is on vfio-pci already.
echo vfio-pci > $here/0000:00:07.0/driver_override
echo 0000:00:07.0 > /sys/bus/pci/drivers_probe
host=/tmp/plain-host.yaml
sh /scenario/describe.sh > $host
chmod 0666 /dev/kvm /dev/vfio/devices/*

begin from-user
serve /dev/iommu 1
unprivileged 65536 user vfioplan apply --check $plain --host $host --target "$target" --iommufd-from unix:$give 2>&1
status=$?
served
finish $status

begin from-no-node
serve /dev/iommu 1
mv /dev/iommu /dev/away
apply $plain --check --iommufd-from unix:$give 2>&1
status=$?
mv /dev/away /dev/iommu
served
finish $status

echo > $here/0000:00:07.0/driver_override
echo 0000:00:07.0 > /sys/bus/pci/drivers/vfio-pci/unbind
chmod 0600 /dev/kvm
