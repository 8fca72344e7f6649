/// Names of pci.ids in as few words as tell a device.
enum ProductName {
  /// Words that say what kind of company a vendor is; its name ends before the first of them.
  private static let companies: Set<String> = [
    "ag", "co", "company", "corp", "corporation", "electronics", "gmbh", "inc", "limited", "llc",
    "ltd", "semiconductor", "semiconductors", "systems", "technologies", "technology",
  ]

  /// A vendor's and a device's name: `NVIDIA GeForce GT 1030` for `NVIDIA Corporation` and
  /// `GP108 [GeForce GT 1030]`.
  static func short(vendor: String, device: String) -> String {
    let maker = brand(of: vendor)
    let model = bracketed(in: device) ?? device
    return model.hasPrefix(maker + " ") ? model : maker + " " + model
  }

  /// What people call a vendor: what stands in brackets, up to a stroke, else its first words.
  private static func brand(of vendor: String) -> String {
    if let short = bracketed(in: vendor) {
      return String(short.split(separator: "/").first ?? Substring(short))
    }
    let words = vendor.split(separator: " ")
    let kept = words.enumerated().prefix { index, word in
      index == 0 || !companies.contains(word.lowercased().filter(\.isLetter))
    }.map { $0.element }
    var text = kept.joined(separator: " ")
    if text.hasSuffix(",") { text.removeLast() }
    return text
  }

  /// What stands in the last brackets of a text; `nil` if it has none.
  private static func bracketed(in text: String) -> String? {
    guard let start = text.lastIndex(of: "["), text.hasSuffix("]") else { return nil }
    let inner = text[text.index(after: start)...].dropLast()
    return inner.isEmpty ? nil : String(inner)
  }
}
