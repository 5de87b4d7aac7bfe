#!/usr/bin/env python3
"""Makes tests/references/images.json: small files of pictures and what Pillow reads in them, what it makes of pictures
of other sizes, and what torchvision makes of colours. Needs numpy, Pillow 13.0 (older ones resize columns first in any
case), torch and torchvision:

    tools/make_image_references.py
"""
import io
import json
import pathlib

import numpy as np
import torch
import torchvision.transforms.v2.functional as F
from PIL import Image, ImageOps


def pattern(height, width, channels, seed, most=255):
    """The tests make the same numbers: the high bits of a linear congruential generator."""
    state, numbers = seed, []
    for _ in range(height * width * channels):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        numbers.append((state >> 33) % (most + 1))
    return np.array(numbers).reshape(height, width, channels)


def picture(height, width, channels, seed):
    x = pattern(height, width, channels, seed).astype(np.uint8)
    return Image.fromarray(x[:, :, 0] if channels == 1 else x, {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels])


def smooth(height, width):
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x * 255 // (width - 1), y * 255 // (height - 1), (x + y) * 7 % 256], -1).astype(np.uint8))


def saved(image, **options):
    out = io.BytesIO()
    image.save(out, **options)
    return out.getvalue()


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def read_case(name, data, convert=None):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if convert:
        image = image.convert(convert)
    x = np.asarray(image)
    return {"name": name, "file": data.hex(), "height": x.shape[0], "width": x.shape[1],
            "channels": 1 if x.ndim == 2 else x.shape[2], "samples": x.astype(int).flatten().tolist()}


def files():
    grey, rgb, rgba = picture(5, 7, 1, 1), picture(5, 7, 3, 2), picture(5, 7, 4, 3)
    wide = Image.fromarray(pattern(4, 3, 1, 4, 65535)[:, :, 0].astype(np.uint16))
    palette = rgb.quantize(8)
    clear = rgb.quantize(8)
    clear.info["transparency"] = 0
    cmyk = smooth(16, 16).convert("CMYK")
    yield read_case("png_grey", saved(grey, format="PNG"))
    yield read_case("png_rgb", saved(rgb, format="PNG"))
    yield read_case("png_rgba", saved(rgba, format="PNG"))
    yield read_case("png_grey_alpha", saved(Image.merge("LA", [grey, picture(5, 7, 1, 9)]), format="PNG"))
    yield read_case("png_16", saved(wide, format="PNG"))
    yield read_case("png_bit", saved(grey.point(lambda v: 255 * (v > 127)).convert("1"), format="PNG"), "L")
    yield read_case("png_palette", saved(palette, format="PNG"), "RGB")
    yield read_case("png_palette_clear", saved(clear, format="PNG", transparency=0), "RGBA")
    for orientation in range(1, 9):
        yield read_case(f"png_turned_{orientation}", saved(grey, format="PNG", exif=exif(orientation)))
    yield read_case("jpeg_grey", saved(smooth(16, 24).convert("L"), format="JPEG", quality=90))
    yield read_case("jpeg_rgb", saved(smooth(16, 24), format="JPEG", quality=80))
    yield read_case("jpeg_progressive", saved(smooth(24, 16), format="JPEG", quality=80, progressive=True))
    yield read_case("jpeg_turned", saved(smooth(8, 16), format="JPEG", quality=80, exif=exif(6)))
    yield read_case("jpeg_cmyk", saved(cmyk, format="JPEG", quality=90), "RGB")
    yield read_case("webp_lossless", saved(rgb, format="WEBP", lossless=True))
    yield read_case("webp_alpha", saved(rgba, format="WEBP", lossless=True, exact=True))
    yield read_case("webp_lossy", saved(smooth(16, 16), format="WEBP", quality=80))
    yield read_case("webp_turned", saved(rgb, format="WEBP", lossless=True, exif=exif(8)))


def resizes():
    # Both orders of the passes, and either side alone.
    cases = [(9, 13, 3, (4, 5)), (5, 4, 3, (11, 9)), (31, 17, 1, (8, 8)), (6, 6, 4, (9, 3)), (40, 3, 3, (2, 3)),
             (1, 1, 3, (3, 2)), (64, 48, 3, (7, 5)), (20, 30, 1, (10, 45)), (22, 12, 3, (4, 5)), (13, 9, 1, (5, 5)),
             (14, 9, 1, (5, 5)), (12, 10, 4, (5, 13)), (9, 14, 4, (5, 6)), (11, 7, 2, (6, 9)), (7, 5, 2, (9, 4)),
             (6, 7, 4, (6, 4)), (7, 6, 2, (4, 6))]
    for seed, (height, width, channels, size) in enumerate(cases):
        image = picture(height, width, channels, 100 + seed)
        part = (height // 4, width // 4, height - height // 3, width - width // 3) if min(height, width) > 3 else None
        for name, rule in (("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)):
            for box in [None] + ([part] if part else []):
                source = image
                if box:
                    top, left, tall, broad = box[0], box[1], box[2] - box[0], box[3] - box[1]
                    source = image.crop((left, top, left + broad, top + tall))
                x = np.asarray(source.resize(size[::-1], rule))
                yield {"seed": 100 + seed, "from": [height, width, channels], "to": list(size), "rule": name,
                       "part": [box[0], box[1], box[2] - box[0], box[3] - box[1]] if box else [0, 0, height, width],
                       "levels": x.astype(int).flatten().tolist()}


def colours():
    x = torch.tensor(pattern(4, 5, 3, 200)).permute(2, 0, 1).float() / 255
    grey = torch.tensor(pattern(4, 5, 1, 201)).permute(2, 0, 1).float() / 255
    def case(name, image, factor, result):
        return {"name": name, "factor": factor, "channels": image.shape[0], "seed": 200 if image.shape[0] == 3 else 201,
                "samples": [float(v) for v in result.permute(1, 2, 0).flatten()]}
    for factor in (0.0, 0.6, 1.7):
        for image in (x, grey):
            yield case("brightness", image, factor, F.adjust_brightness(image, factor))
            yield case("contrast", image, factor, F.adjust_contrast(image, factor))
        yield case("saturation", x, factor, F.adjust_saturation(x, factor))
    for factor in (-0.5, -0.11, 0.0, 0.27):
        yield case("hue", x, factor, F.adjust_hue(x, factor))
    for degrees in (0.0, 90.0, 30.0, -12.5):
        turned = F.rotate(x, degrees, interpolation=F.InterpolationMode.BILINEAR)
        yield case("rotate", x, degrees, turned)


if __name__ == "__main__":
    path = pathlib.Path(__file__).parent.parent / "tests/references/images.json"
    tables = {"files": list(files()), "resizes": list(resizes()), "colours": list(colours())}
    lines = []
    for name, rows in tables.items():
        lines.append(f'"{name}": [\n' + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(path, path.stat().st_size, "bytes")
