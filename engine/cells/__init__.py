"""The cells: one file each, holding its equations as text."""
