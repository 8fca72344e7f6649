# Takes a drive from its driver, gives it to vfio-pci, and back.
device=/sys/bus/pci/devices/0000:03:00.0
drivers=/sys/bus/pci/drivers
driver() { basename "$(readlink $device/driver || echo none)"; }
driver
cat $device/driver_override
echo vfio-pci > $device/driver_override
cat $device/driver_override
echo 0000:03:00.0 > $drivers/nvme/unbind
driver
echo 0000:03:00.0 > /sys/bus/pci/drivers_probe
driver
ls /dev/vfio /dev/vfio/devices
echo 0000:03:00.0 > $device/driver/unbind
echo > $device/driver_override
cat $device/driver_override
echo 0000:03:00.0 > $drivers/nvme/bind
driver
ls /dev/vfio/devices
/bin/echo 0000:09:00.0 2>&1 > $drivers/nvme/unbind | sed 's/.*: //'
