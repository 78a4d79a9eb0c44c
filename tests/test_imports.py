"""Who may import whom: read from the source, so that a wrong import fails before it is ever run."""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(p for folder in ("mnist_lab", "train", "benchmarks") for p in (ROOT / folder).rglob("*.py")) + [ROOT / "app.py"]

LAYER_0 = ("mnist_lab.models", "mnist_lab.diffusion", "mnist_lab.data", "mnist_lab.drawing", "mnist_lab.plots", "mnist_lab.ui.widgets")
LAYER_1 = ("mnist_lab.checkpoint", "mnist_lab.training", "mnist_lab.metrics", "mnist_lab.explain", "mnist_lab.history",
           "mnist_lab.latent", "mnist_lab.population", "mnist_lab.war")
WITHOUT_TRAINING = (*LAYER_0, *(m for m in LAYER_1 if m != "mnist_lab.training"))

# Of our own modules, what each may import besides itself: the longest name that fits a module decides.
ALLOWED = {
    "mnist_lab": ("mnist_lab.labs",),
    "mnist_lab.models": (),
    "mnist_lab.diffusion": (),
    "mnist_lab.data": (),
    "mnist_lab.drawing": (),
    "mnist_lab.plots": (),
    "mnist_lab.ui.widgets": (),
    "mnist_lab.checkpoint": ("mnist_lab.models", "mnist_lab.data"),
    "mnist_lab.history": ("mnist_lab.checkpoint", "mnist_lab.models"),
    "mnist_lab.population": ("mnist_lab.checkpoint",),
    "mnist_lab.war": (*LAYER_0, "mnist_lab.checkpoint", "mnist_lab.metrics"),
    "mnist_lab.training": LAYER_0,
    "mnist_lab.metrics": LAYER_0,
    "mnist_lab.explain": LAYER_0,
    "mnist_lab.latent": (),
    "mnist_lab.labs": WITHOUT_TRAINING,  # layer 1.5: `load` returns it, ui and cli use it
    "mnist_lab.ui": (*WITHOUT_TRAINING, "mnist_lab.labs"),
    "mnist_lab.cli": (*WITHOUT_TRAINING, "mnist_lab.labs", "mnist_lab.ui.app", "mnist_lab.__version__"),
    "mnist_lab.__main__": ("mnist_lab.cli",),
    "train": (*LAYER_0, *LAYER_1, "mnist_lab.labs"),
    "benchmarks": ("mnist_lab",),
    "app": ("mnist_lab.ui",),
}

# Outside packages that only some modules may import.
ONLY_IN = {
    "gradio": ("mnist_lab.ui", "app"),
    "plotly": ("mnist_lab.plots",),
    "torchvision": ("mnist_lab.data",),
    "argparse": ("mnist_lab.cli", "train"),
    "accelerate": ("mnist_lab.training", "train"),
    "tqdm": ("train",),
    "matplotlib": ("mnist_lab.training", "train"),
    "sklearn": ("train",),
    "diffusers": ("benchmarks",),
}
NO_TORCH = ("mnist_lab.drawing", "mnist_lab.plots", "mnist_lab.ui.widgets")
STANDARD_AND_TORCH = {"torch", "math", "dataclasses", "collections", "typing"}  # all that models and diffusion need


@dataclass(frozen=True)
class Import:
    module: str  # that imports
    target: str  # dotted name; `from a import b` is a.b
    at_top: bool  # outside every function, and not for type checkers only

    def __str__(self) -> str:
        return f"{self.module} imports {self.target}"


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> list[Import]:
    found: list[Import] = []

    def visit(node: ast.AST, at_top: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(module_name(path), alias.name, at_top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            found.extend(Import(module_name(path), f"{node.module}.{alias.name}", at_top) for alias in node.names)
        type_checking = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        inside = at_top and not type_checking and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(path.read_text()), True)
    return found


def within(name: str, *packages: str) -> bool:
    return any(name == p or name.startswith(f"{p}.") for p in packages)


IMPORTS = [i for path in FILES for i in imports_of(path)]
OURS = [i for i in IMPORTS if within(i.target, "mnist_lab", "train", "benchmarks", "app", "tests")]


def rule_of(module: str) -> str:
    return max((name for name in ALLOWED if within(module, name)), key=len)


def test_the_reader_finds_what_is_there():
    """Guards the guard: these imports are known to exist."""
    assert {"mnist_lab.models.MODELS", "mnist_lab.diffusion.SAMPLERS", "gradio"} <= {i.target for i in IMPORTS}
    assert any(i.target == "torchvision.datasets" and not i.at_top for i in IMPORTS)


def allowed(i: Import) -> bool:
    rule = rule_of(i.module)
    if rule == "mnist_lab":  # the package itself, and any module nobody has given a layer
        return within(i.target, *ALLOWED[rule]) and not i.at_top
    return within(i.target, rule, *ALLOWED[rule])


def test_modules_import_only_what_their_layer_allows():
    assert [str(i) for i in OURS if not allowed(i)] == []


@pytest.mark.parametrize("package", ONLY_IN)
def test_outside_packages_stay_in_their_place(package):
    assert [str(i) for i in IMPORTS if within(i.target, package) and not within(i.module, *ONLY_IN[package])] == []


def test_torchvision_and_matplotlib_wait_until_a_function_needs_them():
    assert [str(i) for i in IMPORTS if within(i.target, "torchvision", "matplotlib") and i.at_top] == []


def test_models_and_diffusion_need_only_torch_and_the_standard_library():
    core = [i for i in IMPORTS if within(i.module, "mnist_lab.models", "mnist_lab.diffusion") and i not in OURS]
    assert [str(i) for i in core if i.target.split(".")[0] not in STANDARD_AND_TORCH] == []


def test_drawing_plots_and_widgets_know_no_torch():
    assert [str(i) for i in IMPORTS if within(i.module, *NO_TORCH) and within(i.target, "torch")] == []


def test_a_tab_never_imports_another_tab():
    def tab(name: str) -> str | None:
        return next((part for part in name.split(".") if part.endswith("_tab")), None)

    assert [str(i) for i in OURS if tab(i.module) and tab(i.target) not in (None, tab(i.module))] == []


@pytest.mark.parametrize("statement", ["import mnist_lab", "import mnist_lab.cli", "import mnist_lab.drawing"])
def test_light_imports_load_nothing_heavy(statement, program, tmp_path):
    check = f"import sys; {statement}; print([m for m in ('torch', 'gradio', 'plotly', 'torchvision') if m in sys.modules])"
    result = program("-c", check, cwd=tmp_path)
    assert result.stdout.strip() == "[]", result.stderr


def test_nothing_but_training_loads_accelerate(program, tmp_path):
    result = program("-c", "import sys, mnist_lab.labs, mnist_lab.explain; print('accelerate' in sys.modules)", cwd=tmp_path)
    assert result.stdout.strip() == "False", result.stderr
