/// Tags of nodes, such as `!!str`.
enum YAMLTag {
  private static let standard = "tag:yaml.org,2002:"

  /// Accepts the tags that say what is known anyway; all others ask for what is not there and are
  /// given back as they are shown.
  static func mistake(_ tag: String, allowed: [String]) -> String? {
    if tag == "!" || allowed.contains(where: { tag == standard + $0 }) { return nil }
    return tag.hasPrefix(standard) ? "!!" + tag.dropFirst(standard.count) : tag
  }
}
