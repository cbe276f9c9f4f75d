"""Fixtures of the live tests. The whole test process moves into a private Internet before anything else."""
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from harness import net  # noqa: E402
from harness.world import MTAS, World  # noqa: E402

_why_not_private: str | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mta", choices=MTAS, help="only the tests with this one; those without any go with the first")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("--mta")

    def of(item: pytest.Item) -> str:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        return params.get("_world") or params.get("mta") or next(iter(MTAS))

    if wanted:
        config.hook.pytest_deselected(items=[item for item in items if of(item) != wanted])
        items[:] = [item for item in items if of(item) == wanted]


def pytest_configure(config: pytest.Config) -> None:
    global _why_not_private
    config.addinivalue_line("markers", "load: many sessions at once; what ThreadSanitizer watches")
    _why_not_private = net.enter()


def pytest_report_header() -> str:
    return f"network: {_why_not_private or 'private'}"


@pytest.fixture(scope="session", params=list(MTAS))
def _world(request: pytest.FixtureRequest):
    why_not = MTAS[request.param].missing()
    if why_not:
        pytest.skip(why_not)
    world = World(net.folder(), request.param, [HERE / "zones" / "cast.zone"])
    yield world
    world.stop()


@pytest.fixture
def world(_world: World):
    """One MTA, running for all tests; its queue, the sink and the milter socket are clean for each."""
    _world.sink.clear()
    yield _world
    try:
        _world.stop_filters()
    finally:
        _world.names.misbehave("")
        _world.mta.drain()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """A failing test shows what the programs said."""
    outcome = yield
    world = getattr(item, "funcargs", {}).get("world")
    if call.when == "call" and outcome.get_result().failed and world:
        for name, text in world.logs().items():
            outcome.get_result().sections.append((name, text[-8000:]))
