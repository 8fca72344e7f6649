import Planner

/// How the kernel takes the argument of a request before the request's own function sees it.
enum ArgumentRule: Hashable, Sendable {
  /// No structure: there is nothing to check.
  case none
  /// iommufd's rule (§2.0.3, §2.0.4): the structure starts with its `size`.
  ///
  /// `min` is the smallest that is accepted: it ends with the last member of the first release.
  /// `full` is `sizeof`: what a longer structure has beyond it must be zeros. `before` says what
  /// `sizeof` was, oldest first.
  case sized(min: Int, full: Int, before: [Growth] = [])
  /// The same for a structure that grew: before `since` there were only the `min` bytes, and nobody
  /// looked at what follows them; before `read` that must be zeros.
  case grown(min: Int, full: Int, since: KernelFact, read: KernelFact)
  /// VFIO's rule: the structure starts with `argsz`, and what it has beyond these bytes is ignored.
  case argsz(Int)
  /// Always so many bytes.
  case fixed(Int)

  /// What a structure had before something was added at its end.
  struct Growth: Hashable, Sendable {
    /// What made it grow.
    let fact: KernelFact
    /// Its size before, in bytes.
    let size: Int

    /// Notes a size.
    init(_ fact: KernelFact, _ size: Int) { (self.fact, self.size) = (fact, size) }
  }

  /// Checks an argument.
  func check(_ argument: SimulatedArgument, _ facts: SimulatedRelease) throws(Errno) {
    switch self {
    case .none: break
    case .fixed(let size): try argument.require(size)
    case .argsz(let size):
      try argument.require(size)
      if argument.statedSize < size { throw .einval }
    case .sized(let minimum, let full, let before):
      let size = before.first { !facts.has($0.fact) }?.size ?? full
      try Self.checkSized(argument, minimum, size)
      argument.endAtStatedSize()
    case .grown(let minimum, let full, let since, let read):
      if facts.has(since) {
        try Self.checkSized(argument, minimum, facts.has(read) ? full : minimum)
        return argument.endAtStatedSize()
      }
      try argument.requireStatedSize()
      if argument.statedSize < minimum { throw .einval }
      try argument.require(minimum)
    }
  }

  /// `copy_struct_from_user` (`include/linux/uaccess.h:393`), after the size was read by itself.
  private static func checkSized(
    _ argument: SimulatedArgument, _ minimum: Int, _ full: Int
  ) throws(Errno) {
    try argument.requireStatedSize()
    let size = argument.statedSize
    if size < minimum { throw .einval }
    try argument.require(min(size, full))
    guard size > full else { return }
    // A byte that is not zero is found before memory that cannot be read, if it comes first.
    if !argument.isZero(from: full) { throw .e2big }
    try argument.require(size)
  }
}
