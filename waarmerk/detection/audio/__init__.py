"""Finding the mark ``waarmerk.audio.1`` in sound."""

from waarmerk.detection.audio.detector import AudioDetector, detect_each, detect_samples

__all__ = ["AudioDetector", "detect_each", "detect_samples"]
