import Parser

extension HostKernel {
  /// What the kernel of this host would be in another release.
  ///
  /// What is stated of the rules of its own kernel does not count any more. An interface that the
  /// release can't have is not there; whatever else is stated, such as how the kernel was built,
  /// stays. Its own release changes nothing.
  public func running(_ release: String) -> HostKernel {
    guard release != self.release else { return self }
    var other = self
    other.release = release
    other.statedRules = [:]
    let rules = other.rules
    if rules.answer(KernelRules.iommufd) == .no {
      other.iommufd = .no
      if other.vfioContainer == .iommufd { other.vfioContainer = nil }
    }
    if rules.answer(KernelRules.vfioCdevs) == .no { other.vfioCdev = .no }
    return other
  }
}
