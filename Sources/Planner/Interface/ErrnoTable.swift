/// Which errnos a call can give, in the order in which the kernel checks, and what each means.
///
/// From the kernel's own checks, Linux 7.3; the errnos of the 2021 proposal are those of the
/// simulator. ENOMEM is listed where it has a cause a user can do something about.
public struct ErrnoTable: Hashable, RandomAccessCollection, ExpressibleByDictionaryLiteral,
  Sendable
{
  /// One way a call can fail.
  public struct Cause: Hashable, Sendable {
    /// The errno.
    public let errno: Errno
    /// What it means for this call: lower case, no full stop.
    public let meaning: String
  }

  private let causes: [Cause]

  /// Lists errnos and their meanings.
  public init(dictionaryLiteral causes: (Errno, String)...) {
    self.init(causes.map { Cause(errno: $0.0, meaning: $0.1) })
  }

  private init(_ causes: [Cause]) { self.causes = causes }

  /// The position of the first cause.
  public var startIndex: Int { causes.startIndex }
  /// The position behind the last cause.
  public var endIndex: Int { causes.endIndex }
  /// A cause by its position.
  public subscript(position: Int) -> Cause { causes[position] }

  /// What an errno means; `nil` if the call does not usually give it.
  public func meaning(of errno: Errno) -> String? { first { $0.errno == errno }?.meaning }

  /// Two tables, one checked after the other.
  public static func + (left: ErrnoTable, right: ErrnoTable) -> ErrnoTable {
    ErrnoTable(left.causes + right.causes)
  }
}
