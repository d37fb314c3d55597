"""Labels that anybody can read: IPTC's digital source type, and China's AIGC on request.

One small writer for each container; :mod:`~waarmerk.marking.label.table` knows which file takes
which. Nothing here changes a pixel or a sample. Import from here:
"""

from waarmerk.marking.label.content import AigcLabel, LabelContent
from waarmerk.marking.label.table import can_label, labelled_bytes, labelled_file

__all__ = ["AigcLabel", "LabelContent", "can_label", "labelled_bytes", "labelled_file"]
