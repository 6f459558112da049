"""Dumb, reusable widgets: values in, signals out. None knows the engine or the application's state."""

from gui.widgets.banner import Banner, Toast
from gui.widgets.bars import Bars
from gui.widgets.buttons import icon_button, push_button
from gui.widgets.choice import Choice
from gui.widgets.fields import FloatField, IntField
from gui.widgets.file_field import FileField
from gui.widgets.frames import Card, FieldRow, MonoLabel, Section, SymbolLabel, label, scrolling
from gui.widgets.grid_canvas import GridCanvas
from gui.widgets.legend import ScaleLegend
from gui.widgets.parameters import ParameterTable
from gui.widgets.patterns import PICTURES, PatternGrid, Picture
from gui.widgets.rich_line import RichLine
from gui.widgets.segmented import Segment, SegmentedControl
from gui.widgets.slider import ValueSlider

__all__ = [
    "PICTURES",
    "Banner",
    "Bars",
    "Card",
    "Choice",
    "FieldRow",
    "FileField",
    "FloatField",
    "GridCanvas",
    "IntField",
    "MonoLabel",
    "ParameterTable",
    "PatternGrid",
    "Picture",
    "RichLine",
    "ScaleLegend",
    "Section",
    "Segment",
    "SegmentedControl",
    "SymbolLabel",
    "Toast",
    "ValueSlider",
    "icon_button",
    "label",
    "push_button",
    "scrolling",
]
