GPU="0000:01:00.0"
RAM=8G
OPTS="-machine q35 -m $RAM"
qemu-system-x86_64 $OPTS -device "vfio-pci,host=${GPU},id=gpu"
