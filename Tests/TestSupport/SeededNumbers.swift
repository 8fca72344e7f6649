import Parser
import Planner

/// Repeatable random numbers: the same seed, the same test, on every machine.
///
/// SplitMix64 (Steele, Lea and Flood, 2014).
public struct SeededNumbers: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Starts a sequence.
  public init(seed: UInt64) { state = seed }

  /// The next number.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A number below a bound, which must be positive.
  public mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// Any operand, most of them wrong.
  public mutating func operand() -> Operand {
    switch below(4) {
    case 0: .literal(next())
    case 1: .result(ResultID(Int32(below(40)) - 5))
    case 2: .memory(ResultID(Int32(below(40)) - 5), offset: next())
    default: .address(BDF(domain: 0, bus: 1, device: 2, function: 3))
    }
  }
}
