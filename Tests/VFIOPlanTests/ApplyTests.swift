import TestSupport
import Testing

/// `apply`: the simulator, faults, dry run, saved plans, and the statuses.
struct ApplyTests {
  static let input = [UsageTests.vm, "--host", UsageTests.host, "--target", "iommufd"]

  @Test func aRunThatSucceedsLeavesNothing() throws {
    let outcome = try Tool.run(["apply"] + Self.input + ["--simulate"])
    #expect(outcome.code == 0 && outcome.errors == "")
    #expect(outcome.output.hasPrefix("simulated run of the plan for VM workstation on host z790"))
    #expect(outcome.output.contains("\n  the state is what the plan says\n"))
    #expect(
      outcome.output.hasSuffix("\nrun: ok, 32 steps; undone: 23 steps, nothing left\n"))
  }

  @Test func aDryRunShowsTheCommandAndChecksItsPlaceholders() throws {
    let outcome = try Tool.run(
      ["apply"] + Self.input + ["--dry-run", "--", "sh", "-c", "true {iommufd}"])
    #expect(outcome.code == 0)
    #expect(
      outcome.output.contains(
        "Then this command, until it ends; the files it gets\n  sh -c true {iommufd}\n"
          + "  3  iommufd\n"
      ))
    #expect(!outcome.output.contains("/dev/kvm"))
    let wrong = try Tool.run(["apply"] + Self.input + ["--dry-run", "--", "sh", "{nothing}"])
    #expect(wrong.code == 64 && wrong.errors.contains("error[VP5904]"))
    let missing = try Tool.run(["apply"] + Self.input + ["--dry-run", "--", "/no/such/program"])
    #expect(missing.code == 127 && missing.errors.contains("error[VP5903]"))
  }

  @Test func aSavedPlanIsRunOnlyWhereItsFactsHold() throws {
    let folder = try TemporaryFolder()
    let plan = folder.path("plan.json")
    let saved = try Tool.run(["compile"] + Self.input + ["-o", plan])
    #expect(saved == .init(code: 0, output: "", errors: ""))
    // Its own facts are enough for what touches nothing.
    #expect(try Tool.run(["apply", plan, "--dry-run"]).code == 0)
    #expect(try Tool.run(["apply", plan, "--simulate"]).code == 0)
    for mode in [["--check"], [], ["--", "true"]] {
      let outcome = try Tool.run(["apply", plan] + mode)
      #expect(outcome.code == 69 && outcome.errors.contains("error[VP491"), "\(outcome.errors)")
    }
  }

  @Test func aFailureIsRolledBackAndShownAtItsLine() throws {
    let outcome = try Tool.run(["apply"] + Self.input + ["--simulate", "--fail", "15=EPERM"])
    #expect(outcome.code == 71)
    #expect(outcome.output.contains("  15  failed  give a device to an iommufd: igd; EPERM"))
    #expect(
      outcome.output.contains(
        "State after the undo\n  nothing is open, nothing is mapped, no driver is changed\n"))
    #expect(
      outcome.output.hasSuffix("run: failed at step 15 of 32; undone: 13 steps, nothing left\n"))
    #expect(
      outcome.errors.hasPrefix(
        "\(UsageTests.vm):15:5: error[VP5001]: step 15, VFIO_DEVICE_BIND_IOMMUFD on 'igd': EPERM"))
  }

  @Test func whatCannotBeUndoneIsListed() throws {
    let outcome = try Tool.run(
      ["apply"] + Self.input + ["--simulate", "--fail", "15=EPERM", "--fail-undo", "7=EBUSY"])
    #expect(outcome.code == 74)
    #expect(outcome.output.contains("   7  EBUSY  close iommufd\n"))
    #expect(outcome.output.contains("  left: step 7, open the kernel's IOMMU interface: "))
    #expect(outcome.output.hasSuffix("undone: 12 steps, 1 thing left\n"))
    #expect(outcome.errors.contains("error[VP5003]: 1 effect of the program could not be undone"))
  }

  @Test func anUndoThatFailsAtTheEndIsNoSuccess() throws {
    let outcome = try Tool.run(["apply"] + Self.input + ["--simulate", "--fail-undo", "1=EBUSY"])
    #expect(outcome.code == 74)
    #expect(outcome.output.hasSuffix("run: ok, 32 steps; undone: 22 steps, 1 thing left\n"))
  }

  @Test func aFaultNeedsAStepThatMakesACall() throws {
    let beyond = try Tool.run(["apply"] + Self.input + ["--simulate", "--fail", "99=EIO"])
    #expect(beyond.code == 64 && beyond.output == "")
    #expect(
      beyond.errors.contains("error[VP5901]: a fault is asked for at step 99, but the program"))
    let check = try Tool.run(["apply"] + Self.input + ["--simulate", "--fail", "20=EIO"])
    #expect(check.code == 64 && check.output == "")
    #expect(check.errors.contains("step 20, which makes no system call"))
  }

  @Test func aRunAsJSONHasThePromisedKeys() throws {
    let outcome = try Tool.run(
      ["apply"] + Self.input
        + ["--simulate", "--format", "json", "--diagnostics", "json", "--fail", "15=EPERM"])
    #expect(outcome.code == 71)
    let run = try JSONValue(outcome.output)
    #expect(run["format"]?.text == "vfioplan.run/v1")
    #expect(run["backend"]?.text == "simulator")
    #expect(run["ok"]?.flag == false)
    #expect(run["steps"]?.elements.count == 15)
    #expect(run["steps"]?.elements.last?["errno"]?.text == "EPERM")
    #expect(run["steps"]?.elements.last?["request"]?.text == "VFIO_DEVICE_BIND_IOMMUFD")
    #expect(run["rolledBack"]?.elements.first?["index"]?.number == 14)
    #expect(run["rolledBack"]?.elements.last?["index"]?.number == 1)
    #expect(run["leftovers"]?.elements.isEmpty == true)
    #expect(run["state"]?["openFiles"]?.elements.isEmpty == true)
    let findings = try JSONValue(outcome.errors)
    #expect(findings.elements.map { $0["code"]?.text } == ["VP5001"])
    #expect(findings.elements.first?["line"]?.number == 15)
  }

  @Test func aRunThatSucceedsIsAnEmptyListOfFindings() throws {
    let outcome = try Tool.run(
      ["apply"] + Self.input + ["--simulate", "--format", "json", "--diagnostics", "json"])
    #expect(outcome.code == 0 && outcome.errors == "[]\n")
    let run = try JSONValue(outcome.output)
    #expect(run["ok"]?.flag == true)
    #expect(run["rolledBack"]?.elements.isEmpty == true)
    #expect(run["undone"]?.elements.isEmpty == false)
    #expect(run["state"]?["vms"]?.elements.first?["incoherentDMA"]?.flag == true)
  }

  @Test func theDryRunShowsEveryMemberAndRunsNothing() throws {
    let outcome = try Tool.run(["apply"] + Self.input + ["--dry-run"])
    #expect(outcome.code == 0 && outcome.errors == "")
    let call = [
      "  15  ioctl(igd, VFIO_DEVICE_BIND_IOMMUFD (0x3b76), &struct vfio_device_bind_iommufd {",
      "argsz=16,\n          flags=0, iommufd=iommufd, out_devid=0 }) = 0; out_devid = igd.id\n",
    ]
    #expect(outcome.output.contains(call.joined(separator: " ")), "\(outcome.output)")
    #expect(outcome.output.hasSuffix("\ndry run: 32 steps listed, nothing was run\n"))
  }
}

