import TestSupport
import Testing

/// `scripts/order.py` lists what a program calls, which the linker then lays side by side.
struct OrderTests {
  /// Calls `second` before `first`, and never `third`.
  static let program = """
    static int first(int n) { return n * 3; }
    static int second(int n) { return first(n) - 7; }
    static int third(int n) { return n ^ 5; }
    int main(int count, char **words) { return count > 100 ? third(count) : second(count) & 0; }
    """

  /// What stands in a list that held `before`, after each of two looks at the program.
  static func lists(before: String) throws -> [String] {
    let script = """
      set -e; folder=$(mktemp -d); trap 'rm -r "$folder"' EXIT; printf '%s' "$1" > "$folder/list"
      gcc -O0 -static -x c - -o "$folder/program"
      for _ in 1 2; do
        python3 scripts/order.py "$folder/program" "$folder/list" >/dev/null
        cat "$folder/list"; echo =
      done
      """
    let outcome = try Tool.run(
      "/usr/bin/env", ["sh", "-c", script, "sh", before], input: program)
    #expect(outcome.code == 0, "\(outcome.errors)")
    return outcome.output.split(separator: "=\n").map(String.init)
  }

  #if arch(x86_64)
    @Test func calledFunctionsStandInTheOrderOfTheirFirstCallsAndNoOthers() throws {
      let names = try Self.lists(before: "")[0].split(separator: "\n").map(String.init)
      let places = ["_start", "main", "second", "first"].map { names.firstIndex(of: $0) ?? -1 }
      #expect(places == places.sorted() && !places.contains(-1), "\(places)")
      #expect(!names.contains("third"))
      #expect(Set(names).count == names.count)
    }

    /// So the program is linked once more only if there is something to gain.
    @Test func whatAListHasStaysWhereItIsAndASecondLookAddsNothing() throws {
      let lists = try Self.lists(before: "gone\nfirst\n")
      #expect(lists[0].hasPrefix("gone\nfirst\n_start\n"))
      #expect(lists[0] == lists[1])
      #expect(lists[0].split(separator: "\n").filter { $0 == "first" }.count == 1)
    }
  #endif
}
