qemu-system-x86_64 -M q35,memory-backend=mem -m 8G -object memory-backend-memfd,id=mem,size=8G,hugetlb=on,hugetlbsize=2M,prealloc=on -device vfio-pci,host=01:00.0
