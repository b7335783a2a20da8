"""Which letters make another word of the one beside them."""

from __future__ import annotations

import re

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u3400-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff"
)
"""Letters of alphabets that put no blanks between words (Thai, Lao, Burmese, Khmer, Korean, Japanese, Chinese): beside
one of them a Latin name or handle ends. For use inside the brackets of an expression."""
LETTER = rf"[^\W{UNSPACED}]"
"""A letter or digit that makes another word of the one beside it."""
is_letter = re.compile(LETTER).match
