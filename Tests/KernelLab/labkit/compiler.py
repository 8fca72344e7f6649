"""What vfioplan says of a description outside the machine."""

import json
import subprocess
from pathlib import Path


def compile_outside(program: Path, vm: Path, host: Path, target: str,
                    *options: str) -> tuple[list[dict], dict | None]:
    """The errors of a description, or else its plan, or what options ask for instead."""
    run = subprocess.run(
        [program, "compile", vm, "--host", host, "--target", target, "--format", "json",
         "--diagnostics", "json", *options], capture_output=True, text=True)
    errors = [finding for finding in json.loads(run.stderr or "[]")
              if finding["severity"] == "error"]
    if (run.returncode == 0) == bool(errors):
        raise RuntimeError(f"compile ended with {run.returncode}: {run.stderr}")
    return errors, None if errors else json.loads(run.stdout)
