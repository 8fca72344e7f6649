#!/bin/sh
# What a command of `vfioplan apply` finds.
echo "files $LISTEN_FDS $LISTEN_FDNAMES"
test "$LISTEN_PID" = $$ && echo "for this process"
echo "words $1 $2 $3 $4"
for number in "$1" "$2" "$3"; do echo "file $(readlink /proc/$$/fd/"$number")"; done
# One of ours is for the script itself.
echo "open $(ls /proc/$$/fd | wc -l)"
echo "driver $(basename "$(readlink /sys/bus/pci/devices/0000:00:05.0/driver)")"
exit 7
