"""Gives every glyph of Inter that stands in another one's place a code of its own; the glyphs themselves stay.

Figures of one width and signs at the height of capitals have no character, so that Qt has no name for them in a PDF,
and its text can be neither searched nor copied. `gui.fonts.STANDING_IN` says which character each code stands for.
Run it by hand, with fontTools, on another version of Inter: `python tests/data/make_inter.py`.
"""

from pathlib import Path

from fontTools.ttLib import TTFont

FIRST = 0xF000
FEATURES = ("tnum", "calt", "ccmp", "locl", "liga", "clig", "rlig", "rclt")
RULES = ("ChainSubRuleSet", "ChainSubClassSet", "SubRuleSet", "SubClassSet")
RULE = ("ChainSubRule", "ChainSubClassRule", "SubRule", "SubClassRule")


def stand_ins(font):
    """Which glyphs each glyph stands in for where these features are on."""
    table, found, seen = font["GSUB"].table, {}, set()

    def walk(index):
        if index in seen:
            return
        seen.add(index)
        for subtable in table.LookupList.Lookup[index].SubTable:
            inner = getattr(subtable, "ExtSubTable", subtable)
            if inner.LookupType == 1:
                for old, new in inner.mapping.items():
                    found.setdefault(new, []).append(old)
            records = list(getattr(inner, "SubstLookupRecord", None) or [])
            sets = [each for name in RULES for each in getattr(inner, name, None) or [] if each]
            rules = [rule for each in sets for name in RULE for rule in getattr(each, name, None) or []]
            for record in records + [record for rule in rules for record in rule.SubstLookupRecord or []]:
                walk(record.LookupListIndex)

    for record in table.FeatureList.FeatureRecord:
        if record.FeatureTag in FEATURES:
            for index in record.Feature.LookupListIndex:
                walk(index)
    return found


def main():
    """Rewrite the shipped files, and print what `STANDING_IN` has to be."""
    for path in sorted(Path(__file__).parents[2].glob("resources/fonts/Inter-*.otf")):
        font = TTFont(path, recalcTimestamp=False, recalcBBoxes=False)
        public = {name: chr(code) for code, name in font.getBestCmap().items() if not 0xE000 <= code < 0xF900}
        public["uni00D7.case"] = "×"  # it stands in for an x between figures too
        found = stand_ins(font)

        def character(name, public=public, found=found):
            return public.get(name) or next((public[old] for old in found.get(name, ()) if old in public), "")

        named = sorted((character(new), new) for new in found if new not in public or new == "uni00D7.case")
        named = [(text, name) for text, name in named if text and ord(text) < 0x10000]
        # Every other code: Qt writes neighbours as a range, in which their characters would have to be neighbours too.
        codes = {name: FIRST + 2 * i for i, (_, name) in enumerate(named)}
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap = {code: name for code, name in table.cmap.items() if name not in codes}
                table.cmap |= {code: name for name, code in codes.items()}
        font.save(path)
        print(path.name, repr("".join(text for text, _ in named)))


if __name__ == "__main__":
    main()
