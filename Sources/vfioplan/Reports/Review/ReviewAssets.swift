/// The style and the script of every page, and what a browser is told to allow: those and no more.
enum ReviewAssets {
  /// The style.
  static let style = PackageResources.review_css
  /// The script.
  static let script = PackageResources.review_js
  /// The page's policy: nothing is loaded, and only this style and this script apply.
  static let policy =
    "default-src 'none'; base-uri 'none'; form-action 'none'; "
    + "style-src 'sha256-\(styleHash)'; script-src 'sha256-\(scriptHash)'"

  /// SHA-256 in base64, as a policy has them; a test compares them with the files.
  static let styleHash = "irNRFYHqyUkmfL4Y7j9/baJftqRbhkOet7H9TFDOxRY="
  static let scriptHash = "xHylWtjboM1fCw7kCMfVxXim0dj4idZT2ijQjdcOJ0Q="
}
