"""JUnit's XML as an element -> the bytes of a file that CI systems read."""

import re
import xml.etree.ElementTree as ET

# What XML 1.0 does not allow, not even escaped; names and values of strangers may have it.
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def encoded(top: ET.Element) -> bytes:
    """Return the file, indented, with a question mark for each character that XML does not allow."""
    ET.indent(top)
    text = _FORBIDDEN.sub("?", ET.tostring(top, encoding="unicode"))
    return f"<?xml version='1.0' encoding='utf-8'?>\n{text}\n".encode()
