#!/bin/sh
# A physical function, its virtual functions, and the token that they ask for on vfio-pci.
. /scenario/common.sh
export NO_COLOR=1
here=/scenario/relations
parent=/sys/bus/pci/devices/0000:04:00.0
token=$(cat $here/token)
begin() { echo "== $1"; save; }
finish() { echo "status $1"; same; }
check() {
  begin "$1"
  vfioplan apply --check --target "$3" "$here/$2.yaml" 2>&1
  finish $?
}
driver() { test -e "$1/driver" && basename "$(readlink "$1/driver")" || echo none; }
each() { while read -r target; do check "$1-$target" "$2" "$target"; done < $here/targets; }
give() {
  echo "$1" > $parent/driver_override
  test -e $parent/driver && echo 0000:04:00.0 > $parent/driver/unbind
  echo 0000:04:00.0 > /sys/bus/pci/drivers_probe
}

each alone parent

echo 0 > $parent/sriov_drivers_autoprobe
echo 2 > $parent/sriov_numvfs
each has-functions parent
each function child
each both family

# What the refusal is for: the function has lost its driver, and vfio-pci does not take it.
echo "== kernel"
give vfio-pci 2> /dev/null
echo "parent on $(driver $parent), $(cat $parent/sriov_numvfs) functions"
give "" 2> /dev/null
echo "status 0"
echo 0 > $parent/sriov_numvfs

give vfio-pci
echo 1 > /sys/module/vfio_pci/parameters/enable_sriov
echo 2 > $parent/sriov_numvfs
each no-token child
begin kernel-no-token
token 0000:04:00.1 2>&1
finish $?
token 0000:04:00.0 "$token" > /tmp/open &
owner=$!
wait_for grep -q open /tmp/open
each token token
each other-token other
kill $owner
wait $owner 2> /dev/null
echo 0 > $parent/sriov_numvfs
give ""
each alone-again parent
