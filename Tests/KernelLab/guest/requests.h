/* The requests that the lab makes by hand; Debian 12's headers know none of iommufd's. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include <stdint.h>

/* linux/iommufd.h */
enum {
	IOMMU_DESTROY = 0x3b80,
	IOMMU_IOAS_ALLOC = 0x3b81,
	IOMMU_IOAS_MAP = 0x3b85,
	IOMMU_IOAS_UNMAP = 0x3b86,
	IOMMU_OPTION = 0x3b87,
	IOMMU_VFIO_IOAS = 0x3b88,
	IOMMU_HWPT_ALLOC = 0x3b89,
	IOMMU_GET_HW_INFO = 0x3b8a,
	IOMMU_IOAS_MAP_FILE = 0x3b8f,
	IOMMU_VFIO_IOAS_SET = 1,
	IOMMU_IOAS_MAP_FIXED_IOVA = 1,
	IOMMU_IOAS_MAP_WRITEABLE = 2,
	IOMMU_IOAS_MAP_READABLE = 4,
};
struct destroy { uint32_t size, id; };
struct option { uint32_t size, id; uint16_t operation, reserved; uint32_t object; uint64_t value; };
struct ioas_alloc { uint32_t size, flags, id; };
struct ioas_map {
	uint32_t size, flags, ioas, reserved;
	uint64_t address, length, iova;
};
struct ioas_map_file {
	uint32_t size, flags, ioas;
	int32_t file;
	uint64_t start, length, iova;
};
struct ioas_unmap { uint32_t size, ioas; uint64_t iova, length; };
struct hw_info {
	uint32_t size, flags, device, length;
	uint64_t data;
	uint32_t type, reserved;
	uint64_t capabilities;
};
struct vfio_ioas { uint32_t size, ioas; uint16_t op, reserved; };
struct hwpt_alloc { uint32_t size, flags, device, parent, id, reserved; };

/* linux/vfio.h, Linux 6.6 and later */
enum {
	VFIO_DEVICE_BIND_IOMMUFD = 0x3b76,
	VFIO_DEVICE_ATTACH_IOMMUFD_PT = 0x3b77,
	VFIO_DEVICE_DETACH_IOMMUFD_PT = 0x3b78,
};
struct bind_iommufd { uint32_t size, flags; int32_t iommufd; uint32_t id; };
struct attach_table { uint32_t size, flags, id; };
struct detach_table { uint32_t size, flags; };

/* linux/vfio.h, every Linux */
enum {
	VFIO_GET_API_VERSION = 0x3b64,
	VFIO_CHECK_EXTENSION = 0x3b65,
	VFIO_SET_IOMMU = 0x3b66,
	VFIO_GROUP_GET_STATUS = 0x3b67,
	VFIO_GROUP_SET_CONTAINER = 0x3b68,
	VFIO_GROUP_UNSET_CONTAINER = 0x3b69,
	VFIO_GROUP_GET_DEVICE_FD = 0x3b6a,
	VFIO_IOMMU_MAP_DMA = 0x3b71,
	VFIO_IOMMU_UNMAP_DMA = 0x3b72,
	VFIO_TYPE1v2_IOMMU = 3,
	VFIO_DMA_CC_IOMMU = 4,
	VFIO_GROUP_FLAGS_VIABLE = 1,
	VFIO_DMA_MAP_READ_WRITE = 3,
};
struct group_status { uint32_t size, flags; };
struct dma_unmap { uint32_t size, flags; uint64_t iova, length; };
struct dma_map { uint32_t size, flags; uint64_t address, iova, length; };

/* linux/kvm.h */
#define KVM_CREATE_DEVICE 0xc00caee0u
#define KVM_SET_DEVICE_ATTR 0x4018aee1u
enum {
	KVM_CREATE_VM = 0xae01,
	KVM_DEV_TYPE_VFIO = 4,
	KVM_DEV_VFIO_FILE = 1,
	KVM_DEV_VFIO_FILE_ADD = 1,
	KVM_DEV_VFIO_FILE_DEL = 2,
};
struct kvm_device { uint32_t type, file, flags; };
struct kvm_attribute { uint32_t flags, group; uint64_t attribute, address; };

#endif
