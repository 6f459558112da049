"""What a picture may be, for whoever draws one or asks for one; loads nothing."""

KINDS = (".png", ".svg", ".pdf")
SMALLEST, LARGEST = 320, 16_384
"""So many pixels a side may have, at a scale of 1."""
