import Parser

/// The findings about hosts of a cluster: which of many can run a VM, and what is ready for
/// containers.
enum FleetDiagnostics {
  /// There is no host to ask.
  static let noHost = DiagnosticCode(
    "VP1904", .error, "no host is among the files",
    """
    `vfioplan compile VM --hosts DIR` looks, recursively, at files that end in .yaml, .yml or \
    .json, and takes those of 'kind: Host'; archives of `vfioplan host --capture` (.tar, .tar.gz, \
    .tgz) are hosts, too. None of what was named is one. `vfioplan host --format yaml` writes the \
    description of a machine. The exit status is 66.
    """)

  /// No group is on VFIO.
  static let nothingForContainers = DiagnosticCode(
    "VP4070", .error, "no device is ready for containers",
    """
    `vfioplan host --format cdi` lists the IOMMU groups that VFIO has: some device of the group is \
    on a VFIO driver, and no other driver is in the way. Only these have a node in /dev/vfio, and \
    readers of such files refuse one without devices. Give a whole group to vfio-pci first; \
    `vfioplan host` shows which can be given away. The exit status is 69.
    """)

  /// No host of many can run a VM.
  static let noHostCan = DiagnosticCode(
    "VP4071", .error, "no host of those that were asked can run the VM",
    """
    The VM was compiled for each host, and each refused it; the report has the first reason of \
    each. Where hosts lack an address, `match:` or `path:` in the description finds the device by \
    what it is or where it is plugged in. The exit status is 69, or 1 if every host refused the \
    VM for what its description says.
    """)

  /// Every code, in order.
  static let all = [noHost, nothingForContainers, noHostCan]
}

extension CommandFailure {
  /// There is no host among the files.
  static func noHost(in folder: String, skipped: Int) -> CommandFailure {
    let found = skipped == 0 ? "" : ": \(counted(skipped, "file")) of another kind"
    return CommandFailure(
      [
        Diagnostic(
          FleetDiagnostics.noHost, "no host in \(QuotedText.quote(folder))\(found)", at: nil,
          help: "'vfioplan host --format yaml' writes the description of a machine")
      ], .inputUnreadable)
  }

  /// No group of a host is on VFIO.
  static func nothingForContainers(on host: HostDescription) -> CommandFailure {
    CommandFailure(
      [
        Diagnostic(
          FleetDiagnostics.nothingForContainers,
          "no IOMMU group of host \(QuotedText.quote(host.name)) is on a VFIO driver", at: nil,
          help: "give a whole group to vfio-pci; 'vfioplan host' shows which can be given away")
      ], .hostUnable)
  }
}

extension Diagnostic {
  /// No host of several can run a VM.
  static func noHostCan(run vm: VMDescription, of count: Int, isNamedByAddress: Bool) -> Diagnostic
  {
    Diagnostic(
      FleetDiagnostics.noHostCan,
      count == 1
        ? "the host can't run VM \(QuotedText.quote(vm.name))"
        : "none of \(count) hosts can run VM \(QuotedText.quote(vm.name))", at: vm.$name,
      help: isNamedByAddress ? HostSurveyText.advice : nil)
  }
}
