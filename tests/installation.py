"""Portcall as scripts/install leaves it, in a folder of the test's own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent


def install_into(folder: Path) -> None:
    subprocess.run([TOP / "scripts/install"], env=os.environ | {"DESTDIR": str(folder)}, check=True)
