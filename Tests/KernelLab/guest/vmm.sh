# Hands the devices of a description over to a QEMU: `hand TARGET NAME quits|killed|broken` prints
# QEMU's arguments, what the kernel, the process, QEMU and vfioplan say, how it ends, and what
# differs from before.
. /scenario/common.sh
. /scenario/watch.sh
. /scenario/qemu.sh
export NO_COLOR=1

hand() {
  vm=/scenario/vmm/$2.yaml
  plan="--host /tmp/host.yaml --target $1"
  more=
  test "$3" = broken && more='-device nonsense'
  echo "== case $*"
  save
  vfioplan compile $plan --format qemu $vm > /tmp/arguments
  cat /tmp/arguments
  forget
  # The words of the lines are QEMU's arguments; {name} in them becomes a file's number.
  start vfioplan apply --hand-over $plan $vm -- $qemu $(cat /tmp/arguments) $more
  echo "== kernel"
  seen
  test "$3" = broken || look
  test "$3" = quits && quit
  test "$3" = killed && kill -KILL "$(pidof qemu-system-x86_64)"
  finish
  echo "== said"
  cat /tmp/said
  echo "== end $status"
  same
}
# The pages that a process is charged for, and the devices' drivers.
look() {
  echo "== process"
  grep -E '^Vm(Lck|Pin)' "/proc/$(pidof qemu-system-x86_64)/status"
  for device in $(sed -n 's/.*address: "\(.*\)".*/\1/p' $vm); do
    echo "driver $device $(basename "$(readlink "/sys/bus/pci/devices/$device/driver")")"
  done
}
