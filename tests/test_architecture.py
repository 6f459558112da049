"""The rules of docs/architecture.md, each under its number, held by machine."""

import ast
import re
import subprocess
import sys

import pytest
from source_tree import PACKAGES, QT, ROOT, edges, find_cycle, loaded_after, modules, reaches, under

# These take long to import, so they wait inside the function that needs them.
HEAVY = ("torch", "pyqtgraph", "ziamath", "safetensors.torch", "h5py", "onnx", "PIL", "av")
REGISTERED = ("engine.cells", "engine.engines", "engine.tasks", "gui.tracks", "gui.views")


def offences(module_list, wrong):
    """What ``wrong(module, import)`` finds, as lines that an editor can jump to."""
    return [
        f"{m.place}:{found.line} imports {found.name}" for m in module_list for found in m.imports if wrong(m, found)
    ]


def importing(names):
    return "\n".join(f"import {name}" for name in names)


# 1, 2: what the engine and the cells may know


def test_1_engine_knows_no_qt_and_no_gui():
    assert not offences(under("engine"), lambda m, i: i.inside("gui", "main", *QT))


def test_2_cells_import_only_the_registry():
    def wrong(module, found):
        return not (found.inside("engine.registry", "__future__") or found.name == "engine")

    assert not offences(under("engine.cells"), wrong)


# 3: torch waits until it is asked for


def test_3_torch_is_imported_only_inside_functions():
    wrong = offences(modules().values(), lambda m, i: i.where == "top" and i.inside("torch", "safetensors.torch"))
    assert not wrong


def test_3_importing_the_engine_leaves_torch_and_qt_out():
    loaded = loaded_after(importing(m.name for m in under("engine")))
    assert not {"torch", *QT} & loaded


def test_3_importing_the_gui_leaves_torch_out():
    assert "torch" not in loaded_after(importing(m.name for m in under("gui")))


@pytest.mark.skipif(not (ROOT / "gui" / "main_window.py").exists(), reason="there is no window yet")
def test_3_opening_the_window_leaves_torch_out(tmp_path):
    picture = tmp_path / "window.png"
    command = [sys.executable, "-X", "importtime", "main.py", "--snapshot", str(picture)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-2000:]
    assert picture.stat().st_size > 0
    imported = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.count("|") == 2}
    assert "gui.main_window" in imported
    assert "torch" not in imported


# 4: who knows what inside the gui


def test_4_frames_know_no_qt():
    frames = under("gui.frames")
    assert not offences(frames, lambda m, i: i.inside(*QT))
    assert not set(QT) & loaded_after(importing(m.name for m in frames))


def test_4_frames_know_no_other_part_of_the_gui():
    others = [f"gui.{p}" for p in ("state", "tracks", "views", "widgets", "work", "actions")]
    assert not offences(under("gui.frames"), lambda m, i: i.inside(*others))


def test_4_state_knows_no_widgets():
    state = under("gui.state")
    forbidden = ("PySide6.QtWidgets", "pyqtgraph", "gui.tracks", "gui.views", "gui.widgets")
    assert not offences(state, lambda m, i: i.inside(*forbidden))
    assert not set(forbidden) & loaded_after(importing(m.name for m in state))


def test_4_widgets_know_no_engine_and_no_state():
    widgets = under("gui.widgets")
    forbidden = ("gui.state", "gui.views", "gui.tracks")
    assert not offences(widgets, lambda m, i: i.inside("engine", *forbidden))
    assert not set(forbidden) & loaded_after(importing(m.name for m in widgets))


# 5: views and tracks stand side by side; one place runs the engine


@pytest.mark.parametrize("package", ["gui.tracks", "gui.views"])
def test_5_none_imports_its_neighbour(package):
    """What they share is in the package itself, in ``base.py``, or in a file whose name begins with ``_``."""
    shared = re.compile(rf"{re.escape(package)}\.(base|_\w+)(\.|$)")
    neighbours = {m.name for m in under(package) if m.name != package and not shared.match(m.name)}

    def wrong(module, found):
        return found.name in neighbours and found.name != module.name

    members = [m for m in under(package) if not m.is_package]
    assert not offences(members, wrong)
    other = "gui.views" if package == "gui.tracks" else None
    assert not other or not offences(members, lambda m, i: i.inside(other))


