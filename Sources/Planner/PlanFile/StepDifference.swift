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
    var partners = Occurrences(in: new, from: shared)
    var pairs: [Pair] = []
    for index in shared..<old.count {
      if let partner = partners.take(old[index]) { pairs.append((index, partner)) }
    }
    return (0..<shared).map { ($0, $0) } + longestAscending(pairs)
  }

  /// The longest subsequence with ascending `new`, by patience sorting.
  private static func longestAscending(_ pairs: [Pair]) -> [Pair] {
    var tops: [Int] = []
    var previous = [Int](repeating: -1, count: pairs.count)
    for index in pairs.indices {
      // Most come after all others, whose places lie far apart in memory.
      let isLast = tops.last.map { pairs[$0].new < pairs[index].new } ?? true
      let place =
        isLast ? tops.count : tops.partitioningIndex { pairs[$0].new >= pairs[index].new }
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

/// Where each number occurs in a list.
///
/// Lists, not a hash table: one of a million steps is mostly memory that no cache has.
private struct Occurrences {
  /// For each number the first place that is left; negative if none is.
  private var first: [Int32]
  /// For each place the next one of the same number.
  private var next: [Int32]

  init(in numbers: [Int32], from start: Int) {
    first = Array(repeating: -1, count: Int(numbers.max() ?? -1) + 1)
    next = Array(repeating: -1, count: numbers.count)
    for place in (start..<numbers.count).reversed() {
      let number = Int(numbers[place])
      next[place] = first[number]
      first[number] = Int32(place)
    }
  }

  /// Takes the first place of a number that is left.
  mutating func take(_ number: Int32) -> Int? {
    guard number < first.count, first[Int(number)] >= 0 else { return nil }
    let place = Int(first[Int(number)])
    first[Int(number)] = next[place]
    return place
  }
}

/// Gives equal steps equal numbers across programs.
private struct StepInterner {
  private var names = Numbering<String>()
  private var actions = Numbering<Action>()

  mutating func numbers(of program: Program) -> [Int32] {
    names.expect(program.results.count)
    actions.expect(program.steps.count)
    let ids = program.results.map { ResultID(names.number(of: $0.name)) }
    return program.steps.map { step in
      let action = step.action.mapResults(
        used: { ids[Int($0.index)] }, made: { ids[Int($0.index)] })
      return actions.number(of: action ?? step.action)
    }
  }
}

/// Gives equal keys equal numbers, from 0 on.
private struct Numbering<Key: Hashable> {
  private var numbers: [Key: Int32] = [:]
  private var keys: [Key] = []
  private var likely = 0

  /// Makes room for keys.
  mutating func expect(_ count: Int) {
    numbers.reserveCapacity(count)
    keys.reserveCapacity(count)
    likely = 0
  }

  /// The number of a key, the next one if it has none yet; looked up once.
  ///
  /// What comes in the order of the time before is not looked up at all.
  mutating func number(of key: Key) -> Int32 {
    if likely < keys.count, keys[likely] == key {
      likely += 1
      return Int32(likely - 1)
    }
    let next = Int32(keys.count)
    func given(_ number: inout Int32) -> Int32 { number }
    let number = given(&numbers[key, default: next])
    if number == next { keys.append(key) }
    likely = Int(number) + 1
    return number
  }
}
