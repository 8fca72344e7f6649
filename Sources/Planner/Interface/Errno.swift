/// An error number of Linux on x86-64 and arm64 (`asm-generic/errno-base.h`, `errno.h`).
public struct Errno: RawRepresentable, Error, Hashable, Sendable, CustomStringConvertible {
  /// The number, positive.
  public let rawValue: Int32

  /// Makes an errno from its number.
  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// Finds an errno by its name, for example `EINVAL`.
  public init?(name: String) {
    guard let entry = Self.names.first(where: { $0.name == name }) else { return nil }
    rawValue = entry.number
  }

  /// The kernel's name, or `errno N` for a number without one here.
  public var description: String {
    Self.names.first { $0.number == rawValue }?.name ?? "errno \(rawValue)"
  }

  /// Every errno the interfaces of this project can give, by number.
  public static let names: [(name: String, number: Int32, meaning: String)] = [
    ("EPERM", 1, "operation not permitted"),
    ("ENOENT", 2, "no such object"),
    ("EINTR", 4, "interrupted"),
    ("EIO", 5, "input/output error"),
    ("ENXIO", 6, "no such device or address"),
    ("E2BIG", 7, "argument too long"),
    ("EBADF", 9, "bad file descriptor"),
    ("EAGAIN", 11, "try again"),
    ("ENOMEM", 12, "out of memory, or over RLIMIT_MEMLOCK"),
    ("EACCES", 13, "permission denied"),
    ("EFAULT", 14, "bad address"),
    ("EBUSY", 16, "busy"),
    ("EEXIST", 17, "exists already"),
    ("ENODEV", 19, "no such device"),
    ("EINVAL", 22, "invalid argument"),
    ("ENFILE", 23, "too many open files in the system"),
    ("EMFILE", 24, "too many open files"),
    ("ENOTTY", 25, "request not known to this file"),
    ("ENOSPC", 28, "no space left"),
    ("ESPIPE", 29, "illegal seek"),
    ("ERANGE", 34, "out of range"),
    ("EDEADLK", 35, "deadlock"),
    ("ENOSYS", 38, "system call not known"),
    ("EOVERFLOW", 75, "value too large"),
    ("EBADFD", 77, "file descriptor in bad state"),
    ("EMSGSIZE", 90, "message too long"),
    ("EOPNOTSUPP", 95, "not supported"),
    ("EADDRINUSE", 98, "address in use"),
  ]
}

extension Errno {
  /// `EPERM`.
  public static let eperm = Errno(rawValue: 1)
  /// `ENOENT`.
  public static let enoent = Errno(rawValue: 2)
  /// `EIO`.
  public static let eio = Errno(rawValue: 5)
  /// `ENXIO`.
  public static let enxio = Errno(rawValue: 6)
  /// `E2BIG`.
  public static let e2big = Errno(rawValue: 7)
  /// `EBADF`.
  public static let ebadf = Errno(rawValue: 9)
  /// `EAGAIN`.
  public static let eagain = Errno(rawValue: 11)
  /// `ENOMEM`.
  public static let enomem = Errno(rawValue: 12)
  /// `EACCES`.
  public static let eacces = Errno(rawValue: 13)
  /// `EFAULT`.
  public static let efault = Errno(rawValue: 14)
  /// `EBUSY`.
  public static let ebusy = Errno(rawValue: 16)
  /// `EEXIST`.
  public static let eexist = Errno(rawValue: 17)
  /// `ENODEV`.
  public static let enodev = Errno(rawValue: 19)
  /// `EINVAL`.
  public static let einval = Errno(rawValue: 22)
  /// `EMFILE`.
  public static let emfile = Errno(rawValue: 24)
  /// `ENOTTY`.
  public static let enotty = Errno(rawValue: 25)
  /// `ENOSPC`.
  public static let enospc = Errno(rawValue: 28)
  /// `EOVERFLOW`.
  public static let eoverflow = Errno(rawValue: 75)
  /// `EBADFD`.
  public static let ebadfd = Errno(rawValue: 77)
  /// `EMSGSIZE`.
  public static let emsgsize = Errno(rawValue: 90)
  /// `EOPNOTSUPP`.
  public static let eopnotsupp = Errno(rawValue: 95)
  /// `EADDRINUSE`.
  public static let eaddrinuse = Errno(rawValue: 98)
}
