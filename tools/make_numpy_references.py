#!/usr/bin/env python3
"""Writes tests/references/numpy.json: small files that NumPy writes, and the numbers in them.

    python3 tools/make_numpy_references.py     (needs numpy; see "numpy" for the version)

Each case has a file's bytes in hexadecimal and its columns by name, null for what is not a number; "odd" are archives
that make no table. Arrays are of each
type, both orders and byte orders, one to four dimensions, and all versions of the format; archives are stored and
deflated.
"""

import io
import json
import math
import pathlib
import struct

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent


def written(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


def archived(save, **arrays):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def as_zip64(archive):
    """The same archive of one stored member, with what large files have: sizes and places as numbers of 64 bits."""
    end = len(archive) - 22
    size, begin = struct.unpack_from("<II", archive, end + 12)
    entry = bytearray(archive[begin : begin + size])
    stored, whole = struct.unpack_from("<II", entry, 20)
    name = struct.unpack_from("<H", entry, 28)[0]
    extra = struct.pack("<HHQQQ", 1, 24, whole, stored, 0)
    struct.pack_into("<II", entry, 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", entry, 30, len(extra))
    struct.pack_into("<I", entry, 42, 0xFFFFFFFF)
    entry = entry[: 46 + name] + extra
    end64 = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 1, 1, len(entry), begin)
    locator = struct.pack("<IIQI", 0x07064B50, 0, begin + len(entry), 1)
    last = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return archive[:begin] + bytes(entry) + end64 + locator + last


def values(column):
    return [None if math.isnan(x) else float(x) for x in column]


def columns_of(array, name=""):
    flat = array.reshape(array.shape[0], -1, order="C")
    if name and array.ndim == 1:
        return {name: values(array)}
    return {f"{name}.{i + 1}" if name else str(i + 1): values(flat[:, i]) for i in range(flat.shape[1])}


def array_case(title, array, version=None):
    return {"title": title, "hex": written(array, version).hex(), "columns": columns_of(array)}


def main():
    random = np.random.default_rng(5)
    floats = random.normal(size=(3, 4))
    floats[1, 2] = np.nan
    cases = [array_case(f"floats {t}", floats.astype(t)) for t in ("<f4", "<f8", ">f4", ">f8")]
    for t in ("i1", "<i2", "<i4", "<i8", ">i2", ">i8", "u1", "<u2", "<u4", "<u8", ">u4"):
        ends = [np.iinfo(t).min, np.iinfo(t).max] if np.dtype(t).itemsize < 8 else [0, 2**53]
        cases.append(array_case(f"whole {t}", np.array([ends, [1, 2], [3, 100]], dtype=t)))
    cases.append(array_case("bool", np.array([[True, False], [False, True]])))
    cases.append(array_case("one dimension", np.array([1.5, -2.5])))
    cases.append(array_case("Fortran", np.asfortranarray(random.normal(size=(3, 4)))))
    cases.append(array_case("three dimensions", np.arange(24.0).reshape(2, 3, 4)))
    cases.append(array_case("three dimensions, Fortran", np.asfortranarray(np.arange(24.0).reshape(2, 3, 4))))
    cases.append(array_case("four dimensions, Fortran", np.asfortranarray(np.arange(24).reshape(2, 3, 2, 2))))
    cases += [array_case(f"version {v}", floats, (v, 0)) for v in (1, 2, 3)]
    x, y = np.arange(6.0, dtype="<f4").reshape(3, 2), np.array([1, 0, 1])
    for title, save in (("stored", np.savez), ("deflated", np.savez_compressed)):
        archive = {"title": title, "hex": archived(save, X=x, y=y).hex()}
        cases.append({**archive, "columns": {**columns_of(x, "X"), **columns_of(y, "y")}})
    archive = as_zip64(archived(np.savez, X=x))
    assert (np.load(io.BytesIO(archive))["X"] == x).all()
    cases.append({"title": "zip64", "hex": archive.hex(), "columns": columns_of(x, "X")})
    wide = np.zeros((1, 200_000), dtype="u1")
    odd = {
        "rows differ": archived(np.savez, a=x, b=y[:2]),
        "wide": archived(np.savez_compressed, a=wide, b=wide),
    }
    references = {"numpy": np.__version__, "cases": cases, "odd": {t: a.hex() for t, a in odd.items()}}
    (ROOT / "tests/references/numpy.json").write_text(json.dumps(references) + "\n")


if __name__ == "__main__":
    main()
