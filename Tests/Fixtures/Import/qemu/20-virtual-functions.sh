qemu-system-x86_64 -M q35 -m 8G,slots=1,maxmem=16G -object memory-backend-ram,id=m1,size=1G -device pc-dimm,memdev=m1 -device vfio-pci,host=03:00.0,vf-token=5d3a4c1e-8f02-4b6d-9a77-0c1be2f4d658
