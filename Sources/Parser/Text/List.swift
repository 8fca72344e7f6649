/// Names with commas between; of more than a limit the first ones, and how many more there are.
///
/// For rows and brackets, where `a, b, c` is enough.
public func nameList(_ names: [String], limit: Int = 24) -> String {
  names.prefix(limit).joined(separator: ", ") + andMore(names.count - limit)
}

/// Names as a sentence has them: `a`, `a and b`, `a, b and c`; where there are more in all than are
/// named, `a, b and 3 more`.
public func sentenceList(
  _ named: [String], of count: Int? = nil, _ word: String = "and"
) -> String {
  let rest = (count ?? 0) - named.count
  if rest > 0 { return named.joined(separator: ", ") + andMore(rest, word) }
  guard named.count > 1, let last = named.last else { return named.first ?? "" }
  return named.dropLast().joined(separator: ", ") + " \(word) " + last
}

/// What a list ends with that does not name all: ` and 3 more`; nothing if none are left.
public func andMore(_ count: Int, _ word: String = "and") -> String {
  count > 0 ? " \(word) \(count) more" : ""
}

/// A count with its noun, in the plural unless it is one.
public func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}
