#!/usr/bin/env python3
"""Installs vfioplan: the program, manual pages, completions, schemas, examples, documents, units, hooks.

    install.py --binary PATH [--destdir FOLDER] [--prefix /usr/local] [--layout plain|debian] [--date DATE]

Everything goes below DESTDIR/PREFIX; nothing is enabled and nothing outside is touched. Prints each file.
What lies in packaging/ is installed by its kind; /usr/bin in it becomes PREFIX/bin.
"""

import argparse
import os
import pathlib
import re
import subprocess

import manual

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Where shells look for completions of what a package, and of what an administrator has installed.
COMPLETIONS = {
    "bash": ("share/bash-completion/completions/vfioplan",) * 2,
    "zsh": ("share/zsh/vendor-completions/_vfioplan", "share/zsh/site-functions/_vfioplan"),
    "fish": ("share/fish/vendor_completions.d/vfioplan.fish",) * 2,
}
DOCUMENTS = ["README.md", "CHANGELOG.md"]


class Installation:
    def __init__(self, options):
        self.prefix = pathlib.PurePosixPath(options.prefix)
        self.root = pathlib.Path(options.destdir or "/") / self.prefix.relative_to("/")
        self.binary = os.path.abspath(options.binary)
        self.is_debian = options.layout == "debian"
        self.date = options.date

    def place(self, path, content, mode=0o644):
        """Writes a file below the prefix; folders are made with their usual rights."""
        target = self.root / path
        for folder in reversed(target.parents):
            if not folder.exists():
                folder.mkdir()
                folder.chmod(0o755)
        target.unlink(missing_ok=True)
        target.write_bytes(content)
        target.chmod(mode)
        print(f"/{self.prefix.relative_to('/')}/{path}")

    def copy(self, source, path, mode=0o644):
        self.place(path, source.read_bytes(), mode)

    def adapted(self, source):
        """A file of packaging/ for this prefix."""
        return source.read_bytes().replace(b"/usr/bin/vfioplan", f"{self.prefix}/bin/vfioplan".encode())

    def everything(self):
        self.place("bin/vfioplan", pathlib.Path(self.binary).read_bytes(), 0o755)
        for name, text in manual.pages(self.binary, self.date).items():
            self.place(f"share/man/man1/{name}", text.encode())
        for shell, paths in COMPLETIONS.items():
            script = subprocess.run([self.binary, "--generate-completion-script", shell], check=True,
                                    stdout=subprocess.PIPE).stdout
            # It is read by a shell, never executed.
            script = re.sub(rb"^#!.*\n", b"", script)
            self.place(paths[not self.is_debian], script)
        for schema in sorted((ROOT / "schemas").glob("*.schema.json")):
            self.copy(schema, f"share/vfioplan/schemas/{schema.name}")
        for example in sorted((ROOT / "examples").rglob("*.yaml")):
            self.copy(example, f"share/doc/vfioplan/examples/{example.relative_to(ROOT / 'examples')}")
        for document in DOCUMENTS:
            self.copy(ROOT / document, f"share/doc/vfioplan/{document}")
        for document in sorted((ROOT / "docs").glob("*.md")):
            self.copy(document, f"share/doc/vfioplan/docs/{document.name}")
        self.packaging(ROOT / "packaging")

    def packaging(self, folder):
        for unit in sorted(folder.glob("systemd/*")):
            self.place(f"lib/systemd/system/{unit.name}", self.adapted(unit))
        for rule in sorted(folder.glob("udev/*.rules")):
            self.place(f"lib/udev/rules.d/{rule.name}", self.adapted(rule))
        for hook in sorted(folder.glob("*-hook")):
            self.place(f"share/vfioplan/hooks/{hook.name.removesuffix('-hook')}", self.adapted(hook), 0o755)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--destdir", default="")
    parser.add_argument("--prefix", default="/usr/local")
    parser.add_argument("--layout", choices=["plain", "debian"], default="plain")
    parser.add_argument("--date", default="")
    Installation(parser.parse_args()).everything()


if __name__ == "__main__":
    main()