/// Saved plans: written whole or not at all, applied only where their facts hold.
struct SavedPlanCommandTests {
  private static let input = ApplyTests.input

  @Test func aSavedPlanRunsAsItsDescriptionDoes() throws {
    let folder = try TemporaryFolder()
    let plan = folder.path("plan.json")
    let saved = try Tool.run(["compile"] + Self.input + ["--format", "json", "-o", plan])
    #expect(saved == .init(code: 0, output: "", errors: ""))
    #expect(folder.names == ["plan.json"])
    let direct = try Tool.run(["apply"] + Self.input + ["--simulate"])
    #expect(try Tool.run(["apply", plan, "--simulate"]) == direct)
    let same = try Tool.run(["apply", plan, "--host", UsageTests.host, "--simulate"])
    #expect(same == direct)
  }

  @Test func aSavedPlanIsRefusedWhereAFactDiffers() throws {
    let folder = try TemporaryFolder()
    let plan = folder.path("plan.json")
    _ = try Tool.run(["compile"] + Self.input + ["--format", "json", "-o", plan])
    let facts = try PackageFiles.text(UsageTests.host)
      .replacing(
        "name: dmar0, type: intel-vtd, enforceSnoop: false",
        with: "name: dmar0, type: intel-vtd, enforceSnoop: true")
    let host = try folder.write(facts, to: "host.yaml")
    let outcome = try Tool.run(["apply", plan, "--host", host, "--simulate"])
    #expect(outcome.code == 69 && outcome.output == "")
    #expect(outcome.errors.contains("error[VP4") && outcome.errors.contains("enforceSnoop"))
  }

  @Test func aSavedPlanKeepsItsTarget() throws {
    let folder = try TemporaryFolder()
    let plan = folder.path("plan.json")
    _ = try Tool.run(["compile"] + Self.input + ["--format", "json", "-o", plan])
    let outcome = try Tool.run(["apply", plan, "--simulate", "--target", "type1"])
    #expect(outcome.code == 64 && outcome.errors.contains("error[VP3901]"))
  }

  @Test func nothingIsWrittenWhenTheCompilationFails() throws {
    let folder = try TemporaryFolder()
    let plan = try folder.write("old", to: "plan.json")
    let outcome = try Tool.run(
      ["compile", "examples/infeasible.yaml", "--host", UsageTests.host, "-o", plan])
    #expect(outcome.code == 1 && outcome.output == "")
    #expect(folder.names == ["plan.json"])
    #expect(try folder.text("plan.json") == "old")
  }

  @Test func anOutputThatCannotBeWrittenIsNamed() throws {
    let folder = try TemporaryFolder()
    let plan = folder.path("none/plan.json")
    let outcome = try Tool.run(["compile"] + Self.input + ["-o", plan])
    #expect(outcome.code == 73 && outcome.output == "")
    #expect(
      outcome.errors == "vfioplan: error[VP5902]: can't write '\(plan)': "
        + "no such file or directory (ENOENT)\n")
  }

  @Test func aLinkStaysALinkAndItsTargetIsReplaced() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write("old", to: "real.txt")
    let link = folder.path("link.txt")
    _ = try Tool.run("/bin/ln", ["-s", "real.txt", link])
    #expect(try Tool.run(["compile"] + Self.input + ["-o", link]).code == 0)
    #expect(try folder.text("real.txt").hasPrefix("{\n"))
    #expect(try Tool.run("/usr/bin/readlink", [link]).output == "real.txt\n")
    let mode = try Tool.run("/usr/bin/stat", ["-c", "%a", folder.path("real.txt")])
    #expect(mode.output == "644\n")
  }
}
