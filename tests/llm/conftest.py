"""Makes the servers and fakes beside the tests importable by their plain names."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [path for path in (str(HERE), str(HERE.parent), str(HERE.parent / "agents")) if path not in sys.path]
