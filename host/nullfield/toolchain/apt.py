"""A private apt: own lists, state and cache in a scratch directory, so the system stays as it is.

Apt runs as any user then, and still checks the archive's signature and each file's hash. The
machine's own configuration is read first, so that its proxies hold.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from nullfield.errors import ToolchainError
from nullfield.toolchain import recipe
from nullfield.toolchain.rp2_recipe import Package
from nullfield.toolchain.sources import AptSource
from nullfield.toolchain.system import PROVIDE_HINT, run

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# The hooks of update tools (package kits, container images) would write to the system.
_CONFIGURATION = """\
Dir::Etc::sourcelist "{root}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State "{root}/state";
Dir::Cache "{root}/cache";
APT::Sandbox::User "{user}";
Acquire::Languages "none";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
"""


class PrivateApt:
    """Apt with all its files below `root`.

    Parameters
    ----------
    root : Path
        Scratch directory.
    archive : AptSource
        The machine's main archive, see `nullfield.toolchain.sources.main_archive`.
    log : Path
        File that apt's output is appended to.
    suites : tuple of str
        Releases whose binary packages are wanted besides the machine's own.
    """

    def __init__(
        self, root: Path, archive: AptSource, log: Path, suites: tuple[str, ...] = ()
    ) -> None:
        if not KEYRING.exists():
            raise ToolchainError(
                f"{KEYRING} is missing (Debian package: debian-archive-keyring)",
                f"sudo apt-get install debian-archive-keyring; {PROVIDE_HINT}",
            )
        self._log = log
        self._configuration = root / "apt.conf"
        for part in ("state/lists/partial", "cache/archives/partial"):
            (root / part).mkdir(parents=True)
        # As root, apt would drop to a user that cannot enter the home directory.
        user = "root" if os.geteuid() == 0 else ""
        self._configuration.write_text(_CONFIGURATION.format(root=root, user=user))
        binaries = "".join(
            f"deb [arch=amd64 signed-by={KEYRING}] {archive.uri} {suite} main\n"
            for suite in dict.fromkeys((archive.suite, *suites))
        )
        (root / "sources.list").write_text(
            f"deb-src [signed-by={KEYRING}] {archive.uri} {recipe.SUITE} main\n{binaries}"
        )

    def _run(self, *arguments: str, what: str, cwd: Path | None = None) -> None:
        command = ["apt-get", "-q", "-c", str(self._configuration), *arguments]
        run(command, what=what, log=self._log, cwd=cwd)

    def update(self) -> None:
        """Fetch the package lists and check their signatures."""
        # A list that cannot be had is only a warning by default, and an old one would be used.
        self._run("-o", "APT::Update::Error-Mode=any", "update", what="reading the package lists")

    def fetch_source(self, directory: Path) -> Path:
        """Fetch MicroPython's source into `directory` and return the tarball."""
        directory.mkdir(parents=True, exist_ok=True)
        package = f"{recipe.PACKAGE}={recipe.DEBIAN_VERSION}"
        # --only-source: a binary package of this name must not redirect to another source.
        self._run(
            "source", "--download-only", "--only-source", package,
            what=f"fetching the source package {package}", cwd=directory,
        )  # fmt: skip
        tarball = directory / recipe.ORIG_TARBALL
        _check_hash(tarball, recipe.ORIG_SHA256)
        return tarball

    def unpack_packages(self, packages: tuple[str, ...], directory: Path) -> None:
        """Fetch binary packages and unpack them below `directory`, without root."""
        downloads = directory / "downloads"
        downloads.mkdir(parents=True)
        what = f"fetching {' '.join(packages)}"
        self._run("download", *packages, what=what, cwd=downloads)
        for package in sorted(downloads.glob("*.deb")):
            self._unpack(package, directory)

    def unpack_pinned(self, packages: tuple[Package, ...], directory: Path) -> None:
        """Fetch pinned packages, check their hashes and unpack them below `directory`.

        Parameters
        ----------
        packages : tuple of Package
            What to fetch; the suites given to the constructor must have them.
        directory : Path
            Made if it is not there.
        """
        directory.mkdir(parents=True, exist_ok=True)
        for package in packages:
            downloads = directory.with_name(f"{directory.name}-{package.name}")
            downloads.mkdir()
            what = f"fetching {package.name} {package.version}"
            self._run("download", f"{package.name}={package.version}", what=what, cwd=downloads)
            files = list(downloads.glob("*.deb"))
            if len(files) != 1:
                raise ToolchainError(f"{what} gave {len(files)} files, not one")
            _check_hash(files[0], package.sha256)
            self._unpack(files[0], directory)

    def _unpack(self, file: Path, directory: Path) -> None:
        command = ["dpkg-deb", "-x", str(file), str(directory)]
        run(command, what=f"unpacking {file.name}", log=self._log)


def _check_hash(file: Path, wanted: str) -> None:
    """Raise `ToolchainError` unless `file` has this SHA-256."""
    found = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "nothing"
    if found != wanted:
        raise ToolchainError(
            f"{file.name} has SHA-256 {found}, not the pinned {wanted}", PROVIDE_HINT
        )
