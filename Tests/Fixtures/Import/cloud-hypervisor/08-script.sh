#!/bin/sh
DEV=/sys/bus/pci/devices/0000:01:00.0
./target/release/cloud-hypervisor \
    --api-socket /tmp/ch.sock \
    --cpus boot=4 \
    --memory size=3G \
    --device path=$DEV,id=gpu \
    --net tap=tap0
