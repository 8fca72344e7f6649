import Parser

/// The steps that come and go between two programs.
///
/// Two steps are the same if they do the same under the same names. Programs hardly ever repeat a
/// step, and then the edit script is the shortest there is: what stays is a longest common
/// subsequence. Steps that occur several times are paired in order of occurrence, which keeps the
/// work at n log n but may leave the script longer than necessary. A step that moves is removed and
/// added.
public struct StepDifference: Hashable, Sendable {
  /// One line of the edit script.
  public enum Edit: Hashable, Sendable {
    /// The step at a position of the earlier program goes.
    case removed(Int)
    /// The step at a position of the later program comes.
    case added(Int)
  }

  /// The script, in program order; what goes comes before what takes its place.
  public let edits: [Edit]
  /// How many steps stay.
  public let keptCount: Int

  /// Whether the programs have the same steps.
  public var isEmpty: Bool { edits.isEmpty }

  /// Compares two programs.
  public init(from before: Program, to after: Program) {
    var interner = StepInterner()
    let old = interner.numbers(of: before)
    let new = interner.numbers(of: after)
    let kept = Self.commonSubsequence(old, new)
    keptCount = kept.count
    edits = Self.script(keeping: kept, counts: (old.count, new.count))
  }

  private typealias Pair = (old: Int, new: Int)

  /// Pairs of positions that stay, ascending in both.
  private static func commonSubsequence(_ old: [Int32], _ new: [Int32]) -> [Pair] {
    let shared = zip(old, new).prefix { $0 == $1 }.count
    var partners: [Int32: [Int]] = [:]
    for index in (shared..<new.count).reversed() { partners[new[index], default: []].append(index) }
    var pairs: [Pair] = []
    for index in shared..<old.count {
      if let partner = partners[old[index]]?.popLast() { pairs.append((index, partner)) }
    }
    return (0..<shared).map { ($0, $0) } + longestAscending(pairs)
  }

  /// The longest subsequence with ascending `new`, by patience sorting.
  private static func longestAscending(_ pairs: [Pair]) -> [Pair] {
    var tops: [Int] = []
    var previous = [Int](repeating: -1, count: pairs.count)
    for index in pairs.indices {
      let place = tops.partitioningIndex { pairs[$0].new >= pairs[index].new }
      previous[index] = place > 0 ? tops[place - 1] : -1
      if place == tops.count { tops.append(index) } else { tops[place] = index }
    }
    var chain: [Pair] = []
    var index = tops.last ?? -1
    while index >= 0 {
      chain.append(pairs[index])
      index = previous[index]
    }
    return chain.reversed()
  }

  private static func script(keeping kept: [Pair], counts: Pair) -> [Edit] {
    var edits: [Edit] = []
    var next = (old: 0, new: 0)
    for stay in kept + [counts] {
      edits += (next.old..<stay.old).map { .removed($0) }
      edits += (next.new..<stay.new).map { .added($0) }
      next = (stay.old + 1, stay.new + 1)
    }
    return edits
  }
}

/// Gives equal steps equal numbers across programs.
private struct StepInterner {
  private var names: [String: Int32] = [:]
  private var actions: [Action: Int32] = [:]

  mutating func numbers(of program: Program) -> [Int32] {
    names.reserveCapacity(program.results.count)
    actions.reserveCapacity(program.steps.count)
    let ids = program.results.map { ResultID(Self.number(of: $0.name, in: &names)) }
    return program.steps.map { step in
      Self.number(of: step.action.renaming { ids[Int($0.index)] }, in: &actions)
    }
  }

  /// The number of a key, the next one if it has none yet; looked up once.
  private static func number<Key>(of key: Key, in numbers: inout [Key: Int32]) -> Int32 {
    let next = Int32(numbers.count)
    func given(_ number: inout Int32) -> Int32 {
      if number < 0 { number = next }
      return number
    }
    return given(&numbers[key, default: -1])
  }
}

extension Action {
  /// The same action with other numbers for the results.
  fileprivate func renaming(_ id: (ResultID) -> ResultID) -> Action {
    switch self {
    case .open(let path, let result): .open(path, id(result))
    case .ioctl(let file, let request, let arguments, let results):
      .ioctl(
        id(file), request, arguments: arguments.map { $0.renaming(id) },
        results: results.map { $0.map(id) })
    case .memory(let memory, let file, let address):
      .memory(memory, file: id(file), address: address.map(id))
    case .sysfs: self
    case .expect(let value, let mask, let expected):
      .expect(id(value), mask: mask, equals: expected.renaming(id))
    case .close(let file): .close(id(file))
    }
  }
}

extension Operand {
  fileprivate func renaming(_ id: (ResultID) -> ResultID) -> Operand {
    switch self {
    case .literal, .address, .token: self
    case .result(let result): .result(id(result))
    case .memory(let result, let offset): .memory(id(result), offset: offset)
    }
  }
}
