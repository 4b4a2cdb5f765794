"""YuNet and SFace once on each frame that `embed` looks at, as OpenCV's own example does it.

    python tests/bench/bare_faces.py VIDEO

Prints the number of faces. Decoding is the program's own, so that both see the same frames.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from videolib.faces.models import SFACE, YUNET
from videolib.media.frames import FrameRequest, read_frames
from videolib.media.reader import Media
from videolib.storage.videos import Video

SIDE = 640


def main(path: Path) -> None:
    cv2.setNumThreads(1)
    empty = np.zeros(0, np.uint8)
    detector, recognizer = (np.frombuffer(model.read(None), np.uint8) for model in (YUNET, SFACE))
    yunet = cv2.FaceDetectorYN.create("onnx", detector, empty, (SIDE, SIDE), 0.8, 0.3)
    sface = cv2.FaceRecognizerSF.create("onnx", recognizer, empty)
    count = 0
    with Media(Video(str(path), path.name, "")) as media:
        requests = [FrameRequest(float(i), 0.1) for i in range(int(media.duration))]
        for frame, _ in read_frames(media, requests):
            zoom = SIDE / max(frame.size)
            small = frame.rgb(*(round(side * zoom) for side in frame.size))
            yunet.setInputSize((small.shape[1], small.shape[0]))
            _, faces = yunet.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
            whole = cv2.cvtColor(frame.rgb(), cv2.COLOR_RGB2BGR)
            for face in faces if faces is not None else ():
                face[:14] /= zoom
                sface.feature(sface.alignCrop(whole, face))
                count += 1
    print(count)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
