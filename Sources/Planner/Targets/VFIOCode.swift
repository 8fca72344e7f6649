/// What the requests of VFIO's files have in common.
enum VFIOCode {
  /// The header that declares them.
  static let header = "linux/vfio.h"

  /// Plain `_IO` numbers of type `;` from base 100 (`VFIO_TYPE`, `VFIO_BASE` of `linux/vfio.h`).
  ///
  /// A number may mean different things on different files.
  static func code(_ offset: UInt8) -> RequestCode {
    RequestCode(type: UInt8(ascii: ";"), number: 100 + offset)
  }
}
