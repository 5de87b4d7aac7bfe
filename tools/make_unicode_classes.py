#!/usr/bin/env python3
"""Writes gradus/data/unicode_classes_table.cpp: which code points are letters, numbers or white space.

    python3 tools/make_unicode_classes.py        (needs unicodedata2 16.0: Python's own unicodedata of an older Python
                                                  does not know the characters that Hugging Face's tokenizers knows)

Letters and numbers are the general categories L and N of the Unicode Character Database, white space is its property
White_Space, which Python does not have: of the categories Z all, and six controls.
"""

import pathlib

import unicodedata2

CONTROLS = {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85}


def ranges_of(is_member):
    ranges = []
    for code in range(0x110000):
        if not is_member(code):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges


def table(name, ranges):
    lines, line = [], "   "
    for first, last in ranges:
        entry = " {0x%X, 0x%X}," % (first, last)
        if len(line) + len(entry) > 120:
            lines.append(line)
            line = "   "
        line += entry
    lines.append(line)
    return "constexpr CodeRange %s[] = {\n%s\n};\n" % (name, "\n".join(lines))


def main():
    category = lambda code: unicodedata2.category(chr(code))
    tables = [table("kLetters", ranges_of(lambda code: category(code)[0] == "L")),
              table("kNumbers", ranges_of(lambda code: category(code)[0] == "N")),
              table("kSpaces", ranges_of(lambda code: category(code)[0] == "Z" or code in CONTROLS))]
    path = pathlib.Path(__file__).resolve().parent.parent / "gradus" / "data" / "unicode_classes_table.cpp"
    path.write_text("// Made by tools/make_unicode_classes.py from the Unicode Character Database %s.\n"
                    '#include "gradus/data/unicode_classes.h"\n\nnamespace gradus::detail {\nnamespace {\n\n%s\n'
                    "}  // namespace\n\n"
                    "std::span<const CodeRange> letter_ranges() { return kLetters; }\n"
                    "std::span<const CodeRange> number_ranges() { return kNumbers; }\n"
                    "std::span<const CodeRange> space_ranges() { return kSpaces; }\n\n"
                    "}  // namespace gradus::detail\n" % (unicodedata2.unidata_version, "\n".join(tables)))
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
