"""The work of bench_images in Pillow and torchvision, printed as one JSON object. Called by images.py."""

import json

import numpy as np
import PIL
import torch
from side_by_side import timed

torch.version.cuda = None  # torchvision will not load beside a torch of another CUDA, of which nothing is used here
import torchvision
import torchvision.transforms.v2.functional as F
from PIL import Image


def photograph():
    y, x = np.mgrid[0:375, 0:500]
    return Image.fromarray(np.stack([(x * (c + 1) + y * (3 - c) + x * y // 64) % 256 for c in range(3)], -1).astype(np.uint8))


TIMES = 100


def main():
    torch.set_num_threads(1)
    image = photograph()

    def to_floats(picture):
        return F.to_dtype(F.pil_to_tensor(picture), torch.float32, scale=True)

    def varied(hue):
        x = image.crop((60, 40, 380, 340)).resize((224, 224), Image.BILINEAR).transpose(Image.FLIP_LEFT_RIGHT)
        x = F.adjust_saturation(F.adjust_contrast(F.adjust_brightness(x, 1.2), 0.8), 1.3)
        if hue:
            x = F.adjust_hue(x, 0.05)
        return F.normalize(to_floats(x), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])

    with torch.inference_mode():
        print(json.dumps({
            "bilinear": timed(lambda: to_floats(image.resize((224, 224), Image.BILINEAR)), TIMES),
            "bicubic": timed(lambda: to_floats(image.resize((224, 224), Image.BICUBIC)), TIMES),
            "augmented": timed(lambda: varied(False), TIMES), "with_hue": timed(lambda: varied(True), TIMES),
            "version": torchvision.__version__, "pillow": PIL.__version__, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