def test_5_no_file_of_the_gui_names_an_engine():
    engines = {m.name for m in under("engine.engines") if m.name != "engine.engines" and not m.stem.startswith("_")}
    gui = [*under("gui"), *under("main")]
    assert not offences(gui, lambda m, i: i.name in engines)
    named = [
        f"{m.place}:{node.lineno} names {node.value}"
        for m in gui
        for node in ast.walk(m.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in engines
    ]
    assert not named


def test_5_only_the_session_runs_the_engine():
    runs = [
        f"{m.place}:{node.lineno} runs {ast.unparse(node.func)}"
        for m in [*under("gui"), *under("main")]
        if m.name != "gui.state.session"
        for node in ast.walk(m.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "run"
        and "network" in ast.unparse(node.func.value).lower()
    ]
    assert not runs


# 6: sizes and imports


def test_6_no_file_over_400_lines():
    files = [path for package in (*PACKAGES, "tests", ".ci") for path in (ROOT / package).rglob("*.py")]
    files += [ROOT / "main.py"] if "main" in modules() else []
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert not [f"{path.relative_to(ROOT)} has {n} lines" for path, n in lengths.items() if n > 400]


def test_6_no_class_over_25_methods():
    found = []
    for module in modules().values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                methods = [n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
                if len(methods) > 25:
                    found.append(f"{module.place}:{node.lineno} {node.name} has {len(methods)} methods")
    assert not found


def test_6_no_circular_import():
    cycle = find_cycle(edges(("top",)))
    assert cycle is None, " -> ".join(cycle)


def test_6_no_import_inside_a_function_dodges_a_cycle():
    graph = edges(("top", "function"))
    local = edges(("function",))
    dodges = [f"{a} -> {b} -> … -> {a}" for a, targets in local.items() for b in targets if reaches(graph, b, a)]
    assert not dodges


def test_6_only_heavy_libraries_are_imported_inside_functions():
    """The app's own modules may wait as well; ``main.py`` starts before anything is loaded and is free."""
    rest = [m for m in modules().values() if m.name != "main"]
    assert not offences(rest, lambda m, i: i.where == "function" and not i.inside(*HEAVY, *PACKAGES, "safetensors"))


def test_6_every_folder_of_source_is_a_package():
    folders = {m.path.parent for m in modules().values() if m.path.parent != ROOT}
    missing = [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").exists()]
    assert not missing


# 7: whatever is registered is found and tested


def members(package):
    return [m for m in under(package) if m.name.count(".") == package.count(".") + 1]


def parametrised_names():
    """The names and the discovered packages that tests take their parameters from, one set a test."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                ("parametrize", "sampled_from", "fixture")
            ):
                yield names_in(node, constants)


def names_in(tree, constants):
    """The names of an expression, those of the constants it uses included, and what it discovers."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names.add(node.id)
            if node.id in constants:
                names |= names_in(constants[node.id], {})
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("discover"):
            names |= {a.value for a in node.args if isinstance(a, ast.Constant)}
    return names


@pytest.mark.parametrize("package", REGISTERED)
def test_7_what_is_registered_is_tested_from_the_registry(package):
    """Some test takes its parameters from the registry, so that a new file is tested by being there."""
    if not [m for m in members(package) if not m.stem.startswith("_")]:
        pytest.skip(f"{package} is empty")
    kind = package.rpartition(".")[2]
    asked = set().union(*parametrised_names())
    assert asked & {kind, kind.upper(), package}, f"no test is parametrised by the registry of {kind}"


# 8: actions and words


def action_table():
    if "gui.actions.table" not in modules():
        pytest.skip("there is no table of actions yet")
    from gui.actions.table import ACTIONS

    return list(ACTIONS)


def test_8_every_action_has_text_tip_and_shortcut():
    wrong = [
        f"{action.id}: no {field}"
        for action in action_table()
        for field in ("text", "tip", "shortcut")
        if not getattr(action, field)
    ]
    assert not wrong


def test_8_ids_and_shortcuts_are_unique():
    owners = {}
    ids = [action.id for action in action_table()]
    assert len(ids) == len(set(ids))
    for action in action_table():
        keys = [action.shortcut] if isinstance(action.shortcut, str) else list(action.shortcut)
        for key in keys:
            owners.setdefault(str(key).lower(), []).append(action.id)
    assert not {key: names for key, names in owners.items() if len(names) > 1}


# Calls whose text the user reads. Object names, keys and formats go elsewhere.
SHOWING = {
    *(
        "setText",
        "setToolTip",
        "setStatusTip",
        "setWindowTitle",
        "setPlaceholderText",
        "setTitle",
        "setLabel",
    ),
    *(
        "setAccessibleName",
        "setAccessibleDescription",
        "setInformativeText",
        "setWhatsThis",
        "addAction",
        "addMenu",
    ),
    *("addTab", "setTabText", "addRow", "showMessage", "QLabel", "QPushButton", "QToolButton", "QCheckBox"),
    *("QRadioButton", "QGroupBox", "QAction", "QMenu", "QDockWidget", "QProgressDialog"),
    *("information", "warning", "critical", "question", "about"),
}
WORD = re.compile(r"[A-Za-z]{3,}")


def bare_words(node):
    """The literal text of an expression that no translation touches."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) and WORD.search(node.value) else []
    if isinstance(node, ast.JoinedStr):
        return [text for part in node.values if isinstance(part, ast.Constant) for text in bare_words(part)]
    if isinstance(node, ast.BinOp):
        return bare_words(node.left) + bare_words(node.right)
    if isinstance(node, ast.IfExp):
        return bare_words(node.body) + bare_words(node.orelse)
    return []


def test_8_every_shown_string_is_translatable():
    found = []
    for module in under("gui"):
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in SHOWING:
                words = [text for argument in node.args for text in bare_words(argument)]
                found += [f"{module.place}:{node.lineno} {called}({text!r})" for text in words]
    assert not found, "wrap these in self.tr(...) or QCoreApplication.translate(...)"


def test_the_top_level_is_as_the_owner_fixed_it():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    allowed = {
        *("main.py", "gui", "engine", "resources", "tests", "pyproject.toml", "README.md", "LICENSE"),
        *("CHANGELOG.md", "Makefile", "constraints.txt", "docs", ".ci", ".gitignore"),
    }
    assert {line.split("/")[0] for line in done.stdout.splitlines()} <= allowed
