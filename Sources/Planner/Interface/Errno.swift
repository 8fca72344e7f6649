/// An error number of Linux on x86-64 and arm64 (`asm-generic/errno-base.h`, `errno.h`).
public struct Errno: RawRepresentable, Error, Hashable, Sendable, CustomStringConvertible {
  /// The number, positive.
  public let rawValue: Int32

  /// Makes an errno from its number.
  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// Finds an errno by its name, for example `EINVAL`.
  public init?(name: String) {
    guard let entry = Self.names.first(where: { $0.value == name }) else { return nil }
    rawValue = entry.key
  }

  /// The kernel's name, or `errno N` for a number without one.
  public var description: String { Self.names[rawValue] ?? "errno \(rawValue)" }

  /// Whether it says that somebody else may do it.
  public var isDenial: Bool { self == .eperm || self == .eacces }

  /// Every errno that has a name, by number.
  private static let names: [Int32: String] = {
    let numbered = listed.split(separator: " ").enumerated().filter { $0.element != "-" }
      .map { (Int32($0.offset) + 1, String($0.element)) }
    return Dictionary(uniqueKeysWithValues: numbered + leaked)
  }()

  /// From 1 on; two numbers are not used.
  private static let listed = """
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT \
    ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG \
    ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY \
    ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR \
    EXFULL ENOANO EBADRQC EBADSLT - EBFONT ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE \
    ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG \
    ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK \
    EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP \
    EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET \
    ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT \
    ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL \
    EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED \
    EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON
    """

  /// What the kernel keeps for itself (`include/linux/errno.h`), and some of its calls give away.
  private static let leaked: [(Int32, String)] = [
    (512, "ERESTARTSYS"), (517, "EPROBE_DEFER"), (524, "ENOTSUPP"),
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
  /// `ETIMEDOUT`.
  public static let etimedout = Errno(rawValue: 110)
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
  /// `ERANGE`.
  public static let erange = Errno(rawValue: 34)
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
