"""Pack the IDX files of MNIST or Fashion-MNIST into the package: ``python scripts/embed.py NAME FOLDER``.

FOLDER holds train-images-idx3-ubyte, train-labels-idx1-ubyte and the two t10k ones, gzipped or not. Each is checked
against its MD5 sum before it is written to src/tiza/data/bundled/NAME/ as xz.
"""

import gzip
import hashlib
import lzma
import sys
from pathlib import Path

from tiza.data.sources import MD5, idx_name

BUNDLED = Path(__file__).parent.parent / "src" / "tiza" / "data" / "bundled"


def embed(name: str, folder: Path) -> None:
    """Write the four xz files of one data set; exits with a sentence when a file is missing or not the right one."""
    for part, md5 in MD5[name].items():
        file = idx_name(part)
        plain, packed = folder / file, folder / f"{file}.gz"
        content = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
            sys.exit(f"{folder / file}: not the {part} of {name} (MD5 differs)")
        target = BUNDLED / name / f"{file}.xz"
        target.write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))
        print(f"{target.name}: {len(content):,} -> {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in MD5:
        sys.exit(__doc__)
    embed(sys.argv[1], Path(sys.argv[2]))
